// One destination of log lines: batches, one write at a time, a bound on what waits.

import type { LogIo, LogOutlet } from './log-io.ts'

/** Most bytes of lines that wait for a destination; further lines are dropped and counted. */
export const maximumWaitingBytes = 1_048_576

/** Never throws after it is made; a destination that fails loses lines, and says how many once it works again. */
export class LogSink {
  readonly #outlet: LogOutlet
  readonly #soon: LogIo['soon']
  #waiting: string[] = []
  #waitingBytes = 0
  /** The batch that is being written. */
  #batch: Uint8Array | undefined
  #writing = false
  #scheduled = false
  #dropped = 0
  #ending = false
  #ended = false

  constructor(outlet: LogOutlet, { soon }: Pick<LogIo, 'soon'>) {
    this.#outlet = outlet
    this.#soon = soon
  }

  /** @param prefix what the line that reports dropped lines begins with, should it be needed */
  add(line: string, prefix: string): void {
    const bytes = Buffer.byteLength(line) + 1
    if (this.#waitingBytes + bytes > maximumWaitingBytes) {
      this.#dropped++
    } else {
      if (this.#dropped > 0) this.#reportDropped(prefix)
      this.#waiting.push(line)
      this.#waitingBytes += bytes
    }
    this.#schedule()
  }

  /** Writes what waits, before it returns, as far as the destination takes it: for the end of the process. */
  flush(): void {
    const bytes = this.#takeAll()
    try {
      for (let offset = 0; offset < bytes.length; ) offset += this.#outlet.writeNow(bytes.subarray(offset))
    } catch {
      // Nothing is left to tell it to.
    }
  }

  /** Closes once the write under way is done; what waits is written first. */
  end(): void {
    this.#ending = true
    if (!this.#writing) this.#finish()
  }

  #finish(): void {
    this.#ended = true
    this.#outlet.end(this.#takeAll())
  }

  #reportDropped(prefix: string): void {
    const line = `${prefix}Warning: ${this.#dropped} log lines were dropped: this destination did not take them in time.`
    this.#dropped = 0
    this.#waiting.push(line)
    this.#waitingBytes += Buffer.byteLength(line) + 1
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing) return
    this.#scheduled = true
    this.#soon(() => {
      this.#scheduled = false
      this.#write()
    })
  }

  #write(): void {
    if (this.#writing || this.#ended) return
    this.#batch ??= this.#takeLines()
    if (this.#batch === undefined) return
    this.#writing = true
    this.#outlet.write(this.#batch, (failed, written) => this.#written(failed, written))
  }

  // After a failure the batch is kept, and tried again with the next line: a full disk may have room by then.
  #written(failed: boolean, written: number): void {
    this.#writing = false
    if (!failed && this.#batch !== undefined) {
      this.#batch = written < this.#batch.length ? this.#batch.subarray(written) : undefined
    }
    if (this.#ending) this.#finish()
    else if (!failed) this.#write()
  }

  /** A batch that is being written stays where it is. */
  #takeAll(): Uint8Array {
    const kept = this.#writing ? undefined : this.#batch
    if (!this.#writing) this.#batch = undefined
    return Buffer.concat([kept, this.#takeLines()].filter(bytes => bytes !== undefined))
  }

  #takeLines(): Uint8Array | undefined {
    if (this.#waiting.length === 0) return undefined
    const bytes = Buffer.from(`${this.#waiting.join('\n')}\n`)
    this.#waiting = []
    this.#waitingBytes = 0
    return bytes
  }
}
