// Each limit of a client, met on purpose by clients of either version: what they see, what the log says, and what is counted.
// Whoever keeps to it is served. For limits of CONNECT and of the whole broker see limits.test.ts.

import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, type EngineOptions, lasting } from '../../test/support/engine.ts'
import { passwordLines } from '../../test/support/password-lines.ts'
import { parsePasswordFile } from '../auth/password-file.ts'
import { PasswordVerifier, passwordVerifierDefaults } from '../auth/password-verifier.ts'
import { PacketType } from '../mqtt/packet.ts'

const versions = [4, 5] as const
type Version = (typeof versions)[number]

/** A broker whose log is kept, `debug` left out. */
function start(options: EngineOptions = {}) {
  const lines: string[] = []
  const log = {
    enabled: () => true,
    write: (type: string, line: string) => void (type !== 'debug' && lines.push(line)),
  }
  const engine = new Engine({ ...options, log })
  return {
    engine,
    /** The limits that were reached, each with how often, and the lines that name them. */
    told: () => ({
      counted: Object.fromEntries(engine.broker.counters.limitsReached.entries()),
      lines: lines.filter(line => /Limit|Refused|dropped/.test(line)),
    }),
    attempt: (clientId: string, protocolVersion: Version, connect = {}) => {
      const client = engine.open()
      client.connect(clientId, { protocolVersion, ...connect })
      return client
    },
  }
}

const who = (clientId: string) => `client ${clientId} [192.0.2.1:40000]`
const before5 = <T>(version: Version, reasonCode: number, returnCode: T) => (version === 5 ? reasonCode : returnCode)
/** What `expectRefused` sees of return code 3, and of 2. */
const unavailable = 0x88
const identifierRejected = 0x85

