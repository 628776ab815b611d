// `node bench/dynsec/main.ts`: what commands of dynamic security cost when there are many clients, for whoever asks and for
// whoever else is there; how long a start takes; and what permissions cost each PUBLISH. Debian's Mosquitto stands beside it.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dynamicSecurityPlugin } from '../../test/support/administrator.ts'
import { freePort } from '../../test/support/free-port.ts'
import { BenchError } from '../bench-error.ts'
import { BrokerProcess } from '../broker-process.ts'
import type { Broker } from '../brokers/broker.ts'
import { castellan } from '../brokers/castellan.ts'
import { mosquitto } from '../brokers/mosquitto.ts'
import { residentBytes } from '../load/processes.ts'
import { describeCommit, describeMachine } from '../machine.ts'
import { writeReport } from '../results.ts'
import { runDirectory } from '../run-directory.ts'
import { aligned, formatWhole } from '../table.ts'
import { Asker } from './asker.ts'
import { type CommandFigures, timeCommands } from './commands.ts'
import { fileOf, type Size } from './dataset.ts'
import { timePublishing } from './publishing.ts'

const help = `Times the commands of dynamic security, on Castellan and on Debian's Mosquitto with its plugin.

Usage: node bench/dynsec/main.ts [OPTION]...

  --clients N   (default 100000)
  --roles N     (default 10000)
  --groups N    (default 1000)
  --times N     that each command is sent (default 20)
  --shared      a group that has all clients, too
  --only NAME   castellan or mosquitto
  --keep        writes the table into bench/results/
  --help        this page
`

/** Messages of which the CPU time is counted. */
const messages = 400_000
/** Commands that are in the log when the broker is killed. */
const logged = 1000
const mebibyte = 1024 * 1024

interface Plan {
  readonly size: Size
  readonly times: number
  readonly isShared: boolean
}

/** Rows of the table by name, in their order. */
type Column = ReadonlyMap<string, string>

class Ground {
  readonly #broker: Broker
  readonly #plan: Plan
  readonly #rows = new Map<string, string>()

  constructor(broker: Broker, plan: Plan) {
    this.#broker = broker
    this.#plan = plan
  }

  async run(): Promise<Column> {
    const file = fileOf(this.#plan.size, this.#plan.isShared)
    this.#rows.set('size of the file', `${formatWhole(file.length / mebibyte)} MiB`)
    await this.#timeCommands(file)
    if (this.#broker.name === 'castellan') await this.#timeStartWithLog(file)
    await this.#timePublishing(file)
    return this.#rows
  }

  async #timeCommands(file: string): Promise<void> {
    const { broker, port } = await this.#start(file, 'from start to accepting')
    this.#rows.set('resident then', `${formatWhole(residentBytes([broker.pid]) / mebibyte)} MiB`)
    for (const figures of await timeCommands(port, this.#plan.size, this.#plan.times)) {
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
        figures[how].push(await timePublishing(port, broker.pid, messages))
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
    const broker = await BrokerProcess.start(this.#broker.name, this.#broker.command({ port, conf }), port)
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

function shown({ median, most, stall }: CommandFigures): string {
  const own = Number.isNaN(median) ? '' : `${median.toFixed(1)} / ${most.toFixed(1)} ms, `
  return `${own}others ${stall.toFixed(1)} ms`
}

/** @returns the exit code */
async function main(plan: Plan, only: string | undefined, isKept: boolean): Promise<number> {
  const brokers = [castellan(), mosquitto()].filter(({ name }) => only === undefined || only === name)
  const columns: Column[] = []
  for (const broker of brokers) {
    columns.push(broker.absent === undefined ? await new Ground(broker, plan).run() : new Map())
  }
  const names = [...new Set(columns.flatMap(column => [...column.keys()]))]
  const head = ['', ...brokers.map(({ name, version, absent }) => `${name} ${absent ?? version ?? ''}`.trim())]
  const rows = [head, ...names.map(name => [name, ...columns.map(column => column.get(name) ?? '')])]
  process.stdout.write(`${aligned(rows, head.length).join('\n')}\n`)
  if (isKept) keep(plan, rows)
  return 0
}

function keep({ size, times, isShared }: Plan, rows: readonly (readonly string[])[]): void {
  const { commit } = describeCommit()
  const { processor, cores, kernel, node } = describeMachine()
  const now = new Date().toISOString()
  const name = `${now.slice(0, 10)}-${now.slice(11, 13)}${now.slice(14, 16)}-${commit}-dynsec.md`
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const [head = [], ...rest] = rows
  const text = [
    `# Dynamic security at size, ${commit}, ${now}`,
    '',
    line(head),
    line(head.map(() => '---')),
    ...rest.map(line),
    '',
    `- ${formatWhole(size.clients)} clients, ${formatWhole(size.roles)} roles, ${formatWhole(size.groups)} groups${isShared ? ', and one of all clients' : ''}; each command ${times} times, one after the other: median / most until the answer`,
    '- others: the longest wait of another client for PINGRESP meanwhile',
    `- ${processor}, ${cores} cores, ${kernel}, Node ${node}; broker on core 0, load on core 1`,
    '',
  ].join('\n')
  writeReport(join(import.meta.dirname, '../results', name), text)
}

function readArguments(): (() => Promise<number>) | undefined {
  try {
    const { values } = parseArgs({
      options: {
        clients: { type: 'string', default: '100000' },
        roles: { type: 'string', default: '10000' },
        groups: { type: 'string', default: '1000' },
        times: { type: 'string', default: '20' },
        shared: { type: 'boolean', default: false },
        only: { type: 'string' },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean' },
      },
    })
    if (values.help) {
      return async () => {
        process.stdout.write(help)
        return 0
      }
    }
    const size = { clients: Number(values.clients), roles: Number(values.roles), groups: Number(values.groups) }
    const times = Number(values.times)
    if ([...Object.values(size), times].some(number => !Number.isSafeInteger(number) || number < 1)) return undefined
    return () => main({ size, times, isShared: values.shared }, values.only, values.keep)
  } catch {
    return undefined
  }
}

const wanted = readArguments()
if (wanted === undefined) process.stderr.write(help)
try {
  process.exitCode = wanted === undefined ? 2 : await wanted()
} catch (error) {
  if (!(error instanceof BenchError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
