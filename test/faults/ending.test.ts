// SIGTERM (docs/operations.md, "The end"): what was promised is kept first, within `shutdown_timeout`; a second signal ends at
// once. What was acknowledged is safe whichever way it goes.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { openStore } from '../../src/store/open-store.ts'
import type { RetainedChange } from '../../src/store/retained-store.ts'
import { startBroker } from '../support/broker-process.ts'
import { enter, type FaultBroker, knock, publish, startOn, subscribe } from './fault-broker.ts'
import { smallDisk } from './small-disk.ts'
import { spoil } from './system-calls.ts'

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'castellan-faults-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A session that outlives its connection, and is away. */
async function addKeeper(t: TestContext, broker: FaultBroker): Promise<void> {
  const keeper = await enter(t, broker, { clientId: 'keeper', isLasting: true })
  assert.equal(await subscribe(keeper, 'kept'), 1)
  keeper.breakOff()
}

async function whatWasKept(t: TestContext, path: string): Promise<string> {
  const broker = await startOn(t, path)
  const { client, sessionPresent } = await knock(t, broker, { clientId: 'keeper', isLasting: true })
  assert.equal(sessionPresent, true)
  return (await client.expectPublish()).payload
}

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

test('faults: SIGTERM while the disk is full waits for room, and ends with exit code 0 when there is', async t => {
  const disk = smallDisk(t, 24)
  if (disk === undefined) return
  const broker = await startOn(t, disk.path)
  await addKeeper(t, broker)
  const publisher = await enter(t, broker)
  disk.fill()
  publish(publisher, 'kept', 'late')
  await broker.process.waitForLine(/cannot be written/)
  broker.process.program.signal('SIGTERM')
  await broker.process.waitForLine(/terminating$/)
  disk.empty()
  assert.equal((await publisher.expectAcknowledgement('PUBACK')).reasonCode, 0)
  assert.deepEqual(await broker.process.program.exit(), { code: 0, signal: null })
  assert.equal(await whatWasKept(t, disk.path), 'late')
})

test('faults: SIGTERM while the disk stays full ends after shutdown_timeout with exit code 1, and says what that means', async t => {
  const disk = smallDisk(t, 24)
  if (disk === undefined) return
  const broker = await startOn(t, disk.path, 'shutdown_timeout 1')
  await addKeeper(t, broker)
  const publisher = await enter(t, broker)
  disk.fill()
  publish(publisher, 'kept', 'never acknowledged')
  await broker.process.waitForLine(/cannot be written/)
  broker.process.program.signal('SIGTERM')
  await publisher.expectClosed()
  assert.deepEqual(await broker.process.program.exit(), { code: 1, signal: null })
  await broker.process.waitForLine(
    /Error: Not everything could be written within 1 s \(shutdown_timeout\): nothing that was acknowl/,
  )
})

test('faults: a second signal ends a broker at once that waits for its disk', async t => {
  const disk = smallDisk(t, 24)
  if (disk === undefined) return
  const broker = await startOn(t, disk.path, 'shutdown_timeout 3600')
  await addKeeper(t, broker)
  const publisher = await enter(t, broker)
  disk.fill()
  publish(publisher, 'kept', 'never acknowledged')
  await broker.process.waitForLine(/cannot be written/)
  broker.process.program.signal('SIGTERM')
  await broker.process.waitForLine(/terminating$/)
  broker.process.program.signal('SIGINT')
  assert.deepEqual(await broker.process.program.exit(), { code: 1, signal: null })
  await broker.process.waitForLine(
    /Error: A second signal has cut the end short: nothing that was acknowledged is lost/,
  )
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

async function writeRetained(path: string, count: number): Promise<void> {
  const store = await openStore({ engine: 'lmdb', directory: path, durability: 'write' })
  const payload = new Uint8Array(10)
  const changes = Array.from(
    { length: count },
    (_, n): RetainedChange => ({
      kind: 'put-retained',
      topicName: `topic/${n}`,
      qos: 0,
      retain: true,
      publisher: '',
      // The length of the source, which is not there: nobody may publish this any more.
      properties: new Uint8Array(4),
      payload,
      expiresAt: undefined,
    }),
  )
  await store.retained.apply(changes)
  await store.close()
}
