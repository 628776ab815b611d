// Password checks for all listeners of a process, behind a gate that serves one address after the other. Logins that were right
// a moment ago are remembered without their passwords, for devices that reconnect all at once.

import type { Clock } from '../base/clock.ts'
import { FairGate, type FairGateLimits } from './fair-gate.ts'
import type { Waiting } from './identity.ts'
import { PasswordDigest } from './password-digest.ts'
import type { PasswordEntry } from './password-file.ts'
import { type PasswordHash, verifyPassword } from './password-hash.ts'

/** `maxPending` is `max_pending_authentications`; of `maxUnderWay`: libuv's pool has four threads, and files and names need some. */
export interface PasswordVerifierSettings extends FairGateLimits {
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

/** Where a user's entry is looked up: a password file, or what goes before one. */
export interface PasswordSource {
  readonly users: { get(username: string): PasswordEntry | undefined }
  /** What unknown users are measured against. */
  readonly decoy: PasswordHash
}

/** `busy`: too many checks were waiting, or whoever asked has left; nothing was checked. */
export type Verdict = 'right' | 'wrong' | 'busy'

const noPassword = new Uint8Array()

export class PasswordVerifier {
  readonly #clock: Clock
  readonly #verify: typeof verifyPassword
  readonly #gate: FairGate
  readonly #digest = new PasswordDigest()
  /** When each remembered login is forgotten; oldest first, since all are kept equally long. */
  readonly #remembered = new Map<string, number>()
  #settings: PasswordVerifierSettings

  /** @param verify what checks one password; tests hand in another */
  constructor(settings: PasswordVerifierSettings, clock: Clock, verify: typeof verifyPassword = verifyPassword) {
    this.#settings = settings
    this.#clock = clock
    this.#verify = verify
    this.#gate = new FairGate(settings)
  }

  get settings(): PasswordVerifierSettings {
    return this.#settings
  }

  /** After a reload; checks that wait already are made. */
  set settings(settings: PasswordVerifierSettings) {
    this.#settings = settings
    this.#gate.limits = settings
  }

  /** How many checks wait or run. */
  get pending(): number {
    return this.#gate.pending
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
    // The entry is part of it: a changed password forgets the old one.
    const claim = entry && `${entry.fingerprint} ${Buffer.byteLength(username)} ${username}`
    const digest = claim && this.#digest.of(claim, password)
    if (digest !== undefined && this.#isRemembered(digest)) return 'right'
    const hash = entry?.hash ?? file.decoy
    return this.#gate.run(address, waiting, () => this.#check(hash, password ?? noPassword, digest))
  }

  /** @param digest what to remember; undefined when no password can be right */
  async #check(hash: PasswordHash, password: Uint8Array, digest: string | undefined): Promise<Verdict> {
    const right = await this.#verify(hash, password)
    if (!right || digest === undefined) return 'wrong'
    this.#remember(digest)
    return 'right'
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
