// The order in which brokers take turns, and which of their rounds count.

import { probedCost } from './figures.ts'
import type { LoadResult } from './load/result.ts'

/**
 * Of more measurements than rounds were asked for, those that count: in which the core was least disturbed, by what a probe
 * beside the broker says, and not by what came out. Those without a probe count in their order.
 */
export function counting(results: readonly LoadResult[], rounds: number): readonly LoadResult[] {
  return results.toSorted((a, b) => (probedCost(a) ?? 0) - (probedCost(b) ?? 0)).slice(0, rounds)
}

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