for (const version of versions) {
  test(`global_max_clients: one session more is refused; who has one comes back, and one that ends makes room, version ${version}`, () => {
    const { engine, attempt, told } = start({ settings: { global_max_clients: 2 } })
    engine.connect('away', lasting(version)).vanish()
    const second = engine.connect('second', { protocolVersion: version })
    attempt('third', version).expectRefused(before5(version, 0x89, unavailable))
    assert.deepEqual(told(), {
      counted: { global_max_clients: 1 },
      lines: ['Limit global_max_clients reached by 192.0.2.1:40000 as third.'],
    })
    engine.connect('away', lasting(version)).vanish()
    second.disconnect()
    engine.connect('third', { protocolVersion: version })
  })

  for (const [limit, fits, beyond] of [
    ['max_subscriptions_per_client', ['a/b', 'c'], ['d']],
    ['max_subscription_levels_per_client', ['a/b', 'c'], ['d/e']],
  ] as const) {
    test(`${limit}: a filter beyond it is refused by itself, and fits when another is given back, version ${version}`, () => {
      const settings = limit.includes('levels') ? { [limit]: 4 } : { [limit]: 2 }
      const { engine, told } = start({ settings })
      const client = engine.connect('c', { protocolVersion: version })
      for (const filter of fits) assert.equal(client.subscribe(filter), 2)
      for (const filter of beyond) assert.equal(client.subscribe(filter), before5(version, 0x97, 0x80))
      assert.deepEqual(told(), { counted: { [limit]: 1 }, lines: [`Limit ${limit} reached by ${who('c')}.`] })
      client.unsubscribe(fits[0])
      for (const filter of beyond) assert.equal(client.subscribe(filter), 2)
    })
  }

  test(`max_topic_levels: a deeper filter is refused by itself, a deeper topic ends the connection, version ${version}`, () => {
    const { engine, told } = start({ settings: { max_topic_levels: 2 } })
    const client = engine.connect('c', { protocolVersion: version })
    assert.equal(client.subscribe('a/b/c'), before5(version, 0x8f, 0x80))
    assert.equal(client.subscribe('a/b'), 2)
    client.publish('a/b', 'x')
    assert.deepEqual(client.payloads(), ['x'])
    client.publish('a/b/c', 'x')
    client.expectClosed(...(version === 5 ? [0x90] : []))
    assert.deepEqual(told(), {
      counted: { max_topic_levels: 2 },
      lines: [`Limit max_topic_levels reached by ${who('c')}.`],
    })
  })

  for (const [limit, act] of [
    ['max_publish_rate', (client: EngineClient) => client.publish('t', '')],
    ['max_publish_byte_rate', (client: EngineClient) => client.publish('t', '')],
    ['max_subscribe_rate', (client: EngineClient) => client.subscribe('t')],
  ] as const) {
    test(`${limit}: who is above it is not read until a second's worth has passed, and loses nothing, version ${version}`, () => {
      const { engine, told } = start({ listener: { [limit]: 2 } })
      const client = engine.connect('c', { protocolVersion: version })
      for (let n = 0; n < 2; n++) act(client)
      assert.deepEqual([client.transport.isReading, told().counted], [true, {}])
      act(client)
      assert.equal(client.transport.isReading, false)
      client.received()
      client.send({ type: PacketType.pingreq })
      client.expectNothing()
      assert.deepEqual(told(), { counted: { [limit]: 1 }, lines: [`Limit ${limit} reached by ${who('c')}.`] })
      engine.pass(1000)
      client.catchUp()
      client.expect(PacketType.pingresp)
    })
  }

  for (const limit of ['max_inflight_messages', 'max_inflight_bytes']) {
    test(`${limit}: what is beyond it waits for an acknowledgement, and nothing is lost, version ${version}`, () => {
      const { engine } = start({ settings: { [limit]: 2 } })
      const subscriber = engine.connect('s', { protocolVersion: version })
      subscriber.subscribe('t', { qos: 1 })
      const publisher = engine.connect('p')
      for (const payload of ['a', 'b', 'c']) publisher.publish('t', payload, { qos: 1 })
      const first = subscriber.publishes()
      assert.equal(first.length, limit === 'max_inflight_bytes' ? 1 : 2)
      for (const packet of first) subscriber.answer(packet)
      const rest = limit === 'max_inflight_bytes' ? ['b', 'c'] : ['c']
      assert.deepEqual(subscriber.answerAll(), rest)
    })
  }

  for (const [limit, most] of [
    ['max_queued_messages', 2],
    ['max_queued_bytes', 4],
  ] as const) {
    test(`${limit}: what is beyond it is dropped for who is away, told once, and what was first arrives, version ${version}`, () => {
      const { engine, told } = start({ settings: { [limit]: most } })
      const away = engine.connect('away', lasting(version))
      away.subscribe('t', { qos: 1 })
      away.vanish()
      const publisher = engine.connect('p', { protocolVersion: version })
      for (const payload of ['a', 'b', 'c', 'd']) publisher.publish('t', payload, { qos: 1 })
      assert.deepEqual(told(), {
        counted: { [limit]: 1 },
        lines: ['Outgoing messages are being dropped for client away.'],
      })
      assert.equal(engine.broker.counters.publishDropped, 2)
      assert.deepEqual(engine.connect('away', lasting(version)).answerAll(), ['a', 'b'])
    })
  }

  test(`message_size_limit: a larger payload goes to nobody, one of just that size does, version ${version}`, () => {
    const { engine, told } = start({ settings: { message_size_limit: 3 } })
    const client = engine.connect('c', { protocolVersion: version })
    client.subscribe('t', { qos: 0 })
    const packetId = client.publish('t', '1234', { qos: 1 })
    client.expectAcknowledgement(PacketType.puback, packetId, before5(version, 0x83, 0))
    assert.deepEqual(told(), {
      counted: { message_size_limit: 1 },
      lines: [`Limit message_size_limit reached by ${who('c')}.`],
    })
    client.publish('t', '123', { qos: 1 })
    assert.deepEqual(client.payloads(), ['123'])
  })

  for (const [limit, connect, clientId, refusal] of [
    ['max_keepalive', { keepAlive: 11 }, 'c', before5(version, 0, identifierRejected)],
    ['max_client_id_length', {}, 'x'.repeat(11), identifierRejected],
  ] as const) {
    test(`${limit}: a CONNECT beyond it is ${refusal === 0 ? 'told a shorter one' : 'refused'}, one that keeps to it is let in, version ${version}`, () => {
      const { attempt, told } = start({ settings: { [limit]: 10 } })
      const client = attempt(clientId, version, connect)
      if (refusal === 0) assert.equal(client.expect(PacketType.connack).properties.serverKeepAlive, 10)
      else {
        client.expectRefused(refusal)
        assert.deepEqual(told(), {
          counted: { [limit]: 1 },
          lines: [`Refused CONNECT from 192.0.2.1:40000 as ${clientId}: ${limit}.`],
        })
      }
      assert.equal(attempt('x'.repeat(10), version, { keepAlive: 10 }).expect(PacketType.connack).reasonCode, 0)
    })
  }

  test(`max_takeovers: a takeover beyond the free ones waits, and of many at once the last are refused, version ${version}`, async () => {
    const { engine, attempt, told } = start({ throttle: { freeFailures: 1, firstDelayMs: 1000 } })
    for (let n = 0; n < 3; n++) engine.connect('c', { protocolVersion: version })
    const waiting = Array.from({ length: 4 }, () => attempt('c', version))
    attempt('c', version).expectRefused(before5(version, 0x9f, unavailable))
    assert.deepEqual(told(), {
      counted: { max_takeovers: 1 },
      lines: ['Refused CONNECT from 192.0.2.1:40000 as c: max_takeovers.'],
    })
    for (const client of waiting) client.expectNothing()
    engine.connect('other', { protocolVersion: version })
    engine.pass(1000)
    await waiting[0]?.answered()
    assert.equal(waiting[0]?.expect(PacketType.connack).reasonCode, 0)
  })
}

