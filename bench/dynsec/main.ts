// `node bench/dynsec/main.ts`: what commands of dynamic security cost when there are many clients, for whoever asks and for
// whoever else is there; how long a start takes; and what permissions cost each PUBLISH. Debian's Mosquitto stands beside it.

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { BenchError } from '../bench-error.ts'
import { castellan } from '../brokers/castellan.ts'
import { mosquitto } from '../brokers/mosquitto.ts'
import { describeCommit, describeMachine } from '../machine.ts'
import { writeReport } from '../results.ts'
import { aligned, formatWhole } from '../table.ts'
import { type Column, Ground, type Plan } from './ground.ts'

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

/** By then a broker has written its file. */
const settleMs = 4000
const messages = 400_000

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
    '- others: the longest wait of another client for PINGRESP meanwhile; in brackets with the time in which broker or client waited for a processor, which other threads of the broker had, too',
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
    return () => main({ size, times, isShared: values.shared, settleMs, messages }, values.only, values.keep)
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
