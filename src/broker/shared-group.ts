// The members of one shared subscription and whose turn it is (§4.8.2).

import type { Message } from '../session/message.ts'
import type { Subscription } from '../session/subscription.ts'

export class SharedGroup {
  readonly topicFilter: string
  readonly #members: Subscription[] = []
  #next = 0

  constructor(topicFilter: string) {
    this.topicFilter = topicFilter
  }

  get isEmpty(): boolean {
    return this.#members.length === 0
  }

  join(subscription: Subscription): void {
    this.#members.push(subscription)
  }

  leave(subscription: Subscription): boolean {
    const index = this.#members.indexOf(subscription)
    if (index === -1) return false
    this.#members.splice(index, 1)
    if (index < this.#next) this.#next--
    return true
  }

  /**
   * The next member in turn that is connected and may receive the topic; failing that one that is away, whose session
   * then keeps the message if its QoS is not 0. undefined when nobody may receive it.
   */
  choose(message: Message): Subscription | undefined {
    const members = this.#members
    let away: Subscription | undefined
    for (let step = 0; step < members.length; step++) {
      const index = (this.#next + step) % members.length
      const member = members[index] as Subscription
      if (!member.session.access.receive(message.topicName)) continue
      if (member.session.connection !== undefined) {
        this.#next = (index + 1) % members.length
        return member
      }
      away ??= member
    }
    return away
  }
}
