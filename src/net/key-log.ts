// The secrets of TLS connections, written to a file for whoever has to look into the traffic (`tls_keylog`, the format of
// NSS that Wireshark reads). Whoever has the file can read everything.

import { closeSync, constants, fchmodSync, fstatSync, openSync, writeSync } from 'node:fs'
import { escapeText } from '../base/escape.ts'
import { causeCode, ListenerError } from './errors.ts'

export class KeyLog {
  readonly #descriptor: number

  /**
   * Opens the file to write behind what it has; makes it for its owner alone.
   *
   * @throws ListenerError
   */
  constructor(path: string) {
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants
    try {
      this.#descriptor = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600)
      if (fstatSync(this.#descriptor).isFile()) fchmodSync(this.#descriptor, 0o600)
    } catch (cause) {
      throw new ListenerError(
        'ERR_NET_TLS_SETTINGS',
        `Error: Unable to open TLS key log file "${escapeText(path, 4096)}".`,
        `it cannot be written, or is a link (${causeCode(cause)})`,
        { cause },
      )
    }
  }

  /** @param line with its end; one that cannot be written is lost, and the connection is not */
  readonly write = (line: Uint8Array): void => {
    try {
      writeSync(this.#descriptor, line)
    } catch {
      // A full disk must not end a broker that serves.
    }
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}
