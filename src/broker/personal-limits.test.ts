import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Engine, type EngineClient, type EngineOptions, lasting } from '../../test/support/engine.ts'
import { passwordLines } from '../../test/support/password-lines.ts'
import { parsePasswordFile } from '../auth/password-file.ts'
import type { Access, Realm } from '../auth/realm.ts'
import { OptionValueError } from '../config/value.ts'
import { PacketType } from '../mqtt/packet.ts'
import { type LimitLine, limitLines } from './personal-limits.ts'

const passwords = parsePasswordFile(passwordLines({ ann: 'x', bob: 'x' }), 'passwords')

/** Of users with passwords, each with the roles that `roles` has for it at the time. */
function start(settings: EngineOptions['settings'], roles: Record<string, readonly string[]> = {}) {
  const engine = new Engine({ settings: settings ?? {}, realm: { passwords } })
  engine.listener.realm = withRoles(engine.realm({ passwords }), roles)
  return engine
}

function withRoles(realm: Realm, roles: Record<string, readonly string[]>): Realm {
  const accessOf = realm.access.bind(realm)
  const access: Realm['access'] = (principal, clientId) =>
    Object.defineProperty(bound(accessOf(principal, clientId)), 'roles', {
      get: () => roles[principal.username ?? ''] ?? [],
    })
  return Object.assign(realm, { access })
}

function bound(access: Access): Access {
  return {
    publish: message => access.publish(message),
    receive: topicName => access.receive(topicName),
    subscribe: fullFilter => access.subscribe(fullFilter),
    unsubscribe: fullFilter => access.unsubscribe(fullFilter),
  }
}

async function join(engine: Engine, username: string, clientId = username, more = {}): Promise<EngineClient> {
  const client = engine.open()
  client.connect(clientId, { username, password: Buffer.from('x'), ...more })
  await client.answered()
  return client
}

async function joined(engine: Engine, username: string, clientId = username, more = {}): Promise<EngineClient> {
  const client = await join(engine, username, clientId, more)
  client.connack = client.expect(PacketType.connack)
  assert.equal(client.connack.reasonCode, 0)
  return client
}

/** Whether a client is held up by ten messages at once. */
function isSlowed(client: EngineClient): boolean {
  for (let n = 0; n < 10; n++) client.publish('t', 'x')
  return !client.transport.isReading
}

const ten: LimitLine = { holder: 'ann', limit: 'max_publish_rate', value: 5 }

test('client_limit: it goes before that of the listener, be it less or more, for this user alone', async () => {
  const engine = start({ client_limit: [ten, { ...ten, holder: 'bob', value: 0 }] })
  engine.listener.settings = { ...engine.listener.settings, max_publish_rate: 9 }
  assert.equal(isSlowed(await joined(engine, 'ann')), true)
  assert.equal(isSlowed(await joined(engine, 'bob')), false)
})

test('client_limit: a name that nobody has proven brings nothing', () => {
  const engine = new Engine({ settings: { client_limit: [{ ...ten, value: 0 }] }, listener: { max_publish_rate: 5 } })
  assert.equal(isSlowed(engine.connect('c', { username: 'ann' })), true)
})

test('role_limit: whoever has the role; of several roles the first one that names the limit, and client_limit before all', async () => {
  const role_limit: readonly LimitLine[] = [
    { holder: 'slow', limit: 'max_publish_rate', value: 5 },
    { holder: 'quick', limit: 'max_publish_rate', value: 100 },
  ]
  const slowed = async (settings: EngineOptions['settings'], ...roles: string[]) =>
    isSlowed(await joined(start({ role_limit, ...settings }, { ann: roles }), 'ann'))
  assert.equal(await slowed({}, 'other', 'slow', 'quick'), true)
  assert.equal(await slowed({}, 'quick', 'slow'), false)
  assert.equal(await slowed({}, 'other'), false)
  assert.equal(await slowed({ client_limit: [{ ...ten, value: 100 }] }, 'slow'), false)
})

test('role_limit: roles that change count at once for whoever is connected, and so does a reload', async () => {
  const roles: Record<string, readonly string[]> = {}
  const engine = start({ role_limit: [{ ...ten, holder: 'slow' }] }, roles)
  const client = await joined(engine, 'ann')
  assert.equal(isSlowed(client), false)
  roles['ann'] = ['slow']
  engine.broker.reassess({
    concerns: ({ username }) => username === 'ann',
    disconnects: () => false,
    ends: () => false,
  })
  assert.equal(isSlowed(client), true)
  engine.pass(60_000)
  client.catchUp()
  engine.reconfigure({ role_limit: [] })
  assert.equal(isSlowed(client), false)
  engine.reconfigure({ client_limit: [ten] })
  assert.equal(isSlowed(client), true)
})

test('client_limit max_queued_messages: what waits for a user who is away, as for others by the setting of all', async () => {
  const engine = start({ client_limit: [{ holder: 'ann', limit: 'max_queued_messages', value: 2 }] })
  for (const name of ['ann', 'bob']) {
    const client = await joined(engine, name, name, lasting())
    client.subscribe('t', { qos: 1 })
    client.vanish()
  }
  const publisher = await joined(engine, 'bob', 'publisher')
  for (const payload of ['1', '2', '3']) publisher.publish('t', payload, { qos: 1 })
  assert.deepEqual((await joined(engine, 'ann', 'ann', lasting())).payloads(), ['1', '2'])
  assert.deepEqual((await joined(engine, 'bob', 'bob', lasting())).payloads(), ['1', '2', '3'])
})

