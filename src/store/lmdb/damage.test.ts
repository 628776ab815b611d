// What is wrong on the disk is found, named and set aside; what cannot be used at all is refused with words.

import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { content, message, queued, retained, rowsOf, session } from '../../../test/contract/store.ts'
import { openInNewDirectory, storeDirectory } from '../../../test/support/store-directory.ts'
import { openStore } from '../open-store.ts'
import { decodeQueued, encodeNumber, recordKind } from '../record-codec.ts'
import type { StoreFault } from '../store.ts'
import { formatVersion, openEnvironment } from './environment.ts'
import { copyOf } from './pages.ts'
import { checkStore } from './read-store.ts'

/** @returns the directory of a closed store with some rows */
async function storeWithRows(t: TestContext): Promise<string> {
  const { store, directory } = await openInNewDirectory(t)
  await Promise.all([
    store.sessions.apply([session(1), message(1), message(2), queued(1, 1), queued(2, 2), queued(3, 2)]),
    store.retained.apply([retained('a'), retained('b')]),
  ])
  await store.close()
  return directory
}

const checksumWrong = 'its checksum does not match its bytes'

test('store: a record that was damaged is named, set aside and removed; what it left without a message too', async t => {
  const directory = await storeWithRows(t)
  const environment = await openEnvironment(directory, 'sync')
  const damaged = copyOf(environment.messages.get(2) as Buffer)
  damaged[20] = (damaged[20] as number) ^ 0x10
  await environment.messages.put(2, damaged)
  await environment.retained.put('c', copyOf(environment.retained.get('a') as Buffer))
  await environment.close()
  const expected = [
    { table: 'messages', key: '0000000000000002', why: checksumWrong },
    { table: 'queue', key: '0000000000000002', why: 'message 2, which it has for session 1, is missing' },
    { table: 'queue', key: '0000000000000003', why: 'message 2, which it has for session 1, is missing' },
    { table: 'retained', key: '63', why: 'it belongs under 61' },
  ]

  const seen: StoreFault[] = []
  const checked = await checkStore(directory, fault => seen.push(fault))
  assert.deepEqual(seen, expected, 'a check names them')
  assert.equal(checked.goodRows, 5)
  assert.equal(existsSync(join(directory, 'quarantine.jsonl')), false, 'and changes nothing')

  const faults: StoreFault[] = []
  const store = await openStore({ engine: 'lmdb', directory, onFault: fault => faults.push(fault) })
  assert.deepEqual(await rowsOf(store.sessions.load()), [session(1), message(1), queued(1, 1)])
  assert.deepEqual(await rowsOf(store.retained.load()), [retained('a'), retained('b')])
  assert.deepEqual(faults, expected)
  await store.close()

  const file = join(directory, 'quarantine.jsonl')
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(
    lines.map(({ table, key, why }) => ({ table, key, why })),
    expected,
  )
  assert.equal(lines[0].record, damaged.toString('base64'), 'with every byte')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  const left: StoreFault[] = []
  await checkStore(directory, fault => left.push(fault))
  assert.deepEqual(left, [], 'they are out of the live data')
})

test('store: of a session whose record was damaged nothing disappears in silence; of one that has ended everything does', async t => {
  const { store, directory } = await openInNewDirectory(t)
  const subscription = (sessionNumber: number, fullFilter: string) =>
    ({ kind: 'put-subscription', sessionNumber, fullFilter, options: 1, subscriptionIdentifier: 0 }) as const
  await store.sessions.apply([
    session(1),
    session(2),
    subscription(1, 'a'),
    subscription(2, 'b'),
    subscription(3, 'c'),
    { kind: 'put-inbound', sessionNumber: 2, packetId: 7 },
    ...[1, 2, 3].map(id => message(id)),
    queued(1, 1),
    queued(2, 1, { sessionNumber: 2 }),
    queued(3, 2, { sessionNumber: 2 }),
    queued(4, 3, { sessionNumber: 3 }),
  ])
  await store.close()
  const environment = await openEnvironment(directory, 'sync')
  const damaged = copyOf(environment.sessions.get(2) as Buffer)
  damaged[20] = (damaged[20] as number) ^ 0x10
  await environment.sessions.put(2, damaged)
  await environment.close()
  const faults: StoreFault[] = []
  const again = await openStore({ engine: 'lmdb', directory, onFault: fault => faults.push(fault) })
  assert.deepEqual(await rowsOf(again.sessions.load()), [
    session(1),
    subscription(1, 'a'),
    ...[1, 2, 3].map(id => message(id)),
    queued(1, 1),
  ])
  const { rows } = again.stats()
  assert.deepEqual([rows.sessions, rows.subscriptions, rows.inbound, rows.messages, rows.queue], [1, 1, 0, 1, 1])
  await again.close()
  const whose = 'session 2, whose it is, is damaged'
  assert.deepEqual(
    faults.map(({ table, why }) => `${table}: ${why}`),
    [
      `sessions: ${checksumWrong}`,
      `subscriptions: ${whose}`,
      `inbound: ${whose}`,
      `queue: ${whose}`,
      `queue: ${whose}`,
      'messages: the session that waits for it is damaged',
    ],
  )
  const lines = readFileSync(join(directory, 'quarantine.jsonl'), 'utf8').trim().split('\n')
  assert.equal(lines.length, faults.length)
})

