// The ways of our clients to a broker, beside Debian's where it has them: TLS, certificates, pre-shared keys, unix sockets,
// WebSockets, a proxy.

import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { throwawayPki } from '../support/authority.ts'
import { type BrokerProcess, startBroker, startMosquitto } from '../support/broker-process.ts'
import { passwordLines } from '../support/password-lines.ts'
import { startSocksProxy } from '../support/socks-proxy.ts'
import { assertSame, type Left, runDebian, runOurs } from './client-tools.ts'

const message = ['-t', 'way', '-q', '1', '-m', 'x', '-d', '-i', 'way']
const key = '0102030405060708090a0b0c0d0e0f10'

async function same(args: readonly string[]): Promise<Left> {
  const call = { tool: 'mosquitto_pub', args } as const
  const debian = await runDebian(call)
  const ours = await runOurs(call)
  assertSame(ours, debian, args.join(' '))
  return ours
}

/** Nothing is sent; of Debian's tool it is a matter of time whether it ends with 1 or with 8. */
async function tlsFails(args: readonly string[], reason: RegExp): Promise<void> {
  const call = { tool: 'mosquitto_pub', args } as const
  const debian = await runDebian(call)
  assert.ok(debian.code === 1 || debian.code === 8, debian.words)
  const ours = await runOurs(call)
  assert.deepEqual([ours.code, ours.stdout], [8, ''])
  assert.match(ours.words, /^Error: A TLS error occurred\. \(.+\)\n$/)
  assert.match(ours.words, reason)
}

/** Publishes with a retained flag, and reads it back: both ways of the connection work. */
async function roundTrip(args: readonly string[]): Promise<void> {
  const sent = await runOurs({ tool: 'mosquitto_pub', args: [...args, '-t', 'way', '-r', '-q', '2', '-m', 'there'] })
  assert.deepEqual([sent.code, sent.words], [0, ''])
  const got = await runOurs({ tool: 'mosquitto_sub', args: [...args, '-t', 'way', '-q', '2', '-C', '1', '-v'] })
  assert.deepEqual([got.code, got.stdout, got.words], [0, 'way there\n', ''])
}

async function secureBroker(t: TestContext, lines: readonly string[] = []): Promise<BrokerProcess> {
  const { server, authority } = await throwawayPki()
  return startMosquitto(t, {
    config: ({ port }) =>
      [
        `listener ${port} 127.0.0.1`,
        `certfile ${server.cert}\nkeyfile ${server.key}\ncafile ${authority.ca.cert}\nallow_anonymous true`,
        ...lines,
      ].join('\n'),
  })
}

test('features D1: TLS with an authority of our own, by address and by name, and refused for a stranger', async t => {
  const { authority } = await throwawayPki()
  const { port } = await secureBroker(t)
  const cafile = ['--cafile', authority.ca.cert]
  for (const host of ['127.0.0.1', 'localhost']) {
    assert.equal((await same(['-h', host, '-p', String(port), ...cafile, ...message])).code, 0)
  }
  await roundTrip(['-p', String(port), ...cafile, '--tls-version', 'tlsv1.3'])
  await roundTrip(['-p', String(port), ...cafile, '--tls-version', 'tlsv1.2', '--tls-alpn', 'mqtt'])
  const stranger = ['-h', '127.0.0.1', '-p', String(port), '--tls-use-os-certs', ...message]
  await tlsFails(stranger, /self-signed certificate/)
  const plain = await same(['-h', '127.0.0.1', '-p', String(port), ...message])
  assert.equal(plain.code, 7)
})

