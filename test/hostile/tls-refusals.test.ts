// Who is refused at the TLS handshake: real clients against a listener alone. A refused client never gets a handler, so
// nothing of MQTT is decoded and no rule is asked (features C10).

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { ListenerSettings } from '../../src/net/options.ts'
import { type CertificateFiles, throwawayPki } from '../support/authority.ts'
import { hex } from '../support/bytes.ts'
import { runTool } from '../support/clients.ts'
import { runProgram, startProgram } from '../support/line-process.ts'
import { listenerDefaults, startListener, type TestListener } from '../support/net-listener.ts'

const pki = await throwawayPki()
const mutual: Partial<ListenerSettings> = {
  certfile: pki.server.cert,
  keyfile: pki.server.key,
  cafile: pki.authority.ca.cert,
  require_certificate: true,
}
const connectPacket = hex`10 0D 00 04 'MQTT' 04 02 00 3C 00 01 'a'`

const versions = ['-tls1_2', '-tls1_3'] as const

/** Runs `openssl s_client` to its end; it ends by itself when the server closes, or at the end of its input. */
async function sClient(t: TestContext, server: TestListener, ...args: readonly string[]): Promise<string> {
  const target = ['-connect', `127.0.0.1:${server.listener.port}`]
  const program = await runProgram(t, 'openssl', ['s_client', ...target, '-CAfile', pki.authority.ca.cert, ...args])
  return program.lines.join('\n')
}

const identity = ({ cert, key }: CertificateFiles) => ['-cert', cert, '-key', key]

async function assertRefused(server: TestListener, openssl: string, ours: RegExp): Promise<void> {
  await server.waitForLine(ours)
  assert.ok(server.lines.includes(`error: OpenSSL Error[0]: ${openssl}`), server.lines.join('\n'))
  while (server.listener.connections > 0) await new Promise(setImmediate)
  assert.equal(server.accepted.length, 0)
}

const verifyFailed = 'error:0A000086:SSL routines::certificate verify failed'

