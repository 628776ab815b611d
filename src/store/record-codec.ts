// Rows ↔ records. A record holds the number or name that it is stored under as well, so that one in the wrong place is found.
// The formats are a promise to later versions: what changes gets another kind, or another format version of the store.

import { assert } from '../base/errors.ts'
import { kindOf, mostTextBytes, RecordFault, RecordReader, RecordWriter } from './record-bytes.ts'
import type { PutRetained } from './retained-store.ts'
import type { SecurityDocument } from './security-store.ts'
import type {
  PutInbound,
  PutMessage,
  PutQueued,
  PutSession,
  PutSubscription,
  QueueState,
  StoredMessage,
  StoredQoS,
} from './session-store.ts'

/** The byte behind the checksum; a number is never given to something else. */
export const recordKind = {
  session: 1,
  subscription: 2,
  inbound: 3,
  message: 4,
  queued: 5,
  retained: 6,
  document: 7,
  head: 8,
  format: 9,
  /** A queue row with its message. */
  queuedMessage: 10,
  /** A retained message that is kept for less long than it lives. */
  retainedUntil: 11,
} as const

const queueStates: readonly QueueState[] = ['queued', 'sent', 'released']
const retainBit = 0x04
const expiryBit = 0x08
const stateShift = 4
const longestList = 0xffff

const writer = new RecordWriter()
const reader = new RecordReader()

export function encodeSession(row: PutSession): Buffer {
  const { clientId, owner, principal, will } = row
  const size = mostTextBytes(clientId) + mostTextBytes(owner) + principal.length + (will?.record.length ?? 0)
  writer.begin(recordKind.session, size + 40).uint32(row.sessionNumber)
  writer.byte((row.disconnectedAt === undefined ? 0 : 1) | (will === undefined ? 0 : 2))
  writer.uint32(row.expiryInterval).text(clientId).text(owner).bytes(principal)
  if (row.disconnectedAt !== undefined) writer.float64(row.disconnectedAt)
  if (will !== undefined) writer.uint32(will.delay).bytes(will.record)
  return writer.end()
}

/** Decoders throw RecordFault. */
export function decodeSession(record: Buffer): PutSession {
  const sessionNumber = reader.begin(record, recordKind.session).uint32()
  const flags = flagsBelow(4)
  const expiryInterval = reader.uint32()
  const clientId = reader.text()
  const owner = reader.text()
  const principal = reader.bytes()
  const disconnectedAt = flags & 1 ? reader.float64() : undefined
  const will = flags & 2 ? { delay: reader.uint32(), record: reader.bytes() } : undefined
  reader.end()
  return {
    kind: 'put-session',
    sessionNumber,
    clientId,
    owner,
    principal,
    expiryInterval,
    disconnectedAt,
    will,
  }
}

export function encodeSubscription(row: PutSubscription): Buffer {
  writer.begin(recordKind.subscription, mostTextBytes(row.fullFilter) + 9)
  writer.uint32(row.sessionNumber).byte(row.options).uint32(row.subscriptionIdentifier).text(row.fullFilter)
  return writer.end()
}

export function decodeSubscription(record: Buffer): PutSubscription {
  const sessionNumber = reader.begin(record, recordKind.subscription).uint32()
  const options = reader.byte()
  const subscriptionIdentifier = reader.uint32()
  const fullFilter = reader.text()
  reader.end()
  return { kind: 'put-subscription', sessionNumber, fullFilter, options, subscriptionIdentifier }
}

export function encodeInbound(row: PutInbound): Buffer {
  return writer.begin(recordKind.inbound, 6).uint32(row.sessionNumber).uint16(row.packetId).end()
}

export function decodeInbound(record: Buffer): PutInbound {
  const sessionNumber = reader.begin(record, recordKind.inbound).uint32()
  const packetId = reader.uint16()
  reader.end()
  return { kind: 'put-inbound', sessionNumber, packetId }
}

export function encodeMessage(row: PutMessage): Buffer {
  writer.begin(recordKind.message, mostMessageBytes(row) + 8).integer(row.messageId)
  writeMessage(row)
  return writer.end()
}

export function decodeMessage(record: Buffer): PutMessage {
  const messageId = reader.begin(record, recordKind.message).integer()
  const { topicName, qos, retain, publisher, properties, payload, expiresAt } = readMessage()
  reader.end()
  return { kind: 'put-message', messageId, topicName, qos, retain, publisher, properties, payload, expiresAt }
}

export function encodeRetained(row: PutRetained): Buffer {
  const { keptUntil } = row
  if (keptUntil === undefined) writer.begin(recordKind.retained, mostMessageBytes(row))
  else writer.begin(recordKind.retainedUntil, mostMessageBytes(row) + 8).float64(keptUntil)
  writeMessage(row)
  return writer.end()
}

