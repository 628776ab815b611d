// Hostile peers against one long-lived broker: mutated packet streams, cut anywhere, many connections at once, wills,
// takeovers, slow readers and time passing. What a fault of one of them may do to others is watched by witnesses; what it
// may leave behind is counted after each batch.

import assert from 'node:assert/strict'
import { parseAclFile } from '../src/auth/acl-file.ts'
import { parsePasswordFile } from '../src/auth/password-file.ts'
import type { ListenerContext } from '../src/broker/listener-context.ts'
import { encodePacket } from '../src/mqtt/codec.ts'
import type { Connect, ProtocolVersion } from '../src/mqtt/packet.ts'
import { Engine } from '../test/support/engine.ts'
import { FuzzConnection } from './fuzz-connection.ts'
import { clientStream, cutIntoChunks, mutate } from './mutate.ts'
import { randomConnect } from './packets.ts'
import { Random } from './random.ts'
import { Witnesses } from './witnesses.ts'

export interface StreamFuzzResult {
  readonly streams: number
  /** Packets that were decoded and handed to the engine. */
  readonly packets: number
  /** Streams whose bytes were refused. */
  readonly refused: number
  /** Runs of several packets that the engine took as bytes. */
  readonly runs: number
  /** Messages between the witnesses. */
  readonly witnessed: number
}

const versions: readonly ProtocolVersion[] = [3, 4, 5]
const streamsPerBatch = 1024
const streamsPerExchange = 32
const mutationsPerStream = 16
const mostOpen = 24
/** Longer than any session, will or retained message lives here. */
const longestLifeMs = 3_700_000

const settings = {
  max_packet_size: 65_536,
  max_buffered_bytes: 16_384,
  max_queued_messages: 50,
  max_topic_levels: 20,
  persistent_client_expiration: 3600,
  retain_expiry_interval: 60,
  queue_qos0_messages: true,
}
const user =
  'user:SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='
const rules = 'topic readwrite #\nuser a\ntopic readwrite a/#\ntopic deny b/#\npattern read %c/#\npattern write c/%u\n'

/** What the broker holds when no fuzz connection is left. */
interface Holdings {
  readonly sessions: number
  readonly subscriptions: number
  readonly connections: number
  readonly retained: number
  readonly timers: number
}

export class StreamFuzzer {
  readonly #random: Random
  readonly #engine: Engine
  readonly #listeners: readonly ListenerContext[]
  readonly #witnesses: Witnesses
  readonly #baseline: Holdings
  #open: { readonly connection: FuzzConnection; chunks: Buffer[] }[] = []
  #streams = 0
  #packets = 0
  #refused = 0
  #runs = 0

  /** @param freeFailures as the broker's throttles have it; by default takeovers and failures are never slowed down */
  constructor(seed: number, freeFailures = Number.POSITIVE_INFINITY) {
    this.#random = new Random(seed)
    this.#engine = new Engine({ settings, throttle: { freeFailures } })
    const { acl, passwords } = { acl: parseAclFile(rules, 'rules').rules, passwords: parsePasswordFile(user, 'users') }
    const restricted = this.#engine.addListener({ mount_point: 'b/', max_qos: 1, max_topic_alias: 0 }, { acl })
    const named = this.#engine.addListener({ use_username_as_clientid: true, max_topic_alias_broker: 65_535 })
    const judged = this.#engine.addListener({}, { passwords })
    const often = [this.#engine.listener, restricted, named]
    this.#listeners = [...Array.from({ length: 16 }, () => often).flat(), judged]
    this.#witnesses = new Witnesses(this.#engine)
    this.#baseline = this.#holdings
  }

  get result(): StreamFuzzResult {
    const { delivered: witnessed } = this.#witnesses
    return { streams: this.#streams, packets: this.#packets, refused: this.#refused, runs: this.#runs, witnessed }
  }

  /**
   * Runs at least `count` more streams, in batches.
   *
   * @throws Error with the stream's bytes when the engine throws, AssertionError when a witness suffers or something leaks
   */
  async run(count: number): Promise<void> {
    for (const end = this.#streams + count; this.#streams < end; ) {
      const stopAt = Math.min(end, this.#streams + streamsPerBatch)
      while (this.#streams < stopAt) this.#runFamily(stopAt)
      await this.#endBatch()
    }
  }

  /** Streams that descend from one legal stream. */
  #runFamily(stopAt: number): void {
    const random = this.#random
    const version = random.pick(versions)
    const packets = clientStream(random, version, 1 + random.below(8))
    const welcome = encodePacket(welcomeConnect(random, version), version)
    for (let index = 0; index < mutationsPerStream && this.#streams < stopAt; index++) {
      this.#runStream(descendant(random, packets, welcome))
      this.#streams++
      if (this.#streams % streamsPerExchange === 0) this.#witnesses.exchange()
    }
  }

  #runStream(bytes: Buffer): void {
    const random = this.#random
    const connection = new FuzzConnection(this.#engine, random.pick(this.#listeners), {
      maximumPacketSize: settings.max_packet_size,
      isSlow: random.oneIn(8),
      isInspected: random.oneIn(8),
    })
    const chunks = cutIntoChunks(random, bytes)
    this.#open.push({ connection, chunks: random.oneIn(4) ? chunks.splice(random.below(chunks.length + 1)) : [] })
    this.#guard(bytes, () => {
      for (const chunk of chunks) connection.feed(chunk)
      this.#disturb()
    })
  }

