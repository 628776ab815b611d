// Two brokers for the tests of bridges, each with its own port and files, so that it can be killed and started again.

import { EventEmitter, once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type BrokerKind, castellanProgram, mosquittoProgram } from '../support/broker-process.ts'
import { quietPort } from '../support/free-port.ts'
import { type LineProcess, startProgram } from '../support/line-process.ts'
import { acknowledgementBytes, connectBytes, subscribeBytes } from '../support/packet-bytes.ts'
import {
  append,
  type Publish,
  type RawPacket,
  readAcknowledgement,
  readConnack,
  readPublish,
  splitPacket,
} from '../support/packet-reader.ts'
import type { Qos } from './matrix.ts'
import { mosquittoClient } from './mosquitto-client.ts'

/** Of the collectors. */
const version = 4

export interface HouseOptions {
  /** Whose configuration has the `connection`. */
  readonly owner: BrokerKind
  readonly other: BrokerKind
  /** Below `connection link` and `address`. */
  readonly bridge: readonly string[]
  /** A further listener of the other broker, for the bridge alone. */
  readonly door?: { readonly port: number; readonly lines: readonly string[] }
}

export interface House {
  readonly owner: LastingBroker
  readonly other: LastingBroker
}

/** Starts both, the one that is connected to first. */
export async function startHouse(t: TestContext, { owner, other, bridge, door }: HouseOptions): Promise<House> {
  const doorLines = door === undefined ? [] : [`listener ${door.port} 127.0.0.1`, ...door.lines]
  const far = new LastingBroker(t, other, await quietPort(), doorLines)
  const address = `address 127.0.0.1:${door?.port ?? far.port}`
  const connection = ['connection link', address, 'restart_timeout 1', ...bridge]
  const near = new LastingBroker(t, owner, await quietPort(), connection)
  await far.start()
  await near.start()
  return { owner: near, other: far }
}

/** A broker with persistence. */
export class LastingBroker {
  readonly kind: BrokerKind
  readonly port: number
  readonly dir: string
  readonly #t: TestContext
  #program: LineProcess | undefined

  /** @param lines behind those of its listener */
  constructor(t: TestContext, kind: BrokerKind, port: number, lines: readonly string[]) {
    this.kind = kind
    this.port = port
    this.#t = t
    this.dir = mkdtempSync(join(tmpdir(), 'castellan-bridge-'))
    chmodSync(this.dir, 0o755)
    const config = [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'persistence true',
      `persistence_location ${this.dir}/`,
      'max_queued_messages 0',
      'log_type all',
      // Started by root, a broker would become the user `mosquitto`, who may not read a test's files.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      ...lines,
    ]
    writeFileSync(join(this.dir, 'broker.conf'), `${config.join('\n')}\n`)
    t.after(() => rmSync(this.dir, { recursive: true, force: true }))
  }

