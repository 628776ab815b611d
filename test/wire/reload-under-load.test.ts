// A reload under load: a hundred clients publish at QoS 1 and 2 without a pause while the configuration is swapped, good and
// bad. The ledger holds every PUBLISH, every acknowledgement and every delivery; at the end the three must agree.

import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import test, { type TestContext } from 'node:test'
import type { MqttClient } from 'mqtt'
import { connectMqttJs } from '../support/clients.ts'
import { passwordLines } from '../support/password-lines.ts'
import { startWireBroker, type WireBroker } from '../support/wire-broker.ts'

const memberCount = 100
/** From here on members are excluded by the strict rules, because … */
const firstChanged = 70 // … they have another password: they come back under the open rules, to all that has waited,
const firstGone = 80 // … their user is gone, and with it their session,
const firstAnonymous = 90 // … they are anonymous, which is the same.
/** Each member receives what the one so many places on publishes; so those who come back hear members who stayed. */
const ringStep = 37

/** How many acknowledgements every publishing member must see before the configuration is swapped again. */
const acknowledgementsPerPhase = 15

// All clients share an address, and the excluded ones fail there again and again.
const bounds = 'max_queued_messages 0\nmax_authentication_failures 100000'
const openRules = `allow_anonymous true\npassword_file all\n${bounds}`
const strictRules = `allow_anonymous false\npassword_file strict\n${bounds}`
const faultyOption = `allow_anonymous false\n${bounds}\nno_such_option 1`
const faultyAcl = `allow_anonymous false\npassword_file strict\nacl_file broken\n${bounds}`
const reloaded = /: Reloading config\.$/
const refused = /: Error: Nothing was reloaded;/

/** The longest that one phase may take. */
const phaseLimitMs = 30_000

/** One delivery: QoS 1 may bring a message again, but only to who was away, and marked as DUP. */
interface Delivery {
  readonly sequence: number
  readonly dup: boolean
}

/** A client that publishes numbered messages to its own topic and receives those of one other member. */
class Member {
  readonly index: number
  readonly client: MqttClient
  /** Sequence numbers 1 to `sent` have been handed to MQTT.js; even ones go at QoS 2, odd ones at QoS 1. */
  sent = 0
  /** In the order of the PUBACKs and PUBCOMPs. */
  readonly acknowledged: number[] = []
  /** What reached the one subscriber of this member's topic. */
  readonly delivered: Delivery[] = []
  /** How its accepted connections were ended; reason code 0 for MQTT 3.1.1. Attempts that were refused do not count. */
  readonly endings: number[] = []
  #farewell = 0
  #online = true

