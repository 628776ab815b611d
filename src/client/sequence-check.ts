// Tells from sequence numbers what was lost, doubled or overtaken on the way.

/**
 * A track is one publisher's messages as one subscriber hears them. Numbers begin at 1 and rise by one. Where a
 * subscriber hears all of them, a number that comes late is one that was missing; where several share them, it hears
 * some, and only rising ones.
 */
export class SequenceCheck {
  duplicates = 0
  outOfOrder = 0
  /** Numbers that were jumped over and have not come since; always 0 where messages are shared. */
  missing = 0
  readonly #shared: boolean
  readonly #last: Uint32Array

  constructor(tracks: number, shared: boolean) {
    this.#last = new Uint32Array(tracks)
    this.#shared = shared
  }

  /** Takes the next number of a track; false when that message has been there before. */
  take(track: number, sequence: number): boolean {
    const last = this.#last[track]!
    if (sequence > last) {
      if (!this.#shared) this.missing += sequence - last - 1
      this.#last[track] = sequence
      return true
    }
    return this.#late(sequence === last)
  }

  /** A number that was missing comes out of order; with none missing it can only be a second copy. */
  #late(repeated: boolean): boolean {
    if (repeated || (!this.#shared && this.missing === 0)) {
      this.duplicates += 1
      return false
    }
    this.outOfOrder += 1
    if (!this.#shared) this.missing -= 1
    return true
  }
}

/** Counts how often each message in flight has arrived, whoever got it; older ones make room for younger. */
export class ArrivalRing {
  readonly #mask: number
  readonly #sequences: Uint32Array
  readonly #counts: Uint32Array

  /** `inFlight`: the most messages of one publisher that can be on their way. */
  constructor(publishers: number, inFlight: number) {
    const size = 2 ** Math.ceil(Math.log2(inFlight + 1))
    this.#mask = size - 1
    this.#sequences = new Uint32Array(publishers * size)
    this.#counts = new Uint32Array(publishers * size)
  }

  /** The arrivals of this message, this one included. */
  arrive(publisher: number, sequence: number): number {
    const slot = publisher * (this.#mask + 1) + (sequence & this.#mask)
    const count = this.#sequences[slot] === sequence ? this.#counts[slot]! + 1 : 1
    this.#sequences[slot] = sequence
    this.#counts[slot] = count
    return count
  }
}
