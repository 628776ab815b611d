// Which subscriptions a message reaches. The interface is what several processes will share later; `LocalRouter` knows
// the subscriptions of this one.

import type { Session } from '../session/session.ts'
import type { Subscription } from '../session/subscription.ts'
import { hasWildcard } from '../topic/name.ts'
import { SubscriptionTree } from '../topic/subscription-tree.ts'
import { type GroupTarget, Route } from './route.ts'
import { SharedGroup } from './shared-group.ts'

export interface Router {
  readonly subscriptionCount: number
  readonly sharedSubscriptionCount: number
  subscribe(subscription: Subscription): void
  unsubscribe(subscription: Subscription): void
  /** Where messages of this topic go now; the same object as long as nothing has changed. */
  route(topicName: string): Route
  /** The topic's current route, if it was asked for lately. */
  recall(topicName: string): Route | undefined
  /** Whether nothing that the route depends on has changed since it was made. */
  isCurrent(route: Route): boolean
  /** Outdates every route: rules have changed. */
  outdate(): void
  /** Outdates the routes of one session: what its client may receive has changed. */
  outdateFor(session: Session): void
}

/** Topics whose routes are remembered, and subscriptions in all those routes together; beyond, all are worked out anew. */
const mostRoutes = 131_072
const mostRouteTargets = 1_000_000
/** Changes after which no outdated route is left. */
const outdatingsKept = 1024
/** Longer topic names are looked up each time. */
const longestRemembered = 256

const noSubscriptions: readonly Subscription[] = []
const noGroups: readonly GroupTarget[] = []

export class LocalRouter implements Router {
  readonly #tree = new SubscriptionTree<Subscription | SharedGroup>()
  /** By `$share/<name>/<filter>`. */
  readonly #groups = new Map<string, SharedGroup>()
  // What `#find` collects: kept between calls, and always empty there.
  readonly #matched: (Subscription | SharedGroup)[] = []
  readonly #plain: Subscription[] = []
  /** By topic name; outdated ones too, until they are asked for. */
  readonly #routes = new Map<string, Route>()
  #routeTargets = 0
  /** Counts the changes that may concern any topic. */
  #epoch = 0
  #plainCount = 0
  #sharedCount = 0

  get subscriptionCount(): number {
    return this.#plainCount + this.#sharedCount
  }

  get sharedSubscriptionCount(): number {
    return this.#sharedCount
  }

  subscribe(subscription: Subscription): void {
    this.#outdate(subscription.topicFilter)
    if (subscription.shareName === undefined) {
      this.#tree.add(subscription.topicFilter, subscription)
      this.#plainCount++
      return
    }
    let group = this.#groups.get(subscription.fullFilter)
    if (group === undefined) {
      group = new SharedGroup(subscription.topicFilter)
      this.#groups.set(subscription.fullFilter, group)
      this.#tree.add(group.topicFilter, group)
    }
    group.join(subscription)
    this.#sharedCount++
  }

  unsubscribe(subscription: Subscription): void {
    this.#outdate(subscription.topicFilter)
    if (subscription.shareName === undefined) {
      if (this.#tree.remove(subscription.topicFilter, subscription)) this.#plainCount--
      return
    }
    const group = this.#groups.get(subscription.fullFilter)
    if (group === undefined || !group.leave(subscription)) return
    this.#sharedCount--
    if (group.isEmpty) {
      this.#groups.delete(subscription.fullFilter)
      this.#tree.remove(group.topicFilter, group)
    }
  }

  recall(topicName: string): Route | undefined {
    const remembered = this.#routes.get(topicName)
    return remembered !== undefined && this.isCurrent(remembered) ? remembered : undefined
  }

  route(topicName: string): Route {
    const remembered = this.#routes.get(topicName)
    if (remembered !== undefined && this.isCurrent(remembered)) return remembered
    const route = this.#find(topicName)
    if (topicName.length <= longestRemembered && route.size <= mostRouteTargets) this.#remember(route, remembered)
    // What is not found by name again cannot be told of changes: it holds for one message.
    else route.epoch = -1
    return route
  }

  isCurrent(route: Route): boolean {
    return route.epoch === this.#epoch
  }

  outdate(): void {
    this.#epoch++
    // What is outdated stays until it is asked for again; not for ever, as it keeps sessions alive that may have ended.
    if (this.#epoch % outdatingsKept === 0) this.#forgetAll()
  }

  outdateFor(session: Session): void {
    const before = this.#epoch
    for (const { topicFilter } of session.subscriptions.values()) {
      this.#outdate(topicFilter)
      if (this.#epoch !== before) return
    }
  }

  /** A filter without wildcards concerns one topic; any other may concern all. */
  #outdate(topicFilter: string): void {
    if (hasWildcard(topicFilter)) {
      this.outdate()
      return
    }
    const route = this.#routes.get(topicFilter)
    if (route === undefined) return
    this.#routes.delete(topicFilter)
    this.#routeTargets -= route.size
    route.retire()
  }

  #find(topicName: string): Route {
    const matched = this.#matched
    const plain = this.#plain
    this.#tree.match(topicName, matched)
    let groups: GroupTarget[] | undefined
    let plainCount = 0
    for (let i = 0; i < matched.length; i++) {
      const match = matched[i] as Subscription | SharedGroup
      if (match instanceof SharedGroup) {
        groups ??= []
        groups.push({ group: match, members: match.members.filter(member => mayReceive(member, topicName)) })
      } else {
        plainCount++
        if (mayReceive(match, topicName)) plain.push(match)
      }
    }
    // Copied, since an array that was pushed to keeps room for sixteen more, and there are many routes.
    const subscriptions = plain.length === 0 ? noSubscriptions : plain.slice()
    matched.length = 0
    plain.length = 0
    return new Route(topicName, subscriptions, groups ?? noGroups, plainCount, this.#epoch)
  }

  #remember(route: Route, replaced: Route | undefined): void {
    if (replaced !== undefined) {
      this.#routeTargets -= replaced.size
      replaced.retire()
    }
    const isOneMore = replaced === undefined && this.#routes.size >= mostRoutes
    if (isOneMore || this.#routeTargets + route.size > mostRouteTargets) {
      this.#forgetAll()
    }
    this.#routeTargets += route.size
    this.#routes.set(route.topicName, route)
  }

  /** Connections remember routes too: those that are no longer found by name must not be taken for current. */
  #forgetAll(): void {
    for (const route of this.#routes.values()) route.retire()
    this.#routes.clear()
    this.#routeTargets = 0
  }
}

function mayReceive(subscription: Subscription, topicName: string): boolean {
  return subscription.session.access.receive(topicName)
}
