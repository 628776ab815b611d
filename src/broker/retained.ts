// Retained messages: one per topic, the latest (§3.3.1.3). Answered from memory; what changes goes to the journal, too.

import { Timer, type TimerWheel } from '../base/timer-wheel.ts'
import { noProperties, type Properties, type QoS } from '../mqtt/packet.ts'
import { Message, neverExpires, packedCopy, unpacked } from '../session/message.ts'
import { RetainedTree, type RetainedWalk } from '../topic/retained-tree.ts'
import type { Journal } from './journal.ts'

/** Whoever published a retained message, to ask whether they still may (`check_retain_source`). */
export interface RetainSource {
  mayPublish(topicName: string): boolean
  /** Who that is, for the store. */
  readonly source: Uint8Array
}

export class Retained {
  readonly message: Message
  /** undefined for the broker's own messages. */
  readonly source: RetainSource | undefined
  /** Milliseconds on the broker's clock: the earlier of message expiry and `retain_expiry_interval`. */
  readonly expiresAt: number
  /** @internal Whether it is still its topic's message; the store's to change. */
  isCurrent = true
  /** The rules under which `source` was last asked, and what it said. */
  #askedUnder = -1
  #isAllowed = true

  constructor(message: Message, source: RetainSource | undefined, expiresAt: number) {
    this.message = message
    this.source = source
    this.expiresAt = expiresAt
  }

  /**
   * Whether whoever retained it still may (`check_retain_source`).
   *
   * @param rules counts the changes of the rules: the source is asked once for each
   */
  isStillAllowed(rules: number): boolean {
    if (this.source === undefined) return true
    if (this.#askedUnder !== rules) {
      this.#askedUnder = rules
      this.#isAllowed = this.source.mayPublish(this.message.topicName)
    }
    return this.#isAllowed
  }
}

/** What an earlier run has left, and what never expires: made when somebody asks for it, which for most nobody does for long. */
export interface UnmadeRetained {
  /** As `Message.size`. */
  readonly size: number
  make(topicName: string): Retained
}

export interface RetainedStore {
  readonly size: number
  /** Bytes of all of them; see `Message.size`. */
  readonly bytes: number
  /** @returns the limit that a message of so many bytes would pass, as its option is called; undefined when it fits */
  limitAgainst(topicName: string, size: number): string | undefined
  set(topicName: string, retained: Retained): void
  /** Takes in what an earlier run has left. */
  restore(topicName: string, retained: Retained | UnmadeRetained): void
  delete(topicName: string): void
  /** A cursor over what matches; what is retained from now on it passes over. */
  match(topicFilter: string): RetainedCursor
}

/** Finds messages step by step, whatever is retained and removed between the steps. */
export interface RetainedCursor {
  /** Looks at one more topic. @returns false when there is none left */
  step(): boolean
  /** What the last step came to, if that matches. */
  readonly found: Retained | undefined
}

/**
 * A message that nobody has asked for yet, and its like on the topic after it. The first leaves V8 one string to move and to mark,
 * instead of four objects; from the second on there is a buffer, which each one overwrites: whoever retains without a pause leaves
 * nothing behind that would have to be moved, while others wait for it.
 */
class Packed {
  /** Of the first message, or a buffer that may be longer than the message. */
  #payload: Uint8Array | string | undefined = undefined
  #payloadLength = 0
  #qos: QoS = 0
  #publisher = ''
  #properties: Properties = noProperties
  #messageExpiresAt = neverExpires
  #expiresAt = neverExpires
  source: RetainSource | undefined = undefined
  size = 0

  pack({ message, source, expiresAt }: Retained): this {
    this.#keep(message.payload)
    this.#qos = message.qos
    this.#publisher = message.publisher
    this.#properties = message.properties
    this.#messageExpiresAt = message.expiresAt
    this.#expiresAt = expiresAt
    this.source = source
    this.size = message.size
    return this
  }

