import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { lenientRealm } from '../../test/support/realms.ts'
import { makeSession, makeSubscription } from '../../test/support/sessions.ts'
import { createAccess } from '../auth/access.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import { type Principal, provePrincipal } from '../auth/principal.ts'
import type { Access, ExchangeStep, Realm } from '../auth/realm.ts'
import { silentLog } from '../base/log.ts'
import { encodePacket } from '../mqtt/codec.ts'
import { noProperties, PacketType, type QoS } from '../mqtt/packet.ts'
import type { CachedTopic } from '../mqtt/topic-cache.ts'
import type { ListenerContext } from './listener-context.ts'
import { PublisherTopic } from './publisher-topic.ts'
import type { Route } from './route.ts'
import { LocalRouter } from './router.ts'

const everything = 'topic readwrite #\n'
const acl = (rules: string) => ({ acl: parseAclFile(rules, 'f').rules })

const everyone = createAccess(undefined, provePrincipal(undefined, 'anonymous', ''), 'c', silentLog)
const nobody: Access = { publish: () => undefined, receive: () => true, subscribe: () => true, unsubscribe: () => true }

/** A router, and what one client remembers. */
function remembering(access: Access = everyone) {
  const router = new LocalRouter()
  const topic = new PublisherTopic(router)
  const cached = new Map<string, CachedTopic<Route>>()
  const named = (topicName: string) => {
    const entry = cached.get(topicName) ?? { topicName, memo: undefined }
    cached.set(topicName, entry)
    return entry
  }
  const knows = (topicName: string) => topic.find(named(topicName), access)
  const learn = (topicName: string) => topic.learn(topicName, topicName, access)
  return { router, topic, named, knows, learn }
}

test('topics are remembered with their routes, each with its own', () => {
  const { topic, learn, knows } = remembering()
  assert.equal(knows('a'), false)
  for (const topicName of ['a', 'b', 'c']) learn(topicName)
  for (const topicName of ['a', 'c', 'b', 'b', 'a']) {
    assert.equal(knows(topicName), true)
    assert.equal(topic.route.topicName, topicName)
    assert.equal(topic.permitted, topic.route)
  }
  assert.equal(knows('d'), false)
})

test('a topic is not known any more once its route has changed, and is known again with the new one', () => {
  const { router, topic, learn, knows } = remembering()
  for (const topicName of ['a', 'b']) learn(topicName)
  assert.deepEqual([knows('a'), knows('b')], [true, true])
  const subscription = makeSubscription(makeSession('s'), 'a')
  router.subscribe(subscription)
  assert.deepEqual([knows('a'), topic.recall('a'), knows('b')], [false, false, true])
  learn('a')
  assert.deepEqual(topic.route.subscriptions, [subscription])
  router.outdate()
  assert.deepEqual([topic.recall('a'), knows('a'), knows('b')], [false, false, false])
})

test('features F4: what the rules refuse is remembered too, for each client by its own rules', () => {
  const { router, topic, named, learn, knows } = remembering(nobody)
  learn('a')
  assert.deepEqual([knows('a'), topic.permitted], [true, undefined])
  const other = new PublisherTopic(router)
  assert.equal(other.find(named('a'), everyone), true)
  assert.equal(other.permitted, topic.route)
  const third = new PublisherTopic(router)
  assert.equal(third.find(named('a'), nobody), true)
  assert.equal(third.permitted, undefined)
  assert.deepEqual([knows('a'), topic.permitted], [true, undefined])
})

test('names of 256 characters are remembered, of 257 not', () => {
  for (const [length, expected] of [
    [256, true],
    [257, false],
  ] as const) {
    const { learn, knows } = remembering()
    learn('x'.repeat(length))
    assert.equal(knows('x'.repeat(length)), expected)
  }
})

test('whoever forgets asks again', () => {
  const { router, topic, named, learn } = remembering()
  learn('a')
  topic.forget()
  assert.equal(topic.recall('a'), false)
  assert.equal(topic.find(named('a'), nobody), true)
  assert.equal(topic.permitted, undefined)
  router.outdate()
  assert.equal(topic.find(named('a'), everyone), false)
})

/** Three messages on one topic in one chunk; the publisher completes its exchanges. */
function publishRun(publisher: EngineClient, topicName: string, qos: QoS): string[] {
  const sent = sendRun(publisher, topicName, qos)
  publisher.answerAll()
  return sent
}

function sendRun(publisher: EngineClient, topicName: string, qos: QoS): string[] {
  const payloads = ['m1', 'm2', 'm3']
  const packets = payloads.map((payload, index) =>
    encodePacket(
      {
        type: PacketType.publish,
        dup: false,
        qos,
        retain: false,
        topicName,
        packetId: qos === 0 ? 0 : index + 1,
        payload: Buffer.from(payload),
        properties: noProperties,
      },
      publisher.version,
    ),
  )
  publisher.sendBytes(Buffer.concat(packets))
  return payloads
}

