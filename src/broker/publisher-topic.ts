// What a client's last topic came to, so that the next message on it asks neither the rules nor the router.

import type { Permitted } from '../auth/principal.ts'
import type { Access } from '../auth/realm.ts'
import type { CachedTopic } from '../mqtt/topic-cache.ts'
import type { Route } from './route.ts'
import type { Router } from './router.ts'

export class PublisherTopic {
  readonly #router: Router
  /** As the client says it, without a mount point. */
  #topicName = ''
  #route: Route | undefined = undefined
  #permitted: Permitted<Route> | undefined = undefined

  constructor(router: Router) {
    this.#router = router
  }

  /** Only after `recall` or `find` said true, or after `learn`. */
  get route(): Route {
    return this.#route as Route
  }

  /** The same route, if the client may publish there. */
  get permitted(): Permitted<Route> | undefined {
    return this.#permitted
  }

  /** @returns false when this is not the client's last topic, or when rules or subscriptions have changed since */
  recall(topicName: string): boolean {
    return this.#route !== undefined && this.#topicName === topicName && this.#router.isCurrent(this.#route)
  }

  /**
   * Looks for a topic that was published on lately, by this client or another one: so that it is one and has not too
   * many levels need not be checked again. Not for clients with a mount point.
   *
   * @returns false when nothing is remembered, or when rules or subscriptions have changed since
   */
  find(topic: CachedTopic<Route>, access: Access): boolean {
    const { topicName } = topic
    if (this.recall(topicName)) return true
    if (topic.memo === undefined || !this.#router.isCurrent(topic.memo)) topic.memo = this.#router.recall(topicName)
    if (topic.memo === undefined) return false
    this.#remember(topicName, topic.memo, access)
    return true
  }

  /** @param topicName checked, as the client says it; `mounted` is the same on the client's mount point */
  learn(topicName: string, mounted: string, access: Access): void {
    this.#remember(topicName, this.#router.route(mounted), access)
  }

  /** What the client may do has changed, or it has gone. */
  forget(): void {
    this.#route = undefined
    this.#permitted = undefined
  }

  #remember(topicName: string, route: Route, access: Access): void {
    this.#topicName = topicName
    this.#route = route
    this.#permitted = route.permittedBy(access)
  }
}
