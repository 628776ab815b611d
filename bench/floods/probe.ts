// A client that behaves well: it publishes to itself at QoS 1 at a steady rate and times each message's way, without what broker and
// client wait for a processor meanwhile.

import { connect, type Socket } from 'node:net'
import { Histogram, type Latency } from '../../src/client/histogram.ts'
import { connectBytes, publishBytes, subscribeBytes } from '../../test/support/packet-bytes.ts'
import { splitPacket } from '../../test/support/packet-reader.ts'
import { ProcessorWait } from './processor-wait.ts'

/** Milliseconds between two messages. */
const intervalMs = 5
const topic = 'probe/round-trip'
const publishType = 3

/** Milliseconds: the time, and how long each side has waited for a processor up to then. */
interface Moment {
  readonly at: number
  readonly broker: number
  readonly own: number
}

export class Probe {
  readonly #socket: Socket
  readonly #brokerWait: ProcessorWait
  readonly #ownWait = new ProcessorWait(process.pid)
  #latency = new Histogram()
  #left: Uint8Array = new Uint8Array(0)
  /** When each message that has not come back was written, by packet id: that it was late is not the broker's doing. */
  readonly #under = new Map<number, Moment>()
  #packetId = 0
  #timer: NodeJS.Timeout | undefined
  #due = 0
  #subscribed: (() => void) | undefined
  closed = false

  private constructor(socket: Socket, brokerPid: number) {
    this.#socket = socket
    this.#brokerWait = new ProcessorWait(brokerPid)
    socket.on('data', bytes => this.#read(bytes))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
    })
  }

  /** @returns connected and subscribed */
  static async open(port: number, brokerPid: number): Promise<Probe> {
    const probe = new Probe(connect({ port, host: '127.0.0.1', noDelay: true }), brokerPid)
    const ready = new Promise<void>(resolve => {
      probe.#subscribed = resolve
    })
    probe.#socket.write(connectBytes({ clientId: 'probe', version: 4, keepAlive: 10 }))
    probe.#socket.write(subscribeBytes({ version: 4, packetId: 1, subscriptions: [{ filter: topic, qos: 0 }] }))
    await ready
    return probe
  }

  /** Begins to publish. */
  start(): void {
    this.#due = performance.now()
    this.#timer = setInterval(() => this.#publishDue(), intervalMs)
  }

  /** Round trips since the last call, in microseconds; of messages that are still on their way, how long so far. */
  take(): Latency | null {
    const latency = this.#latency
    this.#latency = new Histogram()
    const now = this.#now()
    for (const sent of this.#under.values()) {
      const passed = between(sent, now)
      if (passed > 1000) latency.record(Math.trunc(passed * 1000))
    }
    return latency.summary()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#socket.destroy()
    this.#brokerWait.close()
    this.#ownWait.close()
  }

  #now(): Moment {
    return { broker: this.#brokerWait.milliseconds, own: this.#ownWait.milliseconds, at: performance.now() }
  }

  #publishDue(): void {
    const now = this.#now()
    for (; this.#due <= now.at; this.#due += intervalMs) {
      this.#packetId = (this.#packetId % 65_535) + 1
      this.#under.set(this.#packetId, now)
      const payload = Uint8Array.of(this.#packetId >> 8, this.#packetId & 0xff)
      this.#socket.write(publishBytes({ version: 4, topic, payload, qos: 1, packetId: this.#packetId }))
    }
  }

  #read(bytes: Uint8Array): void {
    this.#left = this.#left.length === 0 ? bytes : Buffer.concat([this.#left, bytes])
    for (let split = splitPacket(this.#left); split !== undefined; split = splitPacket(this.#left)) {
      this.#left = split.rest
      this.#take(split.packet.bytes)
    }
  }

  #take(packet: Uint8Array): void {
    const first = packet[0]!
    if (first === 0x90) this.#subscribed?.()
    if (first >> 4 !== publishType) return
    const packetId = (packet.at(-2)! << 8) | packet.at(-1)!
    const sent = this.#under.get(packetId)
    if (sent === undefined) return
    this.#under.delete(packetId)
    this.#latency.record(Math.trunc(between(sent, this.#now()) * 1000))
  }
}

/** @returns milliseconds, without the longer of the two waits: they may have been at the same time */
function between(earlier: Moment, later: Moment): number {
  return later.at - earlier.at - Math.max(later.broker - earlier.broker, later.own - earlier.own)
}