/** Who gets what now, before and behind each of the changes. */
interface Scene {
  readonly engine: Engine
  /** One run of messages. @returns whether all, or none, got through */
  passes(): boolean
}

/** Messages pass, then they do not, then they do again: each time from the very next one on. */
function checkBothWays({ passes }: Scene, forbid: () => void, allow: () => void): void {
  for (let round = 0; round < 2; round++) {
    for (let again = 0; again < 2; again++) assert.equal(passes(), true, 'what is allowed did not pass')
    forbid()
    for (let again = 0; again < 2; again++) assert.equal(passes(), false, 'what is forbidden passed')
    allow()
  }
}

/** Rules by listener: those of the subscriber change, the publisher is on another one, or the other way round. */
function scene(qos: QoS, subscribe: (subscriber: EngineClient) => void, topicName = 'a/b') {
  const engine = new Engine({ realm: acl(everything), settings: { queue_qos0_messages: true } })
  const others = engine.addListener({}, acl(everything))
  const subscriber = engine.connect('s', lasting(), others)
  subscribe(subscriber)
  let runs = 0
  const publisher = engine.connect('p', {}, engine.listener, { tookBytes: () => void runs++ })
  const passes = () => {
    const sent = publishRun(publisher, topicName, qos)
    const got = subscriber.answerAll()
    if (got.length > 0) assert.deepEqual(got, sent)
    return got.length > 0
  }
  const rule = (listener: ListenerContext, rules: string) => {
    listener.realm = engine.realm(acl(rules))
    engine.reconfigure({})
  }
  return { engine, others, subscriber, publisher, passes, rule, runs: () => runs }
}

for (const qos of [0, 1, 2] as const) {
  for (const filter of ['a/b', 'a/#', '$share/g/a/b', '$share/g/#']) {
    test(`features F4: rules that change count from the next message on, for who publishes and who receives, QoS ${qos}, filter ${filter}`, () => {
      const it = scene(qos, subscriber => subscriber.subscribe(filter))
      checkBothWays(
        it,
        () => it.rule(it.engine.listener, 'topic readwrite #\ntopic deny a/b\n'),
        () => it.rule(it.engine.listener, everything),
      )
      checkBothWays(
        it,
        () => it.rule(it.others, 'topic readwrite #\ntopic deny a/b\n'),
        () => it.rule(it.others, everything),
      )
      assert.ok(it.runs() > 0, 'no run was taken as bytes')
    })

    test(`[MQTT-3.10.4-2] who unsubscribes gets nothing more, who subscribes gets the next message, QoS ${qos}, filter ${filter}`, () => {
      const it = scene(qos, subscriber => subscriber.subscribe(filter))
      checkBothWays(
        it,
        () => void it.subscriber.unsubscribe(filter),
        () => void it.subscriber.subscribe(filter),
      )
      assert.ok(it.runs() > 0, 'no run was taken as bytes')
    })
  }

  test(`features F4: rules that change count for what is queued for who is away, QoS ${qos}`, () => {
    const it = scene(qos, subscriber => subscriber.subscribe('#'))
    it.subscriber.vanish()
    const session = it.engine.broker.registry.get('s')
    assert.ok(session !== undefined)
    const passes = () => {
      const before = session.outbound.queuedMessages
      publishRun(it.publisher, 'a/b', qos)
      return session.outbound.queuedMessages > before
    }
    checkBothWays(
      { engine: it.engine, passes },
      () => it.rule(it.others, 'topic readwrite #\ntopic deny a/b\n'),
      () => it.rule(it.others, everything),
    )
  })

  test(`features H4: a session that is resumed receives what its new connection may, also when it is away again, QoS ${qos}`, () => {
    const it = scene(qos, subscriber => subscriber.subscribe('#'))
    const restricted = it.engine.addListener({}, acl('topic readwrite #\ntopic deny a/b\n'))
    let subscriber = it.subscriber
    const session = it.engine.broker.registry.get('s')
    assert.ok(session !== undefined)
    for (const isAway of [false, true]) {
      const resume = (listener: ListenerContext) => {
        subscriber = it.engine.connect('s', lasting(), listener)
        subscriber.answerAll()
        if (isAway) subscriber.vanish()
      }
      const passes = () => {
        const before = session.outbound.queuedMessages
        publishRun(it.publisher, 'a/b', qos)
        return isAway ? session.outbound.queuedMessages > before : subscriber.answerAll().length > 0
      }
      if (isAway) resume(it.others)
      checkBothWays(
        { engine: it.engine, passes },
        () => resume(restricted),
        () => resume(it.others),
      )
    }
  })

  test(`features H4: whoever takes over a publisher’s session publishes what its own connection may, QoS ${qos}`, () => {
    const it = scene(qos, subscriber => subscriber.subscribe('#'))
    const restricted = it.engine.addListener({}, acl('topic readwrite #\ntopic deny a/b\n'))
    let publisher = it.publisher
    const passes = () => {
      publishRun(publisher, 'a/b', qos)
      return it.subscriber.answerAll().length > 0
    }
    checkBothWays(
      { engine: it.engine, passes },
      () => {
        publisher = it.engine.connect('p', {}, restricted)
      },
      () => {
        publisher = it.engine.connect('p')
      },
    )
  })

  test(`[MQTT-3.1.2-4] a session that ends gets nothing more, and is not kept by what others remember, QoS ${qos}`, () => {
    const engine = new Engine()
    const publisher = engine.connect('p')
    const endings: readonly ((client: EngineClient) => void)[] = [
      client => client.disconnect(),
      client => client.vanish(),
      () => void engine.connect('s'),
    ]
    for (const end of endings) {
      for (const filter of ['a/b', '#', '$share/g/#']) {
        const client = engine.connect('s')
        client.subscribe(filter)
        assert.deepEqual(client.answerAll(), [])
        const sent = publishRun(publisher, 'a/b', qos)
        assert.deepEqual(client.answerAll(), sent)
        end(client)
        client.received()
        const { packetsSent } = engine.broker.counters
        publishRun(publisher, 'a/b', qos)
        assert.deepEqual(client.received(), [])
        assert.equal(engine.broker.counters.packetsSent, packetsSent + [0, 3, 6][qos]!)
      }
    }
  })
}

