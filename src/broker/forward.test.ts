// Two brokers get the same bytes in the same chunks: one may take runs of packets as bytes and remember where topics go; the
// other gets packet by packet, and has forgotten everything before the next one. Nobody can tell them apart.

import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import { encodePacket } from '../mqtt/codec.ts'
import {
  noProperties,
  type Packet,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type QoS,
} from '../mqtt/packet.ts'
import type { BrokerSettings } from './broker.ts'
import type { ListenerContext } from './listener-context.ts'

const topics = ['a', 'a/b', 'secret', 'm/a', 'long/'.repeat(51)]
const filters = [
  '#',
  'a',
  'a/#',
  '+/b',
  'secret',
  '+',
  'm/a',
  '$share/g/#',
  '$share/g/a',
  '$share/h/a/#',
  'long/#',
  'long/'.repeat(51),
]
/** By listener: open, with rules, and below a mount point. */
const rules = ['topic readwrite #\n', 'topic readwrite #\ntopic deny secret\n', 'topic read #\ntopic readwrite a/#\n']
const version = fc.constantFrom<ProtocolVersion>(3, 4, 5, 5)
const qos = fc.constantFrom<QoS>(0, 0, 1, 2)
const subscription = fc.record({
  topicFilter: fc.constantFrom(...filters),
  qos,
  noLocal: fc.boolean(),
  retainAsPublished: fc.boolean(),
  identifier: fc.constantFrom(0, 0, 0, 7, 300),
})
type Subscription = typeof subscription extends fc.Arbitrary<infer T> ? T : never

const client = fc.record({
  version,
  isBridge: fc.constantFrom(false, false, false, true),
  listener: fc.constantFrom(0, 0, 0, 1, 2),
  subscriptions: fc.array(subscription, { maxLength: 3 }),
  maximumPacketSize: fc.constantFrom(undefined, undefined, 30, 129, 130, 131, 137),
  topicAliasMaximum: fc.constantFrom(0, 0, 0, 2),
  state: fc.constantFrom('here', 'here', 'here', 'away', 'slow'),
})
type Member = typeof client extends fc.Arbitrary<infer T> ? T : never

