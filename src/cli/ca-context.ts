// What `castellan ca`, `castellan cert` and the old scripts share: where the authority is, its passphrase, output and exit codes.

import { resolve } from 'node:path'
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { wallClock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { systemReason } from '../base/system-reason.ts'
import type { CertificateEngine } from '../pki/engine.ts'
import { PkiKeyError } from '../pki/errors.ts'
import { readWhole } from '../pki/files.ts'
import type { AskPassphrase } from '../pki/key-ring.ts'
import { exitCode } from './exit-code.ts'
import { Interrupted, SecretInput } from './secret-input.ts'
import type { Io } from './verbs.ts'

/** The command line is wrong. */
export class UsageError extends AppError {
  constructor(message: string) {
    super('ERR_CLI_CA', message)
  }
}

export interface Action {
  readonly help: string
  run(args: readonly string[], io: Io): Promise<number>
}

const codes: Readonly<Record<string, number>> = {
  ERR_CLI_CA: exitCode.usage,
  ERR_PKI_REFUSED: exitCode.invalid,
  ERR_PKI_NOT_FOUND: exitCode.notFound,
  ERR_PKI_CONFLICT: exitCode.conflict,
  ERR_PKI_KEY: exitCode.denied,
}

/** Options that every action takes that opens an authority. */
export const caOptions = {
  ca: { type: 'string' },
  'passphrase-file': { type: 'string' },
  'passphrase-env': { type: 'string' },
  'root-passphrase-file': { type: 'string' },
} as const satisfies ParseArgsOptionsConfig

export interface CaValues {
  readonly ca?: string | undefined
  readonly 'passphrase-file'?: string | undefined
  readonly 'passphrase-env'?: string | undefined
  readonly 'root-passphrase-file'?: string | undefined
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

/** Where the authority is: `--ca`, then CASTELLAN_CA, then `ca` in the working directory. */
export function caDirectory({ ca }: CaValues, { env }: Io): string {
  return resolve(ca ?? env['CASTELLAN_CA'] ?? 'ca')
}

/** Opens the authority for the time of `work`, and lets go of the terminal after it. */
export async function withEngine<T>(
  values: CaValues,
  io: Io,
  work: (engine: CertificateEngine) => Promise<T>,
): Promise<T> {
  const { CertificateEngine } = await import('../pki/engine.ts')
  const passphrases = new Passphrases(values, io)
  try {
    return await work(new CertificateEngine(caDirectory(values, io), passphrases.ask))
  } finally {
    await passphrases.close()
  }
}

/** Longer lines are no passphrase. */
const maxLineBytes = 1024

/** Passphrases from a file, the environment or a person, each asked for once; never from the command line. */
export class Passphrases {
  readonly #values: CaValues
  readonly #io: Io
  readonly #known = new Map<string, Promise<string>>()
  #input: SecretInput | undefined

  constructor(values: CaValues, io: Io) {
    this.#values = values
    this.#io = io
  }

  /** @param what `the key of authority 'root'`, as the engine says it */
  readonly ask: AskPassphrase = what => {
    const kind = what.includes("'root'") ? 'root' : 'issuing'
    const known = this.#known.get(kind) ?? this.#find(kind, what)
    this.#known.set(kind, known)
    return known
  }

  /** Of a new key: a person types it twice. */
  async choose(kind: 'root' | 'issuing', prompt: string): Promise<string> {
    const given = this.#given(kind)
    if (given !== undefined) return given
    const first = await this.readLine(`${prompt}: `)
    if (this.#io.stdin.isTTY && (await this.readLine('The same again: ')) !== first) {
      throw new UsageError('the two passphrases differ')
    }
    return first
  }

  /** Asks on standard error, so that standard output stays what it is; shows nothing of what is typed. */
  async readLine(prompt: string): Promise<string> {
    this.#input ??= new SecretInput(this.#io.stdin)
    if (this.#io.stdin.isTTY) this.#io.stderr.write(prompt)
    const line = await this.#input.readLine(maxLineBytes)
    if (this.#io.stdin.isTTY) this.#io.stderr.write('\n')
    return line.toString('utf8')
  }

  async close(): Promise<void> {
    await this.#input?.close()
    this.#input = undefined
  }

  /** @throws PkiKeyError when nobody is there to be asked, and nothing came instead */
  async #find(kind: 'root' | 'issuing', what: string): Promise<string> {
    const passphrase = this.#given(kind) ?? (await this.readLine(`Passphrase of ${what}: `))
    if (passphrase !== '' || this.#io.stdin.isTTY) return passphrase
    throw new PkiKeyError(`there is no passphrase of ${what}: neither on standard input nor in a file that is named`)
  }

  #given(kind: 'root' | 'issuing'): string | undefined {
    const { 'passphrase-file': file, 'root-passphrase-file': rootFile, 'passphrase-env': name } = this.#values
    const path = kind === 'root' ? (rootFile ?? file) : file
    if (path !== undefined) return firstLine(readWhole(path, maxLineBytes * 4))
    if (name === undefined) return undefined
    const value = this.#io.env[name]
    if (value === undefined) throw new UsageError(`the environment has no variable '${escapeText(name, 80)}'`)
    return value
  }
}

function firstLine(bytes: Buffer): string {
  return bytes.toString('utf8').split(/\r?\n/, 1)[0] ?? ''
}

export const formats = ['table', 'json', 'tsv', 'name'] as const
export type Format = (typeof formats)[number]

/** @param allowed what this action prints @throws UsageError */
export function outputFormat<const F extends readonly Format[] = typeof formats>(
  word: string | undefined,
  allowed: F = formats as unknown as F,
): F[number] {
  const format = allowed.find(known => known === (word ?? 'table'))
  if (format !== undefined) return format
  if (word === 'yaml') throw new UsageError('-o yaml is not written here; -o json is, and YAML 1.2 reads that as it is')
  throw new UsageError(`-o '${escapeText(word ?? '', 40)}' is none of ${allowed.join(', ')}`)
}

/** Whether an action that prints lines or JSON is to print JSON. @throws UsageError */
export function wantsJson(word: string | undefined): boolean {
  return outputFormat(word, ['table', 'json']) === 'json'
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return rows.map(row => `${line(row)}\n`).join('')
}

/** A line for each row, cells apart by tabs: for cut(1) and spreadsheets. Cells are escaped text, without a tab. */
export function tsv(rows: readonly (readonly string[])[]): string {
  return rows.map(row => `${row.join('\t')}\n`).join('')
}

/** `2026-11-22 10:03` in UTC. */
export function shortTime(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ')
}

export function now(): number {
  return wallClock()
}

/** Who runs this, for the record. */
export function operator({ env }: Io): string {
  return `cli:${escapeText(env['SUDO_USER'] ?? env['USER'] ?? env['LOGNAME'] ?? 'unknown', 64)}`
}