export function decodeRetained(record: Buffer): PutRetained {
  const hasEnd = kindOf(record) === recordKind.retainedUntil
  reader.begin(record, hasEnd ? recordKind.retainedUntil : recordKind.retained)
  const keptUntil = hasEnd ? reader.float64() : undefined
  const { topicName, qos, retain, publisher, properties, payload, expiresAt } = readMessage()
  reader.end()
  return { kind: 'put-retained', topicName, qos, retain, publisher, properties, payload, expiresAt, keptUntil }
}

function mostMessageBytes({ topicName, publisher, properties, payload }: StoredMessage): number {
  return mostTextBytes(topicName) + mostTextBytes(publisher) + properties.length + payload.length + 17
}

function writeMessage(message: StoredMessage): void {
  const expires = message.expiresAt !== undefined
  writer.byte(message.qos | (message.retain ? retainBit : 0) | (expires ? expiryBit : 0))
  if (message.expiresAt !== undefined) writer.float64(message.expiresAt)
  writer.text(message.topicName).text(message.publisher).bytes(message.properties).bytes(message.payload)
}

function readMessage(): StoredMessage {
  const flags = flagsBelow(0x10)
  const expiresAt = flags & expiryBit ? reader.float64() : undefined
  const topicName = reader.text()
  const publisher = reader.text()
  const properties = reader.commonBytes()
  const payload = reader.bytes()
  const retain = (flags & retainBit) !== 0
  return { topicName, qos: qosOf(flags), retain, publisher, properties, payload, expiresAt }
}

export function encodeQueued(row: PutQueued): Buffer {
  const { message, subscriptionIdentifiers: identifiers } = row
  const count = identifiers?.length ?? 0
  assert(count <= longestList, 'a row has at most 65535 subscription identifiers')
  const size = 25 + 4 * count
  if (message === undefined) writer.begin(recordKind.queued, size)
  else writer.begin(recordKind.queuedMessage, size + mostMessageBytes(message))
  writer.integer(row.sequence).uint32(row.sessionNumber).integer(row.messageId)
  writer.byte(row.qos | (row.retain ? retainBit : 0) | (queueStates.indexOf(row.state) << stateShift))
  writer.uint16(row.packetId).uint16(count)
  if (identifiers !== undefined) for (const identifier of identifiers) writer.uint32(identifier)
  if (message !== undefined) writeMessage(message)
  return writer.end()
}

export function decodeQueued(record: Buffer): PutQueued {
  const isWhole = kindOf(record) === recordKind.queuedMessage
  const sequence = reader.begin(record, isWhole ? recordKind.queuedMessage : recordKind.queued).integer()
  const sessionNumber = reader.uint32()
  const messageId = reader.integer()
  const flags = reader.byte()
  const state = queueStates[flags >> stateShift]
  if (state === undefined) throw new RecordFault(`its state is ${flags >> stateShift}, expected 0 to 2`)
  const packetId = reader.uint16()
  const count = reader.uint16()
  const subscriptionIdentifiers = count === 0 ? undefined : Array.from({ length: count }, () => reader.uint32())
  const message = isWhole ? readMessage() : undefined
  reader.end()
  return {
    kind: 'put-queued',
    sequence,
    sessionNumber,
    messageId,
    message,
    qos: qosOf(flags),
    retain: (flags & retainBit) !== 0,
    subscriptionIdentifiers,
    packetId,
    state,
  }
}

export function encodeDocument({ name, version, body }: SecurityDocument): Buffer {
  writer.begin(recordKind.document, mostTextBytes(name) + body.length + 12)
  return writer.integer(version).text(name).bytes(body).end()
}

export function decodeDocument(record: Buffer): SecurityDocument {
  const version = reader.begin(record, recordKind.document).integer()
  const name = reader.text()
  const body = reader.bytes()
  reader.end()
  return { name, version, body }
}

/** A record that is one number. */
export function encodeNumber(kind: number, value: number): Buffer {
  return writer.begin(kind, 8).integer(value).end()
}

export function decodeNumber(kind: number, record: Buffer): number {
  const value = reader.begin(record, kind).integer()
  reader.end()
  return value
}

function flagsBelow(limit: number): number {
  const flags = reader.byte()
  if (flags >= limit) throw new RecordFault(`its flags are ${flags}, expected less than ${limit}`)
  return flags
}

function qosOf(flags: number): StoredQoS {
  const qos = flags & 3
  if (qos === 3) throw new RecordFault('its QoS is 3, expected 0 to 2')
  return qos as StoredQoS
}
