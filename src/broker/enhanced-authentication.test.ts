import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { lenientRealm } from '../../test/support/realms.ts'
import { pencilEntry, ScramClient } from '../../test/support/scram-client.ts'
import { parsePasswordFile } from '../auth/password-file.ts'
import { createPasswordHash, formatPasswordHash } from '../auth/password-hash.ts'
import { permitOwn, provePrincipal } from '../auth/principal.ts'
import type { EnhancedExchange } from '../auth/realm.ts'
import { type Connect, PacketType } from '../mqtt/packet.ts'

const method = 'SCRAM-SHA-256'
const [continues, again] = [0x18, 0x19]
const otherEntry = `other:${formatPasswordHash(await createPasswordHash('scram-sha-256', Buffer.from('pencil'), 4096))}`
const users = (...lines: string[]) => ({ allowAnonymous: false, passwords: parsePasswordFile(lines.join('\n'), 'f') })
const realm = users(pencilEntry, otherEntry)

function sendAuth(client: EngineClient, reasonCode: number, data: string, authenticationMethod = method): void {
  const properties = { authenticationMethod, authenticationData: Buffer.from(data) }
  client.send({ type: PacketType.auth, reasonCode, properties })
}

/** CONNECT with the first message. */
function begin(engine: Engine, scram: ScramClient, connect: Partial<Connect> = {}): EngineClient {
  const client = engine.open()
  const data = { authenticationMethod: method, authenticationData: Buffer.from(scram.first()) }
  client.connect('c', { ...connect, properties: { ...connect.properties, ...data } })
  return client
}

/** The server's message in its AUTH, which asks for more unless another code is expected. */
function challenge(client: EngineClient, reasonCode = continues): string {
  const auth = client.expect(PacketType.auth)
  assert.equal(auth.reasonCode, reasonCode)
  assert.equal(auth.properties.authenticationMethod, method)
  return Buffer.from(auth.properties.authenticationData ?? []).toString()
}

/** Logs in, and reads CONNACK. */
async function logIn(engine: Engine, scram = new ScramClient(), connect: Partial<Connect> = {}): Promise<EngineClient> {
  const client = begin(engine, scram, connect)
  sendAuth(client, continues, scram.final(challenge(client)))
  await client.answered()
  client.connack = client.expect(PacketType.connack)
  return client
}

test('[MQTT-4.12.0-2] [MQTT-4.12.0-5] SCRAM: AUTH 0x18, then CONNACK with the method and the proof that the server knows the user', async () => {
  const scram = new ScramClient()
  const client = await logIn(new Engine({ realm }), scram)
  assert.equal(client.connack?.reasonCode, 0)
  assert.equal(client.connack?.properties.authenticationMethod, method)
  assert.ok(scram.proves(Buffer.from(client.connack?.properties.authenticationData ?? []).toString()))
})

test('[MQTT-4.12.0-6] without a method in CONNECT there is no AUTH and no method in CONNACK', () => {
  const client = new Engine().connect('c')
  assert.equal(client.connack?.properties.authenticationMethod, undefined)
  client.expectNothing()
})

test('[MQTT-4.12.0-4] a wrong password and an unknown user are refused alike: CONNACK 0x87 behind the last message', async () => {
  for (const scram of [new ScramClient('user', 'wrong'), new ScramClient('nobody', 'pencil')]) {
    const engine = new Engine({ realm })
    const client = begin(engine, scram)
    sendAuth(client, continues, scram.final(challenge(client)))
    await client.answered()
    client.expectRefused(0x87)
    assert.equal(engine.broker.registry.size, 0)
  }
})

test('[MQTT-4.12.0-1] a method that is not on offer is refused with 0x8C', async () => {
  for (const [engine, authenticationMethod] of [
    [new Engine({ realm }), 'SCRAM-SHA-1'],
    [new Engine(), method],
  ] as const) {
    const client = engine.open()
    client.connect('c', { properties: { authenticationMethod } })
    await client.answered()
    client.expectRefused(0x8c)
  }
})

test('[MQTT-4.12.0-3] [MQTT-4.12.0-5] [MQTT-3.1.2-30] an AUTH that does not continue the exchange, or anything but AUTH and DISCONNECT, ends it', () => {
  const wrongs: readonly ((client: EngineClient, final: string) => void)[] = [
    (client, final) => sendAuth(client, again, final),
    (client, final) => sendAuth(client, continues, final, 'SCRAM-SHA-1'),
    client => client.publish('t', 'x'),
    client => client.send({ type: PacketType.pingreq }),
  ]
  for (const wrong of wrongs) {
    const engine = new Engine({ realm })
    const scram = new ScramClient()
    const client = begin(engine, scram)
    wrong(client, scram.final(challenge(client)))
    client.expectClosed()
    assert.equal(engine.broker.registry.size, 0)
  }
})

