// The store of a running broker: opened and loaded before anybody is let in, written to by the journal, watched, closed last.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { wallClock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import type { Broker } from '../broker/broker.ts'
import type { Journal } from '../broker/journal.ts'
import type { ListenerContext } from '../broker/listener-context.ts'
import { type RestoreProgress, restoreBroker } from '../broker/restore.ts'
import type { ReadinessCheck } from '../observe/readiness.ts'
import { openStore } from '../store/open-store.ts'
import type { Store, StoreFault } from '../store/store.ts'
import type { StoreError } from '../store/store-error.ts'
import type { StartControl } from './compose.ts'
import type { Config } from './options.ts'
import { removeEmpty } from './privileges.ts'
import { clearRunMark, setRunMark } from './run-mark.ts'

const directoryName = 'castellan-store'
/** Milliseconds between two lines about how far a long load is, and between two about failures of a store nobody waits for. */
const progressMs = 2000
/** Milliseconds after which a commit that is still under way is told of: the disk is slow, or hangs. */
const slowMs = 5000

export class Durability implements ReadinessCheck {
  readonly name = 'store'
  readonly #broker: Broker
  readonly #log: Log
  readonly #control: StartControl
  #store: Store | undefined
  #directory = ''
  #hasImported = false
  /** There was nothing in the directory before this start. */
  #isNew = false
  /** There was no directory. */
  #hasMadeDirectory = false
  #isLoading = false
  #isClosing = false
  #isSlow = false
  #errorToldAt = Number.NEGATIVE_INFINITY

  constructor(broker: Broker, log: Log, control: StartControl) {
    this.#broker = broker
    this.#log = log
    this.#control = control
  }

  unreadyBecause(): string | undefined {
    if (this.#isLoading) return 'what was saved is being loaded'
    if (this.#broker.journal?.isFailing === true) return 'it cannot be written'
    return this.#isSlow ? 'the disk does not answer' : undefined
  }

  /**
   * With `persistence true`: takes in what an earlier run has left.
   *
   * @throws StoreError when the store cannot be opened or read; the reason of `givesUp`
   */
  async open(settings: Config['global'], listeners: readonly ListenerContext[]): Promise<void> {
    if (!settings.persistence) return
    const directory = storeDirectory(settings)
    this.#directory = directory
    this.#isLoading = true
    const before = contentOf(directory)
    this.#hasMadeDirectory = before === undefined
    this.#isNew = (before ?? []).length === 0
    this.#store = await openStore({
      engine: 'lmdb',
      directory,
      durability: settings.persistence_durability,
      onFault: fault => this.#noteFault(fault),
      onError: error => this.#noteError(error),
    })
    this.#mark(directory)
    // Loaded here, as the store is: a broker that keeps nothing does not pay for it at its start.
    const { importAtStart } = await import('./import-state.ts')
    this.#hasImported = await importAtStart(this.#store, persistenceFile(settings), wallClock(), this.#log)
    await this.#load(this.#store, listeners, directory)
    this.#isLoading = false
  }

