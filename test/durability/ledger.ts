// What clients were promised, what they got, and what was wrong with it: the books of a run that kills the broker.

/** Most faults that are told one by one. */
const mostTold = 40

/** One subscriber's receipts of one stream. */
interface Receipts {
  /** How often each number came. */
  readonly times: number[]
  /** The highest that came. */
  last: number
}

/** Messages of one publisher on one topic, numbered from 0 on. */
export interface Stream {
  readonly name: string
  readonly qos: 1 | 2
  /** Whether the broker has acknowledged the number. */
  readonly acknowledged: boolean[]
}

export class Ledger {
  readonly faults: string[] = []
  readonly counts = {
    acknowledged: 0,
    received: 0,
    repeated: 0,
    sessions: 0,
    retained: 0,
    subscriptions: 0,
    wills: 0,
    commands: 0,
  }
  #untold = 0

  fault(text: string): void {
    if (this.faults.length < mostTold) this.faults.push(text)
    else this.#untold++
  }

  get report(): string {
    return [...this.faults, ...(this.#untold > 0 ? [`and ${this.#untold} more`] : [])].join('\n')
  }
}

/** What one subscriber, or one group that shares a subscription, has got of all streams. */
export class Inbox {
  readonly #name: string
  readonly #ledger: Ledger
  readonly #keepsOrder: boolean
  readonly #qos: 1 | 2
  readonly #receipts = new Map<Stream, Receipts>()

  /** @param keepsOrder false for a group: its members are served side by side */
  constructor(name: string, qos: 1 | 2, ledger: Ledger, keepsOrder = true) {
    this.#name = name
    this.#qos = qos
    this.#ledger = ledger
    this.#keepsOrder = keepsOrder
  }

  receive(stream: Stream, number: number): void {
    const receipts = this.#of(stream)
    const times = (receipts.times[number] ?? 0) + 1
    receipts.times[number] = times
    this.#ledger.counts.received++
    if (times > 1) this.#noteRepeated(stream, number)
    // What comes for the first time is behind everything that came before [MQTT-4.6.0-5].
    else if (this.#keepsOrder && number < receipts.last) {
      this.#ledger.fault(
        `order: ${this.#name} got ${stream.name} #${number} for the first time behind #${receipts.last}`,
      )
    }
    receipts.last = Math.max(receipts.last, number)
  }

  /** Acknowledged and not here, as `stream #number`. */
  missing(streams: readonly Stream[]): string[] {
    const missing: string[] = []
    for (const stream of streams) {
      const { times } = this.#of(stream)
      for (const [number, isAcknowledged] of stream.acknowledged.entries()) {
        if (isAcknowledged && times[number] === undefined) missing.push(`${stream.name} #${number}`)
      }
    }
    return missing
  }

  closeBooks(streams: readonly Stream[]): void {
    for (const what of this.missing(streams)) this.#ledger.fault(`lost: ${this.#name} never got ${what}`)
  }

  #noteRepeated(stream: Stream, number: number): void {
    if (stream.qos === 2 && this.#qos === 2) {
      this.#ledger.fault(`duplicated: ${this.#name} got ${stream.name} #${number} again`)
    }
    this.#ledger.counts.repeated++
  }

  #of(stream: Stream): Receipts {
    let receipts = this.#receipts.get(stream)
    if (receipts === undefined) {
      receipts = { times: [], last: -1 }
      this.#receipts.set(stream, receipts)
    }
    return receipts
  }
}
