// What verbs with actions share: their command lines, what goes wrong in words, and exit codes.

import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { systemReason } from '../base/system-reason.ts'
import { exitCode } from './exit-code.ts'
import { Interrupted } from './secret-input.ts'
import type { Io } from './verbs.ts'

/** The command line is wrong. */
export class UsageError extends AppError {
  constructor(message: string) {
    super('ERR_CLI_USAGE', message)
  }
}

export interface Action {
  readonly help: string
  run(args: readonly string[], io: Io): Promise<number>
}

const codes: Readonly<Record<string, number>> = {
  ERR_CLI_USAGE: exitCode.usage,
  ERR_PKI_REFUSED: exitCode.invalid,
  ERR_PKI_NOT_FOUND: exitCode.notFound,
  ERR_PKI_CONFLICT: exitCode.conflict,
  ERR_PKI_KEY: exitCode.denied,
}

/** Runs `castellan VERB ACTION …`, and turns what goes wrong into a message and an exit code. */
export async function runAction(
  verb: string,
  help: string,
  actions: ReadonlyMap<string, Action>,
  args: readonly string[],
  io: Io,
): Promise<number> {
  const [word, ...rest] = args
  const action = word === undefined ? undefined : actions.get(word)
  if (args.includes('--help') || args.includes('-h')) {
    io.stdout.write(action?.help ?? help)
    return exitCode.ok
  }
  if (action === undefined) {
    const what = word === undefined ? 'an action is missing' : `unknown action '${escapeText(word, 64)}'`
    io.stderr.write(`castellan ${verb}: ${what}; actions are ${[...actions.keys()].join(', ')}\n\n${help}`)
    return exitCode.usage
  }
  try {
    return await action.run(rest, io)
  } catch (error) {
    return complain(`castellan ${verb} ${word}`, error, io, action.help)
  }
}

/** @throws what is no error of ours */
export function complain(name: string, error: unknown, io: Io, help = ''): number {
  if (error instanceof Interrupted) return exitCode.interrupted
  const { syscall, path } = error as NodeJS.ErrnoException
  if (!(error instanceof AppError) && syscall !== undefined) {
    io.stderr.write(`${name}: ${syscall} '${escapeText(path ?? '', 4096)}' failed (${systemReason(error)})\n`)
    return exitCode.failed
  }
  if (!(error instanceof AppError)) throw error
  io.stderr.write(`${name}: ${error.message}\n${error instanceof UsageError && help !== '' ? `\n${help}` : ''}`)
  return codes[error.code] ?? exitCode.failed
}

/** @throws UsageError */
export function parse<const T extends ParseArgsOptionsConfig>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(
      escapeText((error as Error).message.split('. ')[0] ?? '').replace(/^./, letter => letter.toLowerCase()),
    )
  }
}

/** Exactly these operands. @throws UsageError */
export function operands<const N extends readonly string[]>(
  given: readonly string[],
  names: N,
): { [K in keyof N]: string } {
  const missing = names[given.length]
  if (missing !== undefined) throw new UsageError(`${missing} is missing`)
  if (given.length > names.length)
    throw new UsageError(`'${escapeText(given[names.length] ?? '', 80)}' is one argument too many`)
  return given as unknown as { [K in keyof N]: string }
}

/** @throws UsageError */
export function wholeNumber(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,6}$/.test(text)) throw new UsageError(`--${option} '${escapeText(text, 40)}' is no whole number`)
  return Number(text)
}

/** `90s`, `5m`, `24h`, `30d`, in milliseconds. @throws UsageError */
export function duration(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined
  const [, number, unit = 'd'] = /^(\d{1,6})([smhd]?)$/.exec(text) ?? []
  if (number === undefined) throw new UsageError(`--${option} '${escapeText(text, 40)}' is not like 24h or 30d`)
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? 0
  return Number(number) * unitMs
}
