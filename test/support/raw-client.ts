// A client that writes bytes by hand and waits for bytes. It knows nothing of src/mqtt, sleeps nowhere, and a wait that
// fails says what it waited for and what came instead.

import { connect as connectTcp, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { parseHex, showHex } from './bytes.ts'
import { pingreqBytes, type Version } from './packet-bytes.ts'
import {
  type Acknowledgement,
  append,
  type Connack,
  type PacketName,
  type Publish,
  type RawPacket,
  type ReasonPacket,
  readAcknowledgement,
  readConnack,
  readPublish,
  readReason,
  readSubscribeAnswer,
  type SubscribeAnswer,
  splitPacket,
} from './packet-reader.ts'

/** How long one wait may take before the test fails; generous, because the machine may be busy. */
const waitLimitMs = 10_000

export interface RawTarget {
  readonly port?: number
  readonly host?: string
  /** Where to connect from: any address of 127.0.0.0/8 is this machine's. */
  readonly localAddress?: string
  /** A unix socket, instead of `port`. */
  readonly path?: string
  /** TLS over the port: what `tls.connect` takes (`ca`, `cert`, `key`, `servername`, …). */
  readonly tls?: ConnectionOptions
}

/**
 * Opens a connection that the test's end closes.
 *
 * @throws Error when the connection or its TLS handshake is refused
 */
export async function connectRaw(t: TestContext, target: RawTarget): Promise<RawClient> {
  const { host = '127.0.0.1', port, path, localAddress } = target
  const where = path === undefined ? { host, port: port!, ...(localAddress && { localAddress }) } : { path }
  const socket = target.tls ? connectTls({ ...where, ...target.tls }) : connectTcp(where)
  t.after(() => socket.destroy())
  const client = new RawClient(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once(target.tls ? 'secureConnect' : 'connect', resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed before it was established')))
  })
  return client
}

/** One connection; made by {@link connectRaw}. Packets wait in order until an `expect…` takes them. */
export class RawClient {
  /** What `CONNECT` said; the readers of CONNACK, PUBLISH, SUBACK and UNSUBACK need it. */
  version: Version = 5
  readonly socket: Socket
  #left: Uint8Array = new Uint8Array()
  #closed = false
  #error: Error | undefined
  #wake: (() => void) | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', bytes => {
      this.#left = append(this.#left, bytes)
      this.#wake?.()
    })
    socket.on('error', error => {
      this.#error = error
    })
    socket.on('close', () => {
      this.#closed = true
      this.#wake?.()
    })
  }

  /** Writes the bytes; several arguments leave in one write. */
  send(...parts: readonly (Uint8Array | string)[]): void {
    this.socket.write(Buffer.concat(parts.map(part => (typeof part === 'string' ? parseHex(part) : part))))
  }

  /** Breaks the connection off without DISCONNECT, as a failing network would. */
  breakOff(): void {
    this.socket.destroy()
  }

  /** Waits for exactly these bytes, whatever packets they make. */
  async expect(bytes: string | Uint8Array): Promise<void> {
    const wanted = typeof bytes === 'string' ? parseHex(bytes) : bytes
    const enough = () => this.#left.length >= wanted.length || !startsAlike(wanted, this.#left)
    await this.#until(enough, `bytes ${showHex(wanted)}`)
    const got = this.#left.subarray(0, wanted.length)
    if (!startsAlike(wanted, got) || got.length < wanted.length) throw new Error(difference(wanted, this.#left))
    this.#left = this.#left.slice(wanted.length)
  }

  /** Waits for the next packet or for the end of the connection, which is `undefined`. */
  async packetOrEnd(): Promise<RawPacket | undefined> {
    await this.#until(() => this.#closed || splitPacket(this.#left) !== undefined, 'a packet or the end', true)
    return splitPacket(this.#left) && (await this.nextPacket())
  }

  /** Waits for the next packet, whatever it is. */
  async nextPacket(waitingFor = 'any packet'): Promise<RawPacket> {
    await this.#until(() => splitPacket(this.#left) !== undefined, waitingFor)
    const { packet, rest } = splitPacket(this.#left)!
    this.#left = rest
    return packet
  }

  /** Waits for the next packet, which must be a `name`. */
  async expectPacket(name: PacketName): Promise<RawPacket> {
    const packet = await this.nextPacket(name)
    if (packet.name !== name) throw new Error(`expected ${name}, got ${packet.name}: ${showHex(packet.bytes)}`)
    return packet
  }

  async expectConnack(): Promise<Connack> {
    return readConnack(await this.expectPacket('CONNACK'), this.version)
  }

  async expectPublish(): Promise<Publish> {
    return readPublish(await this.expectPacket('PUBLISH'), this.version)
  }

  async expectSuback(): Promise<SubscribeAnswer> {
    return readSubscribeAnswer(await this.expectPacket('SUBACK'), this.version)
  }

  async expectUnsuback(): Promise<SubscribeAnswer> {
    return readSubscribeAnswer(await this.expectPacket('UNSUBACK'), this.version)
  }

  async expectAcknowledgement(name: 'PUBACK' | 'PUBREC' | 'PUBREL' | 'PUBCOMP'): Promise<Acknowledgement> {
    return readAcknowledgement(await this.expectPacket(name))
  }

  async expectAuth(): Promise<ReasonPacket> {
    return readReason(await this.expectPacket('AUTH'))
  }

  /** MQTT 5: DISCONNECT with one of the reason codes, then the end. Before 5 there is no such packet: the end alone. */
  async expectDisconnect(...reasonCodes: readonly number[]): Promise<void> {
    if (this.version === 5) {
      const { reasonCode } = readReason(await this.expectPacket('DISCONNECT'))
      if (!reasonCodes.includes(reasonCode))
        throw new Error(`DISCONNECT says ${code(reasonCode)}, expected ${codes(reasonCodes)}`)
    }
    await this.expectClosed()
  }

  /** Waits for the broker to end the connection; fails when it sends anything before. */
  async expectClosed(): Promise<void> {
    await this.#until(() => this.#closed || this.#left.length > 0, 'the broker to close the connection', true)
    if (this.#left.length > 0) throw new Error(`expected the end of the connection, got ${showHex(this.#left)}`)
  }

  /** The broker has sent nothing that was not taken yet, and is done with all it was sent: shown by a ping. */
  async expectNothing(): Promise<void> {
    this.send(pingreqBytes)
    await this.expect('D0 00')
  }

  async #until(condition: () => boolean, waitingFor: string, closeIsGood = false): Promise<void> {
    let expired = false
    const timer = setTimeout(() => {
      expired = true
      this.#wake?.()
    }, waitLimitMs)
    try {
      while (!condition()) {
        if (this.#closed && !closeIsGood) {
          throw new Error(`waited for ${waitingFor}, but the connection ended${this.#came()}`)
        }
        if (expired) throw new Error(`waited ${waitLimitMs} ms for ${waitingFor}${this.#came()}`)
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    } finally {
      clearTimeout(timer)
      this.#wake = undefined
    }
  }

  #came(): string {
    const why = this.#error ? ` (${this.#error.message})` : ''
    return `${why}; ${this.#left.length === 0 ? 'nothing came' : `came: ${showHex(this.#left)}`}`
  }
}

function startsAlike(wanted: Uint8Array, got: Uint8Array): boolean {
  return got.subarray(0, wanted.length).every((byte, index) => byte === wanted[index])
}

function difference(wanted: Uint8Array, got: Uint8Array): string {
  const at = wanted.findIndex((byte, index) => byte !== got[index])
  return `bytes differ at offset ${at}\n  expected ${showHex(wanted)}\n  got      ${showHex(got)}\n  ${' '.repeat(9 + at * 3)}^^`
}

function code(reasonCode: number): string {
  return `0x${reasonCode.toString(16).padStart(2, '0')}`
}

function codes(reasonCodes: readonly number[]): string {
  return reasonCodes.map(code).join(' or ')
}
