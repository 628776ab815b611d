// A connection's handler that writes down what it is told, and lets a test wait for it.

import { EventEmitter, once } from 'node:events'
import type { ProtocolError } from '../../src/mqtt/errors.ts'
import type { Packet, ProtocolVersion } from '../../src/mqtt/packet.ts'
import type { ConnectionHandler, TransportEnd } from '../../src/net/connection-handler.ts'

export class RecordingHandler implements ConnectionHandler {
  readonly protocolVersion: ProtocolVersion = 4
  readonly packets: Packet[] = []
  readonly failures: ProtocolError[] = []
  readonly ends: TransportEnd[] = []
  drains = 0
  readonly #events = new EventEmitter()
  readonly #onPacket: (packet: Packet) => void

  constructor(onPacket: (packet: Packet) => void = () => {}) {
    this.#onPacket = onPacket
  }

  receive(packet: Packet): void {
    this.packets.push(packet)
    this.#onPacket(packet)
    this.#events.emit('packet')
  }

  fail(error: ProtocolError): void {
    this.failures.push(error)
    this.#events.emit('fail')
  }

  drained(): void {
    this.drains++
    this.#events.emit('drained')
  }

  ended(end: TransportEnd): void {
    this.ends.push(end)
    this.#events.emit('ended')
  }

  async waitForPackets(count: number): Promise<void> {
    while (this.packets.length < count) await once(this.#events, 'packet')
  }

  async waitForFailure(): Promise<void> {
    if (this.failures.length === 0) await once(this.#events, 'fail')
  }

  async waitForDrained(): Promise<void> {
    if (this.drains === 0) await once(this.#events, 'drained')
  }

  async waitForEnd(): Promise<TransportEnd> {
    if (this.ends.length === 0) await once(this.#events, 'ended')
    return this.ends[0] as TransportEnd
  }
}
