// Fills a broker with retained messages and with messages that wait for sessions whose clients are away, and looks whether
// all of them are there.

import type { ClientListener } from '../load/client.ts'
import { ClientPool } from '../load/client-pool.ts'
import { encodePublish } from '../load/packets.ts'
import type { LoadRequest } from '../load/request.ts'
import { Awaited, SeenMessages } from '../load/retained.ts'
import { readUint32, stamp, writeUint32 } from '../load/stamp.ts'

/** How much is put into a broker. */
export interface Filling {
  readonly retained: number
  /** In all; dealt over the sessions by turns. */
  readonly queued: number
  /** A multiple of the publishers, so that a session hears one of them and its order is that of the numbers. */
  readonly sessions: number
}

const publishers = 10
/** Of each publisher: messages that may lack their PUBACK. */
const window = 2000
const batch = window / 2
const payloadBytes = 64
/** So many retained messages share a level. */
const messagesPerBranch = 100
const protocol = 4

/** What a broker's configuration needs besides a listener: no limit that the filling runs into. */
export const fillingConf = [
  'allow_anonymous true',
  'persistence true',
  'max_inflight_messages 1000',
  'max_queued_messages 0',
  'max_queued_bytes 0',
]

/** Publishes retained messages, each to a topic of its own. @throws LoadError */
export function fillRetained(port: number, { retained }: Filling): Promise<void> {
  return publishAll(port, retained, number => ({
    topic: `scale/kept/${Math.floor(number / messagesPerBranch)}/${number}`,
    retain: true,
  }))
}

/** Opens the sessions, has their clients leave, and publishes to them. @throws LoadError */
export async function fillSessions(port: number, { queued, sessions }: Filling): Promise<void> {
  const pool = new ClientPool(requestFor(port))
  const clients = numbersBelow(sessions).map(index => pool.add('s', index, deaf, { lasting: true }))
  await pool.openAll(clients)
  await pool.subscribeAll(
    clients,
    clients.map((_, index) => [queueTopic(index)]),
    1,
  )
  await pool.close()
  await publishAll(port, queued, number => ({ topic: queueTopic(number % sessions), retain: false }))
}

/** What was found of a filling. */
export interface Found {
  readonly retained: number
  readonly queued: number
  /** Messages that came twice, or before one that was published earlier. */
  readonly misplaced: number
}

/** Has everything delivered: retained messages to a new subscriber, the others to their sessions. @throws LoadError */
export async function lookFor(port: number, { retained, queued, sessions }: Filling): Promise<Found> {
  const pool = new ClientPool(requestFor(port))
  try {
    const kept = new SeenMessages(retained, pool.counters)
    const subscriber = pool.add('c', 0, kept)
    await pool.openAll([subscriber])
    await pool.subscribeAll([subscriber], [['scale/kept/#']], 0)
    await kept.all()
    const waiting = new InOrder(sessions, queued)
    const clients = numbersBelow(sessions).map(index => pool.add('s', index, waiting, { lasting: true }))
    await pool.openAll(clients)
    await pool.patiently(
      'waiting message',
      waiting.all(() => pool.progressed()),
    )
    return {
      retained: kept.count,
      queued: waiting.count,
      misplaced: kept.duplicates + waiting.misplaced + pool.counters.protocolErrors,
    }
  } finally {
    await pool.close()
  }
}

/** Counts what each session gets, which has to be its share of the numbers, lowest first. */
class InOrder implements ClientListener {
  count = 0
  misplaced = 0
  readonly #next: number[]
  readonly #sessions: number
  readonly #arrived: Awaited
  readonly #expected: number
  #progress = () => {}

  constructor(sessions: number, expected: number) {
    this.#next = numbersBelow(sessions)
    this.#sessions = sessions
    this.#expected = expected
    this.#arrived = new Awaited()
  }

  all(progress: () => void): Promise<void> {
    this.#progress = progress
    return this.#arrived.reach(this.#expected)
  }

  message(session: number, bytes: Uint8Array, payloadAt: number): void {
    const number = readUint32(bytes, payloadAt + stamp.sequence)
    if (number !== this.#next[session]) this.misplaced += 1
    this.#next[session] = number + this.#sessions
    this.count += 1
    this.#arrived.add()
    this.#progress()
  }

  acknowledged(): void {}
}

const deaf: ClientListener = { message: () => {}, acknowledged: () => {} }

async function publishAll(
  port: number,
  count: number,
  target: (number: number) => { readonly topic: string; readonly retain: boolean },
): Promise<void> {
  const pool = new ClientPool(requestFor(port))
  const publish = async (index: number) => {
    const own = Math.ceil((count - index) / publishers)
    const acknowledged = new Awaited()
    const client = pool.add('p', index, { message: () => {}, acknowledged: () => acknowledged.add() })
    await pool.openAll([client])
    for (let next = 0; next < own; ) {
      const end = Math.min(own, next + batch)
      const packets: Buffer[] = []
      for (; next < end; next += 1) packets.push(packet(next, next * publishers + index, target))
      client.write(Buffer.concat(packets))
      await acknowledged.reach(next - batch)
      pool.progressed()
    }
    await acknowledged.reach(own)
  }
  try {
    await pool.patiently('PUBACK', Promise.all(numbersBelow(Math.min(publishers, count)).map(publish)))
  } finally {
    await pool.close()
  }
}

function packet(
  own: number,
  number: number,
  target: (number: number) => { readonly topic: string; readonly retain: boolean },
): Buffer {
  const { topic, retain } = target(number)
  const { bytes, packetIdAt, payloadAt } = encodePublish(topic, payloadBytes, 1, protocol, retain)
  bytes.writeUInt16BE((own % 65_535) + 1, packetIdAt)
  writeUint32(bytes, payloadAt + stamp.sequence, number)
  return bytes
}

function requestFor(port: number): LoadRequest {
  return {
    host: '127.0.0.1',
    port,
    protocol,
    brokerPids: [],
    topicPrefix: 'scale',
    scenario: { kind: 'idle', connections: 1, settleSeconds: 0 },
    warmupSeconds: 0,
    seconds: 1,
  }
}

function queueTopic(session: number): string {
  return `scale/queue/${session}`
}

function numbersBelow(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}
