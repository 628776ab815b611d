// A connection on which one packet is waited for at a time.

import { Link } from '../../test/durability/link.ts'
import { connectBytes } from '../../test/support/packet-bytes.ts'
import { type RawPacket, readConnack } from '../../test/support/packet-reader.ts'
import { BenchError } from '../bench-error.ts'

const version = 5

/** The broker has closed the connection, or is no more. */
export class LeftAloneError extends BenchError {}

export class Waiter {
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
