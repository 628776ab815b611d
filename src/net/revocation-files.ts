// The files that `crlfile` names: read whole and in portions, shared by all listeners that name them, and read again when they
// change. A file that cannot be read any more, or is broken, takes nothing back that it has said before.

import { open } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { readRevocationBundle } from '../x509/revocation-bundle.ts'
import type { RevocationList } from '../x509/revocation-list.ts'
import { ListenerError } from './errors.ts'
import { fileFault, fileState } from './file-state.ts'

/** How often it is looked whether a file has changed, in milliseconds. Less than the broker's tick: every tick looks. */
const lookEveryMs = 50
/** Some eight million entries. */
const maxFileBytes = 256 * 1024 * 1024

export class RevocationFile {
  readonly path: string
  lists: readonly RevocationList[] = []
  /** As {@link fileState} tells it. */
  state = ''

  constructor(path: string) {
    this.path = path
  }
}

export class RevocationFiles {
  /** Called after a file was read anew; until it is done nothing else is read. */
  onChange: (file: RevocationFile) => Promise<void> = async () => {}
  readonly #log: Log
  readonly #files = new Map<string, RevocationFile>()
  #nextLook = Number.NEGATIVE_INFINITY
  #isLooking = false

  constructor(log: Log) {
    this.#log = log
  }

  /**
   * Reads the files that are not known yet.
   *
   * @throws ListenerError with Mosquitto's text
   */
  async load(paths: Iterable<string | undefined>): Promise<void> {
    for (const path of new Set(paths)) {
      if (path === undefined || this.#files.has(path)) continue
      const file = new RevocationFile(path)
      try {
        await readInto(file)
      } catch (cause) {
        const message = `Error: Unable to load certificate revocation file "${escapeText(path)}". Check crlfile.`
        throw new ListenerError('ERR_NET_TLS_SETTINGS', message, fileFault(cause), { cause })
      }
      this.#files.set(path, file)
    }
  }

  /** Of a path that was loaded. */
  get(path: string): RevocationFile | undefined {
    return this.#files.get(path)
  }

  /** Forgets files that nobody names any more. */
  keep(paths: Iterable<string | undefined>): void {
    const named = new Set(paths)
    for (const path of this.#files.keys()) if (!named.has(path)) this.#files.delete(path)
  }

  /** Looks for changes, when it is time; called several times a second. */
  advance(now: number): void {
    if (now < this.#nextLook || this.#isLooking || this.#files.size === 0) return
    this.#nextLook = now + lookEveryMs
    this.#isLooking = true
    this.#look().finally(() => {
      this.#isLooking = false
    })
  }

  async #look(): Promise<void> {
    for (const file of this.#files.values()) {
      // One that is gone for a moment is being replaced.
      const state = await fileState(file.path)
      if (state === '' || state === file.state) continue
      try {
        await readInto(file)
        this.#log.write('notice', `Revocation lists of "${escapeText(file.path, 4096)}" were read again.`)
        await this.onChange(file)
      } catch (error) {
        file.state = state
        const where = `"${escapeText(file.path, 4096)}"`
        this.#log.write('error', `Error: Revocation lists of ${where} cannot be read: ${fileFault(error)}.`)
        this.#log.write('error', 'Error: What the file said before still holds.')
      }
    }
  }
}

/** @throws what is wrong with it; then the file has what it had */
async function readInto(file: RevocationFile): Promise<void> {
  const state = await fileState(file.path)
  const lists = await readRevocationBundle(await readWhole(file.path), nextTurn)
  file.lists = lists
  file.state = state
}

/** At once: Node's own way reads 512 KiB at a time and waits for each. */
async function readWhole(path: string): Promise<Buffer> {
  const handle = await open(path)
  try {
    const { size } = await handle.stat()
    if (size > maxFileBytes) throw new RangeError(`it has ${size} bytes, at most ${maxFileBytes} are read`)
    const bytes = Buffer.allocUnsafeSlow(size)
    let read = 0
    while (read < size) {
      const { bytesRead } = await handle.read(bytes, read, size - read, read)
      if (bytesRead === 0) break
      read += bytesRead
    }
    return bytes.subarray(0, read)
  } finally {
    await handle.close()
  }
}
