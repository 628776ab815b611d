// One broker with a large file of dynamic security, measured from its start to what a PUBLISH costs.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dynamicSecurityPlugin } from '../../test/support/administrator.ts'
import { freePort } from '../../test/support/free-port.ts'
import { BenchError } from '../bench-error.ts'
import { BrokerProcess } from '../broker-process.ts'
import type { Broker } from '../brokers/broker.ts'
import { residentBytes } from '../load/processes.ts'
import { runDirectory } from '../run-directory.ts'
import { formatWhole } from '../table.ts'
import { Asker } from './asker.ts'
import { type CommandFigures, timeCommands } from './commands.ts'
import { fileOf, type Size } from './dataset.ts'
import { timePublishing } from './publishing.ts'

/** Commands that are in the log when the broker is killed. */
const logged = 1000
const mebibyte = 1024 * 1024
const startRow = 'from start to accepting'

export interface Plan {
  readonly size: Size
  /** That each command is sent. */
  readonly times: number
  /** Whether there is a group of all clients, too. */
  readonly isShared: boolean
  /** Milliseconds for what a broker writes behind its answers. */
  readonly settleMs: number
  /** Of which the CPU time is counted. */
  readonly messages: number
}

/** Rows of the table by name, in their order. */
export type Column = ReadonlyMap<string, string>

class StartError extends BenchError {}

export class Ground {
  readonly #broker: Broker
  readonly #plan: Plan
  readonly #rows = new Map<string, string>()

  constructor(broker: Broker, plan: Plan) {
    this.#broker = broker
    this.#plan = plan
  }

  /** @throws BenchError but for a start that takes too long, which is told */
  async run(): Promise<Column> {
    const file = fileOf(this.#plan.size, this.#plan.isShared)
    this.#rows.set('size of the file', `${formatWhole(file.length / mebibyte)} MiB`)
    try {
      await this.#timeCommands(file)
    } catch (error) {
      if (!(error instanceof StartError)) throw error
      this.#rows.set(startRow, 'not within 30 s')
      return this.#rows
    }
    if (this.#broker.name === 'castellan') await this.#timeStartWithLog(file)
    await this.#timePublishing(file)
    return this.#rows
  }

  async #timeCommands(file: string): Promise<void> {
    const { broker, port } = await this.#start(file, startRow)
    this.#rows.set('resident then', `${formatWhole(residentBytes([broker.pid]) / mebibyte)} MiB`)
    for (const figures of await timeCommands(port, broker.pid, this.#plan)) {
      this.#rows.set(figures.name, shown(figures))
    }
    await broker.stop()
  }

  async #timeStartWithLog(file: string): Promise<void> {
    const directory = await runDirectory()
    const { broker, port } = await this.#start(file, undefined, directory)
    const asker = await Asker.join(port)
    await asker.ask(...Array.from({ length: logged }, (_, i) => ({ command: 'createClient', username: `new-${i}` })))
    await broker.kill()
    const { broker: next } = await this.#start(
      undefined,
      `the same with ${formatWhole(logged)} changes in the log`,
      directory,
    )
    await next.stop()
  }

  /** By turns, so that what happens to the machine meanwhile happens to both. */
  async #timePublishing(file: string): Promise<void> {
    const figures = { with: [] as number[], without: [] as number[] }
    for (let round = 0; round < 3; round++) {
      for (const how of ['with', 'without'] as const) {
        const { broker, port } = await this.#start(how === 'with' ? file : undefined)
        figures[how].push(await timePublishing(port, broker.pid, this.#plan.messages))
        await broker.stop()
      }
    }
    for (const how of ['with', 'without'] as const) {
      const [least = 0, middle = 0, most = 0] = figures[how].toSorted((one, other) => one - other)
      const name = how === 'with' ? 'CPU of a PUBLISH' : 'the same, everything open'
      this.#rows.set(name, `${middle.toFixed(2)} µs (${least.toFixed(2)} to ${most.toFixed(2)})`)
    }
  }

  /**
   * @param file undefined for a broker that is open to all, or for the file that is in `directory`
   * @param row where the time is told; undefined for nowhere
   */
  async #start(file: string | undefined, row?: string, directory?: string) {
    const place = directory ?? (await runDirectory())
    const port = await freePort()
    const conf = join(place, 'mosquitto.conf')
    const path = join(place, 'dynamic-security.json')
    if (file !== undefined) writeFileSync(path, file, { mode: 0o600 })
    writeFileSync(conf, confText(port, file === undefined && directory === undefined ? undefined : path))
    const from = performance.now()
    const command = this.#broker.command({ port, conf })
    const broker = await BrokerProcess.start(this.#broker.name, command, port).catch(cause => {
      throw new StartError(cause.message, { cause })
    })
    if (row !== undefined) this.#rows.set(row, `${((performance.now() - from) / 1000).toFixed(2)} s`)
    return { broker, port }
  }
}

function confText(port: number, file: string | undefined): string {
  const lines = [`listener ${port} 127.0.0.1`, 'log_type error']
  if (process.getuid?.() === 0) lines.push('user root')
  if (file === undefined) lines.push('allow_anonymous true')
  else lines.push(`plugin ${dynamicSecurityPlugin}`, `plugin_opt_config_file ${file}`)
  return `${lines.join('\n')}\n`
}

function shown({ median, most, others }: CommandFigures): string {
  if (others === undefined) return 'ends the connection, and the rest'
  const own = median === undefined ? '' : `${median.toFixed(1)} / ${most?.toFixed(1)} ms, `
  return `${own}others ${others.atWork.toFixed(1)} (${others.all.toFixed(1)}) ms`
}
