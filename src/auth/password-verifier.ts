// Password checks for all listeners of a process: few at once, one address after the other, a bounded number waiting, and of
// those a bounded part from one address. Logins that were right a moment ago are remembered without their passwords, for
// devices that reconnect all at once.

import { hash as hashOnce, randomBytes } from 'node:crypto'
import { addressKey } from '../base/address-key.ts'
import type { Clock } from '../base/clock.ts'
import { FairQueue } from '../base/fair-queue.ts'
import type { Waiting } from './identity.ts'
import type { PasswordEntry } from './password-file.ts'
import { type PasswordHash, verifyPassword } from './password-hash.ts'

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

/** Where a user's entry is looked up: a password file, or what goes before one. */
export interface PasswordSource {
  readonly users: { get(username: string): PasswordEntry | undefined }
  /** What unknown users are measured against. */
  readonly decoy: PasswordHash
}

/** `busy`: too many checks were waiting, or whoever asked has left; nothing was checked. */
export type Verdict = 'right' | 'wrong' | 'busy'

/** The line of all unix sockets. */
const noAddress = ''
const noPassword = new Uint8Array()

export class PasswordVerifier {
  /** A reload replaces it; checks that wait already are made. */
  settings: PasswordVerifierSettings
  readonly #clock: Clock
  readonly #verify: typeof verifyPassword
  /** Dies with the process; without it the remembered digests tell nothing of the passwords. */
  readonly #key = randomBytes(32)
  /** When each remembered login is forgotten; oldest first, since all are kept equally long. */
  readonly #remembered = new Map<string, number>()
  /** Called with false when the one who waited has left. */
  readonly #waiting = new FairQueue<(isTheirTurn: boolean) => void>()
  /** How many checks wait or run, by `addressKey`; gone with the last. */
  readonly #pendingOf = new Map<string, number>()
  #underWay = 0

  /** @param verify what checks one password; tests hand in another */
  constructor(settings: PasswordVerifierSettings, clock: Clock, verify: typeof verifyPassword = verifyPassword) {
    this.settings = settings
    this.#clock = clock
    this.#verify = verify
  }

  /** How many checks wait or run. */
  get pending(): number {
    return this.#underWay + this.#waiting.length
  }

  /**
   * Whether the password is the user's. An unknown user, and one who sends no password, costs as much as a wrong password.
   *
   * @param address who asks: textual IP address, or `''` on a unix socket, whose clients share no limit but `maxPending`
   * @param waiting when it has gone before its turn, its place goes to the next
   * @returns at once for a remembered login and when too many wait
   */
  verify(
    file: PasswordSource,
    username: string,
    password: Uint8Array | undefined,
    address: string,
    waiting?: Waiting,
  ): Verdict | Promise<Verdict> {
    const entry = password && file.users.get(username)
    const digest = entry && this.#digest(entry, username, password)
    if (digest !== undefined && this.#isRemembered(digest)) return 'right'
    const from = addressKey(address)
    if (this.#isBusy(from)) return 'busy'
    return this.#check(entry?.hash ?? file.decoy, password ?? noPassword, digest, from, waiting)
  }

  /** @param digest what to remember; undefined when no password can be right */
  async #check(
    hash: PasswordHash,
    password: Uint8Array,
    digest: string | undefined,
    from: string | undefined,
    waiting: Waiting | undefined,
  ): Promise<Verdict> {
    this.#count(from, 1)
    try {
      const turn = this.#turn(from ?? noAddress, waiting)
      if (turn !== true && !(await turn)) return 'busy'
      const right = await this.#verify(hash, password).finally(() => this.#finish())
      if (!right || digest === undefined) return 'wrong'
      this.#remember(digest)
      return 'right'
    } finally {
      this.#count(from, -1)
    }
  }

  #isBusy(from: string | undefined): boolean {
    const { maxPending } = this.settings
    if (this.pending >= maxPending) return true
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

  /** Takes a place among the checks under way. @returns false when whoever asked has left meanwhile */
  #turn(line: string, waiting: Waiting | undefined): true | Promise<boolean> {
    if (this.#underWay < this.settings.maxUnderWay) {
      this.#underWay += 1
      return true
    }
    return new Promise(resolve => {
      this.#waiting.push(line, resolve)
      waiting?.whenGone(() => {
        if (this.#waiting.remove(line, resolve)) resolve(false)
      })
    })
  }

  /** Hands the place to the address whose turn it is, or gives it back. */
  #finish(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#underWay -= 1
    else next(true)
  }

  /**
   * The entry is part of it: a changed password forgets the old one. SHA-512/256 cannot be extended, so a key in front makes
   * it a MAC, in one call that takes 1 µs and leaves no object behind; an `Hmac` took 12.
   */
  #digest(entry: PasswordEntry, username: string, password: Uint8Array): string {
    const claim = Buffer.from(`${entry.fingerprint} ${Buffer.byteLength(username)} ${username}`)
    // Not from the pool that packets are made in, and cleared: a key and a password stand in it.
    const whole = Buffer.allocUnsafeSlow(this.#key.length + claim.length + password.length)
    whole.set(this.#key)
    whole.set(claim, this.#key.length)
    whole.set(password, this.#key.length + claim.length)
    const digest = hashOnce('sha512-256', whole, 'base64')
    whole.fill(0)
    return digest
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
