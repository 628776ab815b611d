// An administrator who creates, changes and deletes clients by commands, and looks after each kill whether what was answered
// is so. Of the one command that was not answered, either is right.

import { publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { type RawPacket, readAcknowledgement, readPublish } from '../support/packet-reader.ts'
import { type ConnectWish, LoadClient } from './load-client.ts'

const topic = '$CONTROL/dynamic-security/v1'
const names = ['c1', 'c2', 'c3', 'c4']
/** Milliseconds between an answer and the next command. */
const pauseMs = 10

/** What a client is known to be: its text name; undefined when there is none. */
type Standing = string | undefined

interface Response {
  readonly command: string
  readonly correlationData?: string
  readonly error?: string
  readonly data?: { readonly clients?: readonly { readonly username: string; readonly textname?: string }[] }
}

export class ControlLoad extends LoadClient {
  readonly #standing = new Map<string, Standing>()
  /** What was asked and not answered: that client is what it was, or what it was to become. */
  #asked: { readonly id: string; readonly name: string; readonly becomes: Standing } | undefined
  #looking = ''
  #count = 0
  #timer: NodeJS.Timeout | undefined

  protected wish(): ConnectWish {
    return { cleanStart: true, expiry: 0, username: 'admin', password: 'adminpw' }
  }

  /** Looks before anything else: nothing that was under way comes after that. */
  protected connected(): void {
    const { version } = this
    clearTimeout(this.#timer)
    this.send(subscribeBytes({ version, packetId: 1, subscriptions: [{ filter: `${topic}/response`, qos: 1 }] }))
    this.#looking = this.#send({ command: 'listClients', verbose: true })
  }

  override brokerDied(): void {
    super.brokerDied()
    clearTimeout(this.#timer)
  }

  protected packet(packet: RawPacket): void {
    if (packet.name === 'PUBREC') {
      const { packetId } = readAcknowledgement(packet)
      this.send(Uint8Array.of(0x62, 2, packetId >> 8, packetId & 0xff))
    } else if (packet.name === 'PUBLISH') {
      const { payload } = readPublish(packet, this.version)
      const { responses } = JSON.parse(payload.toString()) as { responses: readonly Response[] }
      for (const response of responses) this.#answered(response)
    }
  }

  #answered({ command, correlationData, error, data }: Response): void {
    if (error !== undefined) this.world.ledger.fault(`control: ${command} was answered with '${error}'`)
    if (correlationData === this.#looking) this.#compare(data?.clients ?? [])
    else if (correlationData === this.#asked?.id) this.#settle()
    else return
    this.#timer = setTimeout(() => this.#ask(), pauseMs)
  }

  #compare(clients: readonly { readonly username: string; readonly textname?: string }[]): void {
    const found = new Map(clients.map(({ username, textname }) => [username, textname]))
    for (const name of names) {
      const [is, was] = [found.get(name), this.#standing.get(name)]
      const isPending = this.#asked?.name === name && is === this.#asked.becomes
      if (is !== was && !isPending) {
        this.world.ledger.fault(`control: ${name} is ${is ?? 'not there'}, and was answered to be ${was ?? 'gone'}`)
      }
      this.#standing.set(name, is)
    }
    this.#asked = undefined
  }

  #settle(): void {
    if (this.#asked === undefined) return
    this.#standing.set(this.#asked.name, this.#asked.becomes)
    this.#asked = undefined
    this.world.ledger.counts.commands++
  }

  #ask(): void {
    if (!this.isConnected || this.world.isEnding) return
    const { random } = this.world
    const name = random.pick(names)
    const isThere = this.#standing.get(name) !== undefined
    const becomes = isThere && random.oneIn(3) ? undefined : `change ${this.#count}`
    const command = !isThere ? 'createClient' : becomes === undefined ? 'deleteClient' : 'modifyClient'
    const id = this.#send({ command, username: name, ...(becomes !== undefined && { textname: becomes }) })
    this.#asked = { id, name, becomes }
  }

  /** @returns the correlation data */
  #send(command: Readonly<Record<string, unknown>>): string {
    const { version } = this
    this.#count++
    const correlationData = `ask ${this.#count}`
    const payload = JSON.stringify({ commands: [{ ...command, correlationData }] })
    const packetId = (this.#count % 1000) + 2
    this.send(publishBytes({ version, topic, packetId, qos: this.#count % 2 === 0 ? 1 : 2, payload }))
    return correlationData
  }
}
