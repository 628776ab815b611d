// The command lines of the guides, run with Debian's clients against both brokers with the same files.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type BrokerProcess, both } from '../support/broker-process.ts'
import { runTool } from '../support/clients.ts'
import { runProgram } from '../support/line-process.ts'
import { articleFiles, moved } from './articles.ts'
import { type BrokerPair, sameOutcome, startPair } from './same-outcome.ts'

const listenerOfGuide = `listener 8883
cafile /etc/mosquitto/certs/ca.crt
certfile /etc/mosquitto/certs/hostname.crt
keyfile /etc/mosquitto/certs/hostname.key
`
const withPasswords = `allow_anonymous false\npassword_file /etc/mosquitto/passwd_mqtt\n${listenerOfGuide}`
const withCertificates = `${listenerOfGuide}require_certificate true\nuse_identity_as_username true\n`

const sentMessage = [
  'Client c sending CONNECT',
  'Client c received CONNACK (0)',
  "Client c sending PUBLISH (d0, q0, r0, m1, 'test', ... (7 bytes))",
  'Client c sending DISCONNECT',
]

interface Stage {
  readonly pair: BrokerPair
  /** `--cafile`, `-h` and what else the guide types on every line. */
  readonly common: readonly string[]
  readonly certs: string
}

async function stage(t: TestContext, block: string): Promise<Stage> {
  const files = await articleFiles(t)
  const pair = await startPair(t, { config: ({ port }) => moved(block, files, port) })
  return {
    pair,
    common: ['--cafile', join(files.certs, 'ca.crt'), '-h', 'localhost', '-d', '-i', 'c'],
    certs: files.certs,
  }
}

const message = ['-t', 'test', '-m', 'message']

test('features B1: an anonymous client is refused, and told so', async t => {
  const { pair, common } = await stage(t, withPasswords)
  const { code, stdout, stderr } = await sameOutcome(t, pair, 'mosquitto_pub', [...common, ...message])
  assert.equal(code, 5)
  assert.deepEqual(stdout.slice(0, 2), ['Client c sending CONNECT', 'Client c received CONNACK (5)'])
  assert.deepEqual(stderr, [
    'Connection error: Connection Refused: not authorised.',
    'Error: The connection was refused.',
  ])
})

test('features B11: the right password publishes; a wrong one and an unknown user look the same', async t => {
  const { pair, common } = await stage(t, withPasswords)
  const as = (user: string, password: string) =>
    sameOutcome(t, pair, 'mosquitto_pub', [...common, ...message, '-u', user, '-P', password])
  assert.deepEqual(await as('user1', 'secret'), { code: 0, stdout: sentMessage, stderr: [] })
  const wrong = await as('user1', 'Secret')
  assert.equal(wrong.code, 5)
  assert.deepEqual(await as('nobody', 'secret'), wrong)
})

test('features J4: $SYS/broker/bytes shows two numbers to an authenticated client', async t => {
  const files = await articleFiles(t)
  const block = `${withPasswords}\nsys_interval 1\n`
  const pair = await startPair(t, { config: ({ port }) => moved(block, files, port) })
  for (const kind of both) {
    const args = ['-t', '$SYS/broker/bytes/#', '-v', '--cafile', join(files.certs, 'ca.crt'), '-h', 'localhost']
    const who = ['-u', 'user1', '-P', 'secret', '-C', '2', '-W', '10', '-p', String(pair[kind].port)]
    const { code, stdout } = await runTool(t, 'mosquitto_sub', [...args, ...who])
    assert.equal(code, 0, kind)
    const lines = stdout.toSorted()
    assert.match(lines[0]!, /^\$SYS\/broker\/bytes\/received \d+$/, kind)
    assert.match(lines[1]!, /^\$SYS\/broker\/bytes\/sent \d+$/, kind)
  }
})

test('features C3: where certificates are demanded, user and password do not help', async t => {
  const { pair, common } = await stage(t, withCertificates)
  for (const kind of both) {
    await expectTlsRefusal(t, pair[kind], [...common, ...message, '-u', 'user1', '-P', 'secret'])
    await pair[kind].waitForLine(/OpenSSL Error.*peer did not return a certificate/)
  }
})

test('features C4: a certificate of another authority is refused', async t => {
  const { pair, common, certs } = await stage(t, withCertificates)
  for (const kind of both) {
    const stranger = ['--cert', join(certs, 'stranger.crt'), '--key', join(certs, 'stranger.key')]
    await expectTlsRefusal(t, pair[kind], [...common, ...message, ...stranger])
    await pair[kind].waitForLine(/OpenSSL Error.*certificate verify failed/)
  }
})

// With TLS 1.3 the client believes in the connection before the broker has looked at its certificate (features C3): which
// of these it meets first is a matter of time.
const tlsRefusals: ReadonlyMap<number | null, string> = new Map([
  [1, 'a protocol error'],
  [7, 'the connection was lost'],
  [8, 'a TLS error'],
  [14, "the system's error for a connection that was reset while it wrote to it"],
])

async function expectTlsRefusal(t: TestContext, broker: BrokerProcess, args: readonly string[]): Promise<void> {
  const { code, stdout } = await runTool(t, 'mosquitto_pub', [...args, '-p', String(broker.port)])
  assert(tlsRefusals.has(code), `exit code ${code}`)
  assert(!stdout.some(line => line.includes('CONNACK')), stdout.join('\n'))
  assert(!broker.lines.some(line => line.includes('New client connected')), broker.kind)
}

