import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, lasting } from '../../test/support/engine.ts'
import { passwordLines } from '../../test/support/password-lines.ts'
import { lenientRealm } from '../../test/support/realms.ts'
import { parsePasswordFile } from '../auth/password-file.ts'
import type { Log, LogType } from '../base/log.ts'
import { type Connect, PacketType, type ProtocolVersion } from '../mqtt/packet.ts'

const versions: readonly ProtocolVersion[] = [3, 4, 5]
const passwords = (users: Readonly<Record<string, string>>) => parsePasswordFile(passwordLines(users), 'f')
const login = (username: string, password = 'secret') => ({ username, password: Buffer.from(password) })

/** Lines of the types that a log keeps by default. */
function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  return { lines, enabled: () => true, write: (type: LogType, line) => void (type !== 'debug' && lines.push(line)) }
}

/** Connects and waits for the answer. */
async function attempt(engine: Engine, clientId: string, connect: Partial<Connect>, address?: string) {
  const client = engine.open(engine.listener, address)
  client.connect(clientId, connect)
  await client.answered()
  return client
}

for (const version of versions) {
  test(`[MQTT-3.1.4-5] [MQTT-3.2.0-1] [v3.1.1 MQTT-3.1.4-4] a good CONNECT is answered with CONNACK 0 and nothing else, version ${version}`, () => {
    const engine = new Engine()
    const client = engine.connect('c', { protocolVersion: version })
    assert.equal(client.connack?.sessionPresent, false)
    client.expectNothing()
    assert.equal(engine.broker.registry.size, 1)
  })

  test(`[MQTT-3.1.4-6] [MQTT-3.2.2-6] [MQTT-3.2.2-7] [v3.1.1 MQTT-3.1.4-5] after a refusal nothing of the client is processed, version ${version}`, () => {
    const engine = new Engine({ realm: { allowAnonymous: false } })
    const client = engine.open()
    client.connect('c', { protocolVersion: version })
    client.publish('t', 'x', { retain: true })
    client.expectRefused(0x87)
    assert.deepEqual([engine.broker.registry.size, engine.broker.retained.size], [0, 0])
  })

  test(`accept_protocol_versions: other versions are refused, version ${version}`, () => {
    for (const accepted of versions) {
      const engine = new Engine({ listener: { accept_protocol_versions: [accepted] } })
      const client = engine.open()
      client.connect('c', { protocolVersion: version })
      if (version === accepted) assert.equal(client.expect(PacketType.connack).reasonCode, 0)
      else client.expectRefused(0x84)
    }
  })
}

test('[MQTT-3.1.0-1] anything before CONNECT ends the connection without a word', () => {
  const client = new Engine().open()
  client.publish('t', 'x')
  client.expectClosed()
})

test('[MQTT-3.1.0-2] [v3.1.1 MQTT-3.1.0-2] a second CONNECT ends the connection', () => {
  const engine = new Engine()
  const client = engine.connect('c')
  client.connect('c')
  client.expectClosed(0x82)
  const older = engine.connect('d', { protocolVersion: 4 })
  older.connect('d', { protocolVersion: 4 })
  older.expectClosed()
})

test('connect_timeout: who has not been let in by then is cut off, and whoever has is not', () => {
  const engine = new Engine({ settings: { connect_timeout: 10 } })
  const silent = engine.open()
  const good = engine.connect('c')
  engine.pass(9900)
  silent.expectNothing()
  engine.pass(200)
  silent.expectClosed()
  good.expectNothing()
})

test('[MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] [v3.1.1 MQTT-3.1.3-6] an empty client id is replaced by a unique one, which MQTT 5 clients are told', () => {
  const engine = new Engine({ listener: { auto_id_prefix: 'mine-' } })
  const ids = ['one', 'two'].map(() => engine.connect('').connack?.properties.assignedClientIdentifier)
  assert.deepEqual(ids, ['mine-MADE-UP-1', 'mine-MADE-UP-2'])
  assert.equal(engine.connect('given').connack?.properties.assignedClientIdentifier, undefined)
  engine.connect('', { protocolVersion: 4, cleanStart: true })
  assert.equal(engine.broker.registry.size, 4)
})

