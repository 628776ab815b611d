// Somebody who sends commands and waits for their answers, and somebody else, who asks all the time whether the broker is
// there: the longest wait of the second is how long the first has kept it.

import { setTimeout as delay } from 'node:timers/promises'
import { Link } from '../../test/durability/link.ts'
import { connectBytes, publishBytes, subscribeBytes } from '../../test/support/packet-bytes.ts'
import { type RawPacket, readConnack, readPublish } from '../../test/support/packet-reader.ts'
import { BenchError } from '../bench-error.ts'
import { administrator } from './dataset.ts'

const topic = '$CONTROL/dynamic-security/v1'
const version = 5
const pingreq = Uint8Array.of(0xc0, 0)

/** The broker has closed the connection, or is no more. */
export class LeftAloneError extends BenchError {}

/** A connection on which one packet is waited for at a time. */
class Waiter {
  readonly link: Link
  #wanted: { readonly name: string; resolve(packet: RawPacket): void; reject(error: Error): void } | undefined

  constructor(port: number) {
    this.link = new Link(port, {
      received: (_link, packet) => {
        if (packet.name !== this.#wanted?.name) return
        const { resolve } = this.#wanted
        this.#wanted = undefined
        resolve(packet)
      },
      closed: () =>
        this.#wanted?.reject(new LeftAloneError(`the broker has closed the connection before ${this.#wanted.name}`)),
    })
  }

  next(name: string): Promise<RawPacket> {
    return new Promise((resolve, reject) => {
      this.#wanted = { name, resolve, reject }
    })
  }

  async connect(who: { readonly username: string; readonly password: string }): Promise<void> {
    this.link.send(connectBytes({ version, ...who }))
    const { reasonCode } = readConnack(await this.next('CONNACK'), version)
    if (reasonCode !== 0) throw new BenchError(`the broker has refused ${who.username} with ${reasonCode}`)
  }
}

export class Asker {
  readonly #waiter: Waiter
  #packetId = 1

  private constructor(waiter: Waiter) {
    this.#waiter = waiter
  }

  static async join(port: number): Promise<Asker> {
    const waiter = new Waiter(port)
    await waiter.connect(administrator)
    waiter.link.send(subscribeBytes({ version, packetId: 1, subscriptions: [{ filter: `${topic}/response`, qos: 0 }] }))
    await waiter.next('SUBACK')
    return new Asker(waiter)
  }

  /** @returns milliseconds until the answer @throws BenchError when a command was refused, LeftAloneError without an answer */
  async ask(...commands: readonly object[]): Promise<number> {
    this.#packetId = (this.#packetId % 65_535) + 1
    const bytes = publishBytes({
      version,
      topic,
      qos: 1,
      packetId: this.#packetId,
      payload: JSON.stringify({ commands }),
    })
    const from = performance.now()
    this.#waiter.link.send(bytes)
    const packet = await this.#waiter.next('PUBLISH')
    const milliseconds = performance.now() - from
    const payload = readPublish(packet, version).payload.toString()
    const error = payload.length < 65_536 ? /"error":"[^"]*"/.exec(payload)?.[0] : undefined
    if (error !== undefined) throw new BenchError(`a command was refused: ${error}`)
    return milliseconds
  }

  leave(): void {
    this.#waiter.link.destroy()
  }
}

/** Milliseconds between two questions. */
const pauseMs = 1

export class Pinger {
  readonly #waiter: Waiter
  #longest = 0
  #isDone = false

  private constructor(waiter: Waiter) {
    this.#waiter = waiter
  }

  static async join(port: number): Promise<Pinger> {
    const waiter = new Waiter(port)
    await waiter.connect(administrator)
    const pinger = new Pinger(waiter)
    // Whoever asks for something is told that the broker has gone.
    pinger.#run().catch(() => {})
    return pinger
  }

  /** Milliseconds of the longest wait since the last call. */
  takeLongest(): number {
    const longest = this.#longest
    this.#longest = 0
    return longest
  }

  leave(): void {
    this.#isDone = true
    this.#waiter.link.destroy()
  }

  async #run(): Promise<void> {
    while (!this.#isDone) {
      const from = performance.now()
      const answer = this.#waiter.next('PINGRESP')
      this.#waiter.link.send(pingreq)
      await answer
      this.#longest = Math.max(this.#longest, performance.now() - from)
      await delay(pauseMs)
    }
  }
}
