// Pre-shared keys: who gets in and who does not, with `openssl s_client` against a listener alone. Whoever is refused never
// gets a handler.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { hex } from '../support/bytes.ts'
import { runProgram, startProgram } from '../support/line-process.ts'
import { startListener, type TestListener } from '../support/net-listener.ts'

const key = 'c0ffee00c0ffee00c0ffee00c0ffee00'
const settings = { psk_hint: 'keys of the house' }

async function start(t: TestContext, more: Parameters<typeof startListener>[1] = {}): Promise<TestListener> {
  const server = await startListener(t, { ...settings, ...more })
  server.presharedKeys.set('device', { key: Buffer.from(key, 'hex'), fingerprint: 'print' })
  return server
}

const args = (server: TestListener, ...more: readonly string[]) => [
  's_client',
  ...['-connect', `127.0.0.1:${server.listener.port}`],
  ...more,
]

async function refused(t: TestContext, server: TestListener, ...more: readonly string[]): Promise<string> {
  const program = await runProgram(t, 'openssl', args(server, ...more))
  while (server.listener.connections > 0) await new Promise(setImmediate)
  assert.equal(server.accepted.length, 0)
  return program.lines.join('\n')
}

const suites = ['ECDHE-PSK-CHACHA20-POLY1305', 'DHE-PSK-AES128-GCM-SHA256', 'PSK-AES128-GCM-SHA256', 'PSK-AES128-CCM']

for (const suite of suites) {
  test(`psk_hint: the right key by ${suite} gets a handler, and the identity is proven`, async t => {
    const server = await start(t)
    const client = startProgram(
      t,
      'openssl',
      args(server, '-quiet', '-psk_identity', 'device', '-psk', key, '-cipher', suite),
    )
    const { peer } = await server.waitForAccepted()
    assert.deepEqual(peer.presharedKey, { identity: 'device', fingerprint: 'print' })
    assert.deepEqual(peer.tls, { protocol: 'TLSv1.2', cipher: suite })
    assert.equal(peer.certificate, undefined)
    client.kill()
  })
}

test('psk_hint: a wrong key and an unknown identity look alike to the client, and differ in the log', async t => {
  const server = await start(t)
  const wrong = await refused(t, server, '-psk_identity', 'device', '-psk', key.replaceAll('c', 'd'), '-tls1_2')
  await server.waitForLine(
    /^notice: Client from 127\.0\.0\.1:\d+ closed: TLS handshake failed: wrong pre-shared key of identity 'device'\.$/,
  )
  const unknown = await refused(t, server, '-psk_identity', 'nobody\u001b', '-psk', key, '-tls1_2')
  await server.waitForLine(/TLS handshake failed: no pre-shared key for identity 'nobody\\x1b'\.$/)
  const alert = (output: string) => /alert ([a-z ]+):/.exec(output)?.[1]
  assert.equal(alert(wrong), 'bad record mac')
  assert.equal(alert(unknown), alert(wrong))
})

test('psk_hint: a broker that is busy with other things loses no alert', async t => {
  const server = await start(t)
  // Between two looks at the sockets the client has the time to answer.
  const pause = new Int32Array(new SharedArrayBuffer(4))
  const busy = setInterval(() => Atomics.wait(pause, 0, 0, 20), 1)
  t.after(() => clearInterval(busy))
  const output = await refused(t, server, '-psk_identity', 'device', '-psk', key.replaceAll('c', 'd'), '-tls1_2')
  assert.match(output, /alert bad record mac:/)
})

test('psk_hint: without a key nobody gets in', async t => {
  const server = await start(t)
  await refused(t, server)
  await server.waitForLine(/TLS handshake failed: the client has no cipher that is accepted here/)
})

test('psk_hint: a cipher without any key, which `ciphers` should not name, proves nothing', async t => {
  const server = await start(t, { ciphers: 'ALL:aNULL:@SECLEVEL=0' })
  await refused(t, server, '-cipher', 'aNULL:@SECLEVEL=0', '-tls1_2')
  await server.waitForLine(/refused: no pre-shared key was proven\.$/)
})

test('psk_hint: TLS 1.3 is not offered, and cannot be demanded', async t => {
  const server = await start(t)
  await refused(t, server, '-psk_identity', 'device', '-psk', key, '-tls1_3')
  await assert.rejects(start(t, { tls_version: 'tlsv1.3' }), {
    message: 'Error: Pre-shared keys (psk_hint) need TLS 1.2.',
  })
})

test('psk_hint: nothing is resumed: a session that could be would come in without its key', async t => {
  const server = await start(t)
  const program = startProgram(
    t,
    'openssl',
    args(server, '-psk_identity', 'device', '-psk', key, '-tls1_2', '-reconnect'),
  )
  await server.waitForAccepted(6)
  assert.equal(
    program.lines.some(line => line.startsWith('Reused')),
    false,
  )
  program.kill()
})

test('psk_hint: the key is asked for at each handshake; one that is gone is refused at once', async t => {
  const server = await start(t)
  server.presharedKeys.delete('device')
  await refused(t, server, '-psk_identity', 'device', '-psk', key, '-tls1_2')
  await server.waitForLine(/no pre-shared key for identity 'device'/)
})

test('psk_hint: plain MQTT is not TLS', async t => {
  const server = await start(t)
  const client = await server.connect(t)
  client.write(hex`10 0D 00 04 'MQTT' 04 02 00 3C 00 01 'a'`)
  await once(client.resume(), 'close')
  await server.waitForLine(/TLS handshake failed: what came is not TLS\.$/)
  assert.equal(server.accepted.length, 0)
})
