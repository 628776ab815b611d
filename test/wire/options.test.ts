// What options of mosquitto.conf do, one after the other, seen from the wire: those that no other test of the real program shows.

import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import { throwawayPki } from '../support/authority.ts'
import { runBroker, startBroker } from '../support/broker-process.ts'
import { freePort } from '../support/free-port.ts'
import { connectBytes, publishBytes, subscribeBytes, type Version } from '../support/packet-bytes.ts'
import { passwordLines } from '../support/password-lines.ts'
import { property } from '../support/property-bytes.ts'
import { connectRaw } from '../support/raw-client.ts'
import {
  dial,
  drain,
  join,
  joinWithConnack,
  lasting,
  leave,
  publish,
  startWireBroker,
  subscribe,
  timePasses,
  unique,
  type WireBroker,
} from '../support/wire-broker.ts'

const open = 'allow_anonymous true'
const pw = passwordLines({ user: 'secret', other: 'secret' })
const user = { username: 'user', password: 'secret' }

/** The reason code of a CONNECT that is refused. */
async function refusal(
  t: TestContext,
  broker: WireBroker,
  fields: Parameters<typeof connectBytes>[0],
): Promise<number> {
  const client = await dial(t, broker, fields.version)
  client.send(connectBytes({ clientId: unique('c'), ...fields }))
  const { reasonCode } = await client.expectConnack()
  await client.expectClosed()
  return reasonCode
}

test('mosquitto-conf 3 allow_duplicate_messages: overlapping subscriptions bring one copy each, or one for all', async t => {
  for (const [value, copies] of [
    ['true', 2],
    ['false', 1],
  ] as const) {
    const broker = await startWireBroker(t, `${open}\nallow_duplicate_messages ${value}`)
    const client = await join(t, broker, { version: 4 })
    await subscribe(client, [
      { filter: 'a/#', qos: 0 },
      { filter: 'a/+', qos: 0 },
    ])
    await publish(await join(t, broker), { topic: 'a/b' })
    assert.equal((await drain(client)).length, copies, value)
  }
})

test('mosquitto-conf 3 allow_zero_length_clientid: an empty client id is given one, or refused', async t => {
  const lenient = await startWireBroker(t, open)
  await join(t, lenient, { clientId: '' })
  const strict = await startWireBroker(t, `${open}\nallow_zero_length_clientid false`)
  assert.equal(await refusal(t, strict, { clientId: '' }), 0x85)
  assert.equal(await refusal(t, strict, { clientId: '', version: 4 }), 2)
})

test('mosquitto-conf 3 auto_id_prefix, mosquitto-conf 4 listener_auto_id_prefix: how client ids begin that are made up', async t => {
  const assigned = async (lines: string) => {
    const broker = await startWireBroker(t, lines)
    const { connack } = await joinWithConnack(t, broker, { clientId: '' })
    const [, value] = connack.properties.find(([name]) => name === 'assignedClientIdentifier') ?? []
    return String(value)
  }
  const uuid = '[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}'
  assert.match(await assigned(open), new RegExp(`^auto-${uuid}$`))
  assert.match(await assigned(`${open}\nauto_id_prefix all-`), new RegExp(`^all-${uuid}$`))
  assert.match(
    await assigned(`${open}\nauto_id_prefix all-\nlistener_auto_id_prefix one-`),
    new RegExp(`^one-${uuid}$`),
  )
})

test('mosquitto-conf 3 check_retain_source: a retained message goes while its publisher may write it, or whatever became of that', async t => {
  for (const [value, count] of [
    ['true', 0],
    ['false', 1],
  ] as const) {
    const acl = 'user user\ntopic readwrite #\nuser other\ntopic readwrite #\n'
    const lines = `password_file pw\nacl_file acl\ncheck_retain_source ${value}`
    const broker = await startWireBroker(t, lines, { pw, acl })
    await publish(await join(t, broker, user), { topic: 'a', retain: true, qos: 1, payload: 'x' })
    await broker.process.writeFile('acl', 'user user\ntopic read #\nuser other\ntopic readwrite #\n')
    await broker.process.reload(/Configuration reloaded/)
    const reader = await join(t, broker, { username: 'other', password: 'secret' })
    await subscribe(reader, 'a')
    assert.equal((await drain(reader)).length, count, value)
  }
})

