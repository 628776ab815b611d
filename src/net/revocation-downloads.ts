// Revocation lists from the places that certificates name (RFC 5280 §4.2.1.13), with `crl_fetch true`: fetched when the first
// certificate names a place, kept in memory, and fetched again as long as the broker runs. A list that cannot be fetched
// any more takes nothing back that it has said before.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { AppError } from '../base/errors.ts'
import { FairQueue } from '../base/fair-queue.ts'
import type { Log } from '../base/log.ts'
import { readRevocationBundle } from '../x509/revocation-bundle.ts'
import type { RevocationList } from '../x509/revocation-list.ts'
import { BudgetedList, DownloadBudget } from './download-budget.ts'
import { fetchBytes, isHttpUrl } from './http-fetch.ts'

/** A CONNECT may wait for it, within `connect_timeout`. */
const timeoutMs = 8000
const maxBytes = 64 * 1024 * 1024
/** Of all certificates together. */
const maxPlaces = 1000
/** Fetched at once; beside what is kept, so much may be there twice while it is replaced. */
export const maxFetches = 8
const retryMs = 60_000

class Place {
  readonly url: string
  readonly host: string
  readonly bytes: BudgetedList
  lists: readonly RevocationList[] = []
  nextFetch = Number.POSITIVE_INFINITY
  /** Resolved once it is over, also while it waits for its turn; undefined when none is wanted. */
  fetching: PromiseWithResolvers<void> | undefined = undefined

  constructor(url: string, budget: DownloadBudget) {
    this.url = url
    this.host = new URL(url).host
    this.bytes = new BudgetedList(budget, this.host)
  }
}

export class RevocationDownloads {
  /** Called when a list has come. */
  onChange: () => Promise<void> = async () => {}
  /** Between two fetches of one list; `crl_fetch_interval`. */
  intervalMs = 900_000
  readonly #log: Log
  readonly #places = new Map<string, Place>()
  readonly #budget: DownloadBudget
  /** One host after the other: whoever names a thousand places there does not keep the list of another one waiting. */
  readonly #waiting = new FairQueue<Place>()
  #fetches = 0
  #now = Number.NEGATIVE_INFINITY

  /** @param mostBytes of all lists together; `crl_fetch_max_bytes` */
  constructor(log: Log, mostBytes: number) {
    this.#log = log
    this.#budget = new DownloadBudget(mostBytes)
  }

  set mostBytes(bytes: number) {
    this.#budget.most = bytes
  }

  /** @returns resolved once the first fetch is over; undefined when nothing is under way */
  want(url: string): Promise<void> | undefined {
    const known = this.#places.get(url)
    if (known !== undefined) return known.lists.length === 0 ? known.fetching?.promise : undefined
    if (!isHttpUrl(url) || this.#places.size >= maxPlaces) return undefined
    const place = new Place(url, this.#budget)
    this.#places.set(url, place)
    return this.#fetch(place)
  }

  lists(urls: Iterable<string>): readonly RevocationList[] {
    return [...urls].flatMap(url => this.#places.get(url)?.lists ?? [])
  }

  /** Fetches what is due. */
  advance(now: number): void {
    this.#now = now
    for (const place of this.#places.values()) if (now >= place.nextFetch) this.#fetch(place)
  }

  #fetch(place: Place): Promise<void> {
    place.nextFetch = Number.POSITIVE_INFINITY
    place.fetching = Promise.withResolvers()
    this.#waiting.push(place.host, place)
    this.#startNext()
    return place.fetching.promise
  }

  #startNext(): void {
    while (this.#fetches < maxFetches) {
      const place = this.#waiting.shift()
      if (place === undefined) return
      this.#fetches++
      void this.#fetchNow(place).finally(() => {
        this.#fetches--
        place.fetching?.resolve()
        place.fetching = undefined
        this.#startNext()
      })
    }
  }

  async #fetchNow(place: Place): Promise<void> {
    const admit = (bytes: number) => place.bytes.come(bytes)
    try {
      const bytes = await fetchBytes(place.url, { timeoutMs, maxBytes, admit })
      place.lists = await readRevocationBundle(bytes, nextTurn)
      place.bytes.replace()
      place.nextFetch = this.#now + this.intervalMs
      await this.onChange()
    } catch (error) {
      place.bytes.giveUp()
      if (!(error instanceof AppError)) throw error
      place.nextFetch = this.#now + Math.min(retryMs, this.intervalMs)
      this.#log.write('warning', `Warning: A revocation list could not be fetched: ${error.message}.`)
    }
  }
}