test('[v3.1.1 MQTT-3.1.3-8] [MQTT-3.1.3-8] an empty client id is refused where it cannot be replaced', () => {
  for (const [connect, allowed] of [
    [{ protocolVersion: 4, cleanStart: false }, true],
    [{ protocolVersion: 3, cleanStart: true }, true],
    [{ protocolVersion: 5 }, false],
  ] as const) {
    const engine = new Engine({ listener: { allow_zero_length_clientid: allowed } })
    const client = engine.open()
    client.connect('', connect)
    client.expectRefused(0x85)
  }
})

test('max_client_id_length counts bytes', () => {
  const engine = new Engine({ settings: { max_client_id_length: 24 } })
  engine.connect('é'.repeat(12))
  const client = engine.open()
  client.connect(`${'é'.repeat(12)}x`)
  client.expectRefused(0x85)
})

test('features H1: clientid_prefixes admits what begins with it, and nothing else', () => {
  const engine = new Engine({ realm: { clientIdPrefixes: 'C_ID-' } })
  engine.connect('C_ID-1')
  const client = engine.open()
  client.connect('C_ID_Client01')
  client.expectRefused(0x87)
})

test('use_username_as_clientid: the user name is the client id, and without one nobody gets in', () => {
  const engine = new Engine({ listener: { use_username_as_clientid: true } })
  engine.connect('whatever', { username: 'u' })
  assert.ok(engine.broker.registry.get('u'))
  const client = engine.open()
  client.connect('whatever')
  client.expectRefused(0x87)
})

test('max_keepalive: MQTT 5 clients are told a shorter one [MQTT-3.2.2-21], older ones are refused', () => {
  const engine = new Engine({ settings: { max_keepalive: 60 } })
  for (const keepAlive of [0, 61]) {
    assert.equal(engine.connect('c', { keepAlive }).connack?.properties.serverKeepAlive, 60)
    const client = engine.open()
    client.connect('c', { protocolVersion: 4, keepAlive })
    client.expectRefused(0x85)
  }
  for (const protocolVersion of versions) {
    const client = engine.connect('d', { protocolVersion, keepAlive: 60 })
    assert.equal(client.connack?.properties.serverKeepAlive, undefined)
  }
  assert.equal(new Engine().connect('c').connack?.properties.serverKeepAlive, undefined)
})

test('[MQTT-3.2.2-9] CONNACK says what is not on offer, and leaves out what is at its default', () => {
  const plain = new Engine({ settings: { max_inflight_messages: 0 } })
  assert.deepEqual(plain.connect('c').connack?.properties, { topicAliasMaximum: 10, maximumPacketSize: 2_000_000 })
  const engine = new Engine({
    settings: { max_inflight_messages: 7, retain_available: false, max_packet_size: 99_999 },
    listener: { max_qos: 1, max_topic_alias: 0 },
  })
  assert.deepEqual(engine.connect('c').connack?.properties, {
    maximumQoS: 1,
    retainAvailable: false,
    maximumPacketSize: 99_999,
    receiveMaximum: 7,
  })
})

test('§3.2.2.3.2: who asks for a longer life of its session than persistent_client_expiration allows is told', () => {
  const engine = new Engine({ settings: { persistent_client_expiration: 60 } })
  const told = (sessionExpiryInterval: number) =>
    engine.connect('c', { properties: { sessionExpiryInterval } }).connack?.properties.sessionExpiryInterval
  assert.deepEqual([told(61), told(0xffff_ffff), told(60), told(0)], [60, 60, undefined, undefined])
  const free = new Engine().connect('c', { properties: { sessionExpiryInterval: 61 } })
  assert.equal(free.connack?.properties.sessionExpiryInterval, undefined)
})

test('a broker that stops lets nobody in, with a code that CONNACK may carry [MQTT-3.2.2-8]', () => {
  const engine = new Engine()
  const client = engine.connect('c')
  engine.broker.stop()
  client.expectClosed(0x8b)
  const late = engine.open()
  late.connect('d')
  late.expectRefused(0x88)
})