test('mosquitto-conf 3 clientid_prefixes: other client ids are refused', async t => {
  const broker = await startWireBroker(t, `${open}\nclientid_prefixes dev-`)
  await join(t, broker, { clientId: 'dev-1' })
  assert.equal(await refusal(t, broker, { clientId: 'other' }), 0x87)
  assert.equal(await refusal(t, broker, { clientId: 'other', version: 4 }), 5)
})

test('mosquitto-conf 3 connection_messages: who comes is in the log, or not', async t => {
  const told = await startWireBroker(t, open)
  await join(t, told, { clientId: 'seen' })
  await told.process.waitForLine(/New client connected from .* as seen/)
  const untold = await startWireBroker(t, `${open}\nconnection_messages false\nlog_type all`)
  await leave(await join(t, untold, { clientId: 'seen' }))
  await untold.process.stop()
  assert.ok(!untold.process.lines.some(line => /New client connected|disconnected/.test(line)))
})

test('mosquitto-conf 3 global_max_clients: sessions of clients that are away count too', async t => {
  const broker = await startWireBroker(t, `${open}\nglobal_max_clients 1`)
  await leave(await join(t, broker, lasting('first')))
  assert.equal(await refusal(t, broker, { clientId: 'second' }), 0x89)
  await join(t, broker, lasting('first'))
})

test('mosquitto-conf 1 include_dir: what lies in the directory counts', async t => {
  const broker = await startWireBroker(t, 'include_dir conf.d', { 'conf.d/open.conf': 'allow_anonymous true\n' })
  await join(t, broker)
})

test('mosquitto-conf 3 persistent_client_expiration: a session that is away for longer is gone', async t => {
  const broker = await startWireBroker(t, `${open}\npersistent_client_expiration 1s`)
  await leave(await join(t, broker, lasting('away')))
  await timePasses(t, broker)
  const { connack } = await joinWithConnack(t, broker, lasting('away'))
  assert.equal(connack.sessionPresent, false)
  const patient = await startWireBroker(t, open)
  await leave(await join(t, patient, lasting('away')))
  assert.equal((await joinWithConnack(t, patient, lasting('away'))).connack.sessionPresent, true)
})

test('mosquitto-conf 3 queue_qos0_messages: messages of QoS 0 wait for who is away, or are dropped', async t => {
  for (const [value, count] of [
    ['true', 1],
    ['false', 0],
  ] as const) {
    const broker = await startWireBroker(t, `${open}\nqueue_qos0_messages ${value}`)
    const away = await join(t, broker, lasting('away'))
    await subscribe(away, [{ filter: 'a', qos: 1 }])
    await leave(away)
    await publish(await join(t, broker), { topic: 'a', qos: 0 })
    assert.equal((await drain(await join(t, broker, lasting('away')))).length, count, value)
  }
})

test('mosquitto-conf 3 retain_available: where it is false, who retains has to go, and a Will may not', async t => {
  const broker = await startWireBroker(t, `${open}\nretain_available false`)
  const { client, connack } = await joinWithConnack(t, broker)
  assert.ok(connack.properties.some(([name, value]) => name === 'retainAvailable' && value === 0))
  client.send(publishBytes({ topic: 'a', retain: true }))
  await client.expectDisconnect(0x9a)
  assert.equal(await refusal(t, broker, { will: { topic: 'a', retain: true } }), 0x9a)
})