  async start(): Promise<void> {
    const args = ['-c', join(this.dir, 'broker.conf')]
    this.#program =
      this.kind === 'castellan'
        ? startProgram(this.#t, castellanProgram, ['run', ...args], { cwd: this.dir })
        : startProgram(this.#t, mosquittoProgram, args, { cwd: this.dir })
    await this.#program.waitForLine(/(castellan|mosquitto) version \S+ running/)
  }

  get program(): LineProcess {
    if (this.#program === undefined) throw new Error('the broker was not started')
    return this.#program
  }

  /** SIGKILL, as a power failure would. */
  kill(): Promise<void> {
    return this.program.kill()
  }

  /**
   * The worst end after which it has all that it has acknowledged: SIGKILL for Castellan; SIGTERM for Mosquitto, which writes
   * its file at its end.
   */
  async end(): Promise<void> {
    if (this.kind === 'castellan') await this.kill()
    else await this.program.stop()
  }
}

/** Milliseconds before it tries again. */
const returnMs = 50
const waitLimitMs = 20_000

/**
 * Takes what comes with a session that lasts, and comes back by itself when its broker does. By hand: libmosquitto takes what is
 * sent again at QoS 2 for another message, and then one message for another.
 */
export class Collector {
  readonly payloads: string[] = []
  readonly #port: number
  readonly #subscription: Uint8Array
  readonly #events = new EventEmitter()
  /** QoS 2: packet ids that are not released yet. */
  readonly #taken = new Set<number>()
  #socket: Socket | undefined
  #isOver = false

  private constructor(port: number, filter: string, qos: Qos) {
    this.#port = port
    this.#subscription = subscribeBytes({ version, subscriptions: [{ filter, qos }] })
  }

  static async start(t: TestContext, port: number, filter: string, qos: Qos): Promise<Collector> {
    const collector = new Collector(port, filter, qos)
    t.after(() => {
      collector.#isOver = true
      collector.#socket?.destroy()
    })
    collector.#connect()
    await once(collector.#events, 'SUBACK', { signal: AbortSignal.timeout(waitLimitMs) })
    return collector
  }

  async waitFor(payload: string): Promise<void> {
    const signal = AbortSignal.timeout(waitLimitMs)
    try {
      while (!this.payloads.includes(payload)) await once(this.#events, 'PUBLISH', { signal })
    } catch (cause) {
      const came = this.payloads.slice(-20).join(' ')
      throw new Error(`${payload} did not come within ${waitLimitMs} ms; what came last: ${came}`, { cause })
    }
  }

  #connect(): void {
    if (this.#isOver) return
    const socket = connect(this.#port, '127.0.0.1')
    this.#socket = socket
    let left: Uint8Array = new Uint8Array()
    socket.write(connectBytes({ version, clientId: 'collector', cleanStart: false }))
    socket.on('error', () => {})
    socket.on('close', () => setTimeout(() => this.#connect(), returnMs))
    socket.on('data', bytes => {
      left = append(left, bytes)
      for (let found = splitPacket(left); found !== undefined; found = splitPacket(left)) {
        left = found.rest
        this.#take(found.packet, socket)
      }
    })
  }

  #take(packet: RawPacket, socket: Socket): void {
    if (packet.name === 'CONNACK') {
      if (!readConnack(packet, version).sessionPresent) this.#taken.clear()
      socket.write(this.#subscription)
    } else if (packet.name === 'PUBLISH') {
      this.#takeMessage(readPublish(packet, version), socket)
    } else if (packet.name === 'PUBREL') {
      const { packetId } = readAcknowledgement(packet)
      this.#taken.delete(packetId)
      socket.write(acknowledgementBytes('PUBCOMP', packetId))
    }
    this.#events.emit(packet.name)
  }

  #takeMessage({ qos, packetId, payload }: Publish, socket: Socket): void {
    if (!this.#taken.has(packetId)) this.payloads.push(payload)
    if (qos === 1) socket.write(acknowledgementBytes('PUBACK', packetId))
    if (qos < 2) return
    this.#taken.add(packetId)
    socket.write(acknowledgementBytes('PUBREC', packetId))
  }
}

/** Publishes, and is through when all of them are acknowledged. */
export async function publishAll(
  t: TestContext,
  port: number,
  topic: string,
  payloads: readonly string[],
  qos: Qos,
): Promise<void> {
  await mosquittoClient.publish(t, { port, version: 4 }, { topic, payloads, qos })
}

const linkLimitMs = 20_000

/** Publishes until one comes through: then the bridge is connected, and its subscriptions are made. */
export async function waitForLink(t: TestContext, from: number, topic: string, collector: Collector): Promise<void> {
  const deadline = performance.now() + linkLimitMs
  for (let probe = 1; performance.now() < deadline; probe++) {
    await publishAll(t, from, topic, [`probe ${probe}`], 1)
    await delay(50)
    if (collector.payloads.some(payload => payload.startsWith('probe'))) return
  }
  throw new Error(`nothing comes through the bridge within ${linkLimitMs} ms`)
}
