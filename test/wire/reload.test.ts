// SIGHUP as a transaction (mosquitto.conf §2 as improved; features A9, B12, F10, C15): a fault anywhere changes nothing and
// is told with its place; otherwise everything holds at once, and only those are dropped whom the new rules exclude.

import assert from 'node:assert/strict'
import { copyFile, readFile, rename, rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { type ThrowawayPki, throwawayPki } from '../support/authority.ts'
import { type BrokerProcess, startBroker } from '../support/broker-process.ts'
import { type ConnectFields, connectBytes, publishBytes } from '../support/packet-bytes.ts'
import { passwordLines } from '../support/password-lines.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import {
  dial,
  drain,
  expectConnectRefused,
  join,
  lasting,
  leave,
  publish,
  startWireBroker,
  subscribe,
  unique,
  type WireBroker,
} from '../support/wire-broker.ts'

const versions = [4, 5] as const
const notAuthorized = 0x87

/** The outcome of a reload is told at once: by the time a line is out, all of it has happened. */
const accepted = /: Reloading config\.$/
const refused = /: Error: Nothing was reloaded; the configuration that was running goes on\.$/

const alice = { username: 'alice', password: 'a-secret' }
const bob = { username: 'bob', password: 'b-secret' }
const users = (...named: readonly { username: string; password: string }[]) =>
  passwordLines(Object.fromEntries(named.map(({ username, password }) => [username, password])))

async function reload(broker: WireBroker, options: string, outcome = accepted): Promise<readonly string[]> {
  const { process, port } = broker
  await process.writeConfig(`listener ${port} 127.0.0.1\n${options}\n`)
  return signal(process, outcome)
}

/** @returns the lines of this reload so far */
async function signal(process: BrokerProcess, outcome = accepted): Promise<readonly string[]> {
  const from = process.lines.length
  await process.reload(outcome)
  return process.lines.slice(from).map(line => line.replace(/^\d+: /, ''))
}

/** Sends a message to itself and back: the connection is whole, and may read and write. */
async function assertServed(client: RawClient): Promise<void> {
  const topic = unique('served/')
  await subscribe(client, topic)
  client.send(publishBytes({ version: client.version, topic, payload: 'still here' }))
  assert.equal((await client.expectPublish()).payload, 'still here')
}

async function assertRefused(t: TestContext, broker: WireBroker, fields: ConnectFields): Promise<void> {
  const client = await dial(t, broker, 5)
  client.send(connectBytes({ clientId: unique('c'), ...fields }))
  await expectConnectRefused(client, notAuthorized)
}

/** What the new files hold, and how the log lines about it begin; `%` stands for the broker's directory. */
const faults: readonly {
  readonly what: string
  readonly options?: string
  readonly files?: Readonly<Record<string, string>>
  readonly lines: readonly string[]
}[] = [
  {
    what: 'an unknown option',
    options: 'allow_anonymous true\nalow_anonymous true',
    lines: ["Error: Unknown configuration variable 'alow_anonymous'.", 'Error found at %/broker.conf:3.'],
  },
  {
    what: 'a value out of range',
    options: 'allow_anonymous true\nmax_queued_messages many',
    lines: ["Error: 'max_queued_messages' value not a number.", 'Error found at %/broker.conf:3.'],
  },
  {
    what: 'a fault in an included file',
    options: 'allow_anonymous true\ninclude_dir more',
    files: { 'more/one.conf': '# fine\nmax_keepalive 70000\n' },
    lines: [
      "Error: Invalid 'max_keepalive' value (70000).",
      'Error found at more/one.conf:2.',
      'Error found at %/broker.conf:3.',
    ],
  },
  {
    what: 'a password file that is not there',
    options: 'allow_anonymous true\npassword_file gone',
    lines: ['password-file: Error: Unable to open pwfile "gone".'],
  },
  {
    what: 'a password file with a truncated hash',
    options: 'allow_anonymous true\npassword_file broken',
    files: { broken: `${users(alice)}john:$7$101$06zHuiwDelQjsNg==\n` },
    lines: ["password-file: Error: Unable to decode line in password file 'broken'.", 'Line 2: '],
  },
  {
    what: 'an ACL file with a capital in a keyword',
    options: 'allow_anonymous true\nacl_file broken',
    files: { broken: 'topic read #\n\nTopic readwrite #\n' },
    lines: ['Error: Invalid line in acl_file "broken": Topic.', 'Line 3: '],
  },
  {
    what: 'an ACL file that is not there',
    options: 'allow_anonymous true\nacl_file gone',
    lines: ['Error: Unable to open acl_file "gone".'],
  },
  {
    what: 'a log file that cannot be opened',
    options: 'allow_anonymous true\nlog_dest file no/such/directory/log',
    lines: ['Error: Unable to open log file no/such/directory/log for writing.'],
  },
]

