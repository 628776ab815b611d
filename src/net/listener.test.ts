import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { hex } from '../../test/support/bytes.ts'
import { runProgram } from '../../test/support/line-process.ts'
import { closeAll, startListener, TestListener } from '../../test/support/net-listener.ts'
import { connectRaw } from '../../test/support/raw-client.ts'
import { burstMs } from '../base/bursts.ts'
import { forOwnerAndGroup } from './unix-socket.ts'

const connectPacket = hex`10 0D 00 04 'MQTT' 04 02 00 3C 00 01 'a'`

function directory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-net-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

test("a connection is logged in Mosquitto's words and reaches its handler", async t => {
  const server = await startListener(t)
  const client = await server.connect(t)
  client.write(connectPacket)
  const { peer, handler } = await server.waitForAccepted()
  await handler.waitForPackets(1)
  assert.deepEqual(peer, { address: '127.0.0.1', port: client.localPort, certificate: undefined, tls: undefined })
  const { port } = server.listener
  assert.ok(server.lines.includes(`notice: New connection from 127.0.0.1:${client.localPort} on port ${port}.`))
  assert.equal(server.listener.connections, 1)
  client.end()
  await handler.waitForEnd()
})

test('connection_messages false: connections are not logged', async t => {
  const server = await startListener(t, {}, { connection_messages: false })
  await server.connect(t)
  await server.waitForAccepted()
  assert.deepEqual(
    server.lines.filter(line => line.startsWith('notice')),
    [],
  )
})

test('a bound listener accepts nothing before start, and then whoever waited', async t => {
  const server = new TestListener({})
  await server.open({})
  t.after(() => closeAll(server))
  const client = await server.connect(t)
  client.write(connectPacket)
  while (server.listener.connections === 0) await new Promise(setImmediate)
  assert.equal(server.accepted.length, 0)
  server.listener.start()
  const { handler } = await server.waitForAccepted()
  await handler.waitForPackets(1)
})

for (const raw_sockets of [true, false]) {
  test(`raw_sockets ${raw_sockets}: who is gone before it is accepted, and has no address any more, is not heard`, async t => {
    const server = await startListener(t, {}, { raw_sockets })
    const { port } = server.listener
    const script = `
      const client = require('node:net').connect(${port}, '127.0.0.1')
      client.write('${Buffer.from(connectPacket).toString('hex')}', 'hex', () => client.resetAndDestroy())`
    // Nothing is accepted while this process waits for the other.
    execFileSync(process.execPath, ['-e', script])
    const client = await server.connect(t)
    const { peer } = await server.waitForAccepted()
    assert.equal(peer.port, client.localPort)
    assert.equal(server.listener.connections, 1)
  })
}

test('features A1: both families on all interfaces, on the same port', async t => {
  const server = await startListener(t, { address: undefined })
  for (const host of ['127.0.0.1', '::1']) {
    const client = connect(server.listener.port, host)
    await once(client, 'connect')
    client.destroy()
  }
  await server.waitForAccepted(2)
  assert.deepEqual(server.accepted.map(({ peer }) => peer.address).sort(), ['127.0.0.1', '::1'])
})

test('socket_domain: the other family is not listened on', async t => {
  const server = await startListener(t, { address: undefined, socket_domain: 'ipv6' })
  const other = connect(server.listener.port, '127.0.0.1')
  const [error] = await once(other, 'error')
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED')
  const own = connect(server.listener.port, '::1')
  await once(own, 'connect')
  own.destroy()
})

test('bind_interface: its addresses only; an unknown one does not exist', async t => {
  const server = await startListener(t, { address: undefined, bind_interface: 'lo', socket_domain: 'ipv4' })
  await server.connect(t)
  assert.equal((await server.waitForAccepted()).peer.address, '127.0.0.1')
  await assert.rejects(new TestListener({}).open({ address: undefined, bind_interface: 'nonesuch0' }), {
    message: 'Error: Interface nonesuch0 does not exist.',
  })
  await assert.rejects(new TestListener({}).open({ address: '192.0.2.1', bind_interface: 'lo' }), {
    message: 'Error: Cannot assign requested address',
  })
})

test("a taken port, a foreign address and an unknown host are told in Mosquitto's words with a hint", async t => {
  const first = await startListener(t)
  const { port } = first.listener
  await assert.rejects(new TestListener({}).open({ port }), {
    code: 'ERR_NET_ADDRESS_IN_USE',
    message: 'Error: Address already in use',
    hint: `port ${port} on 127.0.0.1 is taken: stop what listens there (ss -lntp shows it), or choose another port`,
  })
  await assert.rejects(new TestListener({}).open({ address: '192.0.2.1' }), {
    message: 'Error: Cannot assign requested address',
  })
  await assert.rejects(new TestListener({}).open({ address: 'no-such-host.invalid' }), {
    message: 'Error: Name or service not known',
  })
})

