// Where the messages of one topic go: what the router worked out once, so that the next message need not ask again.

import type { Permitted } from '../auth/principal.ts'
import type { Access } from '../auth/realm.ts'
import { encodeUtf8String } from '../mqtt/utf8.ts'
import type { Session } from '../session/session.ts'
import type { Subscription } from '../session/subscription.ts'
import type { SharedGroup } from './shared-group.ts'

/** One shared group that matches, with those of its members that may receive the topic. */
export interface GroupTarget {
  readonly group: SharedGroup
  readonly members: readonly Subscription[]
}

/** Whoever remembers a route asks `Router.isCurrent` before using it again. */
export class Route {
  readonly topicName: string
  #subscriptions: readonly Subscription[]
  #groups: readonly GroupTarget[]
  /** Plain subscriptions that match, whether or not their clients may receive the topic. */
  readonly matched: number
  /** Whether one session may get a message twice: through two filters, or through one and a shared one. */
  readonly overlaps: boolean
  /** @internal What the router had seen of changes when it made the route; below 0 once that one has changed. */
  epoch: number
  #encodedTopicName: Uint8Array | undefined = undefined
  /** Whose rights were asked last, and what they said: most topics have one publisher. */
  #asked: Access | undefined = undefined
  #permitted: Permitted<Route> | undefined = undefined

  constructor(
    topicName: string,
    subscriptions: readonly Subscription[],
    groups: readonly GroupTarget[],
    matched: number,
    epoch: number,
  ) {
    this.topicName = topicName
    this.#subscriptions = subscriptions
    this.#groups = groups
    this.matched = matched
    this.overlaps = hasOverlap(subscriptions, groups)
    this.epoch = epoch
  }

  /** Every plain subscription that matches and whose client may receive the topic. */
  get subscriptions(): readonly Subscription[] {
    return this.#subscriptions
  }

  get groups(): readonly GroupTarget[] {
    return this.#groups
  }

  /** The router has forgotten it: whoever still remembers it keeps no sessions alive by it. */
  retire(): void {
    this.epoch = -1
    this.#subscriptions = []
    this.#groups = []
    this.#asked = undefined
    this.#permitted = undefined
  }

  /** As on the wire, with its two bytes of length. */
  get encodedTopicName(): Uint8Array {
    this.#encodedTopicName ??= encodeUtf8String(this.topicName)
    return this.#encodedTopicName
  }

  /** The route itself when these rights allow publishing on its topic; as long as it is current, so is the answer. */
  permittedBy(access: Access): Permitted<Route> | undefined {
    if (this.#asked !== access) {
      this.#asked = access
      this.#permitted = access.publish<Route>(this)
    }
    return this.#permitted
  }

  /** How many references to subscriptions it holds. */
  get size(): number {
    return this.groups.reduce((sum, { members }) => sum + members.length, this.subscriptions.length)
  }
}

function hasOverlap(subscriptions: readonly Subscription[], groups: readonly GroupTarget[]): boolean {
  if (subscriptions.length + groups.length < 2) return false
  const sessions = new Set<Session>()
  for (const { session } of subscriptions) {
    if (sessions.has(session)) return true
    sessions.add(session)
  }
  return groups.some(({ members }) => {
    const own = new Set(members.map(({ session }) => session))
    for (const session of own) {
      if (sessions.has(session)) return true
      sessions.add(session)
    }
    return false
  })
}