test('mount_point: a topic that is longer than what is remembered with its mount point is asked for each time', () => {
  const engine = new Engine()
  const listener = engine.addListener({ mount_point: `${'m'.repeat(30)}/` })
  const topicName = 't'.repeat(240)
  const [publisher, subscriber] = [engine.connect('p', {}, listener), engine.connect('s', {}, listener)]
  const passes = () => {
    const sent = publishRun(publisher, topicName, 0)
    const got = subscriber.payloads()
    if (got.length > 0) assert.deepEqual(got, sent)
    return got.length > 0
  }
  subscriber.subscribe(topicName)
  checkBothWays(
    { engine, passes },
    () => void subscriber.unsubscribe(topicName),
    () => void subscriber.subscribe(topicName),
  )
})

/** A realm whose clients prove themselves at once and again; what they may do is what the last proof says. */
function reprovable(engine: Engine, inner: Realm) {
  const rights = new Map<Principal, string>()
  let next = everything
  const step = (): ExchangeStep => {
    const principal = provePrincipal('user', 'SCRAM-SHA-256', '')
    rights.set(principal, next)
    return { kind: 'success', data: undefined, principal }
  }
  engine.listener.realm = lenientRealm({
    authenticate: identity => inner.authenticate(identity),
    beginExchange: () => ({ method: 'at once', step }),
    access: (principal, clientId) =>
      engine.realm(acl(`user user\n${rights.get(principal)}`)).access(principal, clientId),
  })
  const properties = { authenticationMethod: 'at once' }
  const connect = async (clientId: string) => {
    const client = engine.open()
    client.connect(clientId, { properties })
    await client.answered()
    assert.equal(client.expect(PacketType.connack).reasonCode, 0)
    return client
  }
  const prove = async (client: EngineClient, rules: string) => {
    next = rules
    client.send({ type: PacketType.auth, reasonCode: 0x19, properties })
    await client.answered()
    assert.equal(client.expect(PacketType.auth).reasonCode, 0)
  }
  return { connect, prove }
}

for (const who of ['publisher', 'subscriber'] as const) {
  for (const filter of ['a/b', '$share/g/#']) {
    test(`§4.12.1: what a ${who} proves again counts from the next message on, filter ${filter}`, async () => {
      const engine = new Engine()
      const { connect, prove } = reprovable(engine, engine.listener.realm)
      const clients = { publisher: await connect('p'), subscriber: await connect('s') }
      clients.subscriber.subscribe(filter)
      for (const [rules, expected] of [
        [everything, true],
        ['topic readwrite #\ntopic deny a/b\n', false],
        [everything, true],
        [`topic ${who === 'publisher' ? 'read' : 'write'} #\n`, false],
      ] as const) {
        await prove(clients[who], rules)
        for (const qos of [0, 1, 2, 0] as const) {
          publishRun(clients.publisher, 'a/b', qos)
          assert.equal(clients.subscriber.answerAll().length > 0, expected, `${rules} at QoS ${qos}`)
        }
      }
    })
  }
}

test('message_size_limit: a limit that a reload lowers counts from the next message on', () => {
  const it = scene(0, subscriber => subscriber.subscribe('#'))
  checkBothWays(
    it,
    () => it.engine.reconfigure({ message_size_limit: 1 }),
    () => it.engine.reconfigure({ message_size_limit: 2 }),
  )
})

test('max_topic_levels: a limit that a reload lowers ends the connection with 0x90 at the next message', () => {
  const it = scene(0, subscriber => subscriber.subscribe('#'))
  for (let again = 0; again < 2; again++) assert.equal(it.passes(), true)
  it.engine.reconfigure({ max_topic_levels: 1 })
  sendRun(it.publisher, 'a/b', 0)
  assert.deepEqual(it.subscriber.answerAll(), [])
  it.publisher.expectClosed(0x90)
})
