// Connections that a limit keeps out, in the log: the first of a burst with its address, the others as one number.

import { Bursts, type BurstsDeps } from '../base/bursts.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'

export interface RefusalsDeps extends BurstsDeps {
  readonly log: Log
  /** Counts it, by the option that names the limit. */
  limitReached(limit: string): void
}

export class Refusals {
  readonly #deps: RefusalsDeps
  readonly #bursts: Bursts

  constructor(deps: RefusalsDeps) {
    this.#deps = deps
    this.#bursts = new Bursts(deps, (limit, more) =>
      deps.log.write('notice', `Client connections denied: ${limit} exceeded (${more} more).`),
    )
  }

  /**
   * @param limit the option's name
   * @param address textual IP address, or `''` on a unix socket
   */
  note(limit: string, address: string): void {
    this.#deps.limitReached(limit)
    if (!this.#bursts.begins(limit)) return
    this.#deps.log.write('notice', `Client connection from ${escapeText(address)} denied: ${limit} exceeded.`)
  }

  /** Writes what is still to be told. */
  close(): void {
    this.#bursts.close()
  }
}
