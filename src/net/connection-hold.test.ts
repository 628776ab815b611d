import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex } from '../../test/support/bytes.ts'
import { connected, received } from '../../test/support/paired-connection.ts'

test('decision 4: what is sent behind a hold leaves when that was reached, in order, and what was sent before at once', async () => {
  const { connection, handler, peer } = connected()
  const seen = received(peer)
  connection.send(hex`40 02 00 01`)
  connection.hold(7)
  connection.send(hex`40 02 00 02`)
  connection.hold(8)
  const start = connection.reserve(4)
  connection.room.set(hex`40 02 00 03`, start)
  connection.hold(8)
  connection.send(hex`40 02 00 04`)
  assert.equal(connection.isHolding, true)
  assert.equal(connection.queuedBytes, 16)
  await settle()
  assert.equal(connection.queuedBytes, 12)
  connection.letGo(6)
  await settle()
  assert.equal(connection.queuedBytes, 12)
  connection.letGo(7)
  await settle()
  assert.equal(connection.queuedBytes, 8)
  assert.equal(connection.isHolding, true)
  connection.letGo(9)
  assert.equal(connection.isHolding, false)
  connection.send(hex`40 02 00 05`)
  connection.close()
  assert.equal(await seen, '40020001' + '40020002' + '40020003' + '40020004' + '40020005')
  assert.deepEqual(handler.failures, [])
})

test('decision 4: several holds that are reached at once keep their order, large packets and small', async () => {
  const { connection, peer } = connected()
  const seen = received(peer)
  const large = Buffer.alloc(70_000, 0xee)
  connection.hold(1)
  connection.send(hex`40 02 00 01`)
  connection.send(large)
  connection.hold(2)
  connection.send(hex`40 02 00 02`)
  connection.letGo(2)
  connection.close()
  assert.equal(await seen, `40020001${large.toString('hex')}40020002`)
})

test('close() waits for what is held, and cuts off a store that takes longer than the write deadline', async () => {
  const patient = connected()
  const seen = received(patient.peer)
  patient.connection.hold(1)
  patient.connection.send(hex`40 02 00 01`)
  patient.connection.close()
  // Nothing more is accepted, nor held.
  patient.connection.hold(2)
  patient.connection.send(hex`40 02 00 02`)
  await settle()
  assert.equal(patient.near.destroyed, false)
  patient.connection.letGo(1)
  assert.equal(await seen, '40020001')

  const late = connected()
  const nothing = received(late.peer)
  late.connection.hold(1)
  late.connection.send(hex`40 02 00 01`)
  late.connection.close()
  late.pass(1100)
  assert.equal(await nothing, '')
  late.connection.letGo(1)
})

test('close() ends a connection on which something is held that is empty', async () => {
  const { connection, peer } = connected()
  const seen = received(peer)
  connection.hold(1)
  connection.close()
  connection.letGo(1)
  assert.equal(await seen, '')
})

test('destroy() drops what is held: a later letGo brings nothing out', async () => {
  const { connection, peer } = connected()
  const seen = received(peer)
  connection.hold(1)
  connection.send(hex`40 02 00 01`)
  connection.destroy()
  assert.equal(connection.isHolding, false)
  assert.equal(connection.queuedBytes, 0)
  connection.letGo(1)
  assert.equal(await seen, '')
})

/** Until the turn is over in which what was queued is written. */
function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(() => setImmediate(resolve)))
}
