import assert from 'node:assert/strict'
import test from 'node:test'
import { storeDirectory } from '../../../test/support/store-directory.ts'
import { textKey } from '../keys.ts'
import { encodeNumber, recordKind } from '../record-codec.ts'
import { StoreError } from '../store-error.ts'
import { CommitQueue } from './commit-queue.ts'
import { openEnvironment, type TextTable } from './environment.ts'

const record = encodeNumber(recordKind.head, 1)

test('store: what one turn brings is one transaction, and what comes while it is written is the next', async t => {
  const environment = await openEnvironment(storeDirectory(t), 'sync')
  t.after(() => environment.close())
  const { root, meta, directory } = environment
  const queue = new CommitQueue(root, directory, undefined)
  const put = (name: string) => queue.put(meta, textKey(name), record)
  const transactions = () => (root.getStats() as { lastTxnId: number }).lastTxnId
  const before = transactions()
  const first = [queue.apply(['a', 'b'], put), queue.apply(['c'], put), queue.apply(['d'], put)]
  await Promise.resolve()
  const second = [queue.apply(['e'], put), queue.apply(['f'], put)]
  assert.equal(queue.waiting, 2)
  await Promise.all(first)
  assert.equal(transactions(), before + 1)
  await Promise.all(second)
  assert.equal(transactions(), before + 2)
})

test('store: a commit without room fails with all that waited behind it; later ones are taken', async () => {
  const engine = fakeEngine()
  let lack: StoreError | undefined = new StoreError('ERR_STORE_FULL', 'no room', { errno: 'ENOSPC', mayGoOn: true })
  const asked: unknown[] = []
  const queue = new CommitQueue(engine.root, '/', undefined, (...args) => {
    asked.push(args)
    return lack
  })
  const put = (name: string) => queue.put(engine.table, name, record)
  const first = queue.apply(['a'], put)
  await Promise.resolve()
  const behind = queue.apply(['b'], put)
  const full = { code: 'ERR_STORE_FULL', errno: 'ENOSPC', mayGoOn: true }
  await Promise.all([assert.rejects(first, full), assert.rejects(behind, full)])
  assert.deepEqual(engine.written, [])
  assert.deepEqual(asked, [['/', 1, record.length]])
  lack = undefined
  await queue.apply(['a'], put)
  await queue.apply(['b'], put)
  assert.deepEqual(engine.written, ['a', 'b'])
})

test('store: after a write that the engine could not do nothing more is taken', async () => {
  const engine = fakeEngine()
  const queue = new CommitQueue(engine.root, '/', undefined)
  const put = (name: string) => queue.put(engine.table, name, record)
  for (const [code, errno, kind] of [
    [5, 'EIO', 'ERR_STORE_UNAVAILABLE'],
    [28, 'ENOSPC', 'ERR_STORE_FULL'],
    [30, 'EROFS', 'ERR_STORE_UNAVAILABLE'],
    [-30_795, undefined, 'ERR_STORE_UNAVAILABLE'],
  ] as const) {
    const failing = new CommitQueue(engine.root, '/', undefined)
    engine.failWith({ code })
    await assert.rejects(
      failing.apply(['a'], name => failing.put(engine.table, name, record)),
      {
        code: kind,
        errno,
        mayGoOn: false,
      },
    )
    engine.failWith(undefined)
    await assert.rejects(failing.apply(['b'], put), { code: kind })
  }
  await queue.apply(['c'], put)
  assert.deepEqual(engine.written, ['c'], 'the engine itself was in order')
})

test('store, none: a batch is done at once, and a failure goes to whoever was named for it', async () => {
  const engine = fakeEngine()
  const { promise, resolve } = Promise.withResolvers<StoreError>()
  const queue = new CommitQueue(engine.root, '/', resolve)
  engine.failWith({ code: 5 })
  await queue.apply(['a'], name => queue.put(engine.table, name, record))
  assert.equal((await promise).code, 'ERR_STORE_UNAVAILABLE')
})

test('store: of a batch that cannot be encoded to its end nothing is written', async () => {
  const engine = fakeEngine()
  const queue = new CommitQueue(engine.root, '/', undefined)
  const put = (name: string) => {
    if (name === '') throw new StoreError('ERR_STORE_UNAVAILABLE', 'no name')
    queue.put(engine.table, name, record)
  }
  const good = queue.apply(['a'], put)
  await assert.rejects(queue.apply(['b', '', 'c'], put), /no name/)
  await good
  assert.deepEqual(engine.written, ['a'])
})

/** An engine that writes names into a list, or fails as it is told. */
function fakeEngine() {
  const written: string[] = []
  let failure: object | undefined
  const table = { put: (name: string) => failure ?? written.push(name), remove: () => undefined }
  const root = {
    batch: async (write: () => void) => {
      write()
      if (failure !== undefined)
        throw Object.assign(new Error('Commit failed'), { commitError: Promise.reject(failure) })
      return true
    },
  }
  return {
    written,
    table: table as unknown as TextTable,
    root,
    failWith: (error: object | undefined) => {
      failure = error
    },
  }
}
