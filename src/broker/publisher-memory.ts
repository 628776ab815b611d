// What a client's last topics came to, so that the next message on one of them asks neither the rules nor the router.

import type { Permitted } from '../auth/principal.ts'
import type { Route } from './route.ts'
import type { Router } from './router.ts'

/** Topics remembered for one connection, beside the last one; with one more all are forgotten. */
const mostTopics = 1024
/** Characters; longer topic names are not remembered. */
const longestRemembered = 256

export interface KnownTopic {
  /** As the client says it, without a mount point. */
  readonly topicName: string
  readonly route: Route
  /** The same route, if the client may publish there. */
  readonly permitted: Permitted<Route> | undefined
}

/** What all connections together may still remember, beside the last topic of each. */
export interface MemoryBudget {
  topicsLeft: number
}

export class PublisherMemory {
  readonly #router: Router
  readonly #budget: MemoryBudget
  #last: KnownTopic | undefined = undefined
  /** Made when a second topic comes. */
  #topics: Map<string, KnownTopic> | undefined = undefined

  constructor(router: Router, budget: MemoryBudget) {
    this.#router = router
    this.#budget = budget
  }

  /** @returns undefined when the topic was not remembered, or when rules or subscriptions have changed since */
  find(topicName: string): KnownTopic | undefined {
    const known = this.#last?.topicName === topicName ? this.#last : this.#topics?.get(topicName)
    if (known === undefined || !this.#router.isCurrent(known.route)) return undefined
    this.#last = known
    return known
  }

  remember(known: KnownTopic): void {
    if (known.topicName.length > longestRemembered) return
    const last = this.#last
    this.#last = known
    if (this.#topics === undefined) {
      if (last === undefined || last.topicName === known.topicName) return
      this.#topics = new Map()
      this.#keep(last)
    }
    this.#keep(known)
  }

  /** What the client may do has changed, or it has gone. */
  forget(): void {
    this.#budget.topicsLeft += this.#topics?.size ?? 0
    this.#last = undefined
    this.#topics = undefined
  }

  #keep(known: KnownTopic): void {
    const topics = this.#topics as Map<string, KnownTopic>
    const before = topics.size
    if (before >= mostTopics) topics.clear()
    if (this.#budget.topicsLeft > 0 || topics.has(known.topicName)) topics.set(known.topicName, known)
    this.#budget.topicsLeft += before - topics.size
  }
}
