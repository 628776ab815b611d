// The questions of `castellan ctl`, for passwords. What is asked stands on standard error: the answer of the broker alone is on
// standard output.

import { SecretInput } from '../secret-input.ts'
import type { Io } from '../verbs.ts'
import { CtlError } from './error.ts'

/** Bytes of a password in a CONNECT (§1.5.4). */
const longestPassword = 65_535

/** Where a line comes from that a terminal does not show. */
export interface SecretSource {
  /** @returns what was typed behind the label; an empty line when the input has ended */
  secret(label: string): Promise<string>
  /** Shows a line. */
  say(line: string): void
}

export class Prompts {
  readonly #source: SecretSource

  constructor(source: SecretSource) {
    this.#source = source
  }

  /** @throws CtlError for an empty one */
  async password(label: string): Promise<string> {
    const password = await this.#ask(label)
    if (password === '') throw new CtlError('Error: Empty password.')
    return password
  }

  /**
   * Asks twice.
   *
   * @returns undefined when nothing was typed
   * @throws CtlError when the two differ
   */
  async newPassword(name: string): Promise<string | undefined> {
    const password = await this.#ask(`New password for ${name}: `)
    if (password === '') return undefined
    if ((await this.#ask(`Reenter password for ${name}: `)) === password) return password
    throw new CtlError('Error: Passwords do not match.')
  }

  say(line: string): void {
    this.#source.say(line)
  }

  async #ask(label: string): Promise<string> {
    const line = await this.#source.secret(label)
    if (Buffer.byteLength(line) <= longestPassword) return line
    throw new CtlError('Error: Password must be less than 65536 characters long.')
  }
}

/** Standard input of a command that asks for nothing else. */
export class HiddenInput implements SecretSource {
  readonly #io: Io
  #input: SecretInput | undefined = undefined

  constructor(io: Io) {
    this.#io = io
  }

  async secret(label: string): Promise<string> {
    this.#input ??= new SecretInput(this.#io.stdin)
    this.#io.stderr.write(label)
    const line = await this.#input.readLine(longestPassword)
    this.#io.stderr.write('\n')
    return line.toString()
  }

  say(line: string): void {
    this.#io.stderr.write(`${line}\n`)
  }

  /** Lets go of standard input. */
  async close(): Promise<void> {
    await this.#input?.close()
  }
}
