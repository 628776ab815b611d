// The two rules above all, held by model clients: an acknowledged message is not lost, and reaches each session as its QoS
// says, whatever is lost on the way and whenever.

import assert from 'node:assert/strict'
import test, { beforeEach } from 'node:test'
import fc from 'fast-check'
import { Engine } from '../../test/support/engine.ts'
import { ModelClient, type ModelMessage } from '../../test/support/model-client.ts'
import type { ProtocolVersion, QoS } from '../mqtt/packet.ts'
import { matchesFilter } from '../topic/name.ts'

const topics = ['a', 'a/b', 'c']
/** A client's subscriptions; where several match a topic, `allow_duplicate_messages` has to be false. */
const plainFilters = [[], ['a'], ['#'], ['a/#'], ['+', 'a/b']]
const overlappingFilters = [
  ['#', 'a'],
  ['a/#', '+', 'a/b'],
]
const shared = '$share/group/#'

const version = fc.constantFrom<ProtocolVersion>(3, 4, 5)
const qos = fc.constantFrom<QoS>(0, 1, 1, 2, 2)
const few = fc.integer({ min: 0, max: 4 })
const who = fc.integer({ min: 0, max: 3 })
const word = <const T extends string>(text: T) => fc.constant<T>(text)

/** Runs of several packets that the brokers of one test took as bytes. */
let runs = 0
beforeEach(() => {
  runs = 0
})

