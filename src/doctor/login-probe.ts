// Asks a broker whether it lets somebody in without a name, and what they may subscribe to. Nothing is published, and nothing that
// comes is kept.

import type { Socket } from 'node:net'
import { openStream, type Target } from '../client/target.ts'
import { decodePacket, encodePacket } from '../mqtt/codec.ts'
import { Framer } from '../mqtt/framer.ts'
import { noProperties, type Packet, PacketType, type ProtocolVersion } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { AnonymousAnswer } from './endpoint.ts'

/** What a stranger should not be let read. */
const askedFilters: readonly string[] = ['#', '$SYS/#']
/** A broker may send retained messages as soon as it has granted a subscription. */
const largestPacket = 1024 * 1024
/** Packets that are looked at while a SUBACK is waited for. */
const mostPackets = 1000

/**
 * One CONNECT without a user name; where it is accepted, a SUBSCRIBE for each filter.
 *
 * @param signal ends it
 * @throws UnreachableError when there is no connection
 */
export async function probeLogin(
  target: Target,
  version: ProtocolVersion,
  signal: AbortSignal,
): Promise<AnonymousAnswer> {
  const socket = await openStream(target, signal)
  try {
    return await new LoginProbe(socket, version).ask()
  } finally {
    socket.destroy()
  }
}

/** The answer of whoever sends no CONNACK. */
export const closed = 'the connection was closed'

class LoginProbe {
  readonly #socket: Socket
  readonly #version: ProtocolVersion
  readonly #chunks: AsyncIterator<Buffer>
  readonly #framer = new Framer(largestPacket)

  constructor(socket: Socket, version: ProtocolVersion) {
    this.#socket = socket
    this.#version = version
    this.#chunks = socket[Symbol.asyncIterator]()
  }

  async ask(): Promise<AnonymousAnswer> {
    this.#connect()
    const packet = await this.#receive()
    if (packet?.type !== PacketType.connack) return { isAccepted: false, answer: closed, granted: [] }
    const answer = nameOf(packet.reasonCode)
    if (packet.reasonCode !== ReasonCode.success) return { isAccepted: false, answer, granted: [] }
    const granted: string[] = []
    for (const [index, filter] of askedFilters.entries()) {
      if (await this.#isGranted(filter, index + 1)) granted.push(filter)
    }
    this.#send({ type: PacketType.disconnect, reasonCode: ReasonCode.success, properties: noProperties })
    return { isAccepted: true, answer, granted }
  }

  #connect(): void {
    this.#send({
      type: PacketType.connect,
      protocolVersion: this.#version,
      bridge: false,
      cleanStart: true,
      keepAlive: 60,
      clientId: `castellan-doctor-${process.pid}`,
      username: undefined,
      password: undefined,
      will: undefined,
      properties: noProperties,
    })
  }

  async #isGranted(topicFilter: string, packetId: number): Promise<boolean> {
    // Retained messages are not asked for: retain handling 2 (MQTT 5 §3.8.3.1).
    const subscription = { topicFilter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 2 } as const
    this.#send({ type: PacketType.subscribe, packetId, subscriptions: [subscription], properties: noProperties })
    for (let count = 0; count < mostPackets; count++) {
      const packet = await this.#receive()
      if (packet === undefined) return false
      if (packet.type === PacketType.suback) return (packet.reasonCodes[0] ?? 0x80) < ReasonCode.unspecifiedError
    }
    return false
  }

  #send(packet: Packet): void {
    this.#socket.write(encodePacket(packet, this.#version))
  }

  /** @returns undefined when the connection ends, or says something that is no packet */
  async #receive(): Promise<Packet | undefined> {
    try {
      while (!this.#framer.next()) {
        const { value, done } = await this.#chunks.next()
        if (done === true) return undefined
        this.#framer.push(value)
      }
      const { buffer, header, start, end } = this.#framer
      return decodePacket(buffer, header, start, end, this.#version)
    } catch {
      return undefined
    }
  }
}

/** `0x87 not authorized`. */
function nameOf(reasonCode: number): string {
  const [name = 'unknown'] = Object.entries(ReasonCode).find(([, code]) => code === reasonCode) ?? []
  const words = name.replaceAll(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
  return `0x${reasonCode.toString(16).padStart(2, '0')} ${words}`
}
