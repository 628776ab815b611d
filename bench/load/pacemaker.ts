// A clock finer than the event loop's milliseconds: a thread that sleeps in between and wakes the loop when it is time.
// Without sleep, a loop that only looks at the clock would fight with the broker for a core on a busy machine.

import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

interface PacemakerData {
  readonly periodMs: number
  /** One beat has been sent and not been heard yet: a loop that is late gets no heap of them. */
  readonly pending: Int32Array<SharedArrayBuffer>
}

/** Calls `beat` about every `periodMs`, which may be a fraction, until it is disposed of. */
export class Pacemaker {
  /** Resolves at the first beat: on a busy machine a thread takes its time to begin. */
  readonly begun: Promise<unknown>
  readonly #worker: Worker

  constructor(periodMs: number, beat: () => void) {
    const pending = new Int32Array(new SharedArrayBuffer(4))
    this.#worker = new Worker(new URL(import.meta.url), { workerData: { periodMs, pending } satisfies PacemakerData })
    this.begun = once(this.#worker, 'message')
    this.#worker.on('message', () => {
      Atomics.store(pending, 0, 0)
      beat()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }
}

function keepTime({ periodMs, pending }: PacemakerData): never {
  const never = new Int32Array(new SharedArrayBuffer(4))
  for (let next = performance.now(); ; ) {
    next = Math.max(next + periodMs, performance.now())
    Atomics.wait(never, 0, 0, next - performance.now())
    if (Atomics.exchange(pending, 0, 1) === 0) parentPort!.postMessage(null)
  }
}

if (!isMainThread && workerData?.pending instanceof Int32Array) keepTime(workerData as PacemakerData)