test('client_limit max_inflight_messages: what is under way, and what the client is told as Receive Maximum', async () => {
  const engine = start({ client_limit: [{ holder: 'ann', limit: 'max_inflight_messages', value: 1 }] })
  const [ann, bob] = [await joined(engine, 'ann'), await joined(engine, 'bob')]
  assert.deepEqual(
    [ann, bob].map(({ connack }) => connack?.properties.receiveMaximum),
    [1, 20],
  )
  for (const client of [ann, bob]) client.subscribe('t', { qos: 1 })
  for (const payload of ['1', '2']) bob.publish('t', payload, { qos: 1 })
  assert.deepEqual([ann.payloads(), bob.payloads()], [['1'], ['1', '2']])
})

test('client_limit max_packet_size: less than for others is told in CONNACK and held to, more is not', async () => {
  const limit = 'max_packet_size'
  const client_limit = [
    { holder: 'ann', limit, value: 500 },
    { holder: 'bob', limit, value: 5000 },
  ] as const
  const engine = start({ client_limit, max_packet_size: 1000 })
  const sizes = []
  for (const name of ['ann', 'bob']) {
    const { connack, transport } = await joined(engine, name)
    sizes.push([connack?.properties.maximumPacketSize, transport.maximumPacketSize])
  }
  assert.deepEqual(sizes, [
    [500, 500],
    [1000, 1000],
  ])
})

test('client_limit max_subscriptions_per_client: one too many is refused with 0x97, for others it is not', async () => {
  const engine = start({ client_limit: [{ holder: 'ann', limit: 'max_subscriptions_per_client', value: 1 }] })
  const [ann, bob] = [await joined(engine, 'ann'), await joined(engine, 'bob')]
  assert.deepEqual([ann.subscribe('a'), ann.subscribe('b')], [2, 0x97])
  assert.deepEqual([bob.subscribe('a'), bob.subscribe('b')], [2, 2])
  assert.deepEqual([...engine.broker.counters.limitsReached.entries()], [['max_subscriptions_per_client', 1]])
})

test('max_sessions_per_user: one more is refused (0x97, before MQTT 5 return code 3); the same again, or once one has ended, is not', async () => {
  const engine = start({ max_sessions_per_user: 2 })
  const first = await joined(engine, 'ann', 'a')
  const second = await joined(engine, 'ann', 'b', lasting())
  for (const [protocolVersion, reasonCode] of [
    [5, 0x97],
    // Return code 3, as the codec reads it.
    [4, 0x88],
  ] as const) {
    ;(await join(engine, 'ann', 'c', { protocolVersion })).expectRefused(reasonCode)
  }
  await joined(engine, 'bob', 'd')
  // Away counts, too.
  second.vanish()
  ;(await join(engine, 'ann', 'c')).expectRefused(0x97)
  await joined(engine, 'ann', 'b', lasting())
  first.disconnect()
  await joined(engine, 'ann', 'c')
  assert.equal(new Map(engine.broker.counters.limitsReached.entries()).get('max_sessions_per_user'), 3)
})

test('max_sessions_per_user: anonymous clients are nobody, and role_limit may have another number', async () => {
  const engine = new Engine({ settings: { max_sessions_per_user: 1 } })
  for (const clientId of ['a', 'b']) engine.connect(clientId, { username: 'ann' })
  const roles = start({ role_limit: [{ holder: 'one', limit: 'max_sessions_per_user', value: 1 }] }, { ann: ['one'] })
  await joined(roles, 'ann', 'a')
  ;(await join(roles, 'ann', 'b')).expectRefused(0x97)
  for (const clientId of ['c', 'd']) await joined(roles, 'bob', clientId)
})

const parse = (...lines: string[]) => {
  const { parse } = limitLines('user name')
  return lines.reduce<readonly LimitLine[] | undefined>(
    (earlier, line) => parse(line, 'client_limit', earlier, () => assert.fail('a warning')),
    undefined,
  )
}

test('client_limit: name, limit and number, one limit a line; a name may have blanks', () => {
  assert.deepEqual(parse('ann max_publish_rate 5', 'pump 7 max_queued_bytes 0x10'), [
    ten,
    { holder: 'pump 7', limit: 'max_queued_bytes', value: 16 },
  ])
})

const refused: readonly (readonly [string[], RegExp])[] = [
  [
    ['ann max_publish_rat 5'],
    /^Error: 'client_limit' knows no limit 'max_publish_rat'. Did you mean 'max_publish_rate'\?$/,
  ],
  [['ann speed 5'], /knows no limit 'speed'\. It is one of max_inflight_bytes, .*max_subscriptions_per_client\.$/],
  [['ann \x1b[31m 5'], /knows no limit '\\x1b\[31m'/],
  [['ann max_publish_rate'], /has to be '<user name> <limit> <integer>'\.$/],
  [[''], /has to be/],
  [['ann max_publish_rate many'], /value not a number\.$/],
  [['ann max_publish_rate -1'], /of max_publish_rate must be between 0 and 2147483647\.$/],
  [['ann max_inflight_messages 65535'], /must be between 0 and 65534\.$/],
  [['ann max_subscriptions_per_client 0'], /must be between 1 and /],
  [['ann max_publish_rate 5', 'ann max_publish_rate 6'], /Duplicate 'client_limit' of max_publish_rate for 'ann'\.$/],
]

for (const [lines, message] of refused) {
  test(`client_limit: refused: ${JSON.stringify(lines)}`, () => {
    assert.throws(
      () => parse(...lines),
      (error: Error) => error instanceof OptionValueError && message.test(error.message),
    )
  })
}
