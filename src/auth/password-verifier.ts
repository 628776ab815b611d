// Password checks for all listeners of a process: few at once, in the order they came, a bounded number waiting. Logins that
// were right a moment ago are remembered without their passwords, for devices that reconnect all at once.

import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { PasswordEntry, PasswordFile } from './password-file.ts'
import { verifyPassword } from './password-hash.ts'

export interface PasswordVerifierSettings {
  /** Most checks that wait or run at once: `max_pending_authentications`. */
  readonly maxPending: number
  /** Most checks that run at once; libuv's pool has four threads, and files and names need some. */
  readonly maxUnderWay: number
  /** Most logins remembered. */
  readonly maxRemembered: number
  /** How long a login is remembered, in milliseconds. */
  readonly rememberForMs: number
}

export const passwordVerifierDefaults: PasswordVerifierSettings = {
  maxPending: 256,
  maxUnderWay: 2,
  maxRemembered: 10_000,
  rememberForMs: 60_000,
}

/** `busy`: too many checks were waiting, and nothing was checked. */
export type Verdict = 'right' | 'wrong' | 'busy'

export class PasswordVerifier {
  /** A reload replaces it; checks that wait already are made. */
  settings: PasswordVerifierSettings
  readonly #clock: Clock
  readonly #verify: typeof verifyPassword
  /** Dies with the process; without it the remembered digests tell nothing of the passwords. */
  readonly #key = randomBytes(32)
  /** When each remembered login is forgotten; oldest first, since all are kept equally long. */
  readonly #remembered = new Map<string, number>()
  readonly #waiting: (() => void)[] = []
  #underWay = 0

  /** @param verify what checks one password; tests hand in another */
  constructor(settings: PasswordVerifierSettings, clock: Clock, verify: typeof verifyPassword = verifyPassword) {
    this.settings = settings
    this.#clock = clock
    this.#verify = verify
  }

  /**
   * Whether the password is the user's. An unknown user, and one who sends no password, costs as much as a wrong password.
   */
  async verify(file: PasswordFile, username: string, password: Uint8Array | undefined): Promise<Verdict> {
    const entry = password && file.users.get(username)
    const digest = entry && this.#digest(entry, username, password)
    if (digest !== undefined && this.#isRemembered(digest)) return 'right'
    if (this.#underWay + this.#waiting.length >= this.settings.maxPending) return 'busy'
    await this.#turn()
    try {
      const right = await this.#verify(entry?.hash ?? file.decoy, password ?? new Uint8Array())
      if (!right || digest === undefined) return 'wrong'
      this.#remember(digest)
      return 'right'
    } finally {
      this.#finish()
    }
  }

  #turn(): Promise<void> | undefined {
    if (this.#underWay >= this.settings.maxUnderWay) return new Promise(resolve => this.#waiting.push(resolve))
    this.#underWay += 1
    return undefined
  }

  /** Hands the place to whoever waits longest, or gives it back. */
  #finish(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#underWay -= 1
    else next()
  }

  /** The entry is part of it: a changed password forgets the old one. */
  #digest(entry: PasswordEntry, username: string, password: Uint8Array): string {
    const name = Buffer.from(username)
    return createHmac('sha256', this.#key)
      .update(`${entry.fingerprint} ${name.length} `)
      .update(name)
      .update(password)
      .digest('base64')
  }

  #isRemembered(digest: string): boolean {
    const until = this.#remembered.get(digest)
    return until !== undefined && this.#clock.now() < until
  }

  #remember(digest: string): void {
    this.#remembered.delete(digest)
    for (const [oldest, until] of this.#remembered) {
      if (this.#clock.now() < until && this.#remembered.size < this.settings.maxRemembered) break
      this.#remembered.delete(oldest)
    }
    this.#remembered.set(digest, this.#clock.now() + this.settings.rememberForMs)
  }
}
