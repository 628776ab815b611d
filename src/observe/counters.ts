// What the broker counts: plain number fields, added to on the hot path and read when `$SYS` is published or metrics are
// asked for.

import { Tally } from './tally.ts'

/** Totals since the start; each only grows. */
export class Counters {
  /** Bytes of MQTT, before TLS. */
  bytesReceived = 0
  bytesSent = 0
  /** Packets of every type: `$SYS` calls them messages. */
  packetsReceived = 0
  packetsSent = 0
  publishReceived = 0
  publishSent = 0
  /** Messages that a full queue or a limit kept from a subscriber. */
  publishDropped = 0
  /** Payload bytes of PUBLISH packets. */
  publishBytesReceived = 0
  publishBytesSent = 0
  socketsOpened = 0
  connectsReceived = 0
  /** Sessions that ended because their expiry interval had passed. */
  sessionsExpired = 0
  /** By the words that the log has for their reason. */
  readonly connectsRefused = new Tally()
  readonly subscriptionsRefused = new Tally()
  /** By the option that names the limit. */
  readonly limitsReached = new Tally()
  /** Client certificates refused at the handshake, and connections ended because of theirs. */
  readonly certificatesRefused = new Tally()
  readonly certificatesEnded = new Tally()
  /** Messages dropped from queues because memory was short. */
  messagesShed = 0
}

/** What is the case right now; taken from the rooms when `$SYS` is published. */
export interface Gauges {
  /** Sessions, connected or not. */
  readonly clientsTotal: number
  readonly clientsConnected: number
  /** Messages held for delivery or as retained, and their payload bytes. */
  readonly messagesStored: number
  readonly bytesStored: number
  readonly subscriptions: number
  readonly sharedSubscriptions: number
  readonly retainedMessages: number
  /** Packets that wait for a connection to take them, and their bytes. */
  readonly packetsQueued: number
  readonly bytesQueued: number
  readonly heapBytes: number
}
