// The order in which brokers take turns.

/**
 * Each round begins with another one (A B C, B C A, C A B, …), so that what a machine does meanwhile, or has become warm
 * from, falls on all alike. An item that has fewer rounds than others is in the first ones.
 *
 * @returns one list a round
 */
export function interleave<Item>(items: readonly Item[], roundsOf: (item: Item) => number): Item[][] {
  return Array.from({ length: Math.max(0, ...items.map(roundsOf)) }, (_, round) => {
    const first = items.length === 0 ? 0 : round % items.length
    return [...items.slice(first), ...items.slice(0, first)].filter(item => round < roundsOf(item))
  })
}
