// A connection's handler that writes down what it is told, and lets a test wait for it.

import { EventEmitter, once } from 'node:events'
import type { ProtocolError } from '../../src/mqtt/errors.ts'
import type { Packet, ProtocolVersion } from '../../src/mqtt/packet.ts'
import { TopicCache, TopicTable } from '../../src/mqtt/topic-cache.ts'
import type { ConnectionHandler, TransportEnd } from '../../src/net/connection-handler.ts'

export class RecordingHandler implements ConnectionHandler {
  readonly protocolVersion: ProtocolVersion = 4
  readonly topics = new TopicCache(new TopicTable(16))
  readonly packets: Packet[] = []
  /** Packets that it could not take, as often as they came. */
  readonly refused: Packet[] = []
  /** In hex what it took as bytes, one entry each time. */
  readonly taken: string[] = []
  readonly failures: ProtocolError[] = []
  readonly ends: TransportEnd[] = []
  drains = 0
  turns = 0
  /** How many of the next packets it cannot take yet; the test pauses the transport. */
  refusals = 0
  /** Where the packets end that it takes as bytes; by default it takes none. */
  take: (buffer: Buffer, start: number, maximumPacketSize: number) => number = (_buffer, start) => start
  readonly #events = new EventEmitter()
  readonly #onPacket: (packet: Packet) => void

  constructor(onPacket: (packet: Packet) => void = () => {}) {
    this.#onPacket = onPacket
  }

  receive(packet: Packet): boolean {
    const refuses = this.refusals > 0
    if (refuses) this.refusals--
    const packets = refuses ? this.refused : this.packets
    packets.push(packet)
    this.#onPacket(packet)
    this.#events.emit('packet')
    return !refuses
  }

  receiveBytes(buffer: Buffer, start: number, maximumPacketSize: number): number {
    const end = this.take(buffer, start, maximumPacketSize)
    if (end === start) return start
    this.taken.push(buffer.subarray(start, end).toString('hex'))
    this.#events.emit('taken')
    return end
  }

  fail(error: ProtocolError): void {
    this.failures.push(error)
    this.#events.emit('fail')
  }

  drained(): void {
    this.drains++
    this.#events.emit('drained')
  }

  takeTurn(): void {
    this.turns++
    this.#events.emit('turn')
  }

  ended(end: TransportEnd): void {
    this.ends.push(end)
    this.#events.emit('ended')
  }

  async waitForPackets(count: number): Promise<void> {
    while (this.packets.length < count) await once(this.#events, 'packet')
  }

  async waitForRefused(): Promise<void> {
    if (this.refused.length === 0) await once(this.#events, 'packet')
  }

  async waitForTaken(count: number): Promise<void> {
    while (this.taken.length < count) await once(this.#events, 'taken')
  }

  async waitForFailure(): Promise<void> {
    if (this.failures.length === 0) await once(this.#events, 'fail')
  }

  async waitForDrained(): Promise<void> {
    if (this.drains === 0) await once(this.#events, 'drained')
  }

  async waitForTurn(): Promise<void> {
    if (this.turns === 0) await once(this.#events, 'turn')
  }

  async waitForEnd(): Promise<TransportEnd> {
    if (this.ends.length === 0) await once(this.#events, 'ended')
    return this.ends[0] as TransportEnd
  }
}
