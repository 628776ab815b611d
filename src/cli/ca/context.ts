// What `castellan ca`, `castellan cert` and the old scripts share: where the authority is, its passphrases, and who asks.

import { resolve } from 'node:path'
import type { ParseArgsOptionsConfig } from 'node:util'
import { wallClock } from '../../base/clock.ts'
import { escapeText } from '../../base/escape.ts'
import type { CertificateEngine } from '../../pki/engine.ts'
import { PkiKeyError } from '../../pki/errors.ts'
import { readWhole } from '../../pki/files.ts'
import type { AskPassphrase } from '../../pki/key-ring.ts'
import { UsageError } from '../command.ts'
import { SecretInput } from '../secret-input.ts'
import type { Io } from '../verbs.ts'

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
  const { CertificateEngine } = await import('../../pki/engine.ts')
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

export function now(): number {
  return wallClock()
}

/** Who runs this, for the record. */
export function operator({ env }: Io): string {
  return `cli:${escapeText(env['SUDO_USER'] ?? env['USER'] ?? env['LOGNAME'] ?? 'unknown', 64)}`
}
