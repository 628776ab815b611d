// `npm run scale`: a million retained messages and a million that wait: how long they take to load, how long the broker
// takes to accept connections after it was killed, and what they cost in memory and on the disk.

import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../../test/support/free-port.ts'
import { BrokerProcess } from '../broker-process.ts'
import { castellan } from '../brokers/castellan.ts'
import { processFigures, residentBytes } from '../load/processes.ts'
import { runDirectory } from '../run-directory.ts'
import { aligned, formatWhole } from '../table.ts'
import { type Filling, fillingConf, fillRetained, fillSessions, lookFor } from './filled.ts'

const help = `Fills Castellan with retained and waiting messages, kills it, and starts it again.

Usage: npm run scale -- [OPTION]...

  --retained N   retained messages (default 1000000)
  --queued N     messages that wait, over 100 sessions (default 1000000)
  --help         this page

Exit codes: 0 everything was there again; 1 something was missing or out of order; 2 wrong usage.
`

const million = 1_000_000
const sessions = 100
const mebibyte = 1024 * 1024

/** @returns the exit code */
async function main(filling: Filling): Promise<number> {
  const directory = await runDirectory()
  const port = await freePort()
  const conf = join(directory, 'mosquitto.conf')
  writeFileSync(conf, confText(port, directory))
  const command = castellan().command({ port, conf })
  let broker = await BrokerProcess.start('castellan', command, port)
  const empty = residentBytes([broker.pid])
  const rows: [string, string][] = [['resident when empty', mebibytes(empty)]]
  const timed = async (what: string, count: number, work: () => Promise<void>) => {
    const from = performance.now()
    await work()
    const seconds = (performance.now() - from) / 1000
    rows.push([what, `${seconds.toFixed(1)} s, ${formatWhole(count / seconds)}/s`])
  }
  await timed(`${formatWhole(filling.retained)} retained`, filling.retained, () => fillRetained(port, filling))
  await timed(`${formatWhole(filling.queued)} waiting`, filling.queued, () => fillSessions(port, filling))
  rows.push(['resident when filled', mebibytes(residentBytes([broker.pid]))])
  rows.push(['on the disk', mebibytes(await bytesIn(join(directory, 'castellan-store')))])
  await broker.kill()
  const from = performance.now()
  broker = await BrokerProcess.start('castellan', command, port)
  rows.push(['from start to accepting', `${((performance.now() - from) / 1000).toFixed(1)} s`])
  const { userSeconds, systemSeconds } = processFigures([broker.pid])
  rows.push(['CPU of that, all threads', `${(userSeconds + systemSeconds).toFixed(1)} s`])
  rows.push(['resident after it', mebibytes(residentBytes([broker.pid]))])
  rows.push(["of it pages of the store's file", mebibytes(mappedFileBytes(broker.pid))])
  const found = await lookFor(port, filling)
  rows.push(['found again', `${formatWhole(found.retained)} retained, ${formatWhole(found.queued)} waiting`])
  rows.push(['out of order or doubled', formatWhole(found.misplaced)])
  await broker.stop()
  process.stdout.write(`${aligned(rows, 1).join('\n')}\n`)
  const isWhole = found.retained === filling.retained && found.queued === filling.queued && found.misplaced === 0
  return isWhole ? 0 : 1
}

function confText(port: number, directory: string): string {
  const lines = [`listener ${port} 127.0.0.1`, ...fillingConf, `persistence_location ${directory}`, 'log_type error']
  if (process.getuid?.() === 0) lines.push('user root')
  return `${lines.join('\n')}\n`
}

/** What the kernel has of files in the memory of a process, and takes back when it needs room; 0 where it does not tell. */
function mappedFileBytes(pid: number): number {
  return 1024 * Number(/^RssFile:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
}

/** As blocks that are taken, not as lengths: a file may have holes. */
async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory)
  return names.reduce((sum, name) => sum + statSync(join(directory, name)).blocks * 512, 0)
}

function mebibytes(bytes: number): string {
  return `${formatWhole(bytes / mebibyte)} MiB`
}

function readArguments(): Filling | 'help' | undefined {
  try {
    const { values } = parseArgs({
      options: { retained: { type: 'string' }, queued: { type: 'string' }, help: { type: 'boolean' } },
    })
    if (values.help) return 'help'
    const [retained, queued] = [Number(values.retained ?? million), Number(values.queued ?? million)]
    if (!Number.isSafeInteger(retained) || !Number.isSafeInteger(queued) || retained < 1 || queued < 1) return undefined
    return { retained, queued, sessions }
  } catch {
    return undefined
  }
}

const filling = readArguments()
if (filling === undefined) process.stderr.write(help)
else if (filling === 'help') process.stdout.write(help)
process.exitCode = filling === undefined ? 2 : filling === 'help' ? 0 : await main(filling)
