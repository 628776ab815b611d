// All connections of a run: opened a bounded number at a time, closed together.

import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type ClientListener, type ClientOptions, Counters } from './client.ts'
import { LoadError } from './load-error.ts'
import { Network } from './network.ts'
import type { LoadRequest } from './request.ts'

/** As many at a time as a run opens when opening is not what it measures. */
const setupConcurrency = 64
const filtersPerSubscribe = 100
/** A broker that answers nothing for so long has failed. */
const patienceMs = 20_000
const leaveLimitMs = 3_000

export interface OpenOptions {
  /** Connections that are being opened at a time. */
  readonly concurrency?: number
  readonly opened?: (client: Client) => void
  readonly failures?: 'thrown' | 'counted'
}

type ClientExtras = Pick<ClientOptions, 'readBudget' | 'lasting'>

/** Connections with their common counters. */
export class ClientPool {
  readonly request: LoadRequest
  readonly counters = new Counters()
  readonly #network: Network
  readonly #clients: Client[] = []
  #progress = 0

  constructor(request: LoadRequest) {
    this.request = request
    this.#network = new Network(request)
  }

  /** A client that is to be opened. */
  add(role: 'p' | 's' | 'c', index: number, listener: ClientListener, more: ClientExtras = {}): Client {
    const { request, counters } = this
    const client = new Client({ request, network: this.#network, counters, listener, role, index, ...more })
    this.#clients.push(client)
    return client
  }

  /** With `tls.resume`: opens one connection, and keeps its TLS session for all that follow. */
  async prepareSession(): Promise<void> {
    if (!this.#network.resumes) return
    const client = this.add('c', 0, silent)
    const opened = client.open()
    const session = this.#network.keepSessionOf(client.socket)
    await this.patiently(
      'a TLS session that can be resumed',
      opened.then(() => session),
    )
    await client.leave()
  }

  /**
   * Opens clients, `concurrency` at a time, and calls `opened` as each is ready.
   *
   * @throws LoadError of the first that fails, unless failures are to be `counted` only, as closed connections
   */
  openAll(clients: readonly Client[], options: OpenOptions = {}): Promise<void> {
    const { concurrency = setupConcurrency, opened, failures = 'thrown' } = options
    return this.patiently(
      'CONNACK',
      eachOf(clients, concurrency, async client => {
        try {
          await client.open()
          opened?.(client)
        } catch (error) {
          if (failures === 'thrown' || !(error instanceof LoadError)) throw error
        }
        this.progressed()
      }),
    )
  }

  /** Each client subscribes to its filters. */
  subscribeAll(clients: readonly Client[], filters: readonly (readonly string[])[], qos: number): Promise<void> {
    const work = clients.map((client, index) => ({ client, filters: filters[index]! }))
    return this.patiently(
      'SUBACK',
      eachOf(work, setupConcurrency, async ({ client, filters: own }) => {
        for (let at = 0; at < own.length; at += filtersPerSubscribe) {
          await client.subscribe(own.slice(at, at + filtersPerSubscribe), qos)
          this.progressed()
        }
      }),
    )
  }

  /** Disconnects all that are open; gives up on those that the broker does not let go. */
  async close(): Promise<void> {
    this.counters.onClosed = () => {}
    const leaving = this.#clients.filter(client => client.isOpen).map(client => client.leave())
    await Promise.race([Promise.all(leaving), sleep(leaveLimitMs)])
    for (const client of this.#clients) client.destroy()
  }

  /** Some of what is waited for has come. */
  progressed(): void {
    this.#progress += 1
  }

  /** Waits for work, as long as any of it comes forward. @throws LoadError `ERR_LOAD_STALLED` */
  async patiently<Value>(title: string, work: Promise<Value>): Promise<Value> {
    const { promise: tooLong, reject } = Promise.withResolvers<never>()
    let last = -1
    const timer = setInterval(() => {
      if (last === this.#progress) {
        reject(new LoadError('ERR_LOAD_STALLED', `the broker sent no ${title} for ${patienceMs / 1000} seconds`))
      }
      last = this.#progress
    }, patienceMs)
    try {
      return await Promise.race([work, tooLong])
    } finally {
      clearInterval(timer)
    }
  }
}

/** Hears nothing: for clients that only connect. */
export const silent: ClientListener = { message: () => {}, acknowledged: () => {} }

/** Works through a list with so many workers, which all stop at the first failure. */
async function eachOf<Item>(
  items: readonly Item[],
  workers: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < items.length) await work(items[next++]!)
  }
  try {
    await Promise.all(Array.from({ length: Math.min(workers, items.length) }, worker))
  } finally {
    next = items.length
  }
}