for (const { what, options = '', files = {}, lines } of faults) {
  test(`features A9: a reload with ${what} changes nothing, says why and where, and serves on`, async t => {
    const broker = await startWireBroker(t, 'password_file passwords', { passwords: users(alice), ...files })
    const client = await join(t, broker, alice)
    const said = await reload(broker, options, refused)
    const expected = lines.map(line => line.replace('%', broker.process.dir))
    const at = said.findIndex(line => line.startsWith(expected[0]!))
    assert(at !== -1, `${expected[0]} is not among\n${said.join('\n')}`)
    for (const [index, line] of expected.entries()) {
      assert(said[at + index]?.startsWith(line), `${said[at + index]} does not begin with ${line}`)
    }
    await assertServed(client)
    await assertRefused(t, broker, {})
    await assertServed(await join(t, broker, alice))
  })
}

test('features A9: a reload of a configuration file that is gone changes nothing, and the next good one works', async t => {
  const broker = await startWireBroker(t)
  const client = await join(t, broker)
  await rm(joinPath(broker.process.dir, 'broker.conf'))
  const said = await signal(broker.process, refused)
  assert(
    said.some(line => line.startsWith('Error: Unable to open config file ') && line.includes('broker.conf')),
    said.join('\n'),
  )
  await assertServed(client)
  await reload(broker, 'allow_anonymous false')
  await client.expectDisconnect(0x98)
})

for (const version of versions) {
  test(`features B12: whoever is deleted from the password file, or has another password in it, is dropped by a reload, and nobody else, version ${version}`, async t => {
    const carol = { username: 'carol', password: 'c-secret' }
    const options = 'password_file passwords'
    const broker = await startWireBroker(t, options, { passwords: users(alice, bob, carol) })
    const { process } = broker
    const [staying, deleted, changed] = [
      await join(t, broker, { version, ...alice }),
      await join(t, broker, { ...lasting(unique('c'), version), ...bob }),
      await join(t, broker, { version, clientId: 'carols', ...carol }),
    ]
    const kept = (await readFile(joinPath(process.dir, 'passwords'), 'utf8')).split('\n')[0]
    await process.writeFile('passwords', `${kept}\n${users({ ...carol, password: 'new-secret' })}`)
    const from = process.lines.length
    await signal(process)
    await deleted.expectDisconnect(0x98)
    await changed.expectDisconnect(0x98)
    await process.waitForLine(/: Client carols \[127\.0\.0\.1:\d+\] disconnected: administrative action\.$/, from)
    await assertServed(staying)
    await assertRefused(t, broker, bob)
    await assertRefused(t, broker, carol)
    await assertServed(await join(t, broker, { ...carol, password: 'new-secret' }))
  })

  test(`conf §2 step 6: when anonymous clients are no longer allowed a reload drops them, and nobody else, version ${version}`, async t => {
    const broker = await startWireBroker(t, 'allow_anonymous true\npassword_file p', { p: users(alice) })
    const anonymous = await join(t, broker, { version })
    const named = await join(t, broker, { version, ...alice })
    await reload(broker, 'allow_anonymous false\npassword_file p')
    await anonymous.expectDisconnect(0x98)
    await assertServed(named)
    await assertRefused(t, broker, {})
    await reload(broker, 'allow_anonymous true\npassword_file p')
    await assertServed(await join(t, broker, { version }))
    await assertServed(named)
  })
}

