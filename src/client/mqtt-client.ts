// A client for one errand: it connects, subscribes, publishes, waits for messages, and goes. Whatever the broker refuses, and
// whatever does not come in time, is an error.

import type { Socket } from 'node:net'
import { AppError } from '../base/errors.ts'
import { decodePacket, encodePacket } from '../mqtt/codec.ts'
import { Framer } from '../mqtt/framer.ts'
import { noProperties, type Packet, PacketType, type ProtocolVersion, type Publish, type QoS } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { RefusedError, UnreachableError } from './errors.ts'
import { openStream, type Target, unreachable } from './target.ts'

export interface Login {
  readonly protocolVersion: ProtocolVersion
  readonly clientId: string
  readonly cleanStart: boolean
  readonly username: string | undefined
  readonly password: Uint8Array | undefined
}

/** Seconds for the whole errand; below any broker's patience with a client that sends no PINGREQ. */
const errandSeconds = 30
const keepAliveSeconds = 60
/** Bytes of one packet that is taken: the names of a million clients are less. */
const largestPacket = 64 * 1024 * 1024
/** One exchange of each kind is all there is. */
const packetId = 1

export class MqttClient {
  readonly #socket: Socket
  readonly #version: ProtocolVersion
  readonly #chunks: AsyncIterator<Buffer>
  readonly #framer = new Framer(largestPacket)

  private constructor(socket: Socket, version: ProtocolVersion) {
    this.#socket = socket
    this.#version = version
    this.#chunks = socket[Symbol.asyncIterator]()
  }

  /**
   * Connects and logs in.
   *
   * @throws UnreachableError
   * @throws RefusedError for a CONNACK that says no
   */
  static async open(target: Target, login: Login): Promise<MqttClient> {
    const late = new UnreachableError(`Error: No answer within ${errandSeconds} seconds.`)
    const signal = AbortSignal.timeout(errandSeconds * 1000)
    const deadline = new AbortController()
    signal.addEventListener('abort', () => deadline.abort(late), { once: true })
    const client = new MqttClient(await openStream(target, deadline.signal), login.protocolVersion)
    try {
      await client.#logIn(login)
      return client
    } catch (error) {
      client.#socket.destroy()
      throw error
    }
  }

  async #logIn({ protocolVersion, clientId, cleanStart, username, password }: Login): Promise<void> {
    this.#send({
      type: PacketType.connect,
      protocolVersion,
      bridge: false,
      cleanStart,
      keepAlive: keepAliveSeconds,
      clientId,
      username,
      password,
      will: undefined,
      properties: noProperties,
    })
    const packet = await this.#receive()
    if (packet.type !== PacketType.connack) throw unexpected(packet)
    refuse('Connection error', packet.reasonCode)
  }

  /** @throws RefusedError when the broker does not grant it */
  async subscribe(topicFilter: string, qos: QoS): Promise<void> {
    const subscription = { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    this.#send({ type: PacketType.subscribe, packetId, subscriptions: [subscription], properties: noProperties })
    for (;;) {
      const packet = await this.#receive()
      if (packet.type === PacketType.suback) return refuse('Subscribe error', packet.reasonCodes[0] ?? 0)
      // What others are answered on the same topic.
      if (packet.type !== PacketType.publish) throw unexpected(packet)
      this.#acknowledge(packet)
    }
  }

  publish(topicName: string, payload: Uint8Array, qos: QoS): void {
    const kind = { type: PacketType.publish, dup: false, retain: false, properties: noProperties } as const
    this.#send({ ...kind, qos, topicName, packetId: qos === 0 ? 0 : packetId, payload })
  }

  /**
   * Waits for the next message; what was published is brought to its end meanwhile.
   *
   * @throws RefusedError when the broker refuses what was published
   */
  async nextMessage(): Promise<Publish> {
    for (;;) {
      const packet = await this.#receive()
      switch (packet.type) {
        case PacketType.publish:
          this.#acknowledge(packet)
          return packet
        case PacketType.puback:
          refuse('Publish error', packet.reasonCode)
          break
        case PacketType.pubrec:
          refuse('Publish error', packet.reasonCode)
          this.#send({ ...packet, type: PacketType.pubrel, reasonCode: ReasonCode.success, properties: noProperties })
          break
        case PacketType.pubcomp:
        case PacketType.pubrel:
          break
        default:
          throw unexpected(packet)
      }
    }
  }

  close(): void {
    this.#send({ type: PacketType.disconnect, reasonCode: ReasonCode.success, properties: noProperties })
    this.#socket.destroySoon()
  }

  #acknowledge({ qos, packetId }: Publish): void {
    if (qos === 0) return
    const type = qos === 1 ? PacketType.puback : PacketType.pubrec
    this.#send({ type, packetId, reasonCode: ReasonCode.success, properties: noProperties })
  }

  #send(packet: Packet): void {
    this.#socket.write(encodePacket(packet, this.#version))
  }

  async #receive(): Promise<Packet> {
    while (!this.#framer.next()) this.#framer.push(await this.#read())
    const { buffer, header, start, end } = this.#framer
    const packet = decodePacket(buffer, header, start, end, this.#version)
    if (packet.type !== PacketType.disconnect) return packet
    refuse('Disconnected', packet.reasonCode)
    throw lost()
  }

  async #read(): Promise<Buffer> {
    try {
      const { value, done } = await this.#chunks.next()
      if (done !== true) return value
    } catch (error) {
      throw error instanceof AppError ? error : unreachable(error)
    }
    throw lost()
  }
}

/** @throws RefusedError for a reason code that is an error */
function refuse(what: string, reasonCode: number): void {
  if (reasonCode >= ReasonCode.unspecifiedError)
    throw new RefusedError(`${what}: ${reasonText(reasonCode)}`, reasonCode)
}

/** The names of the table, as words: `notAuthorized` is "Not authorized". */
function reasonText(reasonCode: number): string {
  const [name] = Object.entries(ReasonCode).find(([, code]) => code === reasonCode) ?? []
  if (name === undefined) return `reason code 0x${reasonCode.toString(16)}`
  const words = name.replaceAll(/(?<=[a-z])[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function unexpected({ type }: Packet): UnreachableError {
  return new UnreachableError(`Error: The broker sent a packet of type ${type} out of turn.`)
}

function lost(): UnreachableError {
  return new UnreachableError('Error: The connection was lost.')
}
