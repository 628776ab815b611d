// What a session writes down of itself, so that it survives the process; `broker/journal.ts` passes it on to the store. A session
// that ends with its connection, and every session of a broker without persistence, has no record.

import type { Delivery } from './outbound.ts'
import type { Subscription } from './subscription.ts'

/** `queued` until its PUBLISH is under way, `sent` until it is acknowledged (QoS 1) or received (QoS 2). */
export type DeliveryState = 'queued' | 'sent'

export interface SessionRecord {
  /** A new delivery above QoS 0, or one that is under way now. @param packetId 0 while it is queued */
  putDelivery(delivery: Delivery, packetId: number, state: DeliveryState): void
  /** Its PUBREC came, PUBREL is due: it goes to the end of the line. */
  releaseDelivery(delivery: Delivery, packetId: number): void
  removeDelivery(delivery: Delivery): void
  putSubscription(subscription: Subscription): void
  removeSubscription(subscription: Subscription): void
  /** A QoS 2 packet id whose message was taken over. */
  putInbound(packetId: number): void
  removeInbound(packetId: number): void
}