test('a port taken in one family leaves nothing bound in the other', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  await assert.rejects(new TestListener({}).open({ port, address: undefined }), {
    message: 'Error: Address already in use',
  })
  const six = createServer().listen({ port, host: '::', ipv6Only: true })
  await once(six, 'listening')
  six.close()
})

test('max_connections and global_max_connections: one more is closed before a handler exists', async t => {
  const server = await startListener(t, { max_connections: 1 })
  const first = await server.connect(t)
  await server.waitForAccepted()
  const second = await server.connect(t)
  await once(second.resume(), 'close')
  const line = 'notice: Client connection from 127.0.0.1 denied: max_connections exceeded.'
  assert.ok(server.lines.includes(line))
  first.end(connectPacket)
  await server.accepted[0]?.handler.waitForEnd()
  await server.connect(t)
  await server.waitForAccepted(2)
  server.accepted[1]?.transport.destroy()
  await server.accepted[1]?.handler.waitForEnd()
  server.hasRoom = false
  server.pass(burstMs)
  const third = await server.connect(t)
  await once(third.resume(), 'close')
  assert.equal(server.accepted.length, 2)
  assert.equal(server.lines.filter(candidate => candidate === line).length, 2)
})

test('max_connections_per_address: one more is closed, whoever leaves makes room, and other addresses are not concerned', async t => {
  const server = await startListener(t, {}, { max_connections_per_address: 2 })
  const first = await server.connect(t)
  const second = await server.connect(t)
  await server.waitForAccepted(2)
  const third = await server.connect(t)
  await once(third.resume(), 'close')
  assert.ok(
    server.lines.includes('notice: Client connection from 127.0.0.1 denied: max_connections_per_address exceeded.'),
  )
  assert.deepEqual(server.reached, ['max_connections_per_address'])
  const elsewhere = connect({ port: server.listener.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  t.after(() => elsewhere.destroy())
  await server.waitForAccepted(3)
  first.destroy()
  second.destroy()
  await Promise.all([0, 1].map(n => server.accepted[n]?.handler.waitForEnd()))
  await server.connect(t)
  await server.connect(t)
  await server.waitForAccepted(5)
})

test('max_pending_connections and max_waiting_connections: strangers count until they are let in, whatever they say', async t => {
  const server = await startListener(t, {}, { max_pending_connections: 1, max_waiting_connections: 0 })
  const silent = await server.connect(t)
  await server.waitForAccepted()
  const refused = await server.connect(t)
  await once(refused.resume(), 'close')
  await server.waitForLine(/from 127\.0\.0\.1 denied: max_waiting_connections exceeded\.$/)
  silent.write(connectPacket)
  await server.accepted[0]?.handler.waitForPackets(1)
  const another = await server.connect(t)
  await once(another.resume(), 'close')
  server.accepted[0]?.transport.established()
  await server.connect(t)
  await server.waitForAccepted(2)
})

test('max_waiting_connections: when all wait, the address with most places gives one up to an address with few', async t => {
  const server = await startListener(t, {}, { max_pending_connections: 1, max_waiting_connections: 3 })
  await server.connect(t)
  await server.waitForAccepted()
  const greedy = [await server.connect(t), await server.connect(t), await server.connect(t)]
  const { socket } = await connectRaw(t, { port: server.listener.port, localAddress: '127.0.0.2' })
  await once(greedy[2]!.resume(), 'close')
  await server.waitForLine(/from 127\.0\.0\.1 denied: max_waiting_connections exceeded\.$/)
  const refused = await server.connect(t)
  await once(refused.resume(), 'close')
  assert.deepEqual([socket.destroyed, greedy[0]?.destroyed, greedy[1]?.destroyed], [false, false, false])
})

test('max_waiting_connections: further ones wait unread, and have a place when one is let in or leaves', async t => {
  const server = await startListener(t, {}, { max_pending_connections: 1, max_waiting_connections: 2 })
  const first = await server.connect(t)
  await server.waitForAccepted()
  const second = await server.connect(t)
  second.write(connectPacket)
  const third = await server.connect(t)
  while (server.listener.connections < 3) await new Promise(setImmediate)
  assert.equal(server.accepted.length, 1)
  await once((await server.connect(t)).resume(), 'close')
  server.accepted[0]?.transport.established()
  const { peer, handler } = await server.waitForAccepted(2)
  assert.equal(peer.port, second.localPort)
  await handler.waitForPackets(1)
  assert.equal(server.accepted.length, 2)
  second.destroy()
  assert.equal((await server.waitForAccepted(3)).peer.port, third.localPort)
  first.destroy()
})

test('max_waiting_connections: one address is served after the other, however many one of them sends', async t => {
  const server = await startListener(t, {}, { max_pending_connections: 1 })
  const join = async (localAddress: string) => {
    const { port } = server.listener
    const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {})
    t.after(() => socket.destroy())
    const before = server.listener.connections
    while (server.listener.connections === before) await new Promise(setImmediate)
  }
  for (let i = 0; i < 4; i++) await join('127.0.0.1')
  await join('127.0.0.2')
  await join('127.0.0.3')
  for (let i = 0; i < 6; i++) (await server.waitForAccepted(i + 1)).transport.established()
  assert.deepEqual(
    server.accepted.map(({ peer }) => peer.address),
    ['127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.1', '127.0.0.1'],
  )
})

test('features A5: a TLS hello on a plain port is named in the log and closed, and decodes nothing', async t => {
  const server = await startListener(t)
  await runProgram(t, 'openssl', ['s_client', '-connect', `127.0.0.1:${server.listener.port}`])
  await server.waitForLine(
    /^notice: Client from 127\.0\.0\.1:\d+ appears to be using TLS to connect to a non-TLS listener\.$/,
  )
  const { handler } = await server.waitForAccepted()
  await handler.waitForEnd()
  assert.deepEqual([handler.packets, handler.failures], [[], []])
})

test('a unix socket: for owner and group, gone after close', async t => {
  const path = join(directory(t), 'broker.sock')
  const server = await startListener(t, { port: 0, address: undefined, path })
  assert.equal(statSync(path).mode & 0o777, 0o660)
  const client = connect(path)
  client.write(connectPacket)
  const { peer, handler } = await server.waitForAccepted()
  await handler.waitForPackets(1)
  assert.deepEqual([peer.address, peer.port], ['', 0])
  assert.ok(server.lines.includes('notice: New connection from unix socket on port 0.'))
  client.destroy()
  await handler.waitForEnd()
  server.listener.close()
  assert.equal(existsSync(path), false)
})

test('a unix socket: nobody else may connect to it even for a moment, and the umask is as it was', t => {
  const dir = directory(t)
  const modeOfNew = (name: string) => {
    writeFileSync(join(dir, name), '', { mode: 0o777 })
    return statSync(join(dir, name)).mode & 0o777
  }
  const usual = modeOfNew('before')
  assert.equal(
    forOwnerAndGroup(() => modeOfNew('under')),
    0o660,
  )
  assert.throws(() =>
    forOwnerAndGroup(() => {
      throw new Error('in use')
    }),
  )
  assert.equal(modeOfNew('after'), usual)
})

test('a unix socket: a dead one is replaced; a living one and any other file are left alone', async t => {
  const dir = directory(t)
  const path = join(dir, 'broker.sock')
  const leave = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  await runProgram(t, process.execPath, ['-e', leave])
  assert.ok(statSync(path).isSocket())
  const server = await startListener(t, { address: undefined, path })
  await assert.rejects(new TestListener({}).open({ address: undefined, path }), {
    message: 'Error: Address already in use',
    hint: `${path}: another program listens on it`,
  })
  assert.ok(statSync(path).isSocket())
  server.listener.close()
  const file = join(dir, 'notes.txt')
  writeFileSync(file, 'mine')
  await assert.rejects(new TestListener({}).open({ address: undefined, path: file }), {
    code: 'ERR_NET_ADDRESS_IN_USE',
    hint: /is no socket; it is left alone/,
  })
  assert.ok(statSync(file).isFile())
})

test('a unix socket: a path that does not fit is refused', async t => {
  const path = join(directory(t), 'x'.repeat(120))
  await assert.rejects(new TestListener({}).open({ address: undefined, path }), {
    message: 'Error: Path to unix socket is too long.',
  })
})

test('close stops listening and drops strangers; who was let in stays', async t => {
  const server = await startListener(t)
  const silent = await server.connect(t)
  const speaking = await server.connect(t)
  speaking.write(connectPacket)
  await server.waitForAccepted(2)
  const speaker = server.accepted.find(({ peer }) => peer.port === speaking.localPort)
  await speaker?.handler.waitForPackets(1)
  speaker?.transport.established()
  server.listener.close()
  await once(silent.resume(), 'close')
  assert.equal(server.listener.connections, 1)
  speaker?.transport.send(hex`D0 00`)
  const [chunk] = await once(speaking, 'data')
  assert.equal((chunk as Buffer).toString('hex'), 'd000')
})