test('mosquitto-conf 3 upgrade_outgoing_qos: a message is delivered at the QoS of the subscription', async t => {
  for (const [value, qos] of [
    ['true', 1],
    ['false', 0],
  ] as const) {
    const broker = await startWireBroker(t, `${open}\nupgrade_outgoing_qos ${value}`)
    const client = await join(t, broker)
    await subscribe(client, [{ filter: 'a', qos: 1 }])
    await publish(await join(t, broker), { topic: 'a', qos: 0 })
    assert.equal((await client.expectPublish()).qos, qos, value)
  }
})

test('mosquitto-conf 4 accept_protocol_versions: the others are refused in their own words', async t => {
  const broker = await startWireBroker(t, `accept_protocol_versions 4\n${open}`)
  await join(t, broker, { version: 4 })
  assert.equal(await refusal(t, broker, { version: 5 }), 0x84)
  assert.equal(await refusal(t, broker, { version: 3 }), 1)
})

test('mosquitto-conf 4 max_qos: v5 is told, a PUBLISH above it ends the connection, and SUBSCRIBE gets less', async t => {
  const broker = await startWireBroker(t, `max_qos 1\n${open}`)
  const { client, connack } = await joinWithConnack(t, broker)
  assert.ok(connack.properties.some(([name, value]) => name === 'maximumQoS' && value === 1))
  client.send(subscribeBytes({ subscriptions: [{ filter: 'a', qos: 2 }] }))
  assert.deepEqual((await client.expectSuback()).reasonCodes, [1])
  client.send(publishBytes({ topic: 'a', qos: 2 }))
  await client.expectDisconnect(0x9b)
})

test('mosquitto-conf 4 max_topic_alias: told in CONNACK, used up to there, and beyond it the connection ends', async t => {
  const broker = await startWireBroker(t, `max_topic_alias 2\n${open}`)
  const { client, connack } = await joinWithConnack(t, broker)
  assert.ok(connack.properties.some(([name, value]) => name === 'topicAliasMaximum' && value === 2))
  const subscriber = await join(t, broker)
  await subscribe(subscriber, 'a')
  await publish(client, { topic: 'a', properties: property.topicAlias(2) })
  await publish(client, { topic: '', properties: property.topicAlias(2) })
  assert.deepEqual(
    (await drain(subscriber)).map(({ topic }) => topic),
    ['a', 'a'],
  )
  client.send(publishBytes({ topic: 'a', properties: property.topicAlias(3) }))
  await client.expectDisconnect(0x94)
})

test('mosquitto-conf 4 max_topic_alias_broker: aliases are used towards clients, or with 0 none', async t => {
  for (const [value, second] of [
    [1, ''],
    [0, 'a'],
  ] as const) {
    const broker = await startWireBroker(t, `max_topic_alias_broker ${value}\n${open}`)
    const client = await join(t, broker, { properties: property.topicAliasMaximum(10) })
    await subscribe(client, 'a')
    const publisher = await join(t, broker)
    for (let count = 0; count < 2; count++) await publish(publisher, { topic: 'a' })
    const [, again] = await drain(client)
    assert.equal(again?.topic, second, String(value))
  }
})

test('mosquitto-conf 4 use_username_as_clientid: the client id is the user name, and without one nobody comes in', async t => {
  const broker = await startWireBroker(t, `use_username_as_clientid true\npassword_file pw\n${open}`, { pw })
  const first = await join(t, broker, { ...user, clientId: 'one' })
  await join(t, broker, { ...user, clientId: 'two' })
  await first.expectDisconnect(0x8e)
  assert.equal(await refusal(t, broker, {}), 0x87)
  assert.equal(await refusal(t, broker, { version: 4 as Version }), 5)
})

