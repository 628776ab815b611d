// Peers that say nothing, trickle or never read, on real sockets: each is cut off by a named limit. Time is moved by
// hand; the protocol of these sockets is in `src/net/connection.test.ts` byte by byte.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { throwawayPki } from '../support/authority.ts'
import { hex } from '../support/bytes.ts'
import { startListener } from '../support/net-listener.ts'

const pki = await throwawayPki()
const tls = { certfile: pki.server.cert, keyfile: pki.server.key }
const connectPacket = hex`10 0D 00 04 'MQTT' 04 02 00 3C 00 01 'a'`
/** The record header of a TLS 1.2 ClientHello that announces 512 bytes. */
const helloBegin = hex`16 03 01 02 00 01 00 01 FC 03 03`

test('tls_handshake_timeout: a peer that never begins its handshake is closed', async t => {
  const server = await startListener(t, tls)
  const silent = await server.connect(t)
  while (server.listener.connections === 0) await new Promise(setImmediate)
  server.pass(900)
  assert.equal(server.listener.connections, 1)
  server.pass(300)
  await once(silent.resume(), 'close')
  await server.waitForLine(/^notice: Client from 127\.0\.0\.1:\d+ closed: tls_handshake_timeout exceeded\.$/)
  assert.equal(server.accepted.length, 0)
})

test('tls_handshake_timeout: each byte of a trickling handshake buys no time', async t => {
  const server = await startListener(t, tls)
  const trickler = await server.connect(t)
  const closed = once(trickler.resume(), 'close')
  for (const byte of helloBegin) {
    trickler.write(Uint8Array.of(byte))
    await new Promise(setImmediate)
    server.pass(150)
  }
  await closed
  assert.equal(server.accepted.length, 0)
  while (server.listener.connections > 0) await new Promise(setImmediate)
})

test('packet_timeout: a CONNECT that trickles in is cut off', async t => {
  const server = await startListener(t)
  const trickler = await server.connect(t)
  const { handler } = await server.waitForAccepted()
  const closed = once(trickler.resume(), 'close')
  for (const byte of connectPacket.subarray(0, 10)) {
    trickler.write(Uint8Array.of(byte))
    await new Promise(setImmediate)
    server.pass(150)
  }
  await closed
  assert.deepEqual(await handler.waitForEnd(), { kind: 'limit', limit: 'packet_timeout' })
})

test('write_timeout: a peer that never reads is cut off, and holds no more than what was queued for it', async t => {
  const server = await startListener(t)
  const deaf = await server.connect(t)
  deaf.pause()
  const { handler, transport } = await server.waitForAccepted()
  const chunk = Buffer.alloc(1024 * 1024)
  // More than the kernel's buffers on both sides take.
  for (let i = 0; i < 32; i++) transport.send(chunk)
  let before = -1
  while (transport.queuedBytes !== before) {
    before = transport.queuedBytes
    for (let i = 0; i < 10; i++) await new Promise(setImmediate)
  }
  assert.ok(before > 0)
  server.pass(1200)
  assert.deepEqual(await handler.waitForEnd(), { kind: 'limit', limit: 'write_timeout' })
  assert.equal(transport.queuedBytes, 0)
})

test('one peer that is cut off touches no other', async t => {
  const server = await startListener(t)
  const deaf = await server.connect(t)
  deaf.pause()
  const first = await server.waitForAccepted()
  const well = await server.connect(t)
  well.write(connectPacket)
  const second = await server.waitForAccepted(2)
  await second.handler.waitForPackets(1)
  for (let i = 0; i < 32; i++) first.transport.send(Buffer.alloc(1024 * 1024))
  await new Promise(setImmediate)
  server.pass(1200)
  await first.handler.waitForEnd()
  second.transport.send(hex`D0 00`)
  const [chunk] = await once(well, 'data')
  assert.equal((chunk as Buffer).toString('hex'), 'd000')
})
