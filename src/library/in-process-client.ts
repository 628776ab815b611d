// An MQTT 5 client within the process: packets instead of bytes, over a connection that the broker treats like any other. So what
// the program publishes and subscribes to has the engine's whole care: limits, order, acknowledgement when it is safe.

import type { AppError } from '../base/errors.ts'
import { decodePacket, encodePacket } from '../mqtt/codec.ts'
import { Framer } from '../mqtt/framer.ts'
import { type Connack, noProperties, type Packet, PacketType } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { AcceptedStream } from '../net/byte-stream.ts'
import { ClosedError, RefusedError } from './errors.ts'
import { InProcessStream } from './in-process-stream.ts'

/** Hands a stream to the listener of the program itself. */
export type TakeStream = (stream: AcceptedStream) => void

/** What a client is for. */
export interface InProcessUser {
  /** Every packet after CONNACK; payloads are views into what is overwritten later. */
  received(packet: Packet): void
  /** The connection is over, other than by `close`. Called once, and never while it is being opened. */
  lost(error: AppError): void
}

const version = 5
/** Bytes of one packet from the broker, which bounds what it takes itself. */
const largestPacket = 268_435_460

export class InProcessClient {
  readonly #user: InProcessUser
  readonly #stream: InProcessStream
  readonly #framer = new Framer(largestPacket)
  readonly #connack = Promise.withResolvers<Connack>()
  #state: 'opening' | 'open' | 'closed' = 'opening'
  #ending: AppError = new ClosedError()

  private constructor(user: InProcessUser) {
    this.#user = user
    this.#stream = new InProcessStream({ received: bytes => this.#received(bytes), closed: () => this.#closed() })
  }

  /**
   * @param receiveMaximum most messages of QoS 1 and 2 that are under way to the client
   * @throws RefusedError when a limit keeps it out, ClosedError when the broker ends
   */
  static async open(take: TakeStream, user: InProcessUser, receiveMaximum: number): Promise<OpenClient> {
    const client = new InProcessClient(user)
    take(client.#stream)
    client.send({
      type: PacketType.connect,
      protocolVersion: version,
      bridge: false,
      cleanStart: true,
      keepAlive: 0,
      clientId: '',
      username: undefined,
      password: undefined,
      will: undefined,
      properties: { receiveMaximum },
    })
    return { client, connack: await client.#connack.promise }
  }

  /** @param taken called when the broker has it */
  send(packet: Packet, taken?: () => void): void {
    this.#stream.send(encodePacket(packet, version), taken)
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#stream.destroy()
  }

  #received(bytes: Uint8Array): void {
    const framer = this.#framer
    framer.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), true)
    while (framer.next()) {
      const { buffer, header, start, end } = framer
      this.#receive(decodePacket(buffer, header, start, end, version))
    }
  }

  #receive(packet: Packet): void {
    if (packet.type === PacketType.disconnect) this.#ending = endingOf(packet.reasonCode)
    else if (this.#state === 'open') this.#user.received(packet)
    else if (packet.type === PacketType.connack) this.#opened(packet)
  }

  #opened(connack: Connack): void {
    if (connack.reasonCode >= 0x80) {
      this.#ending = new RefusedError('a connection of the program itself', connack.reasonCode)
      return
    }
    this.#state = 'open'
    this.#connack.resolve(connack)
  }

  #closed(): void {
    const wasOpen = this.#state === 'open'
    if (this.#state === 'opening') this.#connack.reject(this.#ending)
    this.#state = 'closed'
    if (wasOpen) this.#user.lost(this.#ending)
  }
}

/** With what CONNACK has said. */
export interface OpenClient {
  readonly client: InProcessClient
  readonly connack: Connack
}

/** An acknowledgement that says success. */
export function acknowledgement(
  type: typeof PacketType.puback | typeof PacketType.pubrec | typeof PacketType.pubrel | typeof PacketType.pubcomp,
  packetId: number,
): Packet {
  return { type, packetId, reasonCode: ReasonCode.success, properties: noProperties }
}

function endingOf(reasonCode: number): AppError {
  if (reasonCode === ReasonCode.serverShuttingDown) return new ClosedError()
  return new RefusedError('a connection of the program itself', reasonCode)
}
