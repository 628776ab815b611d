// The store of a running broker: opened and loaded before anybody is let in, written to by the journal, closed last.

import { join } from 'node:path'
import { escapeText } from '../base/escape.ts'
import type { Broker } from '../broker/broker.ts'
import type { Journal } from '../broker/journal.ts'
import type { ListenerContext } from '../broker/listener-context.ts'
import { type RestoreProgress, restoreBroker } from '../broker/restore.ts'
import type { BrokerLog } from '../observe/broker-log.ts'
import type { ReadinessCheck } from '../observe/readiness.ts'
import { openStore } from '../store/open-store.ts'
import type { Store, StoreFault } from '../store/store.ts'
import type { StoreError } from '../store/store-error.ts'
import type { Config } from './options.ts'

const directoryName = 'castellan-store'
/** Milliseconds between two lines about how far a long load is. */
const progressMs = 2000

export class Durability implements ReadinessCheck {
  readonly name = 'store'
  readonly #broker: Broker
  readonly #log: BrokerLog
  #store: Store | undefined
  #isLoading = false

  constructor(broker: Broker, log: BrokerLog) {
    this.#broker = broker
    this.#log = log
  }

  unreadyBecause(): string | undefined {
    if (this.#isLoading) return 'what was saved is being loaded'
    return this.#broker.journal?.isFailing === true ? 'it cannot be written' : undefined
  }

  /**
   * With `persistence true`: takes in what an earlier run has left.
   *
   * @throws StoreError when the store cannot be opened or read
   */
  async open(settings: Config['global'], listeners: readonly ListenerContext[]): Promise<void> {
    if (!settings.persistence) return
    const directory = join(settings.persistence_location ?? '.', directoryName)
    this.#isLoading = true
    this.#store = await openStore({
      engine: 'lmdb',
      directory,
      durability: settings.persistence_durability,
      onFault: fault => this.#noteFault(fault),
      onError: error =>
        this.#log.write('error', `Error: The store could not be written: ${escapeText(error.message)}.`),
    })
    const begun = this.#broker.clock.now()
    let told = begun
    let last: RestoreProgress = { sessions: 0, messages: 0, retained: 0 }
    await restoreBroker(this.#broker, this.#store, listeners, { storeLost: lost, afterTurn }, progress => {
      last = progress
      if (this.#broker.clock.now() < told + progressMs) return
      told = this.#broker.clock.now()
      this.#log.write('notice', `Loading: ${countsOf(progress)} so far.`)
    })
    this.#isLoading = false
    const seconds = ((this.#broker.clock.now() - begun) / 1000).toFixed(1)
    this.#log.write('notice', `Loaded ${countsOf(last)} in ${seconds} s from ${escapeText(directory)}.`)
  }

  /** Waits for what was recorded. */
  async close(): Promise<void> {
    await this.#broker.journal?.drain()
    await this.#store?.close()
    this.#store = undefined
  }

  #noteFault({ table, key, why }: StoreFault): void {
    this.#log.write(
      'error',
      `Error: A record of ${table} (${key}) cannot be read: ${escapeText(why)}. It was set aside.`,
    )
  }
}

function countsOf({ sessions, messages, retained }: RestoreProgress): string {
  return `${sessions} sessions, ${messages} waiting messages, ${retained} retained messages`
}

/** Going on would acknowledge nothing any more; a restart finds all that was acknowledged. */
function lost(error: StoreError): never {
  throw error
}

function afterTurn(journal: Journal): void {
  setImmediate(commit, journal)
}

function commit(journal: Journal): void {
  journal.commit()
}
