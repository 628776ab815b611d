// Password checks for all listeners of a process: few at once, in the order they came, a bounded number waiting, and of those
// a bounded part from one address. Logins that were right a moment ago are remembered without their passwords, for devices that reconnect all at once.

import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { PasswordEntry, PasswordFile } from './password-file.ts'
import { verifyPassword } from './password-hash.ts'
import { addressKey } from './throttle.ts'

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

/** The part of `maxPending` that one address may take: whoever sends nothing but wrong passwords leaves room for others. */
const shareOfAddress = 1 / 4

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
  /** How many checks wait or run, by `addressKey`; gone with the last. */
  readonly #pendingOf = new Map<string, number>()
  #underWay = 0

  /** @param verify what checks one password; tests hand in another */
  constructor(settings: PasswordVerifierSettings, clock: Clock, verify: typeof verifyPassword = verifyPassword) {
    this.settings = settings
    this.#clock = clock
    this.#verify = verify
  }

  /**
   * Whether the password is the user's. An unknown user, and one who sends no password, costs as much as a wrong password.
   *
   * @param address who asks: textual IP address, or `''` on a unix socket, whose clients share no limit but `maxPending`
   */
  async verify(
    file: PasswordFile,
    username: string,
    password: Uint8Array | undefined,
    address: string,
  ): Promise<Verdict> {
    const entry = password && file.users.get(username)
    const digest = entry && this.#digest(entry, username, password)
    if (digest !== undefined && this.#isRemembered(digest)) return 'right'
    const from = addressKey(address)
    if (this.#isBusy(from)) return 'busy'
    this.#count(from, 1)
    await this.#turn()
    try {
      const right = await this.#verify(entry?.hash ?? file.decoy, password ?? new Uint8Array())
      if (!right || digest === undefined) return 'wrong'
      this.#remember(digest)
      return 'right'
    } finally {
      this.#count(from, -1)
      this.#finish()
    }
  }

  #isBusy(from: string | undefined): boolean {
    const { maxPending } = this.settings
    if (this.#underWay + this.#waiting.length >= maxPending) return true
    return this.#countOf(from) >= Math.max(1, Math.floor(maxPending * shareOfAddress))
  }

  #countOf(from: string | undefined): number {
    return from === undefined ? 0 : (this.#pendingOf.get(from) ?? 0)
  }

  #count(from: string | undefined, change: 1 | -1): void {
    if (from === undefined) return
    const pending = this.#countOf(from) + change
    if (pending === 0) this.#pendingOf.delete(from)
    else this.#pendingOf.set(from, pending)
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