const message = fc.record({
  topicName: fc.constantFrom(...topics, 'a', 'a', 'a'),
  qos: fc.constantFrom<QoS>(0, 0, 0, 0, 1, 1, 2),
  payload: fc.constantFrom(1, 2, 124, 130, 140),
  times: fc.integer({ min: 1, max: 6 }),
  retain: fc.constantFrom(false, false, false, false, false, false, true),
  properties: fc.constantFrom<Properties>(noProperties, noProperties, noProperties, noProperties, {
    contentType: 'c',
  }),
})
const who = fc.nat({ max: 5 })
const word = <const T extends string>(text: T) => fc.constant<T>(text)
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.tuple(word('publish'), who, fc.array(message, { minLength: 1, maxLength: 5 }), fc.array(fc.nat(400))),
  },
  { weight: 4, arbitrary: fc.tuple(word('read'), who) },
  { weight: 2, arbitrary: fc.tuple(word('subscribe'), who, subscription) },
  { weight: 2, arbitrary: fc.tuple(word('unsubscribe'), who, fc.constantFrom(...filters)) },
  { weight: 2, arbitrary: fc.tuple(word('slow'), who) },
  { weight: 2, arbitrary: fc.tuple(word('drain'), who) },
  { weight: 2, arbitrary: fc.tuple(word('go away'), who) },
  { weight: 2, arbitrary: fc.tuple(word('come back'), who, fc.boolean()) },
  { weight: 1, arbitrary: fc.tuple(word('reload'), fc.nat({ max: 2 }), fc.constantFrom(...rules)) },
  { weight: 1, arbitrary: fc.tuple(word('time passes')) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const settings = fc.record({
  allow_duplicate_messages: fc.boolean(),
  queue_qos0_messages: fc.boolean(),
  upgrade_outgoing_qos: fc.constantFrom(false, false, false, true),
  message_size_limit: fc.constantFrom(0, 0, 130),
  max_queued_messages: fc.constantFrom(0, 0, 3, 100),
  max_inflight_messages: fc.constantFrom(0, 2, 20),
})

/** One of the two brokers with its clients. */
class Side {
  readonly engine: Engine
  readonly #isReference: boolean
  readonly #listeners: readonly ListenerContext[]
  readonly #members: readonly Member[]
  readonly #clients: (EngineClient | undefined)[]
  /** What each client has got and not answered. */
  readonly #unanswered: Packet[][]
  /** Runs of several packets that were taken as bytes. */
  runs = 0
  #payload = 0
  #packetId = 0

  constructor(given: Partial<BrokerSettings>, members: readonly Member[], isReference: boolean) {
    this.#isReference = isReference
    this.engine = new Engine({ settings: given, throttle: { freeFailures: Number.POSITIVE_INFINITY } })
    this.#listeners = [undefined, undefined, 'm/'].map((mount_point, index) =>
      this.engine.addListener({ mount_point }, { acl: parseAclFile(rules[index] as string, 'f').rules }),
    )
    this.#members = members
    this.#unanswered = members.map(() => [])
    this.#clients = members.map((_, index) => this.#connect(index))
    for (const [index, { subscriptions, state }] of members.entries()) {
      for (const one of subscriptions) this.#subscribe(index, one)
      if (state === 'slow') this.#slow(index)
      if (state === 'away') this.#leave(index)
    }
  }

  perform(step: Step): void {
    this.#forget()
    const [what, index] = step
    const here = index === undefined ? undefined : index % this.#members.length
    switch (what) {
      case 'publish':
        this.#publish(here as number, step[2], step[3])
        return
      case 'read':
        this.#answer(here as number)
        return
      case 'subscribe':
        this.#subscribe(here as number, step[2])
        return
      case 'unsubscribe':
        this.#send(here as number, {
          type: PacketType.unsubscribe,
          packetId: 1,
          topicFilters: [step[2]],
          properties: noProperties,
        })
        return
      case 'slow':
        this.#slow(here as number)
        return
      case 'drain':
        this.#clients[here as number]?.drain()
        return
      case 'go away':
        this.#leave(here as number)
        return
      case 'come back':
        this.#clients[here as number] ??= this.#connect(here as number, step[2])
        return
      case 'reload': {
        const listener = this.#listeners[index] as ListenerContext
        listener.realm = this.engine.realm({ acl: parseAclFile(step[2], 'f').rules })
        this.engine.reconfigure({})
        return
      }
      case 'time passes':
        this.engine.pass(1100)
    }
  }

  /** What everybody has been sent since the last time, and what was counted. */
  observe(): unknown {
    // Whom the broker lets wait is heard again as soon as there is room.
    for (const one of this.#clients) one?.catchUp()
    return {
      sent: this.#clients.map((_, index) => this.#read(index).map(readable)),
      closed: this.#clients.map(one => one?.transport.closed),
      held: this.#clients.map(one => one?.transport.paused),
      counters: { ...this.engine.broker.counters },
      waiting: [...this.engine.broker.registry.values()].map(({ clientId, outbound }) => [
        clientId,
        outbound.queuedMessages,
        outbound.inflightMessages,
        outbound.waitingBytes,
      ]),
    }
  }

  /** Lets everybody come back and take everything. */
  settle(): void {
    for (let rounds = 0; rounds < 20; rounds++) {
      for (const index of this.#members.keys()) {
        if (this.#clients[index]?.transport.closed === true) this.#leave(index)
        this.#clients[index] ??= this.#connect(index)
        this.#clients[index].drain()
        this.#clients[index].catchUp()
        this.#read(index)
        this.#answer(index)
      }
    }
  }

  #connect(index: number, isSlow = false): EngineClient {
    const { version: speaks, isBridge, listener, maximumPacketSize, topicAliasMaximum } = this.#members[index] as Member
    const one = this.engine.open(this.#listeners[listener], undefined, {
      isDecoding: this.#isReference,
      took: () => this.#forget(),
      tookBytes: bytes => {
        if (bytes[0] === 0x30 && bytes.length > (bytes[1] as number) + 2) this.runs++
      },
    })
    const more =
      speaks === 5 ? { ...(maximumPacketSize !== undefined && { maximumPacketSize }), topicAliasMaximum } : {}
    const connect = lasting(speaks)
    if (isSlow) one.transport.queuedBytes = this.engine.broker.settings.max_buffered_bytes
    one.connect(`c${index}`, {
      ...connect,
      bridge: isBridge && speaks < 5,
      properties: { ...connect.properties, ...more },
    })
    return one
  }

  #forget(): void {
    if (!this.#isReference) return
    this.engine.broker.router.outdate()
    for (const { publisherTopic } of this.engine.broker.connections) publisherTopic.forget()
  }

  #subscribe(index: number, { identifier, ...request }: Subscription): void {
    const { version: speaks } = this.#members[index] as Member
    const isShared = request.topicFilter.startsWith('$share')
    const noLocal = speaks === 5 && request.noLocal && !isShared
    const retainAsPublished = speaks === 5 && request.retainAsPublished
    this.#send(index, {
      type: PacketType.subscribe,
      packetId: 1,
      subscriptions: [{ ...request, noLocal, retainAsPublished, retainHandling: 0 }],
      properties: identifier === 0 || speaks < 5 ? noProperties : { subscriptionIdentifiers: [identifier] },
    })
  }

  #publish(
    index: number,
    messages: readonly (typeof message extends fc.Arbitrary<infer T> ? T : never)[],
    cuts: readonly number[],
  ): void {
    const { version: speaks } = this.#members[index] as Member
    const packets: Buffer[] = []
    for (const { topicName, qos: at, payload: length, times, retain, properties } of messages) {
      for (let count = 0; count < times; count++) {
        const packetId = at === 0 ? 0 : (this.#packetId++ % 12) + 1
        const payload = Buffer.alloc(length, '.')
        payload.write(`${this.#payload++}`)
        const flags = { dup: false, qos: at, retain, topicName, packetId, payload }
        const carried = speaks === 5 ? properties : noProperties
        packets.push(encodePacket({ type: PacketType.publish, ...flags, properties: carried }, speaks))
      }
    }
    const bytes = Buffer.concat(packets)
    const places = [0, ...cuts.map(cut => cut % bytes.length).sort((a, b) => a - b), bytes.length]
    for (const [place, start] of places.slice(0, -1).entries()) {
      // A chunk of its own, as a socket gives it.
      this.#clients[index]?.sendBytes(Uint8Array.prototype.slice.call(bytes, start, places[place + 1]))
    }
  }

  #send(index: number, packet: Packet): void {
    this.#clients[index]?.send(packet)
  }

  #read(index: number): readonly Packet[] {
    const packets = this.#clients[index]?.received() ?? []
    this.#unanswered[index]?.push(...packets)
    return packets
  }

  #answer(index: number): void {
    for (const packet of this.#unanswered[index]?.splice(0) ?? []) this.#clients[index]?.answer(packet)
  }

  #slow(index: number): void {
    const one = this.#clients[index]
    if (one !== undefined) one.transport.queuedBytes = this.engine.broker.settings.max_buffered_bytes
  }

  #leave(index: number): void {
    this.#clients[index]?.vanish()
    this.#clients[index] = undefined
    this.#unanswered[index] = []
  }
}

