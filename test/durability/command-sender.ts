// An administrator who sends one command after the other, keeps the books of what was answered, and ends with its connection.

import type { Random } from '../../fuzz/random.ts'
import { connectBytes, publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { type RawPacket, readPublish } from '../support/packet-reader.ts'
import { Link } from './link.ts'

/** What a client is known to be: its text name; undefined when there is none. */
export type Standing = string | undefined

export interface ClientBooks {
  /** By name: as it was answered. */
  readonly is: Map<string, Standing>
  /** What was asked and not answered: that client is what it was, or what it was to become. */
  asked: { readonly name: string; readonly becomes: Standing } | undefined
}

export interface SenderParts {
  readonly port: number
  /** Tells its clients from those of the others. */
  readonly index: number
  readonly random: Random
  readonly books: ClientBooks
  readonly answered: () => void
  readonly fault: (text: string) => void
}

interface Response {
  readonly command: string
  readonly correlationData?: string
  readonly error?: string
}

const topic = '$CONTROL/dynamic-security/v1'
const version = 5
/** Few, so that they are changed and deleted, too. */
const clients = 6

export class CommandSender {
  readonly #parts: SenderParts
  readonly #ended = Promise.withResolvers<void>()
  #link: Link | undefined
  #count = 0
  #isResting = false
  #isIdle = false

  constructor(parts: SenderParts) {
    this.#parts = parts
  }

  /** Resolves when the connection has ended. */
  run(): Promise<void> {
    const link = new Link(this.#parts.port, {
      received: (_link, packet) => this.#received(packet),
      closed: () => this.#ended.resolve(),
    })
    this.#link = link
    link.send(
      connectBytes({ version, clientId: `admin-${this.#parts.index}`, username: 'admin', password: 'adminpw' }),
      subscribeBytes({ version, packetId: 1, subscriptions: [{ filter: `${topic}/response`, qos: 0 }] }),
    )
    return this.#ended.promise
  }

  /** Asks nothing after the next answer. */
  rest(): void {
    this.#isResting = true
  }

  wake(): void {
    this.#isResting = false
    if (this.#isIdle) this.#ask()
  }

  #received(packet: RawPacket): void {
    if (packet.name === 'SUBACK') this.#ask()
    if (packet.name !== 'PUBLISH') return
    const { responses } = JSON.parse(readPublish(packet, version).payload.toString()) as { responses: Response[] }
    for (const { command, correlationData, error } of responses) {
      if (correlationData !== this.#correlation) continue
      if (error !== undefined) this.#parts.fault(`${command} was answered with '${error}'`)
      this.#settle()
      this.#ask()
    }
  }

  #settle(): void {
    const { books, answered } = this.#parts
    if (books.asked === undefined) return
    books.is.set(books.asked.name, books.asked.becomes)
    books.asked = undefined
    answered()
  }

  #ask(): void {
    this.#isIdle = this.#isResting
    if (this.#isIdle) return
    const { random, books, index } = this.#parts
    const name = `c${index}-${random.below(clients)}`
    const isThere = books.is.get(name) !== undefined
    this.#count++
    const becomes = isThere && random.oneIn(3) ? undefined : `${this.#correlation}`
    const command = !isThere ? 'createClient' : becomes === undefined ? 'deleteClient' : 'modifyClient'
    books.asked = { name, becomes }
    const given = { command, username: name, textname: becomes, correlationData: this.#correlation }
    const payload = JSON.stringify({ commands: [given] })
    this.#link?.send(publishBytes({ version, topic, packetId: (this.#count % 1000) + 2, qos: 1, payload }))
  }

  get #correlation(): string {
    return `${this.#parts.index} ${this.#count}`
  }
}
