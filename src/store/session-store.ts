// What of the sessions survives the process, as the broker hands it over: batches of plain changes. The broker answers from
// memory and never asks the store while it runs; the store is read once, at the start.

/** A quality of service. */
export type StoredQoS = 0 | 1 | 2

/** An application message. Its bytes are copied before `apply` returns; short ones that were loaded share a block of 16 KiB with their neighbours. */
export interface StoredMessage {
  readonly topicName: string
  readonly qos: StoredQoS
  /** The RETAIN flag as published. */
  readonly retain: boolean
  /** The client id of the publisher, `''` for the broker itself. */
  readonly publisher: string
  /** The caller's own encoding of the properties that are forwarded. */
  readonly properties: Uint8Array
  readonly payload: Uint8Array
  /** Milliseconds on the wall clock; undefined is never. */
  readonly expiresAt: number | undefined
}

export interface StoredWill {
  /** Will Delay Interval in seconds. */
  readonly delay: number
  /** The caller's own encoding of the will. */
  readonly record: Uint8Array
}

/** A session, new or changed: the whole of it each time. */
export interface PutSession {
  readonly kind: 'put-session'
  /** 1 to 4294967295; grows from session to session and never comes again. */
  readonly sessionNumber: number
  readonly clientId: string
  /** Whose it is, see `Principal.owner`. */
  readonly owner: string
  /** The caller's own encoding of what else is kept of the principal. */
  readonly principal: Uint8Array
  /** Session Expiry Interval in seconds; 4294967295 is for ever. */
  readonly expiryInterval: number
  /** Milliseconds on the wall clock; undefined while it is connected. */
  readonly disconnectedAt: number | undefined
  readonly will: StoredWill | undefined
}

/**
 * Ends a session with all that belongs to it: from here on nothing of it is ever loaded. A caller that knows its
 * subscriptions, queue and exchanges removes them in the same batch, which gives their space back at once; what it does not
 * name, the next `load` frees.
 */
export interface RemoveSession {
  readonly kind: 'remove-session'
  readonly sessionNumber: number
}

/** A subscription, new or changed. */
export interface PutSubscription {
  readonly kind: 'put-subscription'
  readonly sessionNumber: number
  /** `$share/…` included; not empty. */
  readonly fullFilter: string
  /** The options byte of SUBSCRIBE (§3.8.3.1). */
  readonly options: number
  /** 0 when the client gave none. */
  readonly subscriptionIdentifier: number
}

export interface RemoveSubscription {
  readonly kind: 'remove-subscription'
  readonly sessionNumber: number
  readonly fullFilter: string
}

/** A message that sessions wait for, stored once for all rows that have its id and not itself, before or together with them. */
export interface PutMessage extends StoredMessage {
  readonly kind: 'put-message'
  /** A safe integer from 1 on, that grows: growing keys are what makes the store quick. */
  readonly messageId: number
}

/** The last session that waited for the message is done with it. */
export interface RemoveMessage {
  readonly kind: 'remove-message'
  readonly messageId: number
}

/** `queued` until its PUBLISH is under way, `sent` until it is acknowledged (QoS 1) or received (QoS 2), then `released`. */
export type QueueState = 'queued' | 'sent' | 'released'

/**
 * One message that waits for one session. Put again, under the same sequence, it is the same row with another packet id or
 * state: always the whole row, so that a change never needs the one before it.
 */
export interface PutQueued {
  readonly kind: 'put-queued'
  /** A safe integer from 1 on, that grows over all sessions; rows are loaded in its order. */
  readonly sequence: number
  readonly sessionNumber: number
  readonly messageId: number
  /**
   * The message itself, which then needs no `PutMessage`: one record is cheaper than two, for the message that one session
   * waits for. Short ones only: it is written again with every change of the row.
   */
  readonly message: StoredMessage | undefined
  /** What the subscription made of the message's. */
  readonly qos: StoredQoS
  readonly retain: boolean
  /** At most 65535. */
  readonly subscriptionIdentifiers: readonly number[] | undefined
  /** 0 until the message is under way. */
  readonly packetId: number
  readonly state: QueueState
}

export interface RemoveQueued {
  readonly kind: 'remove-queued'
  readonly sequence: number
}

/** A QoS 2 packet id whose message was taken over and that waits for PUBREL. */
export interface PutInbound {
  readonly kind: 'put-inbound'
  readonly sessionNumber: number
  readonly packetId: number
}

export interface RemoveInbound {
  readonly kind: 'remove-inbound'
  readonly sessionNumber: number
  readonly packetId: number
}

/** What is loaded: the changes that make an empty store the same as this one. */
export type SessionRow = PutSession | PutSubscription | PutInbound | PutMessage | PutQueued

export type SessionChange =
  | SessionRow
  | RemoveSession
  | RemoveSubscription
  | RemoveMessage
  | RemoveQueued
  | RemoveInbound

/** A row that was loaded and of which whoever reads it can make nothing. */
export interface RefusedRow<Row> {
  readonly row: Row
  readonly why: string
}

export interface SessionStore {
  /**
   * Applies a batch: all of it or nothing, in order, behind every batch applied before. To apply it again changes nothing;
   * to remove what is not there is no fault. Batches of one turn of the event loop, whichever store they are for, are
   * committed together; while one commit is under way the next collects.
   *
   * @param changes read, and their bytes copied, before this returns
   * @returns resolved when the batch is as durable as `Store.durability` promises
   * @throws {StoreError} as a rejection; see `StoreError.mayGoOn`
   */
  apply(changes: readonly SessionChange[]): Promise<void>

  /**
   * Everything there is, for the start, before the first `apply`: sessions by number, subscriptions, QoS 2 packet ids,
   * messages by id, then queue rows by sequence, in pages of one kind that never hold up the event loop for longer than
   * about ten milliseconds. At its end, what nobody will ask for again is freed: rows of sessions that are gone, which are
   * not among what is loaded, and messages that no row waits for, which may be. A row that cannot be read or whose message is missing is never among them: it is reported,
   * copied to the quarantine and removed.
   *
   * @throws {StoreError} as a rejection, when the store cannot be read at all
   */
  load(): AsyncIterable<readonly SessionRow[]>

  /**
   * Rows that `load` has yielded and that nobody can use: each is reported, copied to the quarantine and removed, as one that
   * cannot be read.
   */
  setAside(refused: readonly RefusedRow<SessionRow>[]): Promise<void>
}