test('mosquitto-conf 4 use_subject_as_username: the whole subject is the name, whatever CONNECT says; the identity goes before it', async t => {
  const { authority, server, client: files } = await throwawayPki()
  const tls = {
    ca: await readFile(authority.ca.cert),
    cert: await readFile(files.cert),
    key: await readFile(files.key),
  }
  const listener = `certfile ${server.cert}\nkeyfile ${server.key}\ncafile ${authority.ca.cert}\nrequire_certificate true`
  for (const [lines, name] of [
    ['use_subject_as_username true', 'CN=user1'],
    ['use_subject_as_username true\nuse_identity_as_username true', 'user1'],
  ] as const) {
    const { port, process } = await startWireBroker(t, `${listener}\n${lines}`)
    const client = await connectRaw(t, { port, tls: { ...tls, servername: 'localhost' } })
    client.send(connectBytes({ clientId: 'x', username: 'somebody', password: 'else' }))
    assert.equal((await client.expectConnack()).reasonCode, 0)
    await process.waitForLine(new RegExp(`New client connected from .* as x .*u'${name}'`))
  }
})

test('mosquitto-conf 4 port, bind_address: the default listener is where they say', async t => {
  const config = ({ port }: { port: number }) => `port ${port}\nbind_address 127.0.0.2\n${open}\n`
  const process = await startBroker(t, { config })
  const client = await connectRaw(t, { host: '127.0.0.2', port: process.port })
  client.send(connectBytes({ clientId: 'x' }))
  assert.equal((await client.expectConnack()).reasonCode, 0)
  assert.equal(await answers('127.0.0.1', process.port), false)
})

test('mosquitto-conf 4 listener: port 0 and a path make a unix socket', async t => {
  const config = ({ dir }: { dir: string }) => `listener 0 ${dir}/mqtt.sock\n${open}\n`
  const process = await startBroker(t, { config })
  const client = await connectRaw(t, { path: joinPath(process.dir, 'mqtt.sock') })
  client.send(connectBytes({ clientId: 'x' }))
  assert.equal((await client.expectConnack()).reasonCode, 0)
})

test('mosquitto-conf 4 bind_interface, socket_domain: the addresses of one interface, of one family', async t => {
  const config = ({ port }: { port: number }) => `listener ${port}\nbind_interface lo\nsocket_domain ipv4\n${open}\n`
  const process = await startBroker(t, { config })
  assert.equal(await answers('127.0.0.1', process.port), true)
  assert.equal(await answers('::1', process.port), false)
  for (const address of outsideAddresses()) assert.equal(await answers(address, process.port), false, address)
  const refused = await runBroker(t, 'castellan', {
    config: `listener ${await freePort()}\nbind_interface nothing0\n`,
  })
  assert.match(refused.report(), /Error: Interface nothing0 does not exist\./)
})

test('mosquitto-conf 1 environment: MOSQUITTO_PERSISTENCE_LOCATION goes before persistence_location', async t => {
  const config = ({ port, dir }: { port: number; dir: string }) =>
    `listener ${port} 127.0.0.1\n${open}\npersistence true\npersistence_location ${dir}/one\n`
  const process = await startBroker(t, {
    config,
    files: { 'one/x': '', 'two/x': '' },
    env: { MOSQUITTO_PERSISTENCE_LOCATION: 'two' },
  })
  await process.waitForLine(/ from two\/castellan-store\.$/)
})

test('mosquitto-conf 1 environment: UMASK_SET is the mode of new files, and what is none ends the start', async t => {
  const config = ({ port, dir }: { port: number; dir: string }) => `listener ${port} 127.0.0.1\npid_file ${dir}/pid\n`
  for (const [umask, mode] of [
    ['077', 0o600],
    ['0002', 0o644],
  ] as const) {
    const process = await startBroker(t, { config, env: { UMASK_SET: umask } })
    assert.equal((await stat(joinPath(process.dir, 'pid'))).mode & 0o777, mode, umask)
  }
  const refused = await runBroker(t, 'castellan', { config, env: { UMASK_SET: '99' } })
  assert.match(refused.report(), /Error: Invalid UMASK_SET '99'; it is an octal number up to 777\./)
  assert.equal(refused.ended?.code, 3)
})

function outsideAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap(entries => entries ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address)
}

/** Whether something accepts connections there. */
function answers(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host)
  return new Promise<boolean>(resolve => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  }).finally(() => socket.destroy())
}
