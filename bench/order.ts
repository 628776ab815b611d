// The order in which brokers take turns.

/**
 * Each round begins with another one (A B C, B C A, C A B, …), so that what a machine does meanwhile, or has become warm
 * from, falls on all alike.
 *
 * @returns one list a round
 */
export function interleave<Item>(items: readonly Item[], rounds: number): Item[][] {
  return Array.from({ length: rounds }, (_, round) => {
    const first = items.length === 0 ? 0 : round % items.length
    return [...items.slice(first), ...items.slice(0, first)]
  })
}