test('DISCONNECT ends an exchange under way, and connect_timeout one that stands still', () => {
  const engine = new Engine({ realm, settings: { connect_timeout: 10 } })
  const [leaving, silent] = [begin(engine, new ScramClient()), begin(engine, new ScramClient())]
  for (const client of [leaving, silent]) challenge(client)
  leaving.disconnect()
  leaving.expectClosed()
  engine.pass(10_100)
  silent.expectClosed()
})

test('[MQTT-4.12.0-7] AUTH from a client that did not connect with a method is a protocol error; in 3.1.1 there is none', () => {
  for (const reasonCode of [continues, again]) {
    const client = new Engine().connect('c')
    sendAuth(client, reasonCode, 'x')
    client.expectClosed(0x82)
  }
})

test('features H4: the user whom SCRAM proved owns the session', async () => {
  const engine = new Engine({ realm })
  ;(await logIn(engine, new ScramClient(), lasting())).vanish()
  const thief = await logIn(engine, new ScramClient('other'), lasting())
  assert.equal(thief.connack?.reasonCode, 0x85)
  const owner = await logIn(engine, new ScramClient(), lasting())
  assert.deepEqual([owner.connack?.reasonCode, owner.connack?.sessionPresent], [0, true])
})

test('§4.12.1: re-authentication proves the client again; meanwhile and afterwards messages flow', async () => {
  const engine = new Engine({ realm })
  const client = await logIn(engine)
  client.subscribe('t')
  const scram = new ScramClient()
  sendAuth(client, again, scram.first())
  const serverFirst = challenge(client)
  client.publish('t', 'meanwhile')
  client.expectPublish('meanwhile')
  sendAuth(client, continues, scram.final(serverFirst))
  assert.ok(scram.proves(challenge(client, 0)))
  client.publish('t', 'afterwards')
  client.expectPublish('afterwards')
  client.expectNothing()
})

test('[MQTT-4.12.1-2] [MQTT-3.14.2-1] a failed re-authentication ends the connection with 0x87, and so does another identity', async () => {
  for (const scram of [new ScramClient('user', 'wrong'), new ScramClient('other'), new ScramClient('nobody')]) {
    const engine = new Engine({ realm })
    const client = await logIn(engine)
    sendAuth(client, again, scram.first())
    const [answer] = client.received()
    if (answer?.type === PacketType.auth) {
      const serverFirst = Buffer.from(answer.properties.authenticationData ?? []).toString()
      sendAuth(client, continues, scram.final(serverFirst))
      client.expectClosed(0x87)
    } else {
      assert.equal(answer?.type === PacketType.disconnect && answer.reasonCode, 0x87)
      client.expectClosed()
    }
  }
})

test('[MQTT-4.12.1-1] re-authentication with another method, or an AUTH 0x18 out of nothing, is a protocol error', async () => {
  for (const [reasonCode, authenticationMethod] of [
    [again, 'SCRAM-SHA-1'],
    [continues, method],
  ] as const) {
    const client = await logIn(new Engine({ realm }))
    sendAuth(client, reasonCode, new ScramClient().first(), authenticationMethod)
    client.expectClosed(0x82)
  }
})

test('re-authentication where a reload took the method away ends the connection with 0x8C', async () => {
  const engine = new Engine({ realm })
  const client = await logIn(engine)
  engine.listener.realm = engine.realm()
  sendAuth(client, again, new ScramClient().first())
  client.expectClosed(0x8c)
})

test('rules that change during an exchange count for it', async () => {
  const engine = new Engine({ realm })
  const scram = new ScramClient()
  const client = begin(engine, scram)
  const final = scram.final(challenge(client))
  engine.listener.realm = engine.realm(users(otherEntry))
  sendAuth(client, continues, final)
  await client.answered()
  client.expectRefused(0x87)
})

type Step = Awaited<ReturnType<EnhancedExchange['step']>>

/** An engine whose only method takes its time: the test settles each round, and says whom the rules admit. */
function slowMethod() {
  const engine = new Engine()
  const rounds: PromiseWithResolvers<Step>[] = []
  const rules = { admit: true }
  const step: EnhancedExchange['step'] = () => {
    const round = Promise.withResolvers<Step>()
    rounds.push(round)
    return round.promise
  }
  const inner = engine.listener.realm
  engine.listener.realm = lenientRealm({
    authenticate: identity => inner.authenticate(identity),
    beginExchange: () => ({ method: 'slow', step }),
    stillAdmits: () => rules.admit,
    access: (principal, clientId) => inner.access(principal, clientId),
  })
  const client = engine.open()
  client.connect('c', { properties: { authenticationMethod: 'slow' } })
  /** Lets the latest round prove this user. */
  const prove = async (username: string) => {
    rounds.at(-1)?.resolve({ kind: 'success', data: undefined, principal: provePrincipal(username, method, '') })
    await client.answered()
  }
  return { client, rounds, rules, prove }
}