test('features B1, B11: a right password lets in; a wrong one, none and an unknown user look the same', async () => {
  const realm = { allowAnonymous: false, passwords: passwords({ alice: 'secret' }) }
  const engine = new Engine({ realm, throttle: { freeFailures: 100 } })
  const good = await attempt(engine, 'c', login('alice'))
  assert.equal(good.expect(PacketType.connack).reasonCode, 0)
  for (const claims of [login('alice', 'wrong'), { username: 'alice' }, login('nobody'), {}]) {
    const client = await attempt(engine, 'd', claims)
    client.expectRefused(0x87)
    const older = await attempt(engine, 'd', { ...claims, protocolVersion: 4 })
    older.expectRefused(0x87)
  }
})

test('while a password is checked nothing is read from the client, and only it waits', async () => {
  const engine = new Engine({ realm: { passwords: passwords({ alice: 'secret' }) } })
  const client = engine.open()
  client.connect('c', login('alice'))
  assert.equal(client.transport.paused, true)
  engine.connect('other')
  await client.answered()
  assert.equal(client.transport.paused, false)
  assert.equal(client.expect(PacketType.connack).reasonCode, 0)
})

test('who leaves while its password is checked opens no session', async () => {
  const engine = new Engine({ realm: { passwords: passwords({ alice: 'secret' }) } })
  const client = engine.open()
  client.connect('c', login('alice'))
  client.vanish()
  await attempt(engine, 'd', login('alice'))
  assert.deepEqual(
    [...engine.broker.registry.values()].map(({ clientId }) => clientId),
    ['d'],
  )
  assert.equal(engine.broker.connections.size, 1)
})

test('a judge that fails lets nobody in', async () => {
  const log = recordingLog()
  const engine = new Engine({ log })
  engine.listener.realm = lenientRealm({
    authenticate: () => Promise.reject(new Error('disk on fire')),
    beginExchange: () => undefined,
    access: () => assert.fail('nobody was let in'),
  })
  const client = await attempt(engine, 'c', {})
  client.expectRefused(0x88)
  assert.ok(log.lines.includes('Error: Unable to judge a CONNECT: disk on fire'))
})

test('rules that change while a CONNECT is judged count for it', async () => {
  const users = passwords({ alice: 'secret' })
  for (const excluding of [{ passwords: passwords({ bob: 'x' }) }, { passwords: users, clientIdPrefixes: 'other-' }]) {
    const engine = new Engine({ realm: { passwords: users } })
    const client = engine.open()
    client.connect('c', login('alice'))
    engine.listener.realm = engine.realm(excluding)
    engine.reconfigure({})
    await client.answered()
    client.expectRefused(0x87)
    assert.equal(engine.broker.registry.size, 0)
  }
})

test('features H4: another identity neither takes a session over nor inherits it; its owner does', async () => {
  const users = passwords({ alice: 'secret', mallory: 'secret' })
  const engine = new Engine({ realm: { allowAnonymous: true, passwords: users } })
  const owner = await attempt(engine, 'c', { ...lasting(), ...login('alice') })
  owner.expect(PacketType.connack)
  owner.subscribe('t')
  for (const claims of [login('mallory'), {}]) {
    for (const connect of [lasting(), { cleanStart: true }, lasting(4)]) {
      const thief = await attempt(engine, 'c', { ...connect, ...claims })
      thief.expectRefused(0x85)
    }
  }
  owner.expectNothing()
  owner.vanish()
  engine.connect('p').publish('t', 'private', { qos: 1 })
  const late = await attempt(engine, 'c', { ...lasting(), ...login('mallory') })
  late.expectRefused(0x85)
  const back = await attempt(engine, 'c', { ...lasting(), ...login('alice') })
  assert.equal(back.expect(PacketType.connack).sessionPresent, true)
  back.expectPublish('private')
})

test('features H4: session_owner_check false restores what Mosquitto does', async () => {
  const users = passwords({ alice: 'secret', mallory: 'secret' })
  const engine = new Engine({ realm: { passwords: users }, settings: { session_owner_check: false } })
  const owner = await attempt(engine, 'c', { ...lasting(), ...login('alice') })
  owner.expect(PacketType.connack)
  const other = await attempt(engine, 'c', { ...lasting(), ...login('mallory') })
  assert.equal(other.expect(PacketType.connack).sessionPresent, true)
  owner.expectClosed(0x8e)
})

