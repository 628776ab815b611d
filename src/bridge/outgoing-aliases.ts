// Topic aliases that a bridge sets on one connection (§3.3.2.3.4): its first topics get one each, and keep it.

export interface Alias {
  readonly number: number
  /** The other side has it with its topic, which may be left out from now on. */
  readonly isKnown: boolean
}

export class OutgoingAliases {
  readonly #maximum: number
  readonly #known = new Map<string, Alias>()

  /** @param maximum how many; 0 for none */
  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /** @returns undefined for a topic that has none; the caller says with `sent` that it was used */
  find(topicName: string): Alias | undefined {
    const known = this.#known.get(topicName)
    if (known !== undefined || this.#known.size >= this.#maximum) return known
    return { number: this.#known.size + 1, isKnown: false }
  }

  sent(topicName: string): void {
    if (this.#known.has(topicName) || this.#known.size >= this.#maximum) return
    this.#known.set(topicName, { number: this.#known.size + 1, isKnown: true })
  }
}
