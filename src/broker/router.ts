// Which subscriptions a message reaches. The interface is what several processes will share later; `LocalRouter` knows
// the subscriptions of this one.

import type { Permitted } from '../auth/principal.ts'
import type { Message } from '../session/message.ts'
import type { Subscription } from '../session/subscription.ts'
import { SubscriptionTree } from '../topic/subscription-tree.ts'
import { SharedGroup } from './shared-group.ts'

export interface Router {
  readonly subscriptionCount: number
  readonly sharedSubscriptionCount: number
  subscribe(subscription: Subscription): void
  unsubscribe(subscription: Subscription): void
  /** What `route` found: a stack, since delivering one message may end a connection whose will is routed meanwhile. */
  readonly reached: Subscription[]
  /**
   * Puts onto `reached` every plain subscription that matches and, of each shared group that matches, the one member
   * whose turn it is [MQTT-4.8.2-3]. The caller takes them off.
   *
   * @returns how many
   */
  route(message: Permitted<Message>): number
}

export class LocalRouter implements Router {
  readonly reached: Subscription[] = []
  readonly #tree = new SubscriptionTree<Subscription | SharedGroup>()
  /** By `$share/<name>/<filter>`. */
  readonly #groups = new Map<string, SharedGroup>()
  readonly #matched: (Subscription | SharedGroup)[] = []
  #plainCount = 0
  #sharedCount = 0

  get subscriptionCount(): number {
    return this.#plainCount + this.#sharedCount
  }

  get sharedSubscriptionCount(): number {
    return this.#sharedCount
  }

  subscribe(subscription: Subscription): void {
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

  route(message: Permitted<Message>): number {
    const { reached } = this
    const before = reached.length
    const matched = this.#matched
    this.#tree.match(message.topicName, matched)
    for (let i = 0; i < matched.length; i++) {
      const match = matched[i] as Subscription | SharedGroup
      if (match instanceof SharedGroup) {
        const member = match.choose(message)
        if (member !== undefined) reached.push(member)
      } else {
        reached.push(match)
      }
    }
    matched.length = 0
    return reached.length - before
  }
}