test('store: what its reader has no use for is in the quarantine, with every byte', async t => {
  const { store, directory } = await openInNewDirectory(t)
  const useless = queued(1, 1, { message: content(1) })
  await store.sessions.apply([session(1), useless, queued(2, 2, { message: content(2) })])
  await rowsOf(store.sessions.load())
  await store.sessions.setAside([{ row: useless, why: 'it says nothing' }])
  await store.close()
  const [line = '', ...others] = readFileSync(join(directory, 'quarantine.jsonl'), 'utf8').trim().split('\n')
  const { table, key, why, record } = JSON.parse(line)
  assert.deepEqual({ table, key, why }, { table: 'queue', key: '0000000000000001', why: 'it says nothing' })
  assert.deepEqual(decodeQueued(Buffer.from(record, 'base64')), useless)
  assert.deepEqual(others, [])
})

const unusable: readonly (readonly [string, (path: string) => void, string, RegExp])[] = [
  [
    'is another file',
    path => writeFileSync(path, 'listener 1883\n'.repeat(1000)),
    'ERR_STORE_UNREADABLE',
    /torn, or another file.*backup/,
  ],
  ['is shorter than a page', path => truncateSync(path, 100), 'ERR_STORE_UNREADABLE', /torn, or another file/],
  [
    'is cut short',
    path => truncateSync(path, 8192),
    'ERR_STORE_UNREADABLE',
    /ends at page 2, and needs page \d+.*backup/,
  ],
  ['has its first page torn', path => overwrite(path, 0, 200), 'ERR_STORE_UNREADABLE', /torn, or another file/],
  ['has its second page torn', path => overwrite(path, 4096, 200), 'ERR_STORE_UNREADABLE', /torn, or another file/],
  [
    'is of another version of the engine',
    path => writeAt(path, 28, 9),
    'ERR_STORE_FORMAT',
    /version 9, expected 2.*export it with/,
  ],
]

for (const [name, damage, code, text] of unusable) {
  test(`store: a data file that ${name} is refused with what to do about it`, async t => {
    const directory = await storeWithRows(t)
    damage(join(directory, 'data.mdb'))
    await assert.rejects(openStore({ engine: 'lmdb', directory }), error => hasCode(error, code, text))
  })
}

test('store: a format of a later program is refused', async t => {
  const directory = await storeWithRows(t)
  const environment = await openEnvironment(directory, 'sync')
  await environment.meta.put('format', encodeNumber(recordKind.format, formatVersion + 1))
  await environment.close()
  await assert.rejects(openStore({ engine: 'lmdb', directory }), error =>
    hasCode(error, 'ERR_STORE_FORMAT', /format 3, expected 2/),
  )
})

test('store: a second one on the same directory is refused until the first is closed', async t => {
  const { store, directory } = await openInNewDirectory(t)
  await assert.rejects(openStore({ engine: 'lmdb', directory }), error =>
    hasCode(error, 'ERR_STORE_IN_USE', new RegExp(`in use by process ${process.pid}`)),
  )
  await store.close()
  await (await openStore({ engine: 'lmdb', directory })).close()
})

test('store: its directory and files are private, and one that others may write to is refused', async t => {
  const { store, directory } = await openInNewDirectory(t)
  await store.close()
  assert.equal(statSync(directory).mode & 0o777, 0o700)
  for (const file of ['data.mdb', 'data.mdb-lock', 'lock', 'lock-owner']) {
    assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file)
  }
  const open = join(storeDirectory(t), 'open')
  mkdirSync(open, { recursive: true })
  chmodSync(open, 0o777)
  await assert.rejects(openStore({ engine: 'lmdb', directory: open }), error =>
    hasCode(error, 'ERR_STORE_DIRECTORY', /must be 0700/),
  )
})

function hasCode(error: unknown, code: string, text: RegExp): boolean {
  assert.equal((error as { code: unknown }).code, code, String(error))
  assert.match((error as Error).message, text)
  return true
}

function overwrite(path: string, start: number, length: number): void {
  const bytes = readFileSync(path)
  bytes.fill(0xa5, start, start + length)
  writeFileSync(path, bytes)
}

function writeAt(path: string, offset: number, value: number): void {
  const bytes = readFileSync(path)
  bytes.writeUInt32LE(value, offset)
  writeFileSync(path, bytes)
}
