// Latencies, counted in buckets whose width grows with the value: constant memory, and an error bounded in percent.

/** In microseconds. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** 32 buckets to each doubling: the middle of one is at most 1/64 off any value in it. */
const bucketBits = 5
const bucketsPerDoubling = 1 << bucketBits
const doublings = 32 - bucketBits

/** Counts of whole microseconds below 2^32. */
export class Histogram {
  #count = 0
  #max = 0
  readonly #buckets = new Float64Array((doublings + 1) * bucketsPerDoubling)

  get count(): number {
    return this.#count
  }

  /** Counts one value, in microseconds; a negative one, which two readings of a clock may give, counts as 0. */
  record(value: number): void {
    const whole = value > 0 ? value >>> 0 : 0
    const bucket = bucketOf(whole)
    this.#buckets[bucket] = this.#buckets[bucket]! + 1
    this.#count += 1
    if (whole > this.#max) this.#max = whole
  }

  /** The value that `fraction` (0 to 1) of all are at or below, within 1.6 %; 0 when there are none. */
  quantile(fraction: number): number {
    const wanted = Math.max(1, Math.ceil(fraction * this.#count))
    let seen = 0
    for (let bucket = 0; bucket < this.#buckets.length; bucket += 1) {
      seen += this.#buckets[bucket]!
      if (seen >= wanted) return Math.min(middleOf(bucket), this.#max)
    }
    return this.#max
  }

  /** Null when nothing was counted. */
  summary(): Latency | null {
    if (this.#count === 0) return null
    return { p50: this.quantile(0.5), p99: this.quantile(0.99), p999: this.quantile(0.999), max: this.#max }
  }
}

/** Values below 32 have a bucket each; above, the five bits behind the highest one tell which of its doubling. */
function bucketOf(value: number): number {
  if (value < bucketsPerDoubling) return value
  const shift = 31 - bucketBits - Math.clz32(value)
  return shift * bucketsPerDoubling + (value >>> shift)
}

function middleOf(bucket: number): number {
  if (bucket < 2 * bucketsPerDoubling) return bucket
  const shift = Math.floor(bucket / bucketsPerDoubling) - 1
  const low = (bucketsPerDoubling + (bucket % bucketsPerDoubling)) * 2 ** shift
  return low + 2 ** shift / 2
}
