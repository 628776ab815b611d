// Two brokers for the tests of bridges, each with its own port and files, so that it can be killed and started again.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type BrokerKind, castellanProgram, mosquittoProgram } from '../support/broker-process.ts'
import { startTool } from '../support/clients.ts'
import { quietPort } from '../support/free-port.ts'
import { type LineProcess, startProgram } from '../support/line-process.ts'
import type { Qos } from './matrix.ts'
import { mosquittoClient } from './mosquitto-client.ts'

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

/** Numbered messages that somebody waits for with a session that lasts; he comes back by himself when his broker does. */
export class Collector {
  readonly #program: LineProcess

  private constructor(program: LineProcess) {
    this.#program = program
  }

  static async start(
    t: TestContext,
    port: number,
    filter: string,
    qos: Qos,
    clientId = 'collector',
  ): Promise<Collector> {
    const where = ['-h', '127.0.0.1', '-p', String(port), '-V', 'mqttv311', '-i', clientId, '-c']
    const program = startTool(t, 'mosquitto_sub', [...where, '-t', filter, '-q', String(qos), '-d', '-F', 'GOT %p'])
    await program.waitForLine(/^Subscribed \(mid: \d+\)/)
    return new Collector(program)
  }

  /** What came so far. */
  get payloads(): readonly string[] {
    return this.#program.stdout.flatMap(line => (line.startsWith('GOT ') ? [line.slice(4)] : []))
  }

  async waitFor(payload: string): Promise<void> {
    await this.#program.waitForLine(new RegExp(`^GOT ${payload}$`))
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
