// A disk that refuses to write for another reason than want of room: the broker ends, with a line that says so, and a restart
// finds everything that was acknowledged.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { runBroker } from '../support/broker-process.ts'
import { addKeeper, directory, enter, publish, publishAndWait, startOn, whatWasKept } from './fault-broker.ts'
import { spoil } from './system-calls.ts'

for (const [what, calls] of [
  ['an I/O error', 'fdatasync:error=EIO'],
  ['a disk that has become read-only', 'fdatasync:error=EROFS'],
] as const) {
  test(`faults: ${what} ends the broker with exit code 1; nothing is acknowledged any more, and nothing acknowledged is lost`, async t => {
    const path = directory(t)
    const broker = await startOn(t, path)
    await addKeeper(t, broker)
    const publisher = await enter(t, broker)
    assert.equal(await publishAndWait(publisher, 'kept', 'safe'), 0)
    const onlooker = await enter(t, broker)
    if ((await spoil(t, broker, calls)) === undefined) return
    publish(publisher, 'kept', 'never acknowledged')
    await onlooker.expectDisconnect(0x8b)
    await publisher.expectClosed()
    assert.deepEqual(await broker.process.program.expectEnd(), { code: 1, signal: null })
    await broker.process.waitForLine(/Error: The store is lost, and the broker ends: cannot write to the store in /)

    assert.equal(await whatWasKept(t, path), 'safe')
  })
}

test('faults: a store that cannot be opened ends the start with exit code 1, and says why', async t => {
  const path = directory(t)
  mkdirSync(join(path, 'castellan-store'), { mode: 0o700 })
  writeFileSync(join(path, 'castellan-store', 'data.mdb'), 'something else')
  const config = ({ port }: { port: number }) =>
    `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location ${path}`
  const program = await runBroker(t, 'castellan', { config })
  assert.equal(program.ended?.code, 1)
  assert.match(program.stderr.join('\n'), /data\.mdb' cannot be used: /)
})