/** Data, so that a counterexample can be read. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(word('publish'), who, fc.constantFrom(...topics), qos, fc.constantFrom(1, 1, 3)) },
  { weight: 6, arbitrary: fc.tuple(word('broker gets'), who, few) },
  { weight: 6, arbitrary: fc.tuple(word('client gets'), who, few) },
  { weight: 3, arbitrary: fc.tuple(word('connect'), who, fc.constantFrom(1, 2, 3, 65_535), few) },
  { weight: 2, arbitrary: fc.tuple(word('connection breaks'), who, fc.boolean()) },
  { weight: 1, arbitrary: fc.tuple(word('broker notices'), who) },
  { weight: 1, arbitrary: fc.tuple(word('disconnect'), who) },
  { weight: 1, arbitrary: fc.tuple(word('settle'), who) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
const steps = fc.array(step, { minLength: 20, maxLength: 150, size: 'max' })

function perform(everybody: readonly ModelClient[], [what, index, ...values]: Step, number: number): void {
  const client = everybody[index % everybody.length] as ModelClient
  switch (what) {
    case 'publish':
      for (let count = 0; count < (values[2] as number); count++) {
        client.publish({
          topicName: values[0] as string,
          payload: `${client.options.clientId} ${number}.${count}`,
          qos: values[1] as QoS,
        })
      }
      break
    case 'broker gets':
      client.deliver(values[0] as number)
      break
    case 'client gets':
      client.read(values[0] as number)
      break
    case 'connect':
      client.connect(values[0] as number, values[1] as number)
      break
    case 'connection breaks':
      client.lose(values[0] as boolean)
      break
    case 'broker notices':
      client.noticeLosses()
      break
    case 'disconnect':
      client.disconnect()
      break
    case 'settle':
      client.settle()
      break
  }
}

const settings = fc.record({
  max_inflight_messages: fc.constantFrom(0, 1, 2, 20),
  max_inflight_bytes: fc.constantFrom(0, 0, 12),
  max_buffered_bytes: fc.constantFrom(40, 1_048_576),
  queue_qos0_messages: fc.boolean(),
})

const clients = (filters: readonly (readonly string[])[]) =>
  fc.array(fc.record({ version, filters: fc.constantFrom(...filters), at: qos }), { minLength: 2, maxLength: 4 })

test('[MQTT-4.5.0-1] [MQTT-4.6.0-5] [MQTT-4.6.0-6] [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT-4.9.0-2] [MQTT-4.4.0-1] what was accepted reaches each session as its QoS says and in order, whatever connections are lost', () => {
  const property = fc.property(settings, clients(plainFilters), steps, (given, members, script) => {
    checkDeliveries(play(given, members, script))
  })
  fc.assert(property, { numRuns: 300 })
  assert.ok(runs > 1000, `only ${runs} runs were taken as bytes`)
})

test('[MQTT-3.3.4-2] [MQTT-4.6.0-5] the same with overlapping subscriptions and allow_duplicate_messages false: one copy each', () => {
  const property = fc.property(settings, clients(overlappingFilters), steps, (given, members, script) => {
    checkDeliveries(play({ ...given, allow_duplicate_messages: false }, members, script))
  })
  fc.assert(property, { numRuns: 200 })
  assert.ok(runs > 700, `only ${runs} runs were taken as bytes`)
})

test('[MQTT-4.8.2-4] [MQTT-4.8.2-5] what was accepted reaches one member of a shared subscription, whatever connections are lost', () => {
  const property = fc.property(settings, clients([[shared]]), qos, steps, (given, members, granted, script) => {
    // The first only publishes, so that all members can be away at once.
    const share = members.map((member, index) => ({ ...member, at: granted, ...(index === 0 && { filters: [] }) }))
    checkShare(play(given, share, script), granted)
  })
  fc.assert(property, { numRuns: 200 })
  assert.ok(runs > 700, `only ${runs} runs were taken as bytes`)
})

interface Member {
  readonly version: ProtocolVersion
  readonly filters: readonly string[]
  readonly at: QoS
}

function play(given: object, members: readonly Member[], script: readonly Step[]): readonly ModelClient[] {
  const engine = new Engine({ settings: { ...given, max_queued_messages: 0 }, throttle: { freeFailures: 1e9 } })
  const everybody = members.map(({ version: speaks, filters, at }, index) => {
    const subscriptions = filters.map(topicFilter => ({ topicFilter, qos: at }))
    return new ModelClient(engine, { clientId: `c${index}`, version: speaks, subscriptions })
  })
  script.forEach((each, number) => void perform(everybody, each, number))
  for (let rounds = 0; everybody.some(client => !client.isDone); rounds++) {
    assert.ok(rounds < 1000, 'something is never delivered or never acknowledged')
    for (const client of everybody) {
      client.connect(65_535, 0)
      client.settle()
    }
  }
  for (const client of everybody) runs += client.runs
  return everybody
}

function checkDeliveries(everybody: readonly ModelClient[]): void {
  for (const subscriber of everybody) {
    const wanted = subscriber.options.subscriptions
    for (const publisher of everybody) {
      for (const topicName of topics) {
        if (!wanted.some(({ topicFilter }) => matchesFilter(topicFilter, topicName))) continue
        for (const at of [0, 1, 2] as const) checkStream(publisher, subscriber, topicName, at, wanted[0]?.qos ?? 0)
      }
    }
  }
}

/** One publisher's messages on one topic at one QoS: what is ordered (§4.6). */
function checkStream(from: ModelClient, to: ModelClient, topicName: string, at: QoS, granted: QoS): void {
  const sent = from.published.filter(message => message.topicName === topicName && message.qos === at).map(textOf)
  const all = new Set(sent)
  const got = to.delivered.filter(message => message.topicName === topicName && all.has(message.payload))
  const effective = Math.min(at, granted)
  for (const message of got) assert.equal(message.qos, effective)
  const texts = got.map(textOf)
  const firsts = [...new Set(texts)]
  if (at !== 1 && effective !== 1) assert.deepEqual(texts, firsts, 'a message came twice')
  // A message sent again may have been lost as QoS 0 the first time.
  if (at === 1 && granted === 0) return
  if (effective > 0) assert.deepEqual(firsts, sent, 'messages are missing or out of order')
  else assert.deepEqual(firsts, inOrder(sent, firsts), 'messages are out of order')
}

function checkShare(everybody: readonly ModelClient[], granted: QoS): void {
  const delivered = everybody.flatMap(client => client.delivered.map(textOf)).sort()
  const accepted = everybody.flatMap(client => client.published)
  const exactlyOnce = accepted.filter(message => message.qos === 2).map(textOf)
  for (const text of granted === 2 ? exactlyOnce : []) {
    assert.equal(delivered.filter(got => got === text).length, 1, `'${text}' came to no member, or twice`)
  }
  const once = new Set(delivered)
  for (const message of accepted) {
    if (message.qos > 0 && granted > 0) assert.ok(once.has(message.payload), `'${message.payload}' came to no member`)
  }
}

function textOf(message: ModelMessage): string {
  return message.payload
}

function inOrder(sent: readonly string[], some: readonly string[]): string[] {
  const wanted = new Set(some)
  return sent.filter(text => wanted.has(text))
}
