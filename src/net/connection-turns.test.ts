// Turns of one connection: how long they are, what ends them, and how one is asked for.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex } from '../../test/support/bytes.ts'
import { connected } from '../../test/support/paired-connection.ts'

// CONNECT: "MQTT", 3.1.1, clean, 60 s, id "a"
const connect = hex`10 0D 00 04 4D 51 54 54 04   02            00 3C 00 01 61`
const pingreq = hex`C0 00`
/** PUBLISH, QoS 0, topic "t", payload of `size` bytes below 16 Ki. */
const publish = (size: number) =>
  Buffer.concat([Buffer.from([0x30, ((size + 3) & 0x7f) | 0x80, (size + 3) >> 7]), hex`00 01 74`, Buffer.alloc(size)])

test('what leaves for many in one write is worth a longer turn, what leaves for one is not', async () => {
  const packetsOfTurn = async (answered: number) => {
    const { outbox, pass, handler, peer } = connected(() => {
      for (let count = handler.packets.length === 1 ? answered : 0; count > 0; count--) outbox.add({ flush: () => {} })
      pass(0.1)
    })
    peer.write(Buffer.concat([connect, ...Array<Uint8Array>(50).fill(pingreq)]))
    await handler.waitForPackets(1)
    return handler.packets.length
  }
  assert.equal(await packetsOfTurn(1), 8)
  assert.equal(await packetsOfTurn(100), 24)
  assert.equal(await packetsOfTurn(1000), 51)
})

test('a large packet is looked at by itself: its turn ends with it', async () => {
  const { connection, pass, handler, peer } = connected(() => pass(1))
  connection.established()
  peer.write(Buffer.concat([publish(600), publish(1), publish(1)]))
  await handler.waitForPackets(1)
  assert.equal(handler.packets.length, 1)
  await handler.waitForPackets(3)
})

test('a handler that asks for a turn gets one, in a later round, whether its client is read or not', async () => {
  for (const isRead of [true, false]) {
    const { connection, handler } = connected()
    if (!isRead) connection.pause()
    connection.askForTurn()
    connection.askForTurn()
    assert.equal(handler.turns, 0)
    await handler.waitForTurn()
    for (let round = 0; round < 3; round++) await new Promise(setImmediate)
    assert.equal(handler.turns, 1)
    assert.equal(connection.isReading, isRead)
  }
})

test('what is received while a turn is asked for is handed over in it', async () => {
  const { connection, handler, peer } = connected()
  connection.askForTurn()
  peer.write(connect)
  await handler.waitForPackets(1)
  assert.equal(handler.turns, 1)
  connection.askForTurn()
  peer.resume()
  peer.end(pingreq)
  await handler.waitForPackets(2)
  assert.deepEqual(await handler.waitForEnd(), { kind: 'closed-by-peer' })
})

test('a connection that is gone has no turn', async () => {
  const { connection, handler } = connected()
  connection.askForTurn()
  connection.destroy()
  await handler.waitForEnd()
  for (let round = 0; round < 3; round++) await new Promise(setImmediate)
  assert.equal(handler.turns, 0)
})

test('whoever sends without a pause is read again when the others have been', async () => {
  const { handler, peer, near } = connected()
  handler.take = (buffer, start) => (buffer[start] === 0xc0 ? buffer.length : start)
  peer.write(connect)
  await handler.waitForPackets(1)
  for (let chunk = 1; chunk <= 3; chunk++) {
    peer.write(Buffer.alloc(65_536, pingreq))
    await handler.waitForTaken(chunk)
    assert.equal(near.isPaused(), true)
  }
  peer.write(pingreq)
  await handler.waitForTaken(4)
  assert.equal(near.isPaused(), false)
})

test('that it waits for the others does not give a packet more time', async () => {
  const { connection, handler, peer, pass } = connected()
  connection.established()
  peer.write(Buffer.concat([hex`30 90 BF 05`, Buffer.alloc(65_536)]))
  for (let round = 0; round < 10; round++) await new Promise(setImmediate)
  pass(999)
  peer.write(Buffer.alloc(1))
  for (let round = 0; round < 10; round++) await new Promise(setImmediate)
  pass(101)
  assert.deepEqual(await handler.waitForEnd(), { kind: 'limit', limit: 'packet_timeout' })
})
