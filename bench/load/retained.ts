// Loads retained messages, has all of them delivered, and then searches one among them. The broker keeps them: a run is
// to be followed by a fresh broker.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, ClientListener, Counters } from './client.ts'
import { ClientPool } from './client-pool.ts'
import { loadResult, noFaults } from './judgement.ts'
import { encodePublish } from './packets.ts'
import { batchBytes } from './reel.ts'
import type { LoadRequest, Retained } from './request.ts'
import type { LoadResult, RetainedFigures } from './result.ts'
import { microsecondsPer, Span, type SpanFigures } from './span.ts'
import { micros, readUint32, stamp, writeUint32 } from './stamp.ts'

/** Messages that may lack their PUBACK while loading. */
const loadWindow = 1_000
/** So many messages share the level that the search has to guess. */
const messagesPerBranch = 100
const highestPacketId = 65_535
const quietMs = 3_000
const checkMs = 20

/** @throws LoadError when the set-up fails */
export async function runRetained(request: LoadRequest, scenario: Retained): Promise<LoadResult> {
  const pool = new ClientPool(request)
  try {
    await pool.prepareSession()
    const loaded = await load(pool, scenario)
    const deliveries: Delivery[] = []
    for (let round = 0; round < scenario.repeat; round += 1) deliveries.push(await deliver(pool, scenario, round))
    const searched = await search(pool, scenario)
    return result(pool, scenario, deliveries, { ...loaded, ...searched })
  } finally {
    await pool.close()
  }
}

interface Delivery {
  readonly span: SpanFigures
  readonly delivered: number
  readonly duplicates: number
}

function result(
  pool: ClientPool,
  { kind, messages }: Retained,
  deliveries: readonly Delivery[],
  figures: Omit<RetainedFigures, 'deliveryMilliseconds'>,
): LoadResult {
  const middle = deliveries.toSorted((a, b) => a.span.seconds - b.span.seconds)[deliveries.length >> 1]!
  const costs = deliveries.map(({ span, delivered }) => microsecondsPer(span.brokerCpuSeconds, delivered))
  const known = costs.filter(cost => cost !== null)
  const probed = deliveries.flatMap(({ span }) => span.coreProbeMicroseconds ?? [])
  const { closed, protocolErrors } = pool.counters
  return loadResult(
    kind,
    middle.span,
    { sent: messages, acknowledged: messages, delivered: middle.delivered, messagesPerWrite: 0, messagesPerRead: 0 },
    {
      ...noFaults,
      lost: deliveries.reduce((sum, { delivered }) => sum + messages - delivered, 0),
      duplicates: deliveries.reduce((sum, { duplicates }) => sum + duplicates, 0),
      closed,
      protocolErrors,
    },
    {
      cpuMicrosecondsPerMessage: known.length === 0 ? null : median(known),
      coreProbeMicroseconds: probed.length === 0 ? null : median(probed),
      retained: { ...figures, deliveryMilliseconds: middle.span.seconds * 1000 },
    },
  )
}

type LoadFigures = Pick<
  RetainedFigures,
  'messages' | 'loadedPerSecond' | 'loadCpuMicrosecondsPerMessage' | 'loadCoreProbeMicroseconds' | 'bytesPerMessage'
>

async function load(pool: ClientPool, { messages, payloadBytes }: Retained): Promise<LoadFigures> {
  const acknowledged = new Awaited()
  const publisher = pool.add('p', 0, { message: () => {}, acknowledged: () => acknowledged.add() })
  await pool.openAll([publisher])
  const window = Math.min(loadWindow, publisher.receiveMaximum)
  const span = new Span(pool.request)
  const loading = async () => {
    for (let next = 0; next < messages; ) {
      const batch = retainedPackets(pool.request, payloadBytes, next, Math.min(messages, next + Math.ceil(window / 2)))
      publisher.write(batch.bytes)
      next = batch.next
      await acknowledged.reach(next - Math.floor(window / 2))
      pool.progressed()
    }
    await acknowledged.reach(messages)
  }
  await pool.patiently('PUBACK', loading())
  const { seconds, brokerCpuSeconds, brokerRssGrowthBytes, coreProbeMicroseconds } = span.end()
  return {
    messages,
    loadedPerSecond: messages / seconds,
    loadCpuMicrosecondsPerMessage: microsecondsPer(brokerCpuSeconds, messages),
    loadCoreProbeMicroseconds: coreProbeMicroseconds,
    bytesPerMessage: brokerRssGrowthBytes === null ? null : brokerRssGrowthBytes / messages,
  }
}