test('features D1: a certificate of another name is refused, and taken with --insecure', async t => {
  const { authority } = await throwawayPki()
  const elsewhere = await authority.issue({ subject: 'elsewhere', extensions: ['subjectAltName=DNS:elsewhere'] })
  const { port } = await startMosquitto(t, {
    config: place =>
      `listener ${place.port} 127.0.0.1\ncertfile ${elsewhere.cert}\nkeyfile ${elsewhere.key}\nallow_anonymous true`,
  })
  const args = ['-h', '127.0.0.1', '-p', String(port), '--cafile', authority.ca.cert, ...message]
  await tlsFails(args, /IP: 127\.0\.0\.1 is not in the cert's list/)
  assert.equal((await same([...args, '--insecure'])).code, 0)
})

test('features C1: a client certificate is shown', async t => {
  const { authority } = await throwawayPki()
  const { port } = await secureBroker(t, ['require_certificate true', 'use_identity_as_username true'])
  const client = await authority.issueClient('gauge')
  const args = ['-h', '127.0.0.1', '-p', String(port), '--cafile', authority.ca.cert]
  assert.equal((await same([...args, '--cert', client.cert, '--key', client.key, ...message])).code, 0)
  assert.notEqual((await runOurs({ tool: 'mosquitto_pub', args: [...args, ...message] })).code, 0)
})

test('features C10: a pre-shared key, and a wrong one', async t => {
  const { port } = await startMosquitto(t, {
    config: ({ port: free, dir }) =>
      `listener ${free} 127.0.0.1\npsk_hint h\npsk_file ${dir}/psk\nallow_anonymous true`,
    files: { psk: `device:${key}\n` },
  })
  const as = (psk: string) => ['-h', '127.0.0.1', '-p', String(port), '--psk-identity', 'device', '--psk', psk]
  assert.equal((await same([...as(key), ...message])).code, 0)
  await tlsFails([...as('ff'), ...message], /bad record mac/)
  await roundTrip(as(key))
})

test('cli 5: --unix goes to a socket of this machine', async t => {
  const path = (dir: string) => join(dir, 'mqtt.sock')
  const broker = await startMosquitto(t, {
    config: ({ dir }) => `listener 0 ${path(dir)}\nallow_anonymous true`,
  })
  assert.equal((await same(['--unix', path(broker.dir), ...message])).code, 0)
  await roundTrip(['--unix', path(broker.dir)])
})

test('cli 5: --ws, ws:// and wss:// speak WebSockets', async t => {
  const { server, authority } = await throwawayPki()
  const plain = await startBroker(t, {
    config: ({ port }) => `listener ${port} 127.0.0.1\nprotocol websockets\nallow_anonymous true`,
  })
  await roundTrip(['-h', '127.0.0.1', '-p', String(plain.port), '--ws'])
  await roundTrip(['-L', `ws://127.0.0.1:${plain.port}/way`])
  const secure = await startBroker(t, {
    config: ({ port }) =>
      `listener ${port} 127.0.0.1\nprotocol websockets\ncertfile ${server.cert}\nkeyfile ${server.key}\nallow_anonymous true`,
  })
  await roundTrip(['-L', `wss://localhost:${secure.port}/way`, '--cafile', authority.ca.cert])
  const large = await runOurs({
    tool: 'mosquitto_pub',
    args: ['-h', '127.0.0.1', '-p', String(plain.port), '--ws', '-q', '1', '-t', 'way', '-s'],
    input: Buffer.alloc(300_000, 'x'),
  })
  assert.equal(large.code, 0, large.words)
  const none = await startBroker(t, { config: ({ port }) => `listener ${port} 127.0.0.1\nallow_anonymous true` })
  const refused = await runOurs({
    tool: 'mosquitto_pub',
    args: ['-h', '127.0.0.1', '-p', String(none.port), '--ws', ...message],
  })
  assert.deepEqual([refused.code, refused.words], [1, 'Error: No WebSocket is served there.\n'])
})

test('cli 5: --proxy goes through SOCKS5, with and without a login, and the proxy resolves names', async t => {
  const { authority } = await throwawayPki()
  const broker = await startMosquitto(t, { config: ({ port }) => `listener ${port} 127.0.0.1\nallow_anonymous true` })
  const open = await startSocksProxy(t)
  const via = (proxy: string, host = '127.0.0.1') => ['--proxy', proxy, '-h', host, '-p', String(broker.port)]
  assert.equal((await same([...via(`socks5h://127.0.0.1:${open.port}`, 'localhost'), ...message])).code, 0)
  assert.deepEqual(open.asked, Array(2).fill(`localhost:${broker.port}`))
  const closed = await startSocksProxy(t, { login: { username: 'us:er', password: 'pa%ss' } })
  const login = (words: string) => via(`socks5h://${words}@127.0.0.1:${closed.port}`)
  await roundTrip(login('us%3Aer:pa%25ss'))
  const { code, words } = await runOurs({ tool: 'mosquitto_pub', args: [...login('us%3Aer:wrong'), ...message] })
  assert.deepEqual([code, words], [16, 'Error: The proxy does not accept the username and password.\n'])
  const secure = await secureBroker(t)
  await roundTrip([
    ...['--proxy', `socks5h://127.0.0.1:${open.port}`, '-h', 'localhost', '-p', String(secure.port)],
    ...['--cafile', authority.ca.cert],
  ])
})

test('cli 5: a proxy that refuses is told in words', async t => {
  const refusing = await startSocksProxy(t, { reply: 2 })
  const args = ['--proxy', `socks5h://127.0.0.1:${refusing.port}`, '-h', '127.0.0.1', '-p', '1883', ...message]
  const { code, words } = await runOurs({ tool: 'mosquitto_pub', args })
  assert.deepEqual([code, words], [16, 'Error: The proxy cannot connect: its rules forbid it.\n'])
})

test('cli 5: --tls-keylog writes the secrets for its owner alone', async t => {
  const { authority } = await throwawayPki()
  const { port, dir } = await secureBroker(t)
  const file = join(dir, 'keys')
  const args = ['-h', '127.0.0.1', '-p', String(port), '--cafile', authority.ca.cert, '--tls-keylog', file, ...message]
  assert.equal((await runOurs({ tool: 'mosquitto_pub', args })).code, 0)
  assert.match(await readFile(file, 'utf8'), /^CLIENT_HANDSHAKE_TRAFFIC_SECRET [0-9a-f]{64} /m)
})

test('cli 5: a password from a file, the environment and standard input is the one of the command line', async t => {
  const broker = await startMosquitto(t, {
    config: ({ port, dir }) => `listener ${port} 127.0.0.1\nallow_anonymous false\npassword_file ${dir}/pw`,
    files: { pw: passwordLines({ alice: 'wonderland' }) },
  })
  const file = join(broker.dir, 'secret')
  await writeFile(file, 'wonderland\n')
  t.after(() => rm(file, { force: true }))
  const args = ['-h', '127.0.0.1', '-p', String(broker.port), '-u', 'alice', '-t', 'way', '-q', '1', '-m', 'x']
  const ways = [
    runOurs({ tool: 'mosquitto_pub', args: [...args, '-P', 'wonderland'] }),
    runOurs({ tool: 'mosquitto_pub', args: [...args, '--password-file', file] }),
    runOurs({ tool: 'mosquitto_pub', args: [...args, '--password-env', 'SECRET'], env: { SECRET: 'wonderland' } }),
    runOurs({ tool: 'mosquitto_pub', args: [...args, '--password-stdin'], input: 'wonderland\n' }),
  ]
  for (const { code, words } of await Promise.all(ways)) assert.deepEqual([code, words], [0, ''])
  const wrong = await runOurs({
    tool: 'mosquitto_pub',
    args: [...args, '--password-env', 'SECRET'],
    env: { SECRET: 'x' },
  })
  assert.equal(wrong.code, 5)
})
