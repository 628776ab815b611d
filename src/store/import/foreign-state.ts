// What another broker has left, as its own files tell it and before anybody has judged it; `broker/foreign-rows.ts` makes rows of it.

import type { StoredQoS } from '../session-store.ts'
import { StoreError } from '../store-error.ts'

/** Whom a client or a publisher was let in as; without a name it was anonymous. */
export interface ForeignUser {
  readonly username: string | undefined
}

export interface ForeignClient {
  /** Where in the file, for errors. */
  readonly where: string
  readonly clientId: string
  /** undefined where this format does not tell. */
  readonly user: ForeignUser | undefined
  /** Whether a wrong name stood there, and was recognised. */
  readonly hasWrongName?: boolean
  /** 0 when the file does not tell. */
  readonly listenerPort: number
  /** Seconds; 4294967295 is for ever, 0 ends with the connection. */
  readonly expiryInterval: number
  /** Milliseconds on the wall clock; undefined while it is connected, or for ever. */
  readonly expiresAt: number | undefined
  readonly will: ForeignWill | undefined
}

/** What is published, or will be. */
export interface ForeignPublication {
  readonly where: string
  readonly topicName: string
  readonly payload: Uint8Array
  readonly qos: StoredQoS
  readonly retain: boolean
  /** The properties of its PUBLISH as on the wire, their length first; empty is none. */
  readonly properties: Uint8Array
}

export interface ForeignWill extends ForeignPublication {
  /** Will Delay Interval in seconds. */
  readonly delay: number
}

/** A message, once however many wait for it. */
export interface ForeignMessage extends ForeignPublication {
  /** The client id of the publisher, `''` for the broker itself. */
  readonly publisher: string
  readonly user: ForeignUser | undefined
  readonly listenerPort: number
  /** Milliseconds on the wall clock; undefined is never. */
  readonly expiresAt: number | undefined
}

export interface ForeignSubscription {
  readonly where: string
  readonly clientId: string
  /** `$share/…` included. */
  readonly fullFilter: string
  /** The options byte of SUBSCRIBE (§3.8.3.1). */
  readonly options: number
  /** 0 when there is none. */
  readonly identifier: number
}

/** A message on its way between one client and the broker. */
export interface ForeignDelivery {
  readonly where: string
  readonly clientId: string
  readonly messageId: bigint
  /** `in`: its PUBLISH came at QoS 2, and it was passed on to nobody yet. */
  readonly direction: 'in' | 'out'
  readonly qos: StoredQoS
  readonly retain: boolean
  readonly packetId: number
  readonly state: 'queued' | 'sent' | 'released'
  /** As in a PUBLISH; only its subscription identifiers count, beside the one that stands alone, 0 for none. */
  readonly properties: Uint8Array
  readonly subscriptionIdentifier: number
}

export interface ForeignState {
  /** What it was read from, for people. */
  readonly format: string
  readonly clients: readonly ForeignClient[]
  readonly subscriptions: readonly ForeignSubscription[]
  readonly messages: ReadonlyMap<bigint, ForeignMessage>
  /** In the order in which each client is to get them. */
  readonly deliveries: readonly ForeignDelivery[]
  readonly retained: readonly bigint[]
}

/** Mosquitto's numbers for how far an exchange is; what is left out never waits in a file. */
const states: ReadonlyMap<number, ForeignDelivery['state']> = new Map([
  [1, 'queued'], // QoS 0, to be sent
  [2, 'sent'], // QoS 1, to be sent
  [3, 'sent'], // waits for PUBACK
  [4, 'sent'], // QoS 2, to be sent
  [5, 'sent'], // waits for PUBREC
  [6, 'released'], // PUBREL is to be sent again
  [7, 'sent'], // came, waits for PUBREL
  [8, 'released'], // PUBCOMP is to be sent again
  [9, 'released'], // waits for PUBCOMP
  [10, 'sent'], // came, PUBREC is to be sent
  [11, 'queued'],
])

const noProperties: Uint8Array = new Uint8Array(0)

/** Makes a delivery of the numbers that both of Mosquitto's formats have. */
export function foreignDelivery(row: {
  readonly where: string
  readonly clientId: string
  readonly messageId: bigint
  readonly direction: number
  readonly qos: number
  readonly retain: boolean
  readonly packetId: number
  readonly state: number
  readonly properties?: Uint8Array
  readonly subscriptionIdentifier?: number
}): ForeignDelivery {
  const state = states.get(row.state)
  if (state === undefined) throw importFault(row.where, `state ${row.state} of a message is none`)
  if (row.direction > 1) throw importFault(row.where, `direction ${row.direction} of a message is none`)
  return {
    where: row.where,
    clientId: row.clientId,
    messageId: row.messageId,
    direction: row.direction === 0 ? 'in' : 'out',
    qos: foreignQoS(row.qos, row.where),
    retain: row.retain,
    packetId: row.packetId,
    // One that has no packet id cannot have been sent.
    state: row.packetId === 0 ? 'queued' : state,
    properties: row.properties ?? noProperties,
    subscriptionIdentifier: row.subscriptionIdentifier ?? 0,
  }
}

/** @throws {StoreError} for anything but 0, 1 and 2 */
export function foreignQoS(value: number, where: string): StoredQoS {
  if (value === 0 || value === 1 || value === 2) return value
  throw importFault(where, `quality of service ${value} is none`)
}

/** Seconds since 1970 as Mosquitto writes a time; 0 is none. */
export function foreignTime(seconds: bigint): number | undefined {
  return seconds <= 0n ? undefined : Number(seconds) * 1000
}

/** The file is damaged, or none of the kind. */
export function importFault(where: string, why: string): StoreError {
  return new StoreError('ERR_STORE_IMPORT', `${where}: ${why}`)
}