  constructor(index: number, client: MqttClient, events: EventEmitter) {
    this.index = index
    this.client = client
    client.on('disconnect', packet => {
      this.#farewell = packet.reasonCode ?? 0
    })
    client.on('connect', () => {
      this.#online = true
      events.emit('change')
    })
    client.on('close', () => {
      if (!this.#online) return
      this.#online = false
      if (this.isGone) client.end(true)
      this.endings.push(this.#farewell)
      this.#farewell = 0
      events.emit('change')
    })
    client.on('error', () => {}) // whoever is excluded tries again, and is refused, until the rules let it in
  }

  get isExcluded(): boolean {
    return this.index >= firstChanged
  }

  /** Its session ends with the strict rules, and it does not come back. */
  get isGone(): boolean {
    return this.index >= firstGone
  }

  async publishUntil(stopped: () => boolean, events: EventEmitter): Promise<void> {
    while (!stopped()) {
      this.sent += 1
      const sequence = this.sent
      await this.client.publishAsync(`load/${this.index}`, `${sequence}`, { qos: sequence % 2 === 0 ? 2 : 1 })
      this.acknowledged.push(sequence)
      events.emit('change')
    }
  }
}

class Load {
  readonly members: Member[] = []
  /** 'change' whenever the ledger has a new entry. */
  readonly events = new EventEmitter()
  stopped = false
  readonly #publishing: Promise<void>[] = []

  async join(t: TestContext, broker: WireBroker): Promise<void> {
    for (let index = 0; index < memberCount; index += 1) {
      const version5 = index % 2 === 1
      const client = await connectMqttJs(t, `mqtt://127.0.0.1:${broker.port}`, {
        clientId: `member-${index}`,
        protocolVersion: version5 ? 5 : 4,
        clean: false,
        resubscribe: false,
        reconnectPeriod: 50,
        reconnectOnConnackError: true,
        ...(version5 && { properties: { sessionExpiryInterval: 3600 } }),
        ...(index < firstAnonymous && { username: `user-${index}`, password: `secret-${index}` }),
      })
      this.members.push(new Member(index, client, this.events))
    }
    for (const { client, index } of this.members) {
      client.on('message', (topic, payload, { dup }) => {
        const publisher = this.members[Number(topic.slice('load/'.length))]!
        publisher.delivered.push({ sequence: Number(payload), dup })
        this.events.emit('change')
      })
      await client.subscribeAsync(`load/${(index + ringStep) % memberCount}`, { qos: 2 })
    }
  }

  begin(): void {
    for (const member of this.members) {
      const publishing = member.publishUntil(() => this.stopped, this.events)
      if (member.isGone)
        publishing.catch(() => {}) // its last PUBLISH is never acknowledged
      else this.#publishing.push(publishing)
    }
  }

  /** Waits until every member that is connected has published on, by a number of acknowledged messages. */
  async goOn(): Promise<void> {
    const before = this.members.map(({ acknowledged }) => acknowledged.length)
    const far = (member: Member) =>
      !member.client.connected ||
      member.acknowledged.length >= (before[member.index] as number) + acknowledgementsPerPhase
    await this.until(() => this.members.every(far))
  }

  async until(condition: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(phaseLimitMs)
    while (!condition()) await once(this.events, 'change', { signal })
  }

  /** Lets every publish come to its end that has begun and still can. */
  async end(): Promise<void> {
    this.stopped = true
    await Promise.all(this.#publishing)
  }
}

test('a reload under load, good, bad, good, drops only whom the new rules exclude, and loses no acknowledged message', async t => {
  const broker = await startWireBroker(t, openRules, { ...passwordFiles(), broken: 'Topic readwrite #\n' })
  const load = new Load()
  await load.join(t, broker)
  const excluded = load.members.filter(({ isExcluded }) => isExcluded)
  const returning = excluded.filter(({ isGone }) => !isGone)
  load.begin()
  await load.goOn()

  const swap = async (options: string, outcome: RegExp) => {
    await broker.process.writeConfig(`listener ${broker.port} 127.0.0.1\n${options}\n`)
    await broker.process.reload(outcome)
  }
  for (const [options, outcome] of [
    [openRules, reloaded],
    [faultyOption, refused],
    [faultyAcl, refused],
  ] as const) {
    await swap(options, outcome)
    await load.goOn()
    assert.deepEqual(dropped(load), [], 'nobody is dropped yet')
  }
  await swap(strictRules, reloaded)
  await load.until(() => excluded.every(({ endings }) => endings.length > 0))
  await load.goOn()
  await swap(faultyOption, refused)
  await load.goOn()
  await swap(openRules, reloaded)
  await load.until(() => returning.every(({ client }) => client.connected))
  await load.goOn()
  await load.end()

  assert.deepEqual(
    dropped(load),
    excluded.map(({ index }) => [index, [index % 2 === 1 ? 0x98 : 0]]),
  )
  const received = load.members.filter(member => !subscriberOf(load, member).isGone)
  await load.until(() =>
    received.every(({ acknowledged, delivered }) => distinct(delivered).length >= acknowledged.length),
  )
  for (const member of load.members) checkLedger(load, member)
})

/** `all` has every user; `strict` lacks some, and has others with another password. */
function passwordFiles(): Readonly<Record<string, string>> {
  const lines = (from: number, to: number, word: string) =>
    passwordLines(
      Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`user-${from + i}`, `${word}-${from + i}`])),
    )
  const staying = lines(0, firstChanged, 'secret')
  return {
    all: staying + lines(firstChanged, firstAnonymous, 'secret'),
    strict: staying + lines(firstChanged, firstGone, 'another'),
  }
}

/** Whoever receives the member's messages. */
function subscriberOf({ members }: Load, { index }: Member): Member {
  return members[(index + memberCount - ringStep) % memberCount]!
}

function dropped({ members }: Load): [index: number, endings: readonly number[]][] {
  return members.filter(({ endings }) => endings.length > 0).map(({ index, endings }) => [index, endings])
}

function checkLedger(load: Load, publisher: Member): void {
  const { index, sent, acknowledged, delivered, isGone } = publisher
  const subscriber = subscriberOf(load, publisher)
  assert.deepEqual(acknowledged, upTo(acknowledged.length), `member ${index}: acknowledged in order`)
  // The PUBLISH during which the publisher was excluded may have come through without its acknowledgement.
  assert(sent - acknowledged.length <= (isGone ? 1 : 0), `member ${index}: every PUBLISH was acknowledged`)
  for (const qos of [1, 2] as const) {
    const ofQoS = (sequence: number) => sequence % 2 === qos % 2
    const arrived = delivered.filter(({ sequence }) => ofQoS(sequence))
    const first = distinct(arrived)
    const what = `member ${index}: QoS ${qos}`
    assert.deepEqual(first, upTo(sent).filter(ofQoS).slice(0, first.length), `${what} arrived in order, without gaps`)
    const least = subscriber.isGone ? 0 : acknowledged.filter(ofQoS).length
    assert(first.length >= least, `${what}: ${least} were acknowledged, ${first.length} arrived`)
    const again = arrived.length - first.length
    if (qos === 2 || !subscriber.isExcluded) assert.equal(again, 0, `${what} arrived once`)
    else assert(again <= arrived.filter(({ dup }) => dup).length, `${what}: what came again was marked`)
  }
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1)
}

/** Sequence numbers in the order of their first arrival. */
function distinct(delivered: readonly Delivery[]): number[] {
  return [...new Set(delivered.map(({ sequence }) => sequence))]
}
