// The members of one shared subscription and whose turn it is (§4.8.2).

import type { QoS } from '../mqtt/packet.ts'
import type { Subscription } from '../session/subscription.ts'

/** Members that are asked whether they would send at once, before it is simply the next one's turn that has room. */
const mostAsked = 16

export class SharedGroup {
  readonly topicFilter: string
  readonly #members: Subscription[] = []
  #next = 0

  constructor(topicFilter: string) {
    this.topicFilter = topicFilter
  }

  get members(): readonly Subscription[] {
    return this.#members
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
   * The next in turn that is connected and would get a message of this QoS and size at once; failing that the next that
   * is connected and has room for it in its queue; failing that the next that is connected; failing that the next that
   * is away, whose session keeps the message; failing that one that is away and takes nothing above QoS 0.
   *
   * @param members those that may receive the message, in the group's order
   * @returns undefined when there are none
   */
  choose(members: readonly Subscription[], qos: QoS, size: number): Subscription | undefined {
    let withRoom = -1
    let connected = -1
    let away = -1
    for (let step = 0; step < members.length && (withRoom === -1 || step < mostAsked); step++) {
      const index = (this.#next + step) % members.length
      const member = members[index] as Subscription
      const { connection, outbound } = member.session
      if (connection === undefined) {
        if (away === -1 || (members[away]?.qos === 0 && member.qos > 0)) away = index
        continue
      }
      if (outbound.isReadyFor(Math.min(qos, member.qos) as QoS, size)) return this.#take(members, index)
      if (connected === -1) connected = index
      if (withRoom === -1 && outbound.hasRoomFor(size)) withRoom = index
    }
    if (withRoom !== -1) return this.#take(members, withRoom)
    return this.#take(members, connected === -1 ? away : connected)
  }

  #take(members: readonly Subscription[], index: number): Subscription | undefined {
    if (index === -1) return undefined
    this.#next = (index + 1) % members.length
    return members[index]
  }
}
