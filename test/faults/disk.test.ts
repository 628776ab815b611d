// A disk that has no room, or writes no more (docs/operations.md, "Faults"): nothing that was acknowledged is lost, nothing is
// acknowledged that is not safe, and what needs no disk goes on.

import assert from 'node:assert/strict'
import test from 'node:test'
import { publishBytes } from '../support/packet-bytes.ts'
import { enter, knock, publish, publishAndWait, startOn, subscribe } from './fault-broker.ts'
import { metric, readiness } from './monitor-client.ts'
import { smallDisk } from './small-disk.ts'

test('faults: on a full disk what has to survive is refused, everything else goes on, and held answers leave when there is room again', async t => {
  const disk = smallDisk(t, 24)
  if (disk === undefined) return
  const broker = await startOn(t, disk.path)
  const keeper = await enter(t, broker, { clientId: 'keeper', isLasting: true })
  assert.equal(await subscribe(keeper, 'kept/#'), 1)
  keeper.breakOff()
  const lasting = await enter(t, broker, { clientId: 'lasting', isLasting: true })
  const passing = await enter(t, broker)
  assert.equal(await subscribe(passing, 'free/#'), 1)
  assert.equal(await publishAndWait(passing, 'kept/before', 'safe'), 0)
  assert.equal(await readiness(broker.metricsPort), '200')

  disk.fill()
  const waiting = await enter(t, broker)
  publish(waiting, 'kept/meanwhile', 'safe')
  await broker.process.waitForLine(
    /Error: The store cannot be written: no room for the store in '.*'; it goes on when \d+ MiB are free\. Until it can,/,
  )
  await waiting.expectNothing()

  const other = await enter(t, broker)
  assert.equal(await publishAndWait(other, 'kept/refused', 'x'), 0x97)
  other.send(publishBytes({ topic: 'set', payload: 'x', qos: 1, retain: true, packetId: 2 }))
  assert.equal((await other.expectAcknowledgement('PUBACK')).reasonCode, 0x97)
  assert.equal(await publishAndWait(other, 'free/1', 'x'), 0)
  assert.equal((await passing.expectPublish()).topic, 'free/1')
  assert.equal(await publishAndWait(lasting, 'nobody', 'x'), 0x10)
  assert.equal(await subscribe(lasting, 'more/#'), 0x97)
  lasting.send(publishBytes({ topic: 'free/2', payload: 'x', qos: 2, packetId: 3 }))
  assert.equal((await lasting.expectAcknowledgement('PUBREC')).reasonCode, 0x97)
  other.send(publishBytes({ topic: 'kept/quick', payload: 'x' }), publishBytes({ topic: 'free/3', payload: 'x' }))
  assert.equal((await passing.expectPublish()).topic, 'free/3')

  const older = await enter(t, broker, { version: 4 })
  assert.equal(await publishAndWait(older, 'free/4', 'x'), 0)
  publish(older, 'kept/refused', 'x')
  await older.expectClosed()
  assert.equal((await knock(t, broker, { isLasting: true, clientId: 'new' })).reasonCode, 0x88)
  assert.equal((await knock(t, broker, { isLasting: true, clientId: 'new', version: 4 })).reasonCode, 3)
  assert.equal(
    (await knock(t, broker, { clientId: 'keeper' })).reasonCode,
    0x88,
    'the end of a session is written, too',
  )

  assert.equal(await readiness(broker.metricsPort), '503 store: it cannot be written')
  assert.equal(await metric(broker.metricsPort, 'castellan_store_writable'), 0)

  disk.empty()
  assert.equal((await waiting.expectAcknowledgement('PUBACK')).reasonCode, 0)
  await broker.process.waitForLine(/The store takes changes again: nothing was lost\./)
  assert.equal(await readiness(broker.metricsPort), '200')
  assert.equal(await metric(broker.metricsPort, 'castellan_store_writable'), 1)
  assert.equal(await publishAndWait(other, 'kept/after', 'safe'), 0)
  assert.equal(broker.process.lines.filter(line => line.includes('The store cannot be written')).length, 1)

  await broker.process.crash()
  const restarted = await startOn(t, disk.path)
  const { client, sessionPresent } = await knock(t, restarted, { clientId: 'keeper', isLasting: true })
  assert.equal(sessionPresent, true)
  const topics = [await client.expectPublish(), await client.expectPublish(), await client.expectPublish()].map(
    ({ topic }) => topic,
  )
  assert.deepEqual(topics, ['kept/before', 'kept/meanwhile', 'kept/after'])
  await client.expectNothing()
})