  /** Time passes, others go on, somebody leaves. */
  #disturb(): void {
    const random = this.#random
    if (random.oneIn(8)) this.#engine.pass(random.below(random.oneIn(16) ? 60_000 : 200))
    const other = random.pick(this.#open)
    for (const chunk of other.chunks.splice(0)) other.connection.feed(chunk)
    if (random.oneIn(2)) other.connection.drain()
    if (this.#open.length > mostOpen) this.#end(random.below(this.#open.length))
  }

  #end(index: number): void {
    const [{ connection } = {}] = this.#open.splice(index, 1)
    if (connection === undefined) return
    this.#packets += connection.packetsReceived
    this.#runs += connection.runs
    if (connection.wasRefused) this.#refused++
    connection.end()
  }

  async #endBatch(): Promise<void> {
    await this.#judgements()
    while (this.#open.length > 0) this.#guard(undefined, () => this.#end(this.#random.below(this.#open.length)))
    this.#guard(undefined, () => {
      this.#engine.pass(longestLifeMs)
      this.#witnesses.clearRetained()
      this.#engine.pass(longestLifeMs)
      this.#witnesses.exchange()
    })
    assert.deepEqual(this.#holdings, this.#baseline, `stream ${this.#streams}: something was left behind`)
  }

  /** Passwords are checked off the event loop: lets the CONNECTs that wait for it be answered. */
  async #judgements(): Promise<void> {
    for (let turns = 0; turns < 1000 && this.#open.some(({ connection }) => connection.isPaused); turns++) {
      await new Promise(setImmediate)
    }
    for (const { connection } of this.#open) connection.feed(Buffer.alloc(0))
  }

  get #holdings(): Holdings {
    const { registry, router, connections, retained, wheel } = this.#engine.broker
    return {
      sessions: registry.size,
      subscriptions: router.subscriptionCount,
      connections: connections.size,
      retained: retained.size,
      timers: wheel.size,
    }
  }

  #guard(bytes: Buffer | undefined, act: () => void): void {
    try {
      act()
    } catch (error) {
      const what = bytes === undefined ? 'at the end of the batch' : bytes.toString('hex')
      throw new Error(`stream ${this.#streams}: ${what}`, { cause: error })
    }
  }
}

/** Mostly what follows a good CONNECT is broken, else few streams would get past it; now and then nothing is. */
function descendant(random: Random, packets: readonly Buffer[], welcome: Buffer): Buffer {
  const [connect, ...rest] = packets as [Buffer, ...Buffer[]]
  switch (random.below(8)) {
    case 0:
      return mutate(random, Buffer.concat(packets))
    case 1:
      return Buffer.concat([mutate(random, connect), ...rest])
    case 2:
      return Buffer.concat([connect, mutate(random, Buffer.concat(rest))])
    case 3:
      return Buffer.concat([welcome, ...shuffled(random, rest)])
    case 4:
      return Buffer.concat([welcome, ...rest.map(packet => (random.oneIn(4) ? mutate(random, packet) : packet))])
    default:
      return Buffer.concat([welcome, mutate(random, Buffer.concat(rest))])
  }
}

/** A CONNECT that most listeners accept: with a client id and a user name, without a method; some take small packets only. */
function welcomeConnect(random: Random, version: ProtocolVersion): Connect {
  const connect = randomConnect(random, version)
  const {
    authenticationMethod: _method,
    authenticationData: _data,
    maximumPacketSize: _size,
    ...kept
  } = connect.properties
  const properties = version === 5 && random.oneIn(4) ? { ...kept, maximumPacketSize: 16 + random.below(100) } : kept
  const clientId = connect.clientId === '' && version < 5 ? 'a' : connect.clientId
  return { ...connect, clientId, username: random.pick(['a', 'b', 'device-1']), password: undefined, properties }
}

function shuffled(random: Random, packets: readonly Buffer[]): Buffer[] {
  const left = [...packets]
  return packets.map(() => left.splice(random.below(left.length), 1)[0] as Buffer)
}
