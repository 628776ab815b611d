// TLS of the real program as its files change while it runs: nobody is dropped for a new server certificate, and whose authority
// has gone is dropped at once (features C8, C9, C15). And what the choices of versions, groups and secrets do.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { type CertificateFiles, throwawayPki } from '../support/authority.ts'
import { type BrokerProcess, startBroker } from '../support/broker-process.ts'
import { startSubscriber } from '../support/clients.ts'
import { runProgram } from '../support/line-process.ts'
import { connectBytes } from '../support/packet-bytes.ts'
import { passwordLines } from '../support/password-lines.ts'

const pki = await throwawayPki()
const ca = await readFile(pki.authority.ca.cert)
const firstServer = await pki.authority.issueServer('/O=first/CN=localhost')
const secondServer = await pki.authority.issueServer('/O=second/CN=localhost')

const readAgain = /TLS files of the listener on port \d+ have changed and were read again\.$/

/** A broker whose files lie in its own directory: `server.crt`, `server.key` and the authorities in `ca/`. */
async function start(
  t: TestContext,
  lines: readonly string[],
  args: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): Promise<BrokerProcess> {
  const files = {
    ...more,
    'server.crt': await readFile(firstServer.cert, 'utf8'),
    'server.key': await readFile(firstServer.key, 'utf8'),
    'ca/main.crt': await readFile(pki.authority.ca.cert, 'utf8'),
  }
  return startBroker(t, {
    config: ({ port, dir }) =>
      [
        `listener ${port} 127.0.0.1`,
        `certfile ${dir}/server.crt`,
        `keyfile ${dir}/server.key`,
        'allow_anonymous true',
        ...lines.map(line => line.replaceAll('DIR', dir)),
      ].join('\n'),
    files,
    args,
  })
}

async function dial(t: TestContext, { port }: BrokerProcess, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: 'localhost', ca, ...options })
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('close', () => reject(new Error('no handshake')))
    socket.once('error', reject)
  })
  return socket
}

async function shown(t: TestContext, broker: BrokerProcess): Promise<string | string[]> {
  const socket = await dial(t, broker)
  return socket.getPeerCertificate().subject.O ?? ''
}

/** As careful people do: beside it, and then in its place. */
async function replace(broker: BrokerProcess, name: string, from: string): Promise<void> {
  await copyFile(from, join(broker.dir, 'next'))
  await rename(join(broker.dir, 'next'), join(broker.dir, name))
}

const asClient = ({ port }: BrokerProcess, { cert, key }: CertificateFiles, id: string) => [
  ...['-h', 'localhost', '-p', String(port), '--cafile', pki.authority.ca.cert, '--cert', cert, '--key', key],
  ...['-i', id, '-t', 'a', '-q', '1'],
]

test('features C15: a new server certificate is shown without a reload, and nobody is dropped for it', async t => {
  const broker = await start(t, [])
  assert.equal(await shown(t, broker), 'first')
  const subscriber = await startSubscriber(
    t,
    asClient(broker, firstServer, 'stays').filter((_, at) => at < 6 || at > 9),
  )
  const from = broker.lines.length
  await replace(broker, 'server.crt', secondServer.cert)
  await replace(broker, 'server.key', secondServer.key)
  await broker.waitForLine(readAgain, from)
  assert.equal(await shown(t, broker), 'second')
  assert.ok(!broker.lines.some(line => /Client stays .*disconnected/.test(line)))
  await subscriber.stop()
})

test('features C15: a certificate whose key does not come is refused, and the one before goes on', async t => {
  const broker = await start(t, [])
  await replace(broker, 'server.crt', secondServer.cert)
  await broker.waitForLine(/Error: What was read before goes on\.$/)
  await broker.waitForLine(/the key does not belong to the certificate in certfile$/)
  assert.equal(await shown(t, broker), 'first')
  await replace(broker, 'server.key', secondServer.key)
  await broker.waitForLine(readAgain)
  assert.equal(await shown(t, broker), 'second')
})

test('features C8, C9: an authority that comes into capath is trusted; one that goes takes its clients with it', async t => {
  const broker = await start(t, ['capath DIR/ca', 'require_certificate true', 'use_identity_as_username true'])
  const stays = await startSubscriber(t, asClient(broker, pki.client, 'stays'))
  await copyFile(pki.stranger.ca.cert, join(broker.dir, 'ca/other.crt'))
  await broker.waitForLine(readAgain)
  const guest = await startSubscriber(t, asClient(broker, pki.strangersClient, 'guest'))
  const removed = performance.now()
  await rm(join(broker.dir, 'ca/other.crt'))
  await broker.waitForLine(/Client guest .*disconnected/)
  assert.ok(performance.now() - removed < 1000)
  assert.ok(!broker.lines.some(line => /Client stays .*disconnected/.test(line)))
  await guest.stop()
  await stays.stop()
})

test('features C9: the last authority that goes from capath takes its clients with it, too; nobody is let in until one comes', async t => {
  const broker = await start(t, ['capath DIR/ca', 'require_certificate true', 'use_identity_as_username true'])
  const guest = await startSubscriber(t, asClient(broker, pki.client, 'guest'))
  await rm(join(broker.dir, 'ca/main.crt'))
  await broker.waitForLine(/Warning: There is no certificate in capath ".*ca" any more: nobody is trusted by it\.$/)
  await broker.waitForLine(/Client guest .*disconnected/)
  await broker.waitForLine(/refused: issued by an unknown authority/)
  const from = broker.lines.length
  await copyFile(pki.authority.ca.cert, join(broker.dir, 'ca/again.crt'))
  await broker.waitForLine(readAgain, from)
  await guest.stop()
  await (await startSubscriber(t, asClient(broker, pki.client, 'again'))).stop()
})

