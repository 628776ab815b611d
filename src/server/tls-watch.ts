// Notices changed certificates, keys and authorities of the listeners, and puts them to work as a reload would: connections stay, but
// for those whose certificates are no longer trusted. Files that cannot be used change nothing.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { fileState } from '../net/file-state.ts'
import type { Listener } from '../net/listener.ts'
import type { ListenerSettings } from '../net/options.ts'
import { errorLines } from './error-lines.ts'

/** How often it is looked, in milliseconds. Twice in a row it has to look the same: certificate and key are two files. */
const lookEveryMs = 150
/** Of a `capath` with more files only the directory itself is looked at, which files that come, go or are replaced change. */
const mostFilesLookedAt = 64

interface Watched {
  /** With these settings the files were loaded. */
  readonly settings: ListenerSettings
  loaded: string
  seen: string
}

export interface TlsWatchDeps {
  /** A listener trusts others than before, or shows another certificate. */
  changed(settings: ListenerSettings): void
  /** Its files cannot be used. @param errors lines of the log */
  refused(settings: ListenerSettings, errors: readonly string[]): void
}

export class TlsWatch {
  readonly #log: Log
  readonly #deps: TlsWatchDeps
  readonly #watched = new WeakMap<Listener, Watched>()
  #nextLook = Number.NEGATIVE_INFINITY
  #isLooking = false

  constructor(log: Log, deps: TlsWatchDeps) {
    this.#log = log
    this.#deps = deps
  }

  /** Remembers the files as they are now: right after they were loaded, before anybody is let in. */
  begin(listeners: readonly Listener[]): Promise<void> {
    return this.#look(listeners)
  }

  /** Looks, when it is time; called several times a second. */
  advance(now: number, listeners: readonly Listener[]): void {
    if (now < this.#nextLook || this.#isLooking) return
    this.#nextLook = now + lookEveryMs
    this.#isLooking = true
    this.#look(listeners).finally(() => {
      this.#isLooking = false
    })
  }

  async #look(listeners: readonly Listener[]): Promise<void> {
    for (const listener of listeners) {
      const { settings } = listener
      if (settings.certfile === undefined) continue
      const state = await stateOf(settings)
      // A reload meanwhile has read them.
      if (listener.settings === settings) this.#compare(listener, state)
    }
  }

  #compare(listener: Listener, state: string): void {
    const { settings } = listener
    const watched = this.#watched.get(listener)
    if (watched === undefined || watched.settings !== settings) {
      this.#watched.set(listener, { settings, loaded: state, seen: state })
      return
    }
    if (state !== watched.loaded && state === watched.seen) {
      watched.loaded = state
      this.#load(listener)
    }
    watched.seen = state
  }

  #load(listener: Listener): void {
    const { settings } = listener
    try {
      listener.prepareReload(settings)()
      this.#log.write('notice', `TLS files of the listener on port ${settings.port} have changed and were read again.`)
      this.#deps.changed(settings)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const errors = errorLines(error)
      for (const line of errors) this.#log.write('error', line)
      this.#deps.refused(settings, errors)
      this.#log.write('error', 'Error: What was read before goes on.')
    }
  }
}

async function stateOf({ certfile, keyfile, cafile, capath }: ListenerSettings): Promise<string> {
  const states: string[] = []
  for (const file of [certfile, keyfile, cafile]) if (file !== undefined) states.push(await fileState(file))
  if (capath !== undefined) {
    states.push(await fileState(capath))
    const names = await readdir(capath).catch(() => [])
    if (names.length <= mostFilesLookedAt) {
      for (const name of names.sort()) states.push(await fileState(join(capath, name)))
    }
  }
  return states.join('\n')
}
