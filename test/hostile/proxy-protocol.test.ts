// Listeners behind a load balancer: whose address counts, what is refused, and that what follows the header arrives whole.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { ListenerSettings } from '../../src/net/options.ts'
import { throwawayPki } from '../support/authority.ts'
import { hex } from '../support/bytes.ts'
import { startListener, type TestListener } from '../support/net-listener.ts'

const connectPacket = hex`10 0D 00 04 'MQTT' 04 02 00 3C 00 01 'a'`
const line = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 40000 1883\r\n')
/** 192.0.2.7:40000, and what the load balancer knows of TLS. */
const proxied = (length: number, ssl: Uint8Array = Buffer.alloc(0)) =>
  Buffer.concat([
    hex`0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A 21 11 00`,
    Buffer.from([length]),
    hex`C0 00 02 07 C6 33 64 01 9C 40 07 5B`,
    ssl,
  ])
const overPlain = proxied(12)
const overTls = proxied(30, hex`20 00 0F 01 00 00 00 00 21 00 07 'TLSv1.3'`)
const withCertificate = proxied(38, hex`20 00 17 07 00 00 00 00 21 00 07 'TLSv1.3' 22 00 05 'user1'`)
const unverified = proxied(38, hex`20 00 17 07 00 00 00 01 21 00 07 'TLSv1.3' 22 00 05 'user1'`)
const ofItself = hex`0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A 20 00 00 00`

/** Whether by a reset or not. */
const closed = (socket: Socket) => new Promise(resolve => socket.once('close', resolve))

async function dial(t: TestContext, server: TestListener, ...pieces: readonly Uint8Array[]): Promise<Socket> {
  const socket = await server.connect(t)
  for (const piece of pieces) socket.write(piece)
  return socket
}

async function assertRefused(t: TestContext, settings: Partial<ListenerSettings>, bytes: Uint8Array, told: RegExp) {
  const server = await startListener(t, settings)
  const socket = await dial(t, server, bytes, connectPacket)
  await closed(socket.resume())
  await server.waitForLine(told)
  while (server.listener.connections > 0) await new Promise(setImmediate)
  assert.equal(server.accepted.length, 0)
}

for (const [version, header] of [
  [1, line],
  [2, overPlain],
] as const) {
  test(`enable_proxy_protocol ${version}: the client has the address of the header, in the log too`, async t => {
    const server = await startListener(t, { enable_proxy_protocol: version })
    await dial(t, server, Buffer.concat([header, connectPacket]))
    const { peer, handler } = await server.waitForAccepted()
    await handler.waitForPackets(1)
    assert.deepEqual([peer.address, peer.port], ['192.0.2.7', 40_000])
    assert.ok(server.lines.includes(`notice: New connection from 192.0.2.7:40000 on port ${server.listener.port}.`))
    assert.equal(server.lines.filter(text => text.includes('New connection')).length, 1)
  })

  test(`enable_proxy_protocol ${version}: a header may come byte by byte, and ends where it ends`, async t => {
    const server = await startListener(t, { enable_proxy_protocol: version })
    const socket = await dial(t, server)
    for (const byte of Buffer.concat([header, connectPacket])) {
      await new Promise(resolve => socket.write(Buffer.from([byte]), resolve))
    }
    const { handler } = await server.waitForAccepted()
    await handler.waitForPackets(1)
  })

  test(`enable_proxy_protocol ${version}: without a header, or with the other one, nobody gets in`, async t => {
    const settings = { enable_proxy_protocol: version }
    const told = /refused: no right PROXY header \(enable_proxy_protocol\)\.$/
    await assertRefused(t, settings, connectPacket, told)
    await assertRefused(t, settings, version === 1 ? overPlain : line, told)
    await assertRefused(t, settings, connectPacket, /^notice: Connection rejected, corrupt PROXY header\.$/)
  })

  test(`enable_proxy_protocol ${version}: the header has to come within connect_timeout`, async t => {
    const server = await startListener(t, { enable_proxy_protocol: version }, { connect_timeout: 2 })
    const socket = await dial(t, server, header.subarray(0, 10))
    while (server.listener.connections === 0) await new Promise(setImmediate)
    server.pass(2200)
    await closed(socket.resume())
    assert.deepEqual(server.reached, ['connect_timeout'])
    assert.equal(server.accepted.length, 0)
  })

  test(`enable_proxy_protocol ${version}: who leaves in the middle of the header leaves nothing behind`, async t => {
    const server = await startListener(t, { enable_proxy_protocol: version })
    const socket = await dial(t, server)
    socket.end(header.subarray(0, 10))
    while (server.listener.connections === 0) await new Promise(setImmediate)
    await closed(socket.resume())
    while (server.listener.connections > 0) await new Promise(setImmediate)
  })
}

