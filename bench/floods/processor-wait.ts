// How long a thread was ready to run and had no processor, by the kernel's own account: what other work on the machine adds to a
// round trip, and no broker can help.

import { closeSync, openSync, readSync } from 'node:fs'

const longestText = 96
const nanosecondsPerMillisecond = 1e6

/** Of a process' main thread. */
export class ProcessorWait {
  readonly #file: number | undefined
  readonly #text = Buffer.alloc(longestText)

  constructor(pid: number) {
    this.#file = open(`/proc/${pid}/task/${pid}/schedstat`)
  }

  /** Milliseconds since it began, 0 where the kernel does not tell; the second of three numbers, in nanoseconds. */
  get milliseconds(): number {
    if (this.#file === undefined) return 0
    const length = readSync(this.#file, this.#text, 0, longestText, 0)
    const [, waited = '0'] = this.#text.toString('latin1', 0, length).split(' ')
    return Number(waited) / nanosecondsPerMillisecond
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
  }
}

function open(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}