test('features C8: a capath that is gone, or whose files are all broken, changes nothing', async t => {
  const broker = await start(t, ['capath DIR/ca', 'require_certificate true', 'use_identity_as_username true'])
  const stays = await startSubscriber(t, asClient(broker, pki.client, 'stays'))
  await writeFile(join(broker.dir, 'ca/main.crt'), 'nothing')
  await broker.waitForLine(/Error: What was read before goes on\.$/)
  const from = broker.lines.length
  await rename(join(broker.dir, 'ca'), join(broker.dir, 'elsewhere'))
  await broker.waitForLine(/Error: What was read before goes on\.$/, from)
  assert.ok(!broker.lines.some(line => /Client stays .*disconnected/.test(line)))
  await stays.stop()
})

test('features C7: certificate_username_match counts at a reload for who is connected, too', async t => {
  const lines = ['cafile DIR/ca/main.crt', 'require_certificate true', 'password_file DIR/users']
  const users = passwordLines({ user1: 'pw', other: 'pw' })
  const broker = await start(t, lines, [], { users })
  const as = (user: string) => [...asClient(broker, pki.client, user), '-u', user, '-P', 'pw']
  const [stays, goes] = [await startSubscriber(t, as('user1')), await startSubscriber(t, as('other'))]
  const config = await readFile(join(broker.dir, 'broker.conf'), 'utf8')
  await broker.writeConfig(`${config}\ncertificate_username_match cn\n`)
  await broker.reload(/Configuration reloaded/)
  await broker.waitForLine(/Client other .*disconnected: administrative action/)
  assert.ok(!broker.lines.some(line => /Client user1 .*disconnected/.test(line)))
  await goes.stop()
  await stays.stop()
})

const groupOf = (socket: TLSSocket) => (socket.getEphemeralKeyInfo() as { name?: string }).name ?? 'hybrid'

test('key exchange: post-quantum hybrid unless the client has none; tls_groups says otherwise, and why a client fails', async t => {
  const broker = await start(t, [])
  for (const ecdhCurve of ['X25519MLKEM768', 'X25519', 'P-256']) await dial(t, broker, { ecdhCurve })
  const classic = await start(t, ['tls_groups P-256'])
  assert.equal(groupOf(await dial(t, classic)), 'prime256v1')
  await assert.rejects(dial(t, classic, { ecdhCurve: 'X25519MLKEM768' }))
  await classic.waitForLine(
    /TLS handshake failed: the client takes no group for the key exchange that is accepted here \(tls_groups\)\.$/,
  )
})

test('tls_version tlsv1.3: an older client is refused, and the log says why', async t => {
  const broker = await start(t, ['tls_version tlsv1.3'])
  await assert.rejects(dial(t, broker, { maxVersion: 'TLSv1.2' }))
  await broker.waitForLine(
    /TLS handshake failed: the client has no version of TLS that is accepted here \(tls_version\)\.$/,
  )
  assert.equal((await dial(t, broker)).getProtocol(), 'TLSv1.3')
})

test('ciphers, ciphers_tls1.3: what is not listed is not taken, and the log says why', async t => {
  const broker = await start(t, [
    'ciphers ECDHE-ECDSA-AES128-GCM-SHA256',
    'ciphers_tls1.3 TLS_CHACHA20_POLY1305_SHA256',
  ])
  const old = await dial(t, broker, { maxVersion: 'TLSv1.2' })
  assert.equal(old.getCipher().name, 'ECDHE-ECDSA-AES128-GCM-SHA256')
  assert.equal((await dial(t, broker)).getCipher().name, 'TLS_CHACHA20_POLY1305_SHA256')
  await assert.rejects(dial(t, broker, { ciphers: 'TLS_AES_128_GCM_SHA256', minVersion: 'TLSv1.3' }))
  await broker.waitForLine(/TLS handshake failed: the client has no cipher that is accepted here/)
})

test('a client that does not trust our certificate says so in an alert, and the log in words', async t => {
  const broker = await start(t, [])
  const trust = ['-CAfile', pki.stranger.ca.cert, '-verify_return_error']
  for (const version of ['-tls1_2', '-tls1_3']) {
    const from = broker.lines.length
    await runProgram(t, 'openssl', ['s_client', '-connect', `localhost:${broker.port}`, ...trust, version])
    await broker.waitForLine(/the client does not trust the authority of our certificate \(alert unknown_ca\)\.$/, from)
  }
})

for (const how of ['--tls-keylog', 'tls_keylog'] as const) {
  test(`${how}: the secrets are written to a file for its owner alone, with a warning`, async t => {
    const path = join(pki.authority.dir, how)
    await writeFile(path, '# before\n', { mode: 0o644 })
    const broker = await start(
      t,
      how === 'tls_keylog' ? [`tls_keylog ${path}`] : [],
      how === '--tls-keylog' ? [how, path] : [],
    )
    await broker.waitForLine(/Warning: the secrets of all TLS connections are written to a file/)
    const client = await dial(t, broker)
    // The secret of what the client sends is there when it is needed: when that is read.
    client.write(connectBytes({ clientId: 'c' }))
    await once(client, 'data')
    const text = await readFile(path, 'latin1')
    assert.match(text, /^# before\n/)
    assert.match(text, /^CLIENT_TRAFFIC_SECRET_0 [0-9a-f]{64} [0-9a-f]+$/m)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
  })
}
