// Mosquitto's signals. They are caught from the first moment on: one that comes during the start waits for its end, unless it
// ends the broker, which a start that takes long gives way to.

export class Signals {
  readonly #waiting: NodeJS.Signals[] = []
  readonly #ending = new AbortController()
  readonly #again = Promise.withResolvers<void>()
  #act: ((signal: NodeJS.Signals) => void) | undefined

  constructor() {
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => this.#take(signal))
    }
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
  deliver(act: (signal: NodeJS.Signals) => void): void {
    this.#act = act
    for (const signal of this.#waiting.splice(0)) act(signal)
  }

  #take(signal: NodeJS.Signals): void {
    if (signal === 'SIGINT' || signal === 'SIGTERM') {
      if (this.#ending.signal.aborted) this.#again.resolve()
      this.#ending.abort()
    }
    if (this.#act === undefined) this.#waiting.push(signal)
    else this.#act(signal)
  }
}
