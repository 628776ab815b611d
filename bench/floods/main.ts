// `npm run floods`: what each known kind of flood does to the round trip of a client that behaves well.

import { parseArgs } from 'node:util'
import { selectNames } from '../arguments.ts'
import { aligned, formatWhole } from '../table.ts'
import { type Flooded, FloodGround } from './flooded.ts'
import { type FloodKind, floodKinds } from './kinds.ts'

const help = `Floods Castellan in each known way, and times a client that publishes to itself at QoS 1 200 times a second.

Usage: npm run floods -- [OPTION]...

  --only KIND[,KIND]  of: ${floodKinds.join(', ')}
  --seconds S         before each flood, and during it (default 5)
  --help              this page

The bound, with a core for the broker to itself: a p99 during the flood of at most twice the one before.
`

const columns = ['flood', 'a second', 'p50 µs', 'p99 µs', 'in flood', 'p99 µs', 'max µs', '×', 'CPU %', 'grown MiB']

async function main(kinds: readonly FloodKind[], seconds: number): Promise<void> {
  const ground = await FloodGround.prepare(true)
  const rows: string[][] = []
  for (const kind of kinds) {
    rows.push([kind, ...cells(await ground.run(kind, seconds))])
    process.stderr.write(`${rows.at(-1)!.join('  ')}\n`)
  }
  process.stdout.write(`\n${aligned([columns, ...rows], 1).join('\n')}\n`)
}

function cells({ before, during, perSecond, cpuPercent, grownBytes, closed }: Flooded): string[] {
  const ratio = before && during ? (during.p99 / before.p99).toFixed(1) : '?'
  return [
    formatWhole(perSecond),
    formatWhole(before?.p50),
    formatWhole(before?.p99),
    formatWhole(during?.p50),
    formatWhole(during?.p99),
    formatWhole(during?.max),
    closed ? 'CLOSED' : ratio,
    formatWhole(cpuPercent),
    formatWhole(grownBytes / 1024 / 1024),
  ]
}

const { values } = parseArgs({
  options: { only: { type: 'string' }, seconds: { type: 'string' }, help: { type: 'boolean' } },
})
if (values.help) process.stdout.write(help)
else {
  const wanted = selectNames(values.only?.split(','), floodKinds)
  await main(
    floodKinds.filter(kind => wanted.includes(kind)),
    Number(values.seconds ?? 5),
  )
}
