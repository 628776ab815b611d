// Revocation lists from the places that certificates name (RFC 5280 §4.2.1.13), with `crl_fetch true`: fetched when the first
// certificate names a place, kept in memory, and fetched again as long as the broker runs. A list that cannot be fetched
// any more takes nothing back that it has said before.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { AppError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { readRevocationBundle } from '../x509/revocation-bundle.ts'
import type { RevocationList } from '../x509/revocation-list.ts'
import { fetchBytes, isHttpUrl } from './http-fetch.ts'

/** A CONNECT may wait for it, within `connect_timeout`. */
const timeoutMs = 8000
const maxBytes = 64 * 1024 * 1024
/** Of all certificates together. */
const maxPlaces = 1000
const retryMs = 60_000

interface Place {
  lists: readonly RevocationList[]
  nextFetch: number
  fetching: Promise<void> | undefined
}

export class RevocationDownloads {
  /** Called when a list has come. */
  onChange: () => Promise<void> = async () => {}
  /** Between two fetches of one list; `crl_fetch_interval`. */
  intervalMs = 900_000
  readonly #log: Log
  readonly #places = new Map<string, Place>()
  #now = Number.NEGATIVE_INFINITY

  constructor(log: Log) {
    this.#log = log
  }

  /** @returns resolved once the first fetch is over; undefined when nothing is under way */
  want(url: string): Promise<void> | undefined {
    const known = this.#places.get(url)
    if (known !== undefined) return known.lists.length === 0 ? known.fetching : undefined
    if (!isHttpUrl(url) || this.#places.size >= maxPlaces) return undefined
    const place: Place = { lists: [], nextFetch: Number.POSITIVE_INFINITY, fetching: undefined }
    this.#places.set(url, place)
    return this.#fetch(url, place)
  }

  lists(urls: Iterable<string>): readonly RevocationList[] {
    return [...urls].flatMap(url => this.#places.get(url)?.lists ?? [])
  }

  /** Fetches what is due. */
  advance(now: number): void {
    this.#now = now
    for (const [url, place] of this.#places) if (now >= place.nextFetch) this.#fetch(url, place)
  }

  #fetch(url: string, place: Place): Promise<void> {
    place.nextFetch = Number.POSITIVE_INFINITY
    place.fetching = this.#fetchNow(url, place).finally(() => {
      place.fetching = undefined
    })
    return place.fetching
  }

  async #fetchNow(url: string, place: Place): Promise<void> {
    try {
      place.lists = await readRevocationBundle(await fetchBytes(url, { timeoutMs, maxBytes }), nextTurn)
      place.nextFetch = this.#now + this.intervalMs
      await this.onChange()
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      place.nextFetch = this.#now + Math.min(retryMs, this.intervalMs)
      this.#log.write('warning', `Warning: A revocation list could not be fetched: ${error.message}.`)
    }
  }
}
