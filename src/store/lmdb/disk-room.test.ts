import assert from 'node:assert/strict'
import { mkdirSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { storeDirectory } from '../../../test/support/store-directory.ts'
import { lackOfRoom } from './disk-room.ts'

/** A directory with a data file that says that it has so many bytes, and the room on its disk. */
function disk(t: TestContext, dataBytes: number) {
  const directory = storeDirectory(t)
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'data.mdb'), '')
  truncateSync(join(directory, 'data.mdb'), dataBytes)
  const { bavail, bsize } = statfsSync(directory)
  return { directory, free: bavail * bsize }
}

test('store: a commit that may need more than there is free is not tried', t => {
  const { directory, free } = disk(t, 1024)
  assert.equal(lackOfRoom(directory, 1, 100), undefined)
  const lack = lackOfRoom(directory, 1, free)
  assert.deepEqual([lack?.code, lack?.errno, lack?.mayGoOn], ['ERR_STORE_FULL', 'ENOSPC', true])
})

test('store: many changes at once need no page for each, where the file has not so many', t => {
  const small = disk(t, 1024)
  const changes = Math.ceil(small.free / 4096)
  assert.equal(lackOfRoom(small.directory, changes, 0), undefined)
  const large = disk(t, small.free)
  assert.equal(lackOfRoom(large.directory, changes, 0)?.code, 'ERR_STORE_FULL')
})