  #keep(payload: Uint8Array): void {
    const kept = this.#payload
    const { length } = payload
    if (typeof kept === 'object' && length <= kept.length && length * 2 >= kept.length) kept.set(payload)
    else this.#payload = kept === undefined ? packedCopy(payload) : Uint8Array.prototype.slice.call(payload)
    this.#payloadLength = length
  }

  /** What there is goes over to it: nothing is packed here any more. */
  make(topicName: string): Retained {
    const payload = unpacked(this.#payload ?? '').subarray(0, this.#payloadLength)
    const message = new Message(
      topicName,
      payload,
      this.#qos,
      true,
      this.#publisher,
      this.#properties,
      this.#messageExpiresAt,
    )
    return new Retained(message.own(), this.source, this.#expiresAt)
  }
}

/** What is kept of one topic. */
class Kept {
  /** Counts what was retained, on whatever topic. */
  number = 0
  #retained: Retained | UnmadeRetained | undefined = undefined
  /** Removes it when it expires. */
  expiry: Timer | undefined = undefined

  /** @param isPacked until somebody asks for it */
  set(number: number, retained: Retained | UnmadeRetained, expiry: Timer | undefined, isPacked: boolean): void {
    const before = this.#retained
    this.number = number
    this.expiry = expiry
    if (!(retained instanceof Retained)) this.#retained = retained
    else if (isPacked) this.#retained = (before instanceof Packed ? before : new Packed()).pack(retained)
    else {
      retained.message.own()
      this.#retained = retained
    }
  }

  get size(): number {
    const retained = this.#retained
    if (retained === undefined) return 0
    return retained instanceof Retained ? retained.message.size : retained.size
  }

  /** The broker's own are not written down. */
  get isRecorded(): boolean {
    const retained = this.#retained
    return !(retained instanceof Retained || retained instanceof Packed) || retained.source !== undefined
  }

  /** @param topicName its topic */
  retained(topicName: string): Retained | undefined {
    const retained = this.#retained
    if (retained === undefined || retained instanceof Retained) return retained
    const made = retained.make(topicName)
    this.#retained = made
    return made
  }

  /** It is its topic's message no more. */
  end(): void {
    if (this.#retained instanceof Retained) this.#retained.isCurrent = false
  }
}

/** What the retained messages need of the broker around them. */
export interface RetainedHost {
  readonly wheel: TimerWheel
  readonly journal: Journal | undefined
  readonly settings: { readonly max_retained_messages: number; readonly max_retained_bytes: number }
  /** Above 0 memory is short. */
  readonly shortage: number
}

export class MemoryRetainedStore implements RetainedStore {
  readonly #tree = new RetainedTree<Kept>()
  readonly #host: RetainedHost
  #bytes = 0
  #lastNumber = 0

  constructor(host: RetainedHost) {
    this.#host = host
  }

  get size(): number {
    return this.#tree.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** What replaces a larger message always fits. */
  limitAgainst(topicName: string, size: number): string | undefined {
    const { settings, shortage } = this.#host
    const { max_retained_messages: mostMessages, max_retained_bytes: mostBytes } = settings
    const kept = this.#tree.get(topicName)
    const growth = size - (kept?.size ?? 0)
    if (kept !== undefined && growth <= 0) return undefined
    if (kept === undefined && mostMessages > 0 && this.size >= mostMessages) return 'max_retained_messages'
    if (mostBytes > 0 && this.#bytes + growth > mostBytes) return 'max_retained_bytes'
    return shortage > 0 ? 'memory_limit' : undefined
  }

  set(topicName: string, retained: Retained): void {
    this.restore(topicName, retained)
    this.#host.journal?.retain(retained)
  }

  restore(topicName: string, retained: Retained | UnmadeRetained): void {
    const before = this.#tree.get(topicName)
    this.#forget(before)
    const kept = before ?? new Kept()
    // What is written down is so with its message, which all that wait for it share.
    const isPacked = this.#host.journal === undefined
    kept.set(++this.#lastNumber, retained, this.#expiryOf(topicName, retained), isPacked)
    this.#bytes += kept.size
    if (before === undefined) this.#tree.set(topicName, kept)
  }

  #expiryOf(topicName: string, retained: Retained | UnmadeRetained): Timer | undefined {
    if (!(retained instanceof Retained) || retained.expiresAt === neverExpires) return undefined
    const expiry = new Timer(() => this.delete(topicName))
    this.#host.wheel.set(expiry, retained.expiresAt)
    return expiry
  }

  delete(topicName: string): void {
    const kept = this.#tree.get(topicName)
    if (kept === undefined) return
    this.#forget(kept)
    this.#tree.delete(topicName)
    if (kept.isRecorded) this.#host.journal?.unretain(topicName)
  }

  match(topicFilter: string): RetainedCursor {
    return new MemoryCursor(this.#tree.match(topicFilter), this.#lastNumber)
  }

  #forget(kept: Kept | undefined): void {
    if (kept === undefined) return
    kept.end()
    this.#bytes -= kept.size
    if (kept.expiry !== undefined) this.#host.wheel.clear(kept.expiry)
  }
}

class MemoryCursor implements RetainedCursor {
  readonly #walk: RetainedWalk<Kept>
  readonly #lastNumber: number

  constructor(walk: RetainedWalk<Kept>, lastNumber: number) {
    this.#walk = walk
    this.#lastNumber = lastNumber
  }

  step(): boolean {
    return this.#walk.step()
  }

  get found(): Retained | undefined {
    const { topicName, value: kept } = this.#walk
    if (kept === undefined || topicName === undefined || kept.number > this.#lastNumber) return undefined
    return kept.retained(topicName)
  }
}