  #mark(directory: string): void {
    this.#tryMark(() => {
      if (setRunMark(directory)) this.#log.write('warning', cutOff)
    })
  }

  /** That a later run is told nothing, or too much, is no reason not to start, or not to end. */
  #tryMark(act: () => void): void {
    try {
      act()
    } catch (error) {
      const why = escapeText((error as Error).message, 4096)
      this.#log.write('warning', `Warning: Unable to note in the store whether the broker runs: ${why}.`)
    }
  }

  async #load(store: Store, listeners: readonly ListenerContext[], directory: string): Promise<void> {
    const { clock } = this.#broker
    const begun = clock.now()
    let told = begun
    let last: RestoreProgress = { sessions: 0, messages: 0, retained: 0 }
    const storeLost = (error: StoreError) => this.#lost(error)
    await restoreBroker(this.#broker, store, listeners, { storeLost, afterTurn, wallClock }, progress => {
      this.#control.givesUp.throwIfAborted()
      last = progress
      if (clock.now() < told + progressMs) return
      told = clock.now()
      this.#log.write('notice', `Loading: ${countsOf(progress)} so far.`)
    })
    const seconds = ((clock.now() - begun) / 1000).toFixed(1)
    this.#log.write('notice', `Loaded ${countsOf(last)} in ${seconds} s from ${escapeText(directory)}.`)
  }

  /** Called several times a second: tells of a disk that keeps everybody waiting. */
  advance(now: number): void {
    const since = this.#broker.journal?.committingSince
    const isSlow = since !== undefined && now >= since + slowMs && this.#broker.journal?.isFailing !== true
    if (isSlow === this.#isSlow) return
    this.#isSlow = isSlow
    if (isSlow) {
      this.#log.write(
        'warning',
        `Warning: The disk has not answered the store for ${slowMs / 1000} s; answers wait for it.`,
      )
    } else this.#log.write('notice', 'The disk answers the store again.')
  }

  /** Resolves when what was recorded so far is safe. */
  async drain(): Promise<void> {
    await this.#broker.journal?.drain()
  }

  /** Waits for what was recorded. */
  async close(): Promise<void> {
    await this.drain()
    this.#isClosing = true
    if (this.#store === undefined) return
    await this.#store.close()
    this.#store = undefined
    this.#tryMark(() => clearRunMark(this.#directory))
  }

  /**
   * The broker could not start, perhaps because Mosquitto still runs and has its port: what was imported goes, so that the next start
   * imports the file as it is then, and so does a store that was begun, in which nothing can be yet.
   */
  async closeUnstarted(): Promise<void> {
    const isOurs = this.#store !== undefined
    await this.close()
    if (isOurs && (this.#hasImported || this.#isNew)) {
      const { removeBegunStore, removeStore } = await import('../store/lmdb/remove.ts')
      const remove = this.#isNew ? removeBegunStore : removeStore
      remove(this.#directory)
    }
    if (this.#hasMadeDirectory) removeEmpty(this.#directory)
  }

  /** What comes after the end is nobody's any more. */
  #lost(error: StoreError): void {
    if (!this.#isClosing) this.#control.storeLost(error)
  }

  #noteFault({ table, key, why }: StoreFault): void {
    this.#log.write(
      'error',
      `Error: A record of ${table} (${key}) cannot be read: ${escapeText(why)}. It was set aside.`,
    )
  }

  /** With durability `none` each commit may fail, and there are many. */
  #noteError(error: StoreError): void {
    const now = this.#broker.clock.now()
    if (now < this.#errorToldAt + progressMs) return
    this.#errorToldAt = now
    this.#log.write('error', `Error: The store could not be written: ${escapeText(error.message, 4096)}.`)
  }
}

const cutOff =
  'Warning: The run before was cut off: it was killed, failed, or ran out of memory, or the machine stopped. What it had acknowledged is in the store, as persistence_durability has it.'

/** @returns undefined where there is no such directory, or none that can be read */
function contentOf(directory: string): readonly string[] | undefined {
  try {
    return readdirSync(directory)
  } catch {
    return undefined
  }
}

/** Where the store of a broker with these settings is. */
export function storeDirectory({ persistence_location: location }: Config['global']): string {
  return join(location ?? '.', directoryName)
}

/** Where Mosquitto keeps its state with these settings. */
function persistenceFile({ persistence_location: location, persistence_file: file }: Config['global']): string {
  return location === undefined ? file : join(location, file)
}

function countsOf({ sessions, messages, retained }: RestoreProgress): string {
  return `${sessions} sessions, ${messages} waiting messages, ${retained} retained messages`
}

function afterTurn(journal: Journal): void {
  setImmediate(commit, journal)
}

function commit(journal: Journal): void {
  journal.commit()
}