test('conf §4: listener_allow_anonymous is applied to the clients of its own listener alone', async t => {
  const other = 'other.sock'
  const broker = await startWireBroker(t, `allow_anonymous true\nlistener 0 ${other}`)
  const { process, port } = broker
  const overTcp = await join(t, broker)
  const overSocket = await connectRaw(t, { path: joinPath(process.dir, other) })
  overSocket.send(connectBytes({ clientId: unique('c') }))
  await overSocket.expectConnack()
  await process.writeConfig(
    `allow_anonymous true\nlistener ${port} 127.0.0.1\nlistener_allow_anonymous false\nlistener 0 ${other}\n`,
  )
  await signal(process)
  await overTcp.expectDisconnect(0x98)
  await assertServed(overSocket)
})

test('features H1: a reload that demands another prefix of client ids drops those who have it not', async t => {
  const broker = await startWireBroker(t)
  const fitting = await join(t, broker, { clientId: unique('C_ID-') })
  const unfitting = await join(t, broker, { clientId: unique('D_ID-') })
  await reload(broker, 'allow_anonymous true\nclientid_prefixes C_ID-')
  await unfitting.expectDisconnect(0x98)
  await assertServed(fitting)
})

test('features F10: a changed ACL file holds for the next message, in both directions, and drops nobody', async t => {
  const broker = await startWireBroker(t, 'allow_anonymous true\nacl_file acl', { acl: 'topic readwrite #\n' })
  const { process } = broker
  const sender = await join(t, broker)
  const receiver = await join(t, broker)
  await subscribe(receiver, 'house/#')
  await publish(sender, { topic: 'house/door', qos: 1, payload: '1' })
  assert.equal((await receiver.expectPublish()).payload, '1')

  await process.writeFile('acl', 'topic write house/door\ntopic readwrite house/hall\n')
  await signal(process)
  await publish(sender, { topic: 'house/door', qos: 1, payload: 'may not be read' })
  await receiver.expectNothing()
  sender.send(publishBytes({ topic: 'house/window', qos: 1, packetId: 7, payload: 'may not be written' }))
  const { reasonCode } = await sender.expectAcknowledgement('PUBACK')
  assert.equal(reasonCode, notAuthorized)
  await publish(sender, { topic: 'house/hall', qos: 1, payload: '2' })
  assert.equal((await receiver.expectPublish()).payload, '2')

  await process.writeFile('acl', 'topic readwrite #\n')
  await signal(process)
  await publish(sender, { topic: 'house/window', qos: 1, payload: '3' })
  assert.equal((await receiver.expectPublish()).payload, '3')
})

test('features F10: what waits for a client that may no longer read it is not sent', async t => {
  const acl = 'topic readwrite secret\ntopic readwrite open\n'
  const broker = await startWireBroker(t, 'allow_anonymous true\nacl_file acl\nmax_inflight_messages 1', { acl })
  const slow = await join(t, broker)
  const sender = await join(t, broker)
  await subscribe(slow, 'secret')
  await subscribe(slow, 'open')
  for (const topic of ['open', 'secret', 'open']) await publish(sender, { topic, qos: 1, payload: topic })
  const first = await slow.expectPublish()
  await broker.process.writeFile('acl', 'topic readwrite open\n')
  await signal(broker.process)
  slow.send(Uint8Array.of(0x40, 2, 0, first.packetId))
  assert.equal((await slow.expectPublish()).payload, 'open')
})

test('features F10: a changed ACL file holds at once for a session whose client is away', async t => {
  const broker = await startWireBroker(t, 'allow_anonymous true\nacl_file acl', { acl: 'topic readwrite old\n' })
  const sender = await join(t, broker)
  const away = lasting(unique('c'))
  const first = await join(t, broker, away)
  await subscribe(first, 'old')
  await subscribe(first, 'new')
  await leave(first)
  await broker.process.writeFile('acl', 'topic readwrite new\ntopic write old\n')
  await signal(broker.process)
  await publish(sender, { topic: 'old', qos: 1, payload: 'no longer' })
  await publish(sender, { topic: 'new', qos: 1, payload: 'from now on' })
  const again = await join(t, broker, away)
  assert.deepEqual(
    (await drain(again)).map(({ payload }) => payload),
    ['from now on'],
  )
})