test('features C5, J1: the CN of the certificate is the user name, as the log shows', async t => {
  const { pair, common, certs } = await stage(t, withCertificates)
  const own = ['--cert', join(certs, 'user1.crt'), '--key', join(certs, 'user1.key')]
  const outcome = await sameOutcome(t, pair, 'mosquitto_pub', [...common, ...message, ...own])
  assert.deepEqual(outcome, { code: 0, stdout: sentMessage, stderr: [] })
  // A user name in CONNECT changes nothing.
  await sameOutcome(t, pair, 'mosquitto_pub', [...common, ...message, ...own, '-u', 'somebody', '-P', 'else'])
  for (const kind of both) assert.equal((await loggedAs(pair[kind], 'c', 'user1', 2)).length, 2)
  await pair.castellan.waitForLine(/Client c negotiated TLSv1\.3 cipher TLS_AES_256_GCM_SHA384$/) // since 2.1
})

test("features C5, J1: the certificate made on the command line logs in as u'demo-client'", async t => {
  const files = await articleFiles(t)
  const block =
    'listener 8883\nrequire_certificate true\nuse_identity_as_username true\ncafile /certs/my-ca.crt\ncertfile /certs/tls.crt\nkeyfile /certs/tls.key'
  const pair = await startPair(t, { config: ({ port }) => moved(block, files, port) })
  const certificate = ['--cafile', join(files.certs, 'my-ca.crt'), '--cert', join(files.certs, 'demo-client.crt')]
  const key = ['--key', join(files.certs, 'demo-client-key.pem')]
  const command = ['-h', 'localhost', '-t', 'DemoTopic', '-m', 'Hello', '-i', 'demo-id', ...certificate, ...key]
  assert.deepEqual(await sameOutcome(t, pair, 'mosquitto_pub', command), { code: 0, stdout: [], stderr: [] })
  for (const kind of both) await loggedAs(pair[kind], 'demo-id', 'demo-client', 1)
})

/** Waits for that many lines about the connection; `p4` is MQTT 3.1.1, which was `p2` until 2.1. */
async function loggedAs(broker: BrokerProcess, clientId: string, user: string, times: number): Promise<string[]> {
  const version = { castellan: 4, mosquitto: 2 }[broker.kind]
  const pattern = new RegExp(`New client connected from .* as ${clientId} \\(p${version}, c1, k60, u'${user}'\\)\\.$`)
  for (let from = 0; ; ) {
    const [text] = await broker.waitForLine(pattern, from)
    from = broker.lines.findIndex((line, index) => index >= from && line.endsWith(text)) + 1
    const found = broker.lines.filter(line => pattern.test(line))
    if (found.length >= times) return found
  }
}

test('features H1: a client id without the prefix is refused before its password is looked at', async t => {
  const { pair, common } = await stage(t, `clientid_prefixes C_ID-\n${withPasswords}`)
  const as = (clientId: string, password: string) => {
    const login = ['-u', 'user1', '-P', password]
    return sameOutcome(t, pair, 'mosquitto_pub', [...common, ...message, ...login, '-i', clientId])
  }
  assert.equal((await as('C_ID-Client01', 'secret')).code, 0)
  assert.equal((await as('Client01', 'secret')).code, 5)
  assert.equal((await as('C_ID_Client01', 'secret')).code, 5, "the guide's own example lacks the dash")
})

const rules = `topic readwrite public/all

user demo-client
topic readwrite private/mytopic

pattern readwrite users/%u/mytopic
`

/** Accepted, and nobody is subscribed. */
const noSubscriber = /RC:16\)$/

/** Who may publish and receive where; the guide says otherwise of `public/all` (features F2). */
const access: readonly (readonly [user: string | undefined, topic: string, allowed: boolean])[] = [
  ['demo-client', 'private/mytopic', true],
  ['demo-client', 'users/demo-client/mytopic', true],
  ['demo-client', 'users/another-demo-client/mytopic', false],
  ['demo-client', 'public/all', false],
  ['user1', 'users/user1/mytopic', true],
  ['user1', 'private/mytopic', false],
  ['user1', 'public/all', false],
  [undefined, 'public/all', true],
  [undefined, 'private/mytopic', false],
]

test('features F1 to F4: the rules of the guide, for each user and topic', async t => {
  const files = await articleFiles(t)
  await writeFile(join(files.dir, 'acl-file'), rules)
  const block =
    'listener 8883 127.0.0.1\nallow_anonymous true\npassword_file /path/to/guide-users\nacl_file /path/to/acl-file'
  for (const [flags, user] of [
    ['-c -b', 'demo-client'],
    ['-b', 'user1'],
  ] as const) {
    const args = [...flags.split(' '), join(files.dir, 'guide-users'), user, 'secret']
    assert.equal((await runProgram(t, 'mosquitto_passwd', args)).ended?.code, 0)
  }
  const pair = await startPair(t, { config: ({ port }) => moved(block, files, port) })
  for (const [user, topic, allowed] of access) {
    const login = ['-h', '127.0.0.1', ...(user ? ['-u', user, '-P', 'secret'] : [])]
    // MQTT 5 tells a publisher at QoS 1 that it may not: reason code 0x87.
    const told = await sameOutcome(t, pair, 'mosquitto_pub', [
      ...login,
      '-V',
      '5',
      '-q',
      '1',
      '-t',
      topic,
      '-m',
      'm',
      '-d',
    ])
    const rc = told.stdout.find(line => line.includes('PUBACK'))
    assert.match(rc ?? '', allowed ? noSubscriber : /RC:135\)$/, `${user} ${topic}`)
  }
})
