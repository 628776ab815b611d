import assert from 'node:assert/strict'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { content, message, queued, retained, rowsOf, session } from '../../test/contract/store.ts'
import { openInNewDirectory, storeDirectory } from '../../test/support/store-directory.ts'
import { compactStore } from './lmdb/compact.ts'
import { openStore } from './open-store.ts'
import type { Store } from './store.ts'
import { exportStore, importStore } from './transfer.ts'

const none = () => assert.fail('nothing is wrong with this store')

/** A store with a row of each kind; what it holds is `contentOf`. */
async function filledStore(t: TestContext) {
  const { store, directory } = await openInNewDirectory(t)
  const will = { delay: 5, record: new Uint8Array([1, 2]) }
  await Promise.all([
    store.sessions.apply([
      session(1, { will, disconnectedAt: 12.5 }),
      { kind: 'put-subscription', sessionNumber: 1, fullFilter: 'a/+', options: 1, subscriptionIdentifier: 3 },
      { kind: 'put-inbound', sessionNumber: 1, packetId: 9 },
      message(1, { expiresAt: 99.5 }),
      queued(1, 1, { subscriptionIdentifiers: [3], packetId: 4, state: 'sent' }),
      queued(2, 2, { message: content(2) }),
    ]),
    store.retained.apply([retained('a'), retained('b')]),
    store.security.mutate([{ kind: 'put-document', name: 'roles', body: new Uint8Array([3]) }]),
  ])
  return { store, directory }
}

async function contentOf(store: Store): Promise<unknown[]> {
  const documents = store.security.load().documents.map(({ name, body }) => ({ name, body }))
  return [...(await rowsOf(store.sessions.load())), ...(await rowsOf(store.retained.load())), ...documents]
}

async function contentIn(directory: string): Promise<unknown[]> {
  const store = await openStore({ engine: 'lmdb', directory, onFault: none })
  try {
    return await contentOf(store)
  } finally {
    await store.close()
  }
}

async function linesOf(directory: string): Promise<string[]> {
  let text = ''
  for await (const piece of exportStore(directory, none)) text += piece
  assert.ok(text.endsWith('\n'))
  return text.slice(0, -1).split('\n')
}

async function* asyncLines(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

test('store: what is exported and imported elsewhere is the same store, line by line', async t => {
  const { store, directory } = await filledStore(t)
  const content = await contentOf(store)
  await store.close()
  const lines = await linesOf(directory)
  assert.equal(lines[0], '{"castellanStore":2}')
  assert.ok(lines.includes('{"kind":"put-document","name":"roles","body":"Aw=="}'))
  assert.equal(lines.at(-1), '{"rows":9}')
  const other = storeDirectory(t)
  assert.equal(await importStore(other, asyncLines(lines)), 9)
  assert.deepEqual(await contentIn(other), content)
  assert.deepEqual(await linesOf(other), lines)
  await assert.rejects(importStore(other, asyncLines(lines)), { code: 'ERR_STORE_NOT_EMPTY', message: /not empty/ })
})

const header = '{"castellanStore":2}'
const inbound = '{"kind":"put-inbound","sessionNumber":1,"packetId":2}'
const wrongFiles: readonly (readonly [readonly string[], RegExp])[] = [
  [['{"castellanStore":3}'], /^line 1: it is not/],
  [[header, 'x'], /^line 2: it is no JSON$/],
  [[header, '[]'], /^line 2: it is no JSON object$/],
  [[header, '{"kind":"toString"}'], /^line 2: kind '"toString"' is none$/],
  [
    [header, '{"kind":"put-inbound","sessionNumber":1}'],
    /'packetId' is 'missing', expected an integer from 0 to 65535/,
  ],
  [[header, '{"kind":"put-inbound","sessionNumber":1,"packetId":70000}'], /'packetId' is '70000', expected/],
  [[header, '{"kind":"put-inbound","sessionNumber":1,"packetId":1,"x":1}'], /field '"x"' is not known/],
  [
    [header, '{"kind":"put-queued","sequence":1,"sessionNumber":1,"messageId":1,"message":{"qos":1}}'],
    /'topicName' is 'missing', expected text/,
  ],
  [[header, '{"kind":"put-document","name":"a","body":"A"}'], /'body' is '"A"', expected base64/],
  [[header, inbound], /^line 2: the file is cut short$/],
  [[header, inbound, '{"rows":2}'], /^line 3: 1 rows came before it/],
  [[header, inbound, '{"rows":1}', inbound], /^line 4: it follows the last one$/],
  [[], /^line 0: the file is cut short$/],
]

for (const [lines, why] of wrongFiles) {
  test(`store: an import of ${JSON.stringify(lines.slice(1))} is refused`, async t => {
    await assert.rejects(importStore(storeDirectory(t), asyncLines(lines)), {
      code: 'ERR_STORE_TRANSFER',
      message: why,
    })
  })
}

test('store: a backup is the store as it was, while the store goes on', async t => {
  const { store } = await filledStore(t)
  const content = await contentOf(store)
  const backup = join(storeDirectory(t), 'backup')
  const writing = Array.from({ length: 50 }, (_, index) => store.retained.apply([retained(`later/${index}`)]))
  await Promise.all(writing)
  await store.retained.apply(writing.map((_, index) => ({ kind: 'remove-retained', topicName: `later/${index}` })))
  const copied = store.backup(backup)
  await Promise.all([copied, store.security.mutate([])])
  assert.equal(statSync(backup).mode & 0o777, 0o700)
  assert.equal(statSync(join(backup, 'data.mdb')).mode & 0o777, 0o600)
  assert.deepEqual(await contentIn(backup), content)
  await assert.rejects(store.backup(backup), { code: 'ERR_STORE_DIRECTORY', mayGoOn: true })
  await store.sessions.apply([session(2)])
})

test('store: a compacted store holds the same in fewer bytes', async t => {
  const { store, directory } = await filledStore(t)
  const content = await contentOf(store)
  const topics = Array.from({ length: 5000 }, (_, index) => `bulk/${index}`)
  await store.retained.apply(topics.map(topicName => retained(topicName)))
  await store.retained.apply(topics.map(topicName => ({ kind: 'remove-retained', topicName })))
  assert.ok(store.stats().freeBytes > 500_000)
  await store.close()
  // What an earlier attempt that was killed has left is in nobody's way.
  mkdirSync(join(directory, 'compact'))
  writeFileSync(join(directory, 'compact', 'data.mdb'), 'torn')
  const { before, after } = await compactStore(directory)
  assert.ok(after < before / 5, `${before} bytes became ${after}`)
  assert.equal(statSync(join(directory, 'data.mdb')).size, after)
  assert.equal(existsSync(join(directory, 'compact')), false)
  assert.deepEqual(await contentIn(directory), content)
})
