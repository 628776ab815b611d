// One destination of log lines that is a file descriptor: batches, one write at a time, a bound on what waits.

import type { LogIo } from './log-io.ts'

/** Most bytes of lines that wait for a destination; further lines are dropped and counted. */
export const maximumWaitingBytes = 1_048_576

/** Never throws after it is made; a destination that fails loses lines, and says how many once it works again. */
export class LogSink {
  readonly #fd: number
  readonly #io: LogIo
  #waiting: string[] = []
  #waitingBytes = 0
  /** The batch that is being written. */
  #batch: Uint8Array | undefined
  #writing = false
  #scheduled = false
  #dropped = 0
  #close: (() => void) | undefined
  #ended = false

  constructor(fd: number, io: LogIo) {
    this.#fd = fd
    this.#io = io
  }

  /** @param prefix the timestamp of the line that reports dropped lines, should it be needed */
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
    const kept = this.#writing ? undefined : this.#batch
    const lines = this.#takeLines()
    if (!this.#writing) this.#batch = undefined
    try {
      if (kept !== undefined) this.#writeAll(kept)
      if (lines !== undefined) this.#writeAll(lines)
    } catch {
      // Nothing is left to tell it to.
    }
  }

  /** Closes once the write under way is done; what waits is written first. */
  end(close: () => void): void {
    this.#close = close
    if (!this.#writing) this.#finish()
  }

  #finish(): void {
    this.#ended = true
    this.flush()
    this.#close?.()
    this.#close = undefined
  }

  #writeAll(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; ) offset += this.#io.writeNow(this.#fd, bytes.subarray(offset))
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
    this.#io.soon(() => {
      this.#scheduled = false
      this.#write()
    })
  }

  #write(): void {
    if (this.#writing || this.#ended) return
    this.#batch ??= this.#takeLines()
    if (this.#batch === undefined) return
    this.#writing = true
    this.#io.write(this.#fd, this.#batch, (failed, written) => this.#written(failed, written))
  }

  // After a failure the batch is kept, and tried again with the next line: a full disk may have room by then.
  #written(failed: boolean, written: number): void {
    this.#writing = false
    if (!failed && this.#batch !== undefined) {
      this.#batch = written < this.#batch.length ? this.#batch.subarray(written) : undefined
    }
    if (this.#close !== undefined) this.#finish()
    else if (!failed) this.#write()
  }

  #takeLines(): Uint8Array | undefined {
    if (this.#waiting.length === 0) return undefined
    const bytes = Buffer.from(`${this.#waiting.join('\n')}\n`)
    this.#waiting = []
    this.#waitingBytes = 0
    return bytes
  }
}
