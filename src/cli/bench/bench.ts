// `castellan bench`: load for a broker, and what came of it.

import { createInterface } from 'node:readline/promises'
import { systemClock } from '../../base/clock.ts'
import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'
import { RefusedError } from '../../client/errors.ts'
import type { Target } from '../../client/target.ts'
import { lastingInput } from '../connection-arguments.ts'
import { CtlError, CtlUsageError } from '../ctl/error.ts'
import { loginOf } from '../ctl/login.ts'
import { Prompts } from '../ctl/prompts.ts'
import { exitCode } from '../exit-code.ts'
import { ProgressBar } from '../progress-bar.ts'
import { Interrupted } from '../secret-input.ts'
import type { Io } from '../verbs.ts'
import { type BenchRequest, benchHelp, readBenchArguments } from './arguments.ts'
import { type BenchResult, BenchRun } from './run.ts'

/** Nobody has agreed to load that broker. */
class NotAgreed extends AppError {
  constructor(message: string) {
    super('ERR_CLI_BENCH_NOT_AGREED', message)
  }
}

/** `castellan bench …`. @returns the exit code */
export async function bench(args: readonly string[], io: Io): Promise<number> {
  if (args.includes('--help')) {
    io.stdout.write(benchHelp)
    return exitCode.ok
  }
  const input = lastingInput(io)
  try {
    const request = readBenchArguments(args)
    const login = await loginOf(request.connection, io.env, new Prompts(input))
    await input.close()
    await askBefore(login.target, request, io)
    return await measure(new BenchRun(request, login), request, io)
  } catch (error) {
    return complain(error, io)
  } finally {
    await input.close()
  }
}

async function measure(run: BenchRun, request: BenchRequest, io: Io): Promise<number> {
  let isInterrupted = false
  const interrupt = () => {
    isInterrupted = true
    run.stop()
  }
  process.once('SIGINT', interrupt)
  try {
    const bar = new ProgressBar(io, request.duration, 0, () => systemClock().now())
    const result = await run.measure(seconds => bar.show(seconds))
    if (!isInterrupted) bar.show(request.duration)
    io.stdout.write(request.asJson ? jsonOf(request, result) : textOf(request, result))
    if (arrivedNowhere(result)) io.stderr.write(`${nothingArrived(request)}\n`)
    return isInterrupted ? exitCode.interrupted : codeOf(request, result)
  } finally {
    process.off('SIGINT', interrupt)
  }
}

function codeOf({ qos }: BenchRequest, result: BenchResult): number {
  const { lost, duplicates } = result
  const isBroken = (qos > 0 && lost > 0) || (qos === 2 && duplicates > 0) || arrivedNowhere(result)
  return isBroken ? exitCode.invalid : exitCode.ok
}

/** At QoS 0 no broker says that its rules let nothing through. */
function arrivedNowhere({ expected, delivered }: BenchResult): boolean {
  return expected > 0 && delivered === 0
}

function nothingArrived({ prefix }: BenchRequest): string {
  return `castellan bench: nothing arrived; do the broker's rules let this user publish and read below '${escapeText(prefix ?? 'castellan-bench', 256)}/'?`
}

/** @throws what is no error of ours */
function complain(error: unknown, io: Io): number {
  if (error instanceof Interrupted) return exitCode.interrupted
  if (!(error instanceof AppError)) throw error
  io.stderr.write(`castellan bench: ${error.message.replace(/^Error: /, '')}\n`)
  if (error instanceof CtlUsageError) return exitCode.usage
  if (error instanceof CtlError) return exitCode.failed
  return error instanceof RefusedError || error instanceof NotAgreed ? exitCode.denied : exitCode.unreachable
}

/** Load is for one's own broker. @throws NotAgreed */
async function askBefore(target: Target, { isAgreed }: BenchRequest, io: Io): Promise<void> {
  if (isAgreed || 'path' in target || isLoopback(target.host)) return
  const place = escapeText(`${target.host}:${target.port}`, 300)
  if (!io.stdin.isTTY) {
    throw new NotAgreed(`${place} is not on this machine, and nobody is here to be asked; --yes if it may be loaded`)
  }
  const reader = createInterface({ input: io.stdin, output: io.stderr })
  const answer = await reader.question(`${place} is not on this machine. Load it? [y/N] `)
  reader.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw new NotAgreed(`${place} is left alone`)
}

/** By name or by address. */
function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host)
}

function jsonOf(request: BenchRequest, result: BenchResult): string {
  const { publishers, subscribers, topics, size, qos, rate, window } = request
  return `${JSON.stringify({ publishers, subscribers, topics, size, qos, rate, window, ...result })}\n`
}

function textOf({ subscribers }: BenchRequest, result: BenchResult): string {
  const { latencyMicroseconds: latency } = result
  const rows: (readonly [string, string])[] = [
    ['published', `${result.published}, ${Math.round(result.publishedPerSecond)} a second`],
    ['delivered', `${result.delivered}, ${Math.round(result.deliveredPerSecond)} a second, to ${subscribers}`],
    ['lost', `${result.lost}`],
    ['twice', `${result.duplicates}`],
    ['out of order', `${result.outOfOrder}`],
    ...(result.refused > 0 ? [['refused', `${result.refused}`] as const] : []),
    ...(latency === null
      ? []
      : [
          [
            'latency',
            `p50 ${ms(latency.p50)}  p99 ${ms(latency.p99)}  p99.9 ${ms(latency.p999)}  most ${ms(latency.max)} ms`,
          ] as const,
        ]),
  ]
  return rows.map(([name, value]) => `${name.padEnd(14)}${value}\n`).join('')
}

function ms(microseconds: number): string {
  return (microseconds / 1000).toFixed(microseconds < 10_000 ? 2 : 0)
}