test('a header where none is asked for is no MQTT', async t => {
  const server = await startListener(t)
  await dial(t, server, line, line)
  const { handler, peer } = await server.waitForAccepted()
  await handler.waitForFailure()
  assert.equal(peer.address, '127.0.0.1')
})

test('enable_proxy_protocol 2: what the load balancer knows of TLS, and the name of a certificate that it has verified', async t => {
  const server = await startListener(t, { enable_proxy_protocol: 2 })
  await dial(t, server, withCertificate, connectPacket)
  const { peer } = await server.waitForAccepted()
  assert.deepEqual(peer.tls, { protocol: 'TLSv1.3', cipher: 'unknown' })
  assert.equal(peer.proxiedCommonName, 'user1')
  await dial(t, server, unverified, connectPacket)
  assert.equal((await server.waitForAccepted(2)).peer.proxiedCommonName, undefined)
  await dial(t, server, ofItself, connectPacket)
  assert.equal((await server.waitForAccepted(3)).peer.address, '127.0.0.1')
})

test('proxy_protocol_v2_require_tls: who came without is refused, so is the load balancer itself', async t => {
  const settings = { enable_proxy_protocol: 2, proxy_protocol_v2_require_tls: true }
  await assertRefused(
    t,
    settings,
    overPlain,
    /Connection from 192\.0\.2\.7:40000 rejected, client did not connect using TLS\.$/,
  )
  await assertRefused(t, settings, ofItself, /rejected, client did not connect using TLS\.$/)
  const server = await startListener(t, settings)
  await dial(t, server, overTls, connectPacket)
  await server.waitForAccepted()
})

test('require_certificate behind a load balancer: it has to have verified one', async t => {
  const settings = { enable_proxy_protocol: 2, require_certificate: true }
  for (const header of [overPlain, overTls, unverified, ofItself]) {
    await assertRefused(
      t,
      settings,
      header,
      /rejected, client did not show a certificate that the load balancer has verified\.$/,
    )
  }
  const server = await startListener(t, settings)
  await dial(t, server, withCertificate, connectPacket)
  await server.waitForAccepted()
})

test('enable_proxy_protocol 1 before TLS: the handshake follows, under the address of the header', async t => {
  const pki = await throwawayPki()
  const server = await startListener(t, {
    enable_proxy_protocol: 1,
    certfile: pki.server.cert,
    keyfile: pki.server.key,
  })
  const socket = await dial(t, server, line)
  const secured = connectTls({ socket, rejectUnauthorized: false })
  await once(secured, 'secureConnect')
  secured.write(connectPacket)
  const { peer, handler } = await server.waitForAccepted()
  await handler.waitForPackets(1)
  assert.equal(peer.address, '192.0.2.7')
  assert.equal(peer.tls?.protocol, 'TLSv1.3')
})

test('enable_proxy_protocol before a WebSocket', async t => {
  const server = await startListener(t, { enable_proxy_protocol: 1, protocol: 'websockets' })
  const request = [
    'GET / HTTP/1.1',
    'Host: a',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: mqtt',
    '\r\n',
  ].join('\r\n')
  const frame = Buffer.concat([hex`82 8F 00 00 00 00`, connectPacket])
  await dial(t, server, Buffer.concat([line, Buffer.from(request), frame]))
  const { peer, handler } = await server.waitForAccepted()
  await handler.waitForPackets(1)
  assert.equal(peer.address, '192.0.2.7')
})
