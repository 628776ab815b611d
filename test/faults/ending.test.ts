// SIGTERM (docs/operations.md, "The end"): what was promised is kept first, within `shutdown_timeout`; a second signal ends at
// once. What was acknowledged is safe whichever way it goes.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { startBroker } from '../support/broker-process.ts'
import { addKeeper, directory, enter, publish, startOn, whatWasKept } from './fault-broker.ts'
import { writeRetained } from './retained-rows.ts'
import { smallDisk } from './small-disk.ts'
import { spoil } from './system-calls.ts'

test('faults: SIGTERM waits for a slow disk: the answer comes before the goodbye, and the exit code is 0', async t => {
  const path = directory(t)
  const broker = await startOn(t, path)
  await addKeeper(t, broker)
  const publisher = await enter(t, broker)
  const onlooker = await enter(t, broker)
  if ((await spoil(t, broker, 'fdatasync:delay_enter=1000000')) === undefined) return
  publish(publisher, 'kept', 'slow')
  await publisher.expectNothing()
  broker.process.program.signal('SIGTERM')
  await onlooker.expectDisconnect(0x8b)
  assert.equal((await publisher.expectAcknowledgement('PUBACK')).reasonCode, 0)
  await publisher.expectDisconnect(0x8b)
  assert.deepEqual(await broker.process.program.exit(), { code: 0, signal: null })
  assert.equal(await whatWasKept(t, path), 'slow')
})

/** A broker whose disk has no room for what a publisher has just sent, and that was told to end. */
async function endOnFullDisk(t: TestContext, options = '') {
  const disk = smallDisk(t, 24)
  if (disk === undefined) return undefined
  const broker = await startOn(t, disk.path, options)
  await addKeeper(t, broker)
  const publisher = await enter(t, broker)
  disk.fill()
  publish(publisher, 'kept', 'late')
  await broker.process.waitForLine(/cannot be written/)
  broker.process.program.signal('SIGTERM')
  await broker.process.waitForLine(/terminating$/)
  return { disk, publisher, program: broker.process.program }
}

test('faults: SIGTERM while the disk is full waits for room, and ends with exit code 0 when there is', async t => {
  const ending = await endOnFullDisk(t)
  if (ending === undefined) return
  const { disk, publisher, program } = ending
  disk.empty()
  assert.equal((await publisher.expectAcknowledgement('PUBACK')).reasonCode, 0)
  assert.deepEqual(await program.exit(), { code: 0, signal: null })
  assert.equal(await whatWasKept(t, disk.path), 'late')
})

test('faults: SIGTERM while the disk stays full ends after shutdown_timeout with exit code 1, and says what that means', async t => {
  const ending = await endOnFullDisk(t, 'shutdown_timeout 1')
  if (ending === undefined) return
  const { publisher, program } = ending
  await publisher.expectClosed()
  assert.deepEqual(await program.exit(), { code: 1, signal: null })
  await program.waitForLine(
    /Error: Not everything could be written within 1 s \(shutdown_timeout\): nothing that was acknowl/,
  )
})

test('faults: a second signal ends a broker at once that waits for its disk', async t => {
  const ending = await endOnFullDisk(t, 'shutdown_timeout 3600')
  if (ending === undefined) return
  const { program } = ending
  program.signal('SIGINT')
  assert.deepEqual(await program.exit(), { code: 1, signal: null })
  await program.waitForLine(/Error: A second signal has cut the end short: nothing that was acknowledged is lost/)
})

test('faults: SIGTERM while a store is loaded gives the load up, with exit code 0', async t => {
  const path = directory(t)
  await writeRetained(join(path, 'castellan-store'), 100_000)
  const config = ({ port }: { port: number }) =>
    `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location ${path}`
  const { program } = await startBroker(t, { config, ready: /Config loaded from/ })
  program.signal('SIGTERM')
  assert.deepEqual(await program.exit(), { code: 0, signal: null })
  assert.match(program.lines.at(-1) ?? '', /terminating before it was running$/)
})
