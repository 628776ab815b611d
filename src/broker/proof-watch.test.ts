import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { keySet, makeToken, signingKeys } from '../../test/support/tokens.ts'
import { fixedKeys } from '../auth/jwt-key-source.ts'
import { parseKeySet } from '../auth/jwt-keys.ts'
import { createTokenRealm, tokenMethod } from '../auth/jwt-realm.ts'
import { TokenVerifier } from '../auth/jwt-verifier.ts'
import { type Connect, noProperties, PacketType } from '../mqtt/packet.ts'

const key = signingKeys.ES256
const again = 0x19
const minute = 60_000

/** An engine that takes tokens, by its own clock unless there is another one on the wall. */
function tokenEngine(wallClock?: () => number): Engine {
  const engine = new Engine()
  const rules = {
    algorithms: ['ES256'],
    issuer: undefined,
    audience: undefined,
    skewSeconds: 0,
    usernameClaim: 'sub',
    clientIdClaim: 'cid',
    rolesClaim: undefined,
    groupsClaim: undefined,
    aclClaim: undefined,
  } as const
  const keys = [fixedKeys(parseKeySet(keySet({ one: key })))]
  const verifier = new TokenVerifier({ rules, keys, wallClock: wallClock ?? engine.clock.now })
  const { realm: inner } = engine.listener
  engine.listener.realm = createTokenRealm({ inner, verifier, directory: undefined, mostPending: 10 })
  return engine
}

/** Good for a minute. */
function token(engine: Engine, claims: object = {}): Buffer {
  const exp = engine.clock.now() / 1000 + 60
  return Buffer.from(
    makeToken({ header: { alg: 'ES256' }, claims: { sub: 'u', cid: 'c', exp, ...claims } }, key.privateKey),
  )
}

async function logIn(engine: Engine, connect: Partial<Connect> = {}): Promise<EngineClient> {
  const client = engine.open()
  client.connect('c', { username: 'u', password: token(engine), ...connect })
  await client.answered()
  assert.equal(client.expect(PacketType.connack).reasonCode, 0)
  return client
}

/** Connects by the method `JWT`, so that it may prove itself again. */
function logInByMethod(engine: Engine): Promise<EngineClient> {
  const properties = { authenticationMethod: tokenMethod, authenticationData: token(engine) }
  return logIn(engine, { username: undefined, password: undefined, properties })
}

function sendAuth(client: EngineClient, authenticationData: Buffer): void {
  const properties = { authenticationMethod: tokenMethod, authenticationData }
  client.send({ type: PacketType.auth, reasonCode: again, properties })
}

test('features K5: a connection ends when its token does (0xA0), not before', async () => {
  const engine = tokenEngine()
  const client = await logIn(engine)
  engine.pass(minute - 100)
  client.expectNothing()
  engine.pass(200)
  const { reasonCode, properties } = client.expect(PacketType.disconnect)
  assert.deepEqual([reasonCode, properties.reasonString], [0xa0, 'token has expired'])
  client.expectClosed()
})

test('features K5: before MQTT 5 the connection is closed', async () => {
  const engine = tokenEngine()
  const client = await logIn(engine, { protocolVersion: 4 })
  engine.pass(minute + 100)
  client.expectClosed()
})

test('features K5: who has no token, or has left, is not watched', async () => {
  const engine = tokenEngine()
  const timers = engine.broker.wheel.size
  const gone = await logIn(engine)
  gone.disconnect()
  assert.equal(engine.broker.wheel.size, timers)
  const anonymous = engine.connect('anonymous')
  engine.pass(10 * minute)
  anonymous.expectNothing()
})

test('features K5: a token that lasts for hours ends on time', async () => {
  const engine = tokenEngine()
  const client = await logIn(engine, { password: token(engine, { exp: engine.clock.now() / 1000 + 3 * 3600 }) })
  engine.pass(3 * 60 * minute - 1000)
  client.expectNothing()
  engine.pass(1100)
  client.expectClosed(0xa0)
})

test('features K5: dates are the wall clock’s: one that is set forward is heeded within the hour', async () => {
  const wall = fakeClock()
  const engine = tokenEngine(wall.now)
  const client = await logIn(engine, { password: token(engine, { exp: engine.clock.now() / 1000 + 3 * 3600 }) })
  wall.advance(3 * 3600 * 1000)
  engine.pass(60 * minute + 100)
  client.expectClosed(0xa0)
})

test('features K5: at the end of a token the Will is published, and the session waits for the next token', async () => {
  const engine = tokenEngine()
  const watcher = engine.connect('watcher')
  watcher.subscribe('will')
  const will = {
    topicName: 'will',
    payload: Buffer.from('gone'),
    qos: 0,
    retain: false,
    properties: noProperties,
  } as const
  await logIn(engine, { ...lasting(), will })
  engine.pass(minute + 100)
  assert.deepEqual(
    watcher.publishes().map(({ payload }) => Buffer.from(payload).toString()),
    ['gone'],
  )
  const client = engine.open()
  client.connect('c', { ...lasting(), username: 'u', password: token(engine) })
  await client.answered()
  assert.equal(client.expect(PacketType.connack).sessionPresent, true)
})

test('features K5: a token that is over, or for another client id, is refused at CONNECT (0x87)', async () => {
  const engine = tokenEngine()
  for (const claims of [{ exp: engine.clock.now() / 1000 }, { cid: 'other' }]) {
    const client = engine.open()
    client.connect('c', { username: 'u', password: token(engine, claims) })
    await client.answered()
    client.expectRefused(0x87)
  }
  assert.equal(engine.broker.registry.size, 0)
})

test('[MQTT-4.12.1-1] AUTH 0x19 with a newer token lets the connection go on until that one ends', async () => {
  const engine = tokenEngine()
  const client = await logInByMethod(engine)
  engine.pass(minute / 2)
  sendAuth(client, token(engine))
  await client.answered()
  assert.equal(client.expect(PacketType.auth).reasonCode, 0)
  engine.pass(minute - 100)
  client.expectNothing()
  engine.pass(200)
  client.expectClosed(0xa0)
})

test('[MQTT-4.12.1-2] AUTH 0x19 with a bad token, or that of another user, ends the connection', async () => {
  for (const claims of [{ exp: 1 }, { sub: 'other' }]) {
    const engine = tokenEngine()
    const client = await logInByMethod(engine)
    sendAuth(client, token(engine, claims))
    await client.answered()
    client.expectClosed(0x87)
  }
})

test('[MQTT-4.12.1-1] whose token came as the password has to connect again: AUTH is a protocol error', async () => {
  const engine = tokenEngine()
  const client = await logIn(engine)
  sendAuth(client, token(engine))
  client.expectClosed(0x82)
})