for (const version of versions) {
  test(`features C2 (${version}): a client with a certificate of the named authority gets a handler and its names`, async t => {
    const server = await startListener(t, mutual)
    const program = startProgram(t, 'openssl', [
      's_client',
      ...['-connect', `127.0.0.1:${server.listener.port}`, '-CAfile', pki.authority.ca.cert, '-quiet', version],
      ...identity(pki.client),
    ])
    const { peer } = await server.waitForAccepted()
    assert.equal(peer.certificate?.commonName, 'user1')
    assert.equal(peer.certificate?.subject, 'CN=user1')
    assert.equal(peer.tls?.protocol, version === '-tls1_2' ? 'TLSv1.2' : 'TLSv1.3')
    program.kill()
  })

  test(`features C3 (${version}): no certificate`, async t => {
    const server = await startListener(t, mutual)
    await sClient(t, server, version)
    const openssl = 'error:0A0000C7:SSL routines::peer did not return a certificate'
    await assertRefused(server, openssl, /^notice: Client from 127\.0\.0\.1:\d+ refused: no certificate shown\.$/)
  })

  test(`features C4 (${version}): a certificate of another authority`, async t => {
    const server = await startListener(t, mutual)
    await sClient(t, server, version, ...identity(pki.strangersClient))
    await assertRefused(
      server,
      verifyFailed,
      /refused: issued by an unknown authority \(subject 'CN=user1', serial [0-9A-F]+\)\.$/,
    )
  })

  test(`features C12 (${version}): an expired certificate, and one that is not valid yet`, async t => {
    const server = await startListener(t, mutual)
    await sClient(t, server, version, ...identity(pki.expiredClient))
    await assertRefused(server, verifyFailed, /refused: certificate has expired \(subject 'CN=expired'/)
    await sClient(t, server, version, ...identity(pki.notYetValidClient))
    await assertRefused(server, verifyFailed, /refused: certificate is not yet valid \(subject 'CN=early'/)
  })

  test(`features C11 (${version}): a server certificate of the right authority`, async t => {
    const server = await startListener(t, mutual)
    await sClient(t, server, version, ...identity(pki.server))
    await assertRefused(server, verifyFailed, /refused: certificate is not for clients \(subject 'CN=localhost'/)
  })

  test(`a self-signed certificate with a trusted name (${version})`, async t => {
    const server = await startListener(t, mutual)
    await sClient(t, server, version, ...identity(pki.stranger.ca))
    await assertRefused(server, verifyFailed, /refused: self-signed, and not among the trusted authorities/)
  })

  test(`a resumed session is judged again, and new trust refuses it (${version})`, async t => {
    const dir = await mkdtemp(join(tmpdir(), 'castellan-session-'))
    t.after(() => rm(dir, { recursive: true, force: true }))
    const server = await startListener(t, mutual)
    const session = await takeSession(t, server, version, join(dir, 'session.pem'))

    const resumed = await resume(t, server, version, session)
    const { peer } = await server.waitForAccepted(2)
    assert.equal(resumed, true)
    assert.equal(peer.certificate?.commonName, 'user1')

    server.wallClock = Date.now() + 400 * 24 * 60 * 60 * 1000
    await resume(t, server, version, session)
    await server.waitForLine(/refused: certificate has expired \(subject 'CN=user1'/)
    assert.equal(server.accepted.length, 2)

    server.wallClock = Date.now()
    server.listener.prepareReload({ ...listenerDefaults, ...mutual, cafile: pki.stranger.ca.cert })()
    await resume(t, server, version, session)
    await server.waitForLine(/refused: issued by an unknown authority \(subject 'CN=user1'/)
    assert.equal(server.accepted.length, 2)
  })
}

test('features C2: require_certificate false asks for none, and one that is offered is not looked at', async t => {
  const server = await startListener(t, { ...mutual, require_certificate: false })
  const socket = connectTls({ port: server.listener.port, rejectUnauthorized: false })
  t.after(() => socket.destroy())
  const { peer } = await server.waitForAccepted()
  assert.equal(peer.certificate, undefined)
  assert.equal(peer.tls?.protocol, 'TLSv1.3')
})

test('require_certificate without cafile: everybody is refused, a certificate of a public authority would be too', async t => {
  const server = await startListener(t, { ...mutual, cafile: undefined })
  await sClient(t, server, ...identity(pki.client))
  await assertRefused(server, verifyFailed, /refused: issued by an unknown authority/)
})

test('features A5: a plain CONNECT on a TLS port: handshake error logged, closed, no CONNACK', async t => {
  const server = await startListener(t, mutual)
  const client = await server.connect(t)
  let answer = ''
  client.on('data', chunk => {
    answer += chunk.toString('hex')
  })
  client.write(connectPacket)
  await once(client, 'close')
  await server.waitForLine(/^error: OpenSSL Error\[0\]: error:0A00010B:SSL routines::wrong version number$/)
  await server.waitForLine(
    /^notice: Client from 127\.0\.0\.1:\d+ closed: TLS handshake failed: what came is not TLS\.$/,
  )
  assert.doesNotMatch(answer, /^20/)
  assert.equal(server.accepted.length, 0)
})

test('features A7: tls_version tlsv1.3 refuses TLS 1.2; 1.1 is refused always', async t => {
  const strict = await startListener(t, { ...mutual, tls_version: 'tlsv1.3' })
  await sClient(t, strict, '-tls1_2', ...identity(pki.client))
  await strict.waitForLine(/^error: OpenSSL Error\[0\]: error:[0-9A-F]{8}:SSL routines::unsupported protocol$/)
  const usual = await startListener(t, mutual)
  await sClient(t, usual, '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0', ...identity(pki.client))
  await usual.waitForLine(/^error: OpenSSL Error\[0\]: error:[0-9A-F]{8}:SSL routines::/)
  assert.deepEqual([strict.accepted, usual.accepted], [[], []])
})

test("ciphers: the server's order decides, and what it does not name is refused", async t => {
  const [first, second] = ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-GCM-SHA256']
  const server = await startListener(t, { ...mutual, ciphers: `${first}:${second}` })
  const program = startProgram(t, 'openssl', [
    's_client',
    ...['-connect', `127.0.0.1:${server.listener.port}`, '-tls1_2', '-cipher', `${second}:${first}`],
    ...identity(pki.client),
  ])
  assert.equal((await server.waitForAccepted()).peer.tls?.cipher, first)
  program.kill()
  await sClient(t, server, '-tls1_2', '-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305', ...identity(pki.client))
  await server.waitForLine(/SSL routines::no shared cipher$/)
})

test('a client cannot renegotiate', async t => {
  const server = await startListener(t, mutual)
  const socket = connectTls({
    port: server.listener.port,
    maxVersion: 'TLSv1.2',
    ca: [],
    rejectUnauthorized: false,
    ...(await pemOf(pki.client)),
  })
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  const error = await new Promise<Error | null>(resolve => {
    socket.renegotiate({}, resolve)
    socket.once('error', resolve)
    socket.once('close', () => resolve(new Error('closed')))
  })
  assert.ok(error)
})

test('TLS 1.3: hundreds of KeyUpdate are answered, end nothing, and keep nobody else out', async t => {
  const server = await startListener(t, mutual)
  const target = ['-connect', `127.0.0.1:${server.listener.port}`, '-CAfile', pki.authority.ca.cert, '-tls1_3']
  const program = startProgram(t, 'openssl', ['s_client', ...target, ...identity(pki.client)])
  const { handler } = await server.waitForAccepted()
  for (let sent = 0; sent < 300; sent++) {
    const from = program.lines.length
    // Each asks for one in return.
    program.write('K\n')
    await program.waitForLine(/^KEYUPDATE$/, from)
  }
  const other = startProgram(t, 'openssl', ['s_client', ...target, '-quiet', ...identity(pki.client)])
  await server.waitForAccepted(2)
  program.child.stdin?.write(connectPacket)
  await handler.waitForPackets(1)
  assert.equal(server.listener.connections, 2)
  for (const client of [program, other]) await client.kill()
})

test("Debian's mosquitto_pub: refused with a TLS error or a lost connection, and a good certificate gets through", async t => {
  const server = await startListener(t, mutual)
  const target = ['-h', 'localhost', '-p', String(server.listener.port), '--cafile', pki.authority.ca.cert]
  const { code, stderr } = await runTool(t, 'mosquitto_pub', [...target, '-t', 'a', '-m', 'b'])
  assert.notEqual(code, 0)
  assert.match(stderr.join('\n'), /A TLS error occurred|connection was lost|Protocol error/)
  assert.equal(server.accepted.length, 0)
  const { cert, key } = pki.client
  const running = runTool(t, 'mosquitto_pub', [...target, '--cert', cert, '--key', key, '-t', 'a', '-m', 'b'])
  const { handler, transport } = await server.waitForAccepted()
  await handler.waitForPackets(1)
  transport.send(hex`20 02 00 00`)
  await handler.waitForPackets(2)
  assert.equal((await running).code, 0)
})

test('a reload with a broken file throws and changes nothing; a good one holds for the next handshake', async t => {
  const server = await startListener(t, mutual)
  const settings = { ...listenerDefaults, ...mutual }
  assert.throws(() => server.listener.prepareReload({ ...settings, keyfile: pki.client.key }), {
    message: /^Error: Unable to load server key file/,
  })
  assert.throws(() => server.listener.prepareReload({ ...settings, certfile: undefined, keyfile: undefined }), {
    message: 'Error: A listener cannot be switched between TLS and plain while running.',
  })
  assert.equal(server.listener.settings.cafile, pki.authority.ca.cert)
  const open = connectTls({ port: server.listener.port, rejectUnauthorized: false, ...(await pemOf(pki.client)) })
  t.after(() => open.destroy())
  const { transport } = await server.waitForAccepted()
  server.listener.prepareReload({ ...settings, cafile: pki.stranger.ca.cert })()
  await sClient(t, server, ...identity(pki.client))
  await server.waitForLine(/refused: issued by an unknown authority/)
  transport.send(hex`D0 00`)
  const [chunk] = await once(open, 'data')
  assert.equal((chunk as Buffer).toString('hex'), 'd000')
})

test('a handshake that is under way at a reload is not completed under the old trust', async t => {
  const server = await startListener(t, mutual)
  const raw = await server.connect(t)
  while (server.listener.connections === 0) await new Promise(setImmediate)
  server.listener.prepareReload({ ...listenerDefaults, ...mutual, cafile: pki.stranger.ca.cert })()
  const socket = connectTls({ socket: raw, rejectUnauthorized: false, ...(await pemOf(pki.client)) })
  socket.on('error', () => {})
  await once(socket.resume(), 'close')
  assert.equal(server.accepted.length, 0)
})

async function pemOf({ cert, key }: CertificateFiles): Promise<{ cert: Buffer; key: Buffer }> {
  const { readFile } = await import('node:fs/promises')
  return { cert: await readFile(cert), key: await readFile(key) }
}

/** Connects once with user1's certificate and keeps the session that the server gave. */
async function takeSession(t: TestContext, server: TestListener, version: string, file: string): Promise<string> {
  const target = ['-connect', `127.0.0.1:${server.listener.port}`, version]
  const program = startProgram(t, 'openssl', ['s_client', ...target, '-sess_out', file, ...identity(pki.client)])
  const { transport, handler } = await server.waitForAccepted()
  // TLS 1.3 sends tickets after the handshake; a byte from us comes after them.
  transport.send(hex`D0 00`)
  transport.close()
  await program.exit()
  await handler.waitForEnd()
  return file
}

/** @returns whether openssl says that the session was reused */
async function resume(t: TestContext, server: TestListener, version: string, session: string): Promise<boolean> {
  const said = await sClient(t, server, version, '-sess_in', session, ...identity(pki.client))
  return /^Reused, TLSv1\.[23]/m.test(said)
}
