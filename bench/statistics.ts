// What is made of several measurements of one thing.

export interface Summary {
  readonly median: number
  /** (Largest − smallest) ÷ median; 0 for a single value. */
  readonly spread: number
  /** In the order of the rounds. */
  readonly values: readonly number[]
}

/** @returns undefined when there is nothing to sum up */
export function summarize(values: readonly number[]): Summary | undefined {
  const middle = median(values)
  if (middle === undefined) return undefined
  const width = Math.max(...values) - Math.min(...values)
  return { median: middle, spread: width === 0 ? 0 : width / middle, values }
}

/** The one in the middle, or the mean of the two there. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] as number
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] as number
  return (lower + upper) / 2
}

/** @returns undefined when either is unknown, or the divisor is nothing */
export function ratio(ours: number | undefined, theirs: number | undefined): number | undefined {
  return ours === undefined || theirs === undefined || theirs === 0 ? undefined : ours / theirs
}