function readable(packet: Packet): unknown {
  if (packet.type !== PacketType.publish) return packet
  const { payload, ...rest } = packet
  return { ...rest, payload: Buffer.from(payload).toString() }
}

test('[MQTT-3.3.4-1] [MQTT-4.6.0-6] whether packets are taken as bytes by what was remembered, or one by one by what holds, makes no difference to anybody', () => {
  let runs = 0
  const property = fc.property(
    settings,
    fc.array(client, { minLength: 2, maxLength: 6 }),
    fc.array(step, { minLength: 5, maxLength: 30, size: 'max' }),
    (given, members, script) => {
      const [bytes, packets] = [new Side(given, members, false), new Side(given, members, true)]
      for (const [number, each] of script.entries()) {
        bytes.perform(each)
        packets.perform(each)
        assert.deepEqual(bytes.observe(), packets.observe(), `behind step ${number}, ${each[0]}`)
      }
      bytes.settle()
      packets.settle()
      assert.deepEqual(bytes.observe(), packets.observe())
      runs += bytes.runs
      assert.equal(packets.runs, 0)
    },
  )
  fc.assert(property, { numRuns: 500 })
  assert.ok(runs > 500, `only ${runs} runs of QoS 0 were taken as bytes`)
})

/** Sends QoS 0 packets in one chunk, behind one by which the topic is known. */
function publishRun(client: EngineClient, topicName: string, payloads: readonly string[]): void {
  const packet = { type: PacketType.publish, dup: false, qos: 0, retain: false, topicName, packetId: 0 } as const
  const encode = (payload: string) =>
    encodePacket({ ...packet, payload: Buffer.from(payload), properties: noProperties }, client.version)
  client.sendBytes(Buffer.concat(payloads.map(encode)))
}

