// Random work, then the process ends: what the next one has of every session is what this one had, and nothing is left in the
// store when everybody is done.

import assert from 'node:assert/strict'
import test from 'node:test'
import { Random } from '../../fuzz/random.ts'
import { saved, startDurable } from '../../test/support/durable-engine.ts'
import { type Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { type Packet, PacketType, type QoS } from '../mqtt/packet.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'

const rounds = 300
const stepsPerRound = 80
const clientIds = ['a', 'b', 'c', 'd']
const filters = ['t/1', 't/2', 't/#', '$share/g/t/1', '$share/g/t/2']
const topics = ['t/1', 't/2']
/** Here everybody throws everybody out all the time. */
const throttle = { freeFailures: 1_000_000 }
const start = Date.UTC(2030, 0, 1)
const settings = { max_inflight_messages: 3, queue_qos0_messages: true, max_queued_messages: 5 }
/** Seconds: about as long as all that happens takes. */
const sessionExpiryInterval = 100

/** One client in a run: at most one connection, and the packets that it has not answered yet. */
class Player {
  readonly #engine: Engine
  readonly #random: Random
  readonly clientId: string
  #client: EngineClient | undefined
  #unanswered: Packet[] = []
  #count = 0

  constructor(engine: Engine, random: Random, clientId: string) {
    this.#engine = engine
    this.#random = random
    this.clientId = clientId
  }

  step(): void {
    const random = this.#random
    if (this.#client === undefined) {
      this.#connect()
      return
    }
    switch (random.below(12)) {
      case 0:
        this.#client.vanish()
        this.#client = undefined
        return
      case 1:
        this.#client.disconnect(0, random.oneIn(6) ? { sessionExpiryInterval: 0 } : {})
        this.#client = undefined
        return
      case 2:
        // A second connection takes the session over.
        this.#connect()
        return
      case 3:
      case 4:
        this.#subscribe(this.#client)
        return
      case 5:
        this.#engine.pass(random.below(40_000))
        return
      case 6:
      case 7:
      case 8:
        this.#publish(this.#client)
        return
      default:
        this.#answer(this.#client)
    }
  }

  #connect(): void {
    const { clientId } = this
    this.#unanswered = []
    const random = this.#random
    const kind = random.below(10)
    const connect =
      kind === 0 ? { cleanStart: true } : { cleanStart: false, properties: kind === 1 ? {} : { sessionExpiryInterval } }
    this.#client = this.#engine.connect(clientId, connect)
  }

  #subscribe(client: EngineClient): void {
    const filter = this.#random.pick(filters)
    this.#collect(client)
    if (this.#random.oneIn(3))
      client.send({ type: PacketType.unsubscribe, packetId: 1, topicFilters: [filter], properties: {} })
    else {
      // What is retained and could not be sent yet is not written down: this is about what is.
      const options = { noLocal: false, retainAsPublished: true, retainHandling: 2 as const }
      const subscriptions = [{ topicFilter: filter, qos: this.#random.below(3) as QoS, ...options }]
      client.send({ type: PacketType.subscribe, packetId: 1, subscriptions, properties: {} })
    }
    this.#collect(client)
  }

  #publish(client: EngineClient): void {
    const random = this.#random
    const payload = random.oneIn(10) ? '' : `${this.clientId}${++this.#count}`
    const properties = random.oneIn(4) ? { messageExpiryInterval: 1 + random.below(60) } : {}
    client.publish(random.pick(topics), payload, { qos: random.below(3) as QoS, retain: random.oneIn(4), properties })
  }

  #collect(client: EngineClient): void {
    this.#unanswered.push(...client.received())
  }

  /** Some, and not always: what is left out stays under way. */
  #answer(client: EngineClient): void {
    this.#collect(client)
    for (let left = this.#random.below(4); left > 0; left--) {
      const packet = this.#unanswered.shift()
      if (packet === undefined) return
      client.answer(packet)
    }
  }
}

/** What a client finds that comes back, and what it is told until nothing more comes. */
function story(engine: Engine, clientId: string): unknown[] {
  const client = engine.connect(clientId, lasting())
  const told: unknown[] = [client.connack?.sessionPresent]
  for (let packets = client.received(); packets.length > 0; packets = client.received()) {
    for (const packet of packets) {
      told.push(inWords(packet))
      client.answer(packet)
    }
  }
  const session = engine.broker.registry.get(clientId)
  told.push([...(session?.subscriptions.values() ?? [])].map(({ fullFilter, qos }) => `${fullFilter} ${qos}`).sort())
  client.disconnect()
  return told
}

/** The packet ids of what is sent for the first time are the broker's to choose. */
function inWords(packet: Packet): string {
  if (packet.type !== PacketType.publish) return `${packet.type} ${'packetId' in packet ? packet.packetId : ''}`
  const { topicName, payload, qos, retain, dup, packetId, properties } = packet
  const text = `${topicName} ${Buffer.from(payload)} q${qos} ${retain} ${properties.messageExpiryInterval ?? ''}`
  return dup ? `${text} again m${packetId}` : text
}

/** Messages of QoS 0 that waited are not written down. */
function lasts(line: unknown): boolean {
  return typeof line !== 'string' || !/ q0 /.test(line)
}

/** PUBREL and what follows it has ids of its own choice where its PUBLISH had. */
function comparable(told: readonly unknown[]): unknown[] {
  return told.filter(lasts).filter(line => typeof line !== 'string' || !line.startsWith(`${PacketType.pubrel} `))
}

/** The same rows in another store. */
async function copyOf(store: Store): Promise<Store> {
  const { rows } = store.stats()
  const copy = openMemoryStore()
  for await (const page of store.sessions.load()) await copy.sessions.apply(page)
  for await (const page of store.retained.load()) await copy.retained.apply(page)
  assert.deepEqual(store.stats().rows, rows, 'there were rows that nobody waits for')
  return copy
}

async function endOf(engine: Engine, store: Store): Promise<void> {
  for (const clientId of clientIds) engine.connect(clientId, { cleanStart: true }).disconnect()
  for (const topic of topics) engine.connect('clears').publish(topic, '', { retain: true })
  await saved(engine)
  const { sessions, subscriptions, inbound, messages, queue, retained } = store.stats().rows
  assert.deepEqual([sessions, subscriptions, inbound, messages, queue, retained], [0, 0, 0, 0, 0, 0])
}

test('decision 4: after any work the store has what the memory has, and is empty when everybody is done', async t => {
  const seed = Number(process.env['CASTELLAN_SEED'] ?? Date.now() % 1_000_000)
  t.diagnostic(`CASTELLAN_SEED=${seed}`)
  for (let round = 0; round < rounds; round++) {
    const random = new Random(seed + round)
    const store = openMemoryStore()
    const engine = await startDurable(store, { settings, throttle })
    const players = clientIds.map(clientId => new Player(engine, random, clientId))
    for (let step = 0; step < stepsPerRound; step++) {
      random.pick(players).step()
      // Commits fall anywhere between the steps.
      if (random.oneIn(5)) await saved(engine)
    }
    await saved(engine)
    const next = await startDurable(await copyOf(store), { settings, throttle }, engine.clock.now() - start)
    for (const clientId of clientIds) engine.broker.registry.get(clientId)?.connection?.end(0)
    for (const clientId of clientIds) {
      const [before, after] = [story(engine, clientId), story(next, clientId)]
      assert.deepEqual(comparable(after), comparable(before), `client ${clientId}, seed ${seed + round}`)
    }
    await endOf(engine, store)
  }
})
