// Where a token's key is looked for: among those that a configuration named, and in a key set that its owner changes
// (`jwt_jwks_url`) and that is fetched when it is needed.

import { createHash } from 'node:crypto'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import type { TokenAlgorithm } from './jwt-algorithms.ts'
import { parseKeySet, type TokenKey } from './jwt-keys.ts'

/** A set this old, in milliseconds, is fetched again before the next token: the longest that a key which was withdrawn still counts. */
export const keySetLifeMs = 10 * 60 * 1000

/** Least time between two fetches, in milliseconds: whoever names keys that do not exist causes no more. */
export const keySetPauseMs = 30 * 1000

export interface TokenKeySource {
  /**
   * The keys that may have signed a token.
   *
   * @param id as the token says; undefined where it says nothing
   * @returns rejected where they cannot be known now
   */
  find(id: string | undefined, algorithm: TokenAlgorithm): readonly TokenKey[] | Promise<readonly TokenKey[]>
  /** Whether a key that has once been found is still one. */
  holds(fingerprint: string): boolean
}

export function fixedKeys(keys: readonly TokenKey[]): TokenKeySource {
  return {
    find: (id, algorithm) => fitting(keys, id, algorithm),
    holds: fingerprint => keys.some(key => key.fingerprint === fingerprint),
  }
}

export interface KeySetDeps {
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number
  /** Bounded in time and size. */
  readonly fetch: (url: string) => Promise<string>
}

export function fetchedKeys(url: string, deps: KeySetDeps): TokenKeySource {
  return new FetchedKeys(url, deps)
}

class FetchedKeys implements TokenKeySource {
  readonly #url: string
  readonly #deps: KeySetDeps
  /** Of all its keys: which of them are in force is looked at when a client logs in. */
  readonly #fingerprint: string
  #keys: readonly TokenKey[] = []
  #fetchedAt = Number.NEGATIVE_INFINITY
  #askedAt = Number.NEGATIVE_INFINITY
  #fetching: Promise<void> | undefined

  constructor(url: string, deps: KeySetDeps) {
    this.#url = url
    this.#deps = deps
    this.#fingerprint = createHash('sha256').update(`jwt_jwks_url ${url}`).digest('base64url')
  }

  holds(fingerprint: string): boolean {
    return fingerprint === this.#fingerprint
  }

  async find(id: string | undefined, algorithm: TokenAlgorithm): Promise<readonly TokenKey[]> {
    if (this.#isOld) await this.#refresh()
    // Fail closed: nobody knows which of its keys were withdrawn meanwhile.
    if (this.#isOld) throw new Error('jwt_jwks_url cannot be fetched')
    const known = fitting(this.#keys, id, algorithm)
    if (known.length > 0) return known
    await this.#refresh()
    return fitting(this.#keys, id, algorithm)
  }

  /** A clock that was set back makes it old, too. */
  get #isOld(): boolean {
    return Math.abs(this.#deps.wallClock() - this.#fetchedAt) >= keySetLifeMs
  }

  /** One fetch for all who wait, and not too often. */
  async #refresh(): Promise<void> {
    const now = this.#deps.wallClock()
    if (this.#fetching === undefined && Math.abs(now - this.#askedAt) >= keySetPauseMs) {
      this.#askedAt = now
      this.#fetching = this.#fetch().finally(() => {
        this.#fetching = undefined
      })
    }
    await this.#fetching
  }

  async #fetch(): Promise<void> {
    try {
      const keys = parseKeySet(await this.#deps.fetch(this.#url))
      this.#keys = keys.map(key => ({ ...key, fingerprint: this.#fingerprint }))
      this.#fetchedAt = this.#deps.wallClock()
    } catch (error) {
      const why = escapeText((error as Error).message)
      this.#deps.log.write('warning', `Warning: Unable to fetch jwt_jwks_url "${escapeText(this.#url)}": ${why}.`)
    }
  }
}

/** A key without a name may be the one that any token means. */
function fitting(keys: readonly TokenKey[], id: string | undefined, algorithm: TokenAlgorithm): readonly TokenKey[] {
  return keys.filter(
    key => key.algorithms.includes(algorithm) && (id === undefined || key.id === undefined || key.id === id),
  )
}