const run = ['0', '1', '2', '3']

test('who needs packets of its own gets every packet of a run: who is away, who uses aliases, who gave an identifier', () => {
  const engine = new Engine({ settings: { queue_qos0_messages: true } })
  const away = engine.connect('away', lasting())
  const aliased = engine.connect('aliased', { properties: { topicAliasMaximum: 1 } })
  const identified = engine.connect('identified')
  const mounted = engine.connect('mounted', {}, engine.addListener({ mount_point: 'm/' }))
  const plain = engine.connect('plain', { protocolVersion: 4 })
  for (const one of [away, aliased, plain]) one.subscribe('#')
  identified.subscribe('#', {}, 7)
  mounted.subscribe('#')
  away.vanish()
  publishRun(engine.connect('p'), 'm/t', run)
  for (const one of [aliased, identified, mounted, plain]) assert.deepEqual(one.payloads(), run)
  assert.deepEqual(engine.connect('away', lasting()).payloads(), run)
})

test('[MQTT-4.6.0-6] with allow_duplicate_messages all copies of a message come before the next message', () => {
  for (const allow_duplicate_messages of [true, false]) {
    const engine = new Engine({ settings: { allow_duplicate_messages } })
    const subscriber = engine.connect('s')
    for (const filter of ['#', 't']) subscriber.subscribe(filter)
    publishRun(engine.connect('p'), 't', run)
    const copies = allow_duplicate_messages ? 2 : 1
    assert.deepEqual(
      subscriber.payloads(),
      run.flatMap(payload => Array<string>(copies).fill(payload)),
    )
  }
})

test('[MQTT-3.8.3-3] a bridge gets nothing of its own back, nor through a shared subscription; others do get it', () => {
  const engine = new Engine()
  const bridge = engine.connect('bridge', { protocolVersion: 4, bridge: true })
  for (const filter of ['#', '$share/g/#']) bridge.subscribe(filter)
  publishRun(bridge, 't', run)
  bridge.expectNothing()
  bridge.unsubscribe('#')
  bridge.expectNothing()
  publishRun(bridge, 'u', run)
  bridge.expectNothing()
  publishRun(engine.connect('p'), 't', run)
  assert.deepEqual(bridge.payloads(), run)
})

test('[MQTT-3.1.2-24] a packet that is too large in the client’s version, and was not in the publisher’s, is dropped; others are sent', () => {
  const engine = new Engine()
  const subscribers = [130, 131].map(maximumPacketSize => {
    const client = engine.connect(`s${maximumPacketSize}`, { properties: { maximumPacketSize } })
    client.subscribe('#')
    return client
  })
  const large = '.'.repeat(124)
  publishRun(engine.connect('p', { protocolVersion: 4 }), 't', ['0', large, '2', large, '4'])
  assert.deepEqual(
    subscribers.map(client => client.payloads()),
    [
      ['0', '2', '4'],
      ['0', large, '2', large, '4'],
    ],
  )
  assert.equal(engine.broker.counters.publishDropped, 2)
})

test('max_topic_levels: a topic that is too deep is refused, also when it is known below a mount point', () => {
  const engine = new Engine({ settings: { max_topic_levels: 2 } })
  engine.connect('mounted', {}, engine.addListener({ mount_point: 'm/' })).publish('a/b', 'x')
  for (let attempt = 0; attempt < 3; attempt++) {
    const publisher = engine.connect('p')
    publishRun(publisher, 'm/a/b', run)
    publisher.expectClosed(0x90)
  }
  assert.equal(engine.broker.counters.publishReceived, 1)
})