test('features H4: a user name that nobody asked to prove owns nothing of the user who proved it', async () => {
  const engine = new Engine()
  const judged = engine.addListener({}, { passwords: passwords({ alice: 'secret' }) })
  const owner = engine.open(judged)
  owner.connect('c', { ...lasting(), ...login('alice') })
  await owner.answered()
  owner.expect(PacketType.connack)
  const thief = engine.open()
  thief.connect('c', { ...lasting(), ...login('alice', 'guess') })
  thief.expectRefused(0x85)
})

test('global_max_clients bounds the sessions, those of absent clients too; known clients come back', () => {
  const engine = new Engine({ settings: { global_max_clients: 2 } })
  engine.connect('a', lasting()).vanish()
  engine.connect('b')
  const client = engine.open()
  client.connect('c')
  client.expectRefused(0x89)
  engine.connect('a', lasting()).disconnect(0, { sessionExpiryInterval: 0 })
  engine.connect('c')
  const unlimited = new Engine({ settings: { global_max_clients: -1 } })
  for (let n = 0; n < 100; n++) unlimited.connect(`c${n}`)
})

test('repeated failures are slowed down at their address, and nobody is elsewhere', async () => {
  const engine = new Engine({
    realm: { allowAnonymous: true, passwords: passwords({ alice: 'secret' }) },
    throttle: { freeFailures: 2, firstDelayMs: 1000 },
  })
  for (let n = 0; n < 3; n++) (await attempt(engine, 'c', login('alice', 'wrong'))).expectRefused(0x87)
  const here = engine.open()
  here.connect('d', login('alice'))
  const elsewhere = await attempt(engine, 'c', login('alice'), '192.0.2.98')
  assert.equal(elsewhere.expect(PacketType.connack).reasonCode, 0)
  engine.pass(900)
  here.expectNothing()
  engine.pass(200)
  await here.answered()
  assert.equal(here.expect(PacketType.connack).reasonCode, 0)
})

test('an address that failed waits for the failures of the client id and the user it claims, too', async () => {
  const engine = new Engine({
    realm: { passwords: passwords({ alice: 'secret' }) },
    throttle: { freeFailures: 2, firstDelayMs: 1000 },
  })
  for (let n = 0; n < 3; n++) {
    ;(await attempt(engine, 'c', login('alice', 'wrong'), `192.0.2.${n}`)).expectRefused(0x87)
  }
  for (const [clientId, username] of [
    ['c', 'bob'],
    ['d', 'alice'],
  ] as const) {
    const client = engine.open(engine.listener, '192.0.2.0')
    client.connect(clientId, login(username))
    engine.pass(100)
    client.expectNothing()
    client.vanish()
  }
  const innocent = await attempt(engine, 'e', login('bob'), '192.0.2.0')
  innocent.expectRefused(0x87)
})

test('the wait does not count against connect_timeout', async () => {
  const engine = new Engine({
    settings: { connect_timeout: 2 },
    realm: { passwords: passwords({ alice: 'secret' }) },
    throttle: { freeFailures: 0, firstDelayMs: 5000 },
  })
  ;(await attempt(engine, 'c', login('alice', 'wrong'))).expectRefused(0x87)
  const client = engine.open()
  client.connect('c', login('alice'))
  engine.pass(4900)
  client.expectNothing()
  engine.pass(200)
  await client.answered()
  assert.equal(client.expect(PacketType.connack).reasonCode, 0)
})

test('attempts that wait in parallel are few: further ones are refused at once', async () => {
  const engine = new Engine({
    realm: { passwords: passwords({ alice: 'secret' }) },
    throttle: { freeFailures: 0, firstDelayMs: 5000 },
  })
  ;(await attempt(engine, 'c', login('alice', 'wrong'))).expectRefused(0x87)
  const clients = Array.from({ length: 5 }, (_, n) => {
    const client = engine.open()
    client.connect(`c${n}`, login('alice'))
    return client
  })
  clients.at(-1)?.expectRefused(0x9f)
  clients[0]?.vanish()
  const next = engine.open()
  next.connect('next', login('alice'))
  next.expectNothing()
})

