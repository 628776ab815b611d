// What outlives a connection: who owns it, its subscriptions, both halves of its exchanges, its will and its expiry
// (§4.1). Only `broker/registry.ts` opens, resumes and closes sessions.

import type { Principal } from '../auth/principal.ts'
import type { Access } from '../auth/realm.ts'
import type { Timer } from '../base/timer-wheel.ts'
import type { Will } from '../mqtt/packet.ts'
import { levelCount } from '../topic/name.ts'
import { InboundExchanges } from './inbound.ts'
import { Outbound, type OutboundLimits } from './outbound.ts'
import type { SessionRecord } from './record.ts'
import type { Subscription } from './subscription.ts'

/** Session Expiry Interval that means never (§3.1.2.11.2). */
export const neverExpiresInterval = 0xffff_ffff

/** The connection that a session is on, as far as the session's keepers need it. */
export interface Conversation {
  /** What the client publishes waits for others. */
  readonly isHeld: boolean
  /** Tells the client why (MQTT 5) and ends the connection. */
  end(reasonCode: number): void
  /** What its client's user or roles are limited to may be something else now. */
  limitsChanged(): void
  /** The subscription is gone, and nothing more is looked for on its behalf. */
  forget(subscription: Subscription): void
}

/** What the session's client may do, by the rules in force when it is asked. */
export interface SessionAccess extends Access {
  /** What the rules in force say of whoever opened the session: let in, has to prove itself again, or not known. */
  readonly standing: 'admitted' | 'unproven' | 'unknown'
  /** Whether the client is still let in and may still publish here what it once retained (`check_retain_source`). */
  mayPublish(topicName: string): boolean
  /** The roles that hold for the client, by name, in the order in which they are asked. */
  readonly roles: readonly string[]
  /** Who that is, for the store: enough to ask the same questions after a restart. */
  readonly source: Uint8Array
}

const noSubscriptions: ReadonlyMap<string, Subscription> = new Map()

export class Session {
  readonly clientId: string
  /** Whoever used it last, and what they may do: queued messages are judged by it too. */
  principal: Principal
  access: SessionAccess
  connection: Conversation | undefined
  /** Since when there is none, in milliseconds on the broker's clock; undefined while there is one. */
  disconnectedAt: number | undefined
  /** Seconds the session outlives its connection; `neverExpiresInterval` is for ever. */
  expiryInterval: number
  /** Made with the first: of sessions there are many, and most of what they may need they never do. */
  #subscriptions: Map<string, Subscription> | undefined
  #subscribedLevels = 0
  readonly inbound = new InboundExchanges()
  readonly outbound: Outbound
  /** Published when the connection is lost, or `willTimer` later (§3.1.2.5). */
  will: Will | undefined
  /** Both are the registry's to make and set; undefined until then. */
  willTimer: Timer | undefined
  expiryTimer: Timer | undefined
  #record: SessionRecord | undefined = undefined

  constructor(clientId: string, principal: Principal, access: SessionAccess, limits: OutboundLimits) {
    this.clientId = clientId
    this.principal = principal
    this.access = access
    this.connection = undefined
    this.disconnectedAt = undefined
    this.expiryInterval = 0
    this.outbound = new Outbound(limits)
    this.will = undefined
    this.willTimer = undefined
    this.expiryTimer = undefined
  }

  /** By full topic filter, `$share/…` included. */
  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#subscriptions ?? noSubscriptions
  }

  /** Levels of all topic filters together. */
  get subscribedLevels(): number {
    return this.#subscribedLevels
  }

  get record(): SessionRecord | undefined {
    return this.#record
  }

  /** From now on every change of the session is recorded, or none any more; what is there already is so at once. */
  set record(record: SessionRecord | undefined) {
    const earlier = this.#record
    if (record === earlier) return
    this.#record = record
    for (const subscription of this.subscriptions.values()) {
      earlier?.removeSubscription(subscription)
      record?.putSubscription(subscription)
    }
    this.inbound.record = record
    this.outbound.record = record
  }

  /** The session was loaded: all of it is recorded already. */
  adoptRecord(record: SessionRecord): void {
    this.#record = record
    this.inbound.adoptRecord(record)
    this.outbound.adoptRecord(record)
  }

  addSubscription(subscription: Subscription): void {
    this.#subscriptions ??= new Map()
    this.#subscriptions.set(subscription.fullFilter, subscription)
    this.#subscribedLevels += levelCount(subscription.topicFilter)
  }

  removeSubscription(subscription: Subscription): void {
    if (this.#subscriptions?.delete(subscription.fullFilter) !== true) return
    this.#record?.removeSubscription(subscription)
    this.#subscribedLevels -= levelCount(subscription.topicFilter)
    if (this.#subscriptions.size === 0) this.#subscriptions = undefined
  }

  /** Whose session it is; no other identity may take it over (features H4). */
  get owner(): string {
    return this.principal.owner
  }

  /** Whether the session is gone with its connection. */
  get endsWithConnection(): boolean {
    return this.expiryInterval === 0
  }
}
