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
   * The next member in turn that is connected and may receive the topic; failing that the next one that is away, whose
   * session keeps the message; failing that one that is away and takes nothing above QoS 0. undefined when nobody may
   * receive it.
   */
  choose(message: Message): Subscription | undefined {
    const members = this.#members
    let away = -1
    for (let step = 0; step < members.length; step++) {
      const index = (this.#next + step) % members.length
      const member = members[index] as Subscription
      if (!member.session.access.receive(message.topicName)) continue
      if (member.session.connection !== undefined) return this.#take(index)
      if (away === -1 || (members[away]?.qos === 0 && member.qos > 0)) away = index
    }
    return away === -1 ? undefined : this.#take(away)
  }

  #take(index: number): Subscription | undefined {
    this.#next = (index + 1) % this.#members.length
    return this.#members[index]
  }
}
