// What collecting garbage has cost so far, by kind. Node tells it after each collection, and only while somebody listens.

import { constants, type NodeGCPerformanceDetail, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'

/** Totals of one kind of collection. */
export interface GarbageFigures {
  runs: number
  seconds: number
}

const kinds: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weak_callbacks',
}

export class GarbageWatch {
  /** By kind. */
  readonly figures: ReadonlyMap<string, GarbageFigures> = new Map(
    Object.values(kinds).map(kind => [kind, { runs: 0, seconds: 0 }]),
  )
  readonly #observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) this.#note(entry)
  })

  start(): void {
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  stop(): void {
    this.#observer.disconnect()
  }

  #note(collection: PerformanceEntry): void {
    // The types leave out what entries of Node's own have besides.
    const { kind } = (collection as unknown as { readonly detail: NodeGCPerformanceDetail }).detail
    const figures = this.figures.get(kinds[kind ?? -1] ?? '')
    if (figures === undefined) return
    figures.runs++
    figures.seconds += collection.duration / 1000
  }
}