test('features F10: a will goes out by the rules that are in force when it is due', async t => {
  const broker = await startWireBroker(t, 'acl_file acl\npassword_file passwords', {
    acl: 'user alice\ntopic readwrite #\nuser bob\ntopic read #\n',
    passwords: users(alice, bob),
  })
  const { process } = broker
  const watcher = await join(t, broker, bob)
  await subscribe(watcher, 'will/#')
  const will = { topic: 'will/of/alice', payload: 'no longer hers to say' }
  const excluded = await join(t, broker, { ...alice, will })
  await process.writeFile(
    'passwords',
    `${(await readFile(joinPath(process.dir, 'passwords'), 'utf8')).split('\n')[1]}\n`,
  )
  await process.writeFile('acl', 'user bob\ntopic read #\n')
  await signal(process)
  await excluded.expectDisconnect(0x98)
  await watcher.expectNothing()
})

test('conf §2: limits that are documented as live hold for the connections that are there', async t => {
  const broker = await startWireBroker(t)
  const client = await join(t, broker)
  await subscribe(client, 'one')
  await reload(broker, 'allow_anonymous true\nmax_subscriptions_per_client 1\nmessage_size_limit 3')
  client.send('82 09 00 01 00 00 03', Buffer.from('two'), '00')
  assert.deepEqual((await client.expectSuback()).reasonCodes, [0x97])
  client.send(publishBytes({ topic: 'one', qos: 1, payload: 'four' }))
  assert.equal((await client.expectAcknowledgement('PUBACK')).reasonCode, 0x83)
})

/** `Throttle`'s first step, less what clocks may differ by. */
const firstDelayMs = 240

test('features H4: max_takeovers can be changed by a reload', async t => {
  const broker = await startWireBroker(t)
  await reload(broker, 'allow_anonymous true\nmax_takeovers 0')
  const clientId = unique('c')
  const [first, second] = [await join(t, broker, { clientId }), await join(t, broker, { clientId })]
  await first.expectDisconnect(0x8e)
  const begun = performance.now()
  await join(t, broker, { clientId })
  await second.expectDisconnect(0x8e)
  assert(performance.now() - begun >= firstDelayMs, 'the second takeover waits')
})

test('conf §2 step 3: a listener that appears or goes away is refused in Mosquitto’s words, and nothing else of the file counts', async t => {
  const broker = await startWireBroker(t)
  const { process, port } = broker
  const moved = 'Error: It is not currently possible to add/remove listeners when reloading the config file.'
  const client = await join(t, broker)
  await process.writeConfig(`listener ${port} 127.0.0.1\nlistener 0 new.sock\nallow_anonymous false\n`)
  assert((await signal(process, refused)).includes(moved))
  await process.writeConfig('listener 0 new.sock\nallow_anonymous false\n')
  assert((await signal(process, refused)).includes(moved))
  await assertServed(client)
  await assertServed(await join(t, broker))
})

for (const [option, changed] of [
  ['pid_file', 'pid_file broker.pid'],
  ['user', 'user nobody'],
  ['listener %: socket_domain', 'socket_domain ipv4'],
] as const) {
  test(`conf §2: a reload that brings '${changed}' is refused, naming the option`, async t => {
    const broker = await startWireBroker(t)
    const client = await join(t, broker)
    const said = await reload(broker, `${changed}\nallow_anonymous false`, refused)
    const name = option.replace('%', `${broker.port} 127.0.0.1`)
    const line = `Error: The '${name}' option cannot be changed while the broker runs; restart it instead.`
    assert(said.includes(line), said.join('\n'))
    await assertServed(client)
    await assertServed(await join(t, broker))
  })
}

test('conf §2 step 7: a log file that was moved away is made anew, and log_type and log_dest are taken over', async t => {
  const broker = await startWireBroker(t, 'allow_anonymous true\nlog_dest stderr\nlog_dest file broker.log')
  const { process } = broker
  const file = joinPath(process.dir, 'broker.log')
  await join(t, broker, { clientId: 'before' })
  await process.waitForLine(/as before/)
  await rename(file, `${file}.1`)
  await signal(process)
  await join(t, broker, { clientId: 'after' })
  await process.waitForLine(/as after/)
  await reload(broker, 'allow_anonymous true\nlog_type error')
  await process.stop()
  const [old, fresh] = [await readFile(`${file}.1`, 'utf8'), await readFile(file, 'utf8')]
  assert.match(old, /as before/)
  assert.doesNotMatch(old, /as after/)
  assert.match(fresh, /as after/)
  assert.doesNotMatch(process.lines.join('\n'), /terminating/)
})

