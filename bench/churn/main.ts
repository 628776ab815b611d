// `npm run churn`: a million sessions that come and go, twelve hours of a busy site, and what the broker holds before and
// behind them.

import { Authority } from '../../test/support/authority.ts'
import { startBroker } from '../../test/support/broker-process.ts'
import { freePort } from '../../test/support/free-port.ts'
import { aligned, formatWhole } from '../table.ts'
import { churnConf, churnFiles } from './churn.ts'
import { type Holdings, inspectedEnv } from './inspected.ts'
import { type ChurnOutcome, churn, excesses, tolerated } from './returned.ts'

const defaultSessions = 1_000_000
const renewals = 100

/** @returns the exit code */
async function main(sessions: number): Promise<number> {
  const cleanups: (() => unknown)[] = []
  try {
    const authority = await Authority.create()
    const certificates = [
      await authority.issue({ subject: '/CN=first.example' }),
      await authority.issue({ subject: '/CN=second.example' }),
    ]
    const tlsPort = await freePort()
    const broker = await startBroker(
      { after: cleanup => void cleanups.push(cleanup as () => unknown) },
      {
        config: place => churnConf(place, tlsPort),
        files: await churnFiles(certificates[0]!),
        env: inspectedEnv,
      },
    )
    const from = performance.now()
    const outcome = await churn({ broker, tlsPort, authority, certificates }, sessions, Math.ceil(sessions / renewals))
    const seconds = (performance.now() - from) / 1000
    process.stdout.write(`${formatWhole(sessions)} sessions in ${formatWhole(seconds)} s\n\n${table(outcome)}\n`)
    return excesses(outcome).length === 0 ? 0 : 1
  } finally {
    for (const cleanup of cleanups) await cleanup()
  }
}

function table({ before, after }: ChurnOutcome): string {
  const names = Object.keys(tolerated) as (keyof Holdings)[]
  const rows = names.map(name => [name, ...[before, after, tolerated].map(figures => formatWhole(figures[name]))])
  return aligned([['', 'before', 'after', 'may grow by'], ...rows], 1).join('\n')
}

const sessions = Number(process.argv[2] ?? defaultSessions)
if (process.argv.length > 3 || !Number.isSafeInteger(sessions) || sessions < 1) {
  process.stderr.write('Usage: npm run churn [-- SESSIONS]   (default 1000000)\n')
  process.exitCode = 2
} else {
  process.exitCode = await main(sessions)
}