/** The messages from `first` on, before `end` or where the batch is full, as bytes. */
function retainedPackets(request: LoadRequest, payloadBytes: number, first: number, end: number) {
  const packets: Buffer[] = []
  let next = first
  for (let length = 0; next < end && (length < batchBytes || next === first); next += 1) {
    const topic = `${request.topicPrefix}/r/${Math.floor(next / messagesPerBranch)}/x/${next}`
    const { bytes, packetIdAt, payloadAt } = encodePublish(topic, payloadBytes, 1, request.protocol, true)
    bytes.writeUInt16BE((next % highestPacketId) + 1, packetIdAt)
    writeUint32(bytes, payloadAt + stamp.sequence, next)
    packets.push(bytes)
    length += bytes.length
  }
  return { bytes: Buffer.concat(packets), next }
}

/** All messages to one new subscriber. */
async function deliver(pool: ClientPool, { messages }: Retained, round: number): Promise<Delivery> {
  const seen = new SeenMessages(messages, pool.counters)
  const subscriber = pool.add('s', round, seen)
  await pool.openAll([subscriber])
  const span = new Span(pool.request)
  await subscribe(pool, subscriber, 'r/#')
  await seen.all()
  const figures = span.end()
  await subscriber.leave()
  return { span: figures, delivered: seen.count, duplicates: seen.duplicates }
}

async function search(
  pool: ClientPool,
  { messages, repeat }: Retained,
): Promise<Pick<RetainedFigures, 'searchMicroseconds' | 'searchCpuMicroseconds'>> {
  const times: number[] = []
  const found = new Awaited()
  const searcher = pool.add('s', repeat, { message: () => found.add(), acknowledged: () => {} })
  await pool.openAll([searcher])
  const span = new Span(pool.request)
  for (let round = 0; round < repeat; round += 1) {
    const begin = micros()
    const wanted = Math.floor(((round + 0.5) * messages) / repeat)
    await Promise.all([
      subscribe(pool, searcher, `r/+/x/${wanted}`),
      pool.patiently('retained message', found.reach(round + 1)),
    ])
    times.push(micros() - begin)
  }
  const { brokerCpuSeconds } = span.end()
  return { searchMicroseconds: median(times), searchCpuMicroseconds: microsecondsPer(brokerCpuSeconds, repeat) }
}

function subscribe(pool: ClientPool, client: Client, filter: string): Promise<void> {
  return pool.subscribeAll([client], [[`${pool.request.topicPrefix}/${filter}`]], 0)
}

/** Notes which messages have come. */
export class SeenMessages implements ClientListener {
  count = 0
  duplicates = 0
  #lastAt = 0
  readonly #seen: Uint8Array
  readonly #counters: Counters

  constructor(messages: number, counters: Counters) {
    this.#seen = new Uint8Array(messages)
    this.#counters = counters
  }

  message(_subscriber: number, bytes: Uint8Array, payloadAt: number): void {
    const number = readUint32(bytes, payloadAt + stamp.sequence)
    if (number >= this.#seen.length) this.#counters.protocolErrors += 1
    else if (this.#seen[number] === 1) this.duplicates += 1
    else {
      this.#seen[number] = 1
      this.count += 1
    }
    this.#lastAt = this.#counters.readAt
  }

  acknowledged(): void {}

  /** Waits for all messages, or until none comes any more. */
  async all(): Promise<void> {
    this.#lastAt = micros()
    while (this.count < this.#seen.length && micros() - this.#lastAt < quietMs * 1000) await sleep(checkMs)
  }
}

/** A count that can be waited for. */
export class Awaited {
  #count = 0
  #target = 0
  #reached: (() => void) | undefined

  add(): void {
    this.#count += 1
    if (this.#count >= this.#target) this.#reached?.()
  }

  reach(target: number): Promise<void> {
    if (this.#count >= target) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#target = target
    this.#reached = resolve
    return promise
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
