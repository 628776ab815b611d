// Mosquitto's signals. They are caught from the first moment on: one that comes during the start waits for its end, unless it
// ends the broker, which a start that takes long gives way to.

import { onRealTimeSignal } from './real-time-signal.ts'

const named = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGTERM'] as const

/** What the broker acts upon. */
export type BrokerSignal = (typeof named)[number] | 'SIGRTMIN'

export class Signals {
  readonly #waiting: BrokerSignal[] = []
  readonly #ending = new AbortController()
  readonly #again = Promise.withResolvers<void>()
  #act: ((signal: BrokerSignal) => void) | undefined
  /** Where it is not, SIGRTMIN ends the process. */
  readonly catchesRealTime: boolean

  constructor() {
    for (const signal of named) process.on(signal, () => this.#take(signal))
    this.catchesRealTime = onRealTimeSignal(() => this.#take('SIGRTMIN'))
  }

  /** Aborted by the first signal that ends the broker. */
  get ending(): AbortSignal {
    return this.#ending.signal
  }

  /** Resolves on the second one. */
  get endedAgain(): Promise<void> {
    return this.#again.promise
  }

  /** Hands over what has come and what comes. */
  deliver(act: (signal: BrokerSignal) => void): void {
    this.#act = act
    for (const signal of this.#waiting.splice(0)) act(signal)
  }

  #take(signal: BrokerSignal): void {
    if (signal === 'SIGINT' || signal === 'SIGTERM') {
      if (this.#ending.signal.aborted) this.#again.resolve()
      this.#ending.abort()
    }
    if (this.#act === undefined) this.#waiting.push(signal)
    else this.#act(signal)
  }
}
