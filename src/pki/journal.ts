// The authority's memory: a file of lines that only ever grows. Each line carries the hash of the one before it, is on the
// disk before anybody gets what it tells of, and one that a crash left half-written is cut off before the next.

import { hash } from 'node:crypto'
import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { escapeText } from '../base/escape.ts'
import { PkiFileError } from './errors.ts'
import type { RevocationReason } from './revocation-reasons.ts'

export interface IssuedEvent {
  readonly event: 'issued'
  /** The authority that signed, by its name in the directory. */
  readonly issuer: string
  /** Hex, lower case, without leading zeros but for a whole number of bytes. */
  readonly serial: string
  readonly profile: string
  readonly name: string
  readonly alternatives: readonly string[]
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  /** SHA-256 over the DER, hex. */
  readonly fingerprint: string
  /** SHA-256 over the public key's SubjectPublicKeyInfo, hex. */
  readonly key: string
  readonly keyOrigin: 'generated' | 'request' | 'imported'
  /** Who asked, in the asker's own words. */
  readonly by: string
  /** DER, base64; absent where only the old authority's database told of it. */
  readonly der?: string
}

export interface RevokedEvent {
  readonly event: 'revoked'
  readonly issuer: string
  readonly serial: string
  readonly reason: RevocationReason
  readonly at: number
}

/** A hold ends. */
export interface ReleasedEvent {
  readonly event: 'released'
  readonly issuer: string
  readonly serial: string
}

export interface CrlEvent {
  readonly event: 'crl'
  readonly issuer: string
  readonly number: number
  readonly thisUpdate: number
  readonly nextUpdate: number
  readonly entries: number
  /** Of a delta list: the number of the complete list that it changes. */
  readonly base?: number
  /** Over the DER, hex: a crash may come between this line and the file. */
  readonly sha256?: string
}

export type JournalEvent = IssuedEvent | RevokedEvent | ReleasedEvent | CrlEvent

interface Line {
  readonly seq: number
  readonly time: string
  readonly prev: string
}

/** A line with a certificate has about two thousand bytes; beyond this a file is no journal. */
const maxLineBytes = 256 * 1024
const chunkBytes = 1 << 20

export class Journal {
  readonly path: string
  #sequence = 0
  #previous = ''
  /** Behind the last whole line. */
  #end = 0

  constructor(path: string) {
    this.path = path
  }

  /**
   * Hands over what was written since the last call, by whatever process. A half-written last line is left alone.
   *
   * @throws PkiFileError when a line was changed, lost or added by anything but this program
   */
  read(take: (event: JournalEvent) => void): void {
    const descriptor = openSync(this.path, 'r')
    try {
      const { size } = fstatSync(descriptor)
      if (size < this.#end) throw this.#fault('lines are missing that were there before')
      if (size === this.#end) return
      let rest: Buffer = Buffer.alloc(0)
      for (;;) {
        const chunk = Buffer.allocUnsafe(chunkBytes)
        const count = readSync(descriptor, chunk, 0, chunkBytes, this.#end + rest.length)
        if (count === 0) return
        rest = this.#takeLines(Buffer.concat([rest, chunk.subarray(0, count)]), take)
        if (rest.length > maxLineBytes) throw this.#fault(`a line has more than ${maxLineBytes} bytes`)
      }
    } finally {
      closeSync(descriptor)
    }
  }

  /**
   * Adds all events or, when the process dies meanwhile, the first few of them; returns when they are on the disk. The
   * caller holds the directory's lock and has read to the end.
   *
   * @param now milliseconds since the epoch
   */
  append(events: readonly JournalEvent[], now: number): void {
    let text = ''
    let [sequence, previous] = [this.#sequence, this.#previous]
    const time = new Date(now).toISOString()
    for (const event of events) {
      const line = JSON.stringify({ seq: ++sequence, time, prev: previous, ...event })
      previous = digestOf(line)
      text += `${line}\n`
    }
    const bytes = Buffer.from(text)
    const descriptor = openSync(this.path, 'r+')
    try {
      ftruncateSync(descriptor, this.#end)
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(descriptor, bytes, at, bytes.length - at, this.#end + at)
      }
      fdatasyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    this.#end += bytes.length
    this.#sequence = sequence
    this.#previous = previous
  }

  #takeLines(bytes: Buffer, take: (event: JournalEvent) => void): Buffer {
    let from = 0
    for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, from)) {
      const text = bytes.toString('utf8', from, newline)
      const { seq, prev, time: _time, ...event } = this.#parse(text)
      if (seq !== this.#sequence + 1 || prev !== this.#previous) {
        throw this.#fault(
          `line ${this.#sequence + 1} does not follow from the one before it: somebody changed the file`,
        )
      }
      this.#sequence = seq
      this.#previous = digestOf(text)
      this.#end += newline + 1 - from
      from = newline + 1
      take(event)
    }
    return bytes.subarray(from)
  }

  #parse(text: string): Line & JournalEvent {
    try {
      return JSON.parse(text)
    } catch {
      throw this.#fault(`line ${this.#sequence + 1} is not one of ours`)
    }
  }

  #fault(what: string): PkiFileError {
    return new PkiFileError(`'${escapeText(this.path, 4096)}': ${what}; restore the directory from a backup`)
  }
}

function digestOf(line: string): string {
  return hash('sha256', line, 'hex').slice(0, 32)
}
