// What a client's last topics came to, so that the next message on one of them asks neither the rules nor the router.

import type { Permitted } from '../auth/principal.ts'
import type { Route } from './route.ts'
import type { Router } from './router.ts'

/** Topics remembered for one connection; with one more all are forgotten. */
const mostTopics = 64
/** Characters; longer topic names are not remembered. */
const longestRemembered = 256

export interface KnownTopic {
  /** As the client says it, without a mount point. */
  readonly topicName: string
  readonly route: Route
  /** The same route, if the client may publish there. */
  readonly permitted: Permitted<Route> | undefined
}

export class PublisherMemory {
  readonly #router: Router
  #last: KnownTopic | undefined = undefined
  /** Made when a second topic comes. */
  #topics: Map<string, KnownTopic> | undefined = undefined

  constructor(router: Router) {
    this.#router = router
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
    if (this.#last !== undefined && this.#last.topicName !== known.topicName) {
      this.#topics ??= new Map([[this.#last.topicName, this.#last]])
    }
    this.#last = known
    if (this.#topics === undefined) return
    if (this.#topics.size >= mostTopics) this.#topics.clear()
    this.#topics.set(known.topicName, known)
  }

  /** What the client may do has changed. */
  forget(): void {
    this.#last = undefined
    this.#topics = undefined
  }
}