test('whoever needs no secret does not wash off guesses at the secrets of others', async () => {
  const engine = new Engine({
    realm: { allowAnonymous: true, passwords: passwords({ alice: 'secret' }) },
    throttle: { freeFailures: 2, firstDelayMs: 1000 },
  })
  for (let n = 0; n < 2; n++) (await attempt(engine, 'c', login('alice', 'wrong'))).expectRefused(0x87)
  for (let n = 0; n < 10; n++) engine.connect(`anonymous ${n}`)
  ;(await attempt(engine, 'c', login('alice', 'wrong'))).expectRefused(0x87)
  const next = engine.open()
  next.connect('c', login('alice'))
  engine.pass(900)
  next.expectNothing()
})

test('features H4: a session that changed hands while its owner was slowed down is not his to take', async () => {
  const engine = new Engine({ throttle: { freeFailures: 0, firstDelayMs: 5000 } })
  const judged = engine.addListener({}, { passwords: passwords({ mallory: 'secret' }) })
  engine.connect('c')
  const session = engine.connect('c')
  const waiting = engine.open()
  waiting.connect('c')
  session.disconnect()
  const newOwner = engine.open(judged)
  newOwner.connect('c', login('mallory'))
  await newOwner.answered()
  assert.equal(newOwner.expect(PacketType.connack).reasonCode, 0)
  engine.pass(10_100)
  await waiting.answered()
  waiting.expectRefused(0x85)
  newOwner.expectNothing()
})

test('who leaves while it is slowed down leaves nothing behind', async () => {
  const engine = new Engine({
    realm: { passwords: passwords({ alice: 'secret' }) },
    throttle: { freeFailures: 0, firstDelayMs: 5000 },
  })
  const failing = await attempt(engine, 'c', login('alice', 'wrong'))
  failing.expectRefused(0x87)
  failing.vanish()
  const timers = engine.broker.wheel.size
  const client = engine.open()
  client.connect('c', login('alice'))
  assert.equal(engine.broker.wheel.size, timers + 2)
  client.vanish()
  assert.deepEqual([engine.broker.wheel.size, engine.broker.connections.size], [timers, 0])
})

test('features H4: clients that keep throwing each other off one id are slowed down', async () => {
  const engine = new Engine({ throttle: { freeFailures: 2, firstDelayMs: 1000 } })
  for (let n = 0; n < 4; n++) engine.connect('c')
  const client = engine.open()
  client.connect('c')
  client.expectNothing()
  engine.connect('other')
  engine.pass(1100)
  await client.answered()
  assert.equal(client.expect(PacketType.connack).reasonCode, 0)
})

test('features J1: the log tells who came, and of whoever was refused address, id, user name and rule', async () => {
  const log = recordingLog()
  const engine = new Engine({ log, realm: { allowAnonymous: false, passwords: passwords({ alice: 'secret' }) } })
  await attempt(engine, 'c', { ...login('alice'), keepAlive: 60 })
  await attempt(engine, 'd\u200e', login('bob'))
  assert.deepEqual(log.lines, [
    "New client connected from 192.0.2.1:40000 as c (p5, c1, k60, u'alice').",
    "Refused CONNECT from 192.0.2.1:40000 as d\\u{200e}, u'bob': unknown user or wrong password.",
    'Client d\\u{200e} [192.0.2.1:40000] disconnected: not authorised.',
  ])
})

test('metrics: refused CONNECT packets are counted by their reason, in the words of the log; accepted ones are not', () => {
  const engine = new Engine({ settings: { max_client_id_length: 3 } })
  engine.connect('abc')
  for (const clientId of ['abcd', 'abcde']) engine.open().connect(clientId)
  assert.deepEqual(Object.fromEntries(engine.broker.counters.connectsRefused.entries()), {
    'client identifier not valid': 2,
  })
})