test('[MQTT-4.12.1-2] a method that proves somebody else, or somebody whom the rules exclude by now, ends the connection', async () => {
  for (const [username, admit] of [
    ['user', true],
    ['other', true],
    ['user', false],
  ] as const) {
    const { client, rules, prove } = slowMethod()
    await prove('user')
    assert.equal(client.expect(PacketType.connack).reasonCode, 0)
    sendAuth(client, again, 'x', 'slow')
    rules.admit = admit
    await prove(username)
    if (username === 'user' && admit) assert.equal(client.expect(PacketType.auth).reasonCode, 0)
    else client.expectClosed(0x87)
  }
})

test('§4.12: an AUTH before the last one was answered ends the connection', () => {
  const { client } = slowMethod()
  sendAuth(client, continues, 'impatient', 'slow')
  client.expectClosed()
})

test('a round that fails lets nobody in, and one that ends behind its client does nothing', async () => {
  const failing = slowMethod()
  failing.rounds[0]?.reject(new Error('on fire'))
  await failing.client.answered()
  failing.client.expectRefused(0x88)
  const gone = slowMethod()
  gone.client.vanish()
  gone.rounds[0]?.resolve({ kind: 'continue', data: Buffer.from('x') })
  await gone.rounds[0]?.promise
  assert.deepEqual(gone.client.received(), [])
})

/** A method whose data is the topics that the client may subscribe to, and receive. */
function rightsMethod() {
  const engine = new Engine()
  const { realm: inner } = engine.listener
  engine.listener.realm = lenientRealm({
    authenticate: identity => inner.authenticate(identity),
    beginExchange: () => ({
      method: 'rights',
      step: data => {
        const roles = Buffer.from(data).toString().split(' ')
        return { kind: 'success', data: undefined, principal: provePrincipal('u', 'token', 'e', { roles }) }
      },
    }),
    access: ({ username, roles }) => {
      const isAllowed = (topic: string) => username === undefined || roles.includes(topic)
      return {
        publish: message => permitOwn(message),
        receive: isAllowed,
        subscribe: isAllowed,
        unsubscribe: () => true,
      }
    },
  })
  const connect = async (topics: string, fields: Partial<Connect> = {}) => {
    const client = engine.open()
    const properties = { authenticationMethod: 'rights', authenticationData: Buffer.from(topics) }
    client.connect('c', { ...fields, properties: { ...fields.properties, ...properties } })
    await client.answered()
    client.connack = client.expect(PacketType.connack)
    return client
  }
  return { engine, connect, publisher: engine.connect('p') }
}

test('features K5, §4.12.1: what a new proof does not give is gone at once: subscriptions, and what waits for them', async () => {
  const { connect, publisher, engine } = rightsMethod()
  const client = await connect('a b', { properties: { receiveMaximum: 1 } })
  for (const topic of ['a', 'b']) client.subscribe(topic, { qos: 1 })
  for (const [topic, payload] of [
    ['a', 'sent'],
    ['b', 'waits'],
    ['a', 'goes'],
  ] as const) {
    publisher.publish(topic, payload, { qos: 1 })
  }
  sendAuth(client, again, 'a', 'rights')
  assert.deepEqual([...(engine.broker.registry.get('c')?.subscriptions.keys() ?? [])], ['a'])
  publisher.publish('b', 'later', { qos: 1 })
  assert.deepEqual(client.answerAll(), ['sent', 'goes'])
  sendAuth(client, again, 'a b', 'rights')
  assert.equal(client.expect(PacketType.auth).reasonCode, 0)
  client.subscribe('b', { qos: 1 })
  publisher.publish('b', 'again', { qos: 1 })
  assert.deepEqual(client.answerAll(), ['again'])
})

test('features K5: who comes back with a proof that gives less finds what that allows, and with the same all', async () => {
  for (const [rights, subscribed, received] of [
    ['a b', ['a', 'b'], ['one', 'two']],
    ['b', ['b'], ['two']],
  ] as const) {
    const { connect, publisher, engine } = rightsMethod()
    const client = await connect('a b', lasting())
    for (const topic of ['a', 'b']) client.subscribe(topic, { qos: 1 })
    client.vanish()
    publisher.publish('a', 'one', { qos: 1 })
    publisher.publish('b', 'two', { qos: 1 })
    const back = await connect(rights, lasting())
    assert.equal(back.connack?.sessionPresent, true)
    assert.deepEqual([...(engine.broker.registry.get('c')?.subscriptions.keys() ?? [])], subscribed)
    assert.deepEqual(back.answerAll(), received)
  }
})