const realm = { allowAnonymous: false, passwords: parsePasswordFile(passwordLines({ alice: 'hers' }), 'passwords') }
const login = (password: string) => ({ username: 'alice', password: Buffer.from(password) })

for (const version of versions) {
  test(`max_authentication_failures: a guess beyond the free ones waits, and of many at once the last are refused, version ${version}`, async () => {
    const { attempt, told } = start({ realm, throttle: { freeFailures: 1, firstDelayMs: 1000 } })
    for (let n = 0; n < 2; n++) await attempt('c', version, login('wrong')).answered()
    const waiting = Array.from({ length: 4 }, () => attempt('c', version, login('hers')))
    attempt('c', version, login('hers')).expectRefused(before5(version, 0x9f, unavailable))
    assert.deepEqual(told().counted, { max_authentication_failures: 1 })
    assert.equal(
      told().lines.at(-1),
      "Refused CONNECT from 192.0.2.1:40000 as c, u'alice': max_authentication_failures.",
    )
    for (const client of waiting) client.expectNothing()
  })

  test(`max_pending_authentications: a login beyond it is refused as busy, the others are judged, version ${version}`, async () => {
    const verifier = new PasswordVerifier({ ...passwordVerifierDefaults, maxPending: 1 }, { now: () => 0 })
    const { attempt, told } = start({ realm: { ...realm, verifier } })
    const [first, second] = [attempt('a', version, login('hers')), attempt('b', version, login('hers'))]
    await second.answered()
    second.expectRefused(before5(version, 0x89, unavailable))
    assert.deepEqual(told(), {
      counted: { max_pending_authentications: 1 },
      lines: ["Refused CONNECT from 192.0.2.1:40000 as b, u'alice': max_pending_authentications."],
    })
    await first.answered()
    assert.equal(first.expect(PacketType.connack).reasonCode, 0)
  })
}