test('conf §2: a broker without a configuration file takes SIGHUP and goes on', async t => {
  const process = await startBroker(t, { args: ({ port }) => ['-p', `${port}`] })
  const broker = { process, port: process.port }
  const client = await join(t, broker)
  await signal(process)
  await assertServed(client)
})

// TLS

const mutual = 'certfile server.crt\nkeyfile server.key\ncafile ca.crt\nrequire_certificate true\nallow_anonymous true'

async function startTls(t: TestContext, pki: ThrowawayPki): Promise<WireBroker> {
  const read = (path: string) => readFile(path, 'utf8')
  return startWireBroker(t, mutual, {
    'server.crt': await read(pki.server.cert),
    'server.key': await read(pki.server.key),
    'ca.crt': await read(pki.authority.ca.cert),
  })
}

interface TlsClient {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly session?: Buffer
}

async function joinTls(t: TestContext, broker: WireBroker, tls: TlsClient): Promise<RawClient> {
  const client = await connectRaw(t, { port: broker.port, tls })
  const socket = client.socket as TLSSocket
  socket.on('session', ticket => tickets.set(socket, ticket))
  client.send(connectBytes({ clientId: unique('c') }))
  assert.equal((await client.expectConnack()).reasonCode, 0)
  return client
}

/** The last session ticket of each TLS 1.3 connection, which comes behind the handshake. */
const tickets = new WeakMap<object, Buffer>()

const serialOf = (client: RawClient) => (client.socket as TLSSocket).getPeerCertificate().serialNumber

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`features C15: a new server certificate is shown from the next handshake on, and drops no session (${maxVersion})`, async t => {
    const pki = await throwawayPki()
    const broker = await startTls(t, pki)
    const { dir } = broker.process
    const tls = {
      ca: await readFile(pki.authority.ca.cert),
      cert: await readFile(pki.client.cert),
      key: await readFile(pki.client.key),
      maxVersion,
    }
    const before = await joinTls(t, broker, tls)
    const renewed = await pki.authority.issueServer()
    await copyFile(renewed.cert, joinPath(dir, 'server.crt'))
    const said = await signal(broker.process, refused)
    assert(said.includes('Error: Unable to load server key file "server.key". Check keyfile.'), said.join('\n'))
    assert.equal(serialOf(await joinTls(t, broker, tls)), serialOf(before))
    await copyFile(renewed.key, joinPath(dir, 'server.key'))
    await signal(broker.process)
    await assertServed(before)
    const after = await joinTls(t, broker, tls)
    assert.notEqual(serialOf(after), serialOf(before))
    await assertServed(after)
  })

  test(`conf §2 step 4: another cafile holds from the next handshake on, for resumed TLS sessions too (${maxVersion})`, async t => {
    const pki = await throwawayPki()
    const broker = await startTls(t, pki)
    const shared = { ca: await readFile(pki.authority.ca.cert), maxVersion }
    const [trusted, stranger] = [
      { ...shared, cert: await readFile(pki.client.cert), key: await readFile(pki.client.key) },
      { ...shared, cert: await readFile(pki.strangersClient.cert), key: await readFile(pki.strangersClient.key) },
    ]
    await assert.rejects(joinTls(t, broker, stranger))
    const before = await joinTls(t, broker, trusted)
    const session = maxVersion === 'TLSv1.2' ? (before.socket as TLSSocket).getSession() : tickets.get(before.socket)
    assert(session, 'the broker gives session tickets')
    const resumed = await joinTls(t, broker, { ...trusted, session })
    assert.equal((resumed.socket as TLSSocket).isSessionReused(), true)

    await copyFile(pki.stranger.ca.cert, joinPath(broker.process.dir, 'ca.crt'))
    await signal(broker.process)
    await assert.rejects(joinTls(t, broker, { ...trusted, session }))
    await assert.rejects(joinTls(t, broker, trusted))
    await assertServed(await joinTls(t, broker, stranger))
    // Who is there already is not trusted any more either.
    await before.expectDisconnect(notAuthorized)
  })
}

test('conf §2: a listener cannot be switched between TLS and plain by a reload', async t => {
  const pki = await throwawayPki()
  const broker = await startTls(t, pki)
  const said = await reload(broker, 'allow_anonymous true', refused)
  assert(
    said.some(line => /TLS and plain/.test(line)),
    said.join('\n'),
  )
})
