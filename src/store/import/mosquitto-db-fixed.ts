// The chunks of formats 5 (Mosquitto 1.6) and 6 (since 2.0): fields of fixed size first, padded to the size of the largest,
// then the texts whose lengths they tell.

import type { FieldReader } from './field-reader.ts'
import {
  type ForeignClient,
  type ForeignDelivery,
  type ForeignMessage,
  type ForeignSubscription,
  foreignDelivery,
  foreignQoS,
  foreignTime,
} from './foreign-state.ts'
import type { ChunkLayout } from './mosquitto-db.ts'

export function fixedLayout(version: 5 | 6): ChunkLayout {
  return {
    header,
    settings,
    message,
    delivery,
    retained: reader => reader.nativeUint64('a retained message'),
    subscription,
    client: version === 5 ? clientWithoutUser : client,
  }
}

function header(reader: FieldReader): number {
  const kind = reader.uint32('the head of a chunk')
  reader.limit(reader.uint32('the head of a chunk'), 'a chunk')
  return kind
}

function settings(reader: FieldReader): number {
  const what = 'the settings'
  reader.nativeUint64(what)
  reader.uint8(what)
  const idBytes = reader.uint8(what)
  reader.skip(6, what)
  return idBytes
}

function message(reader: FieldReader, where: string): readonly [bigint, ForeignMessage] {
  const what = 'a message'
  const id = reader.nativeUint64(what)
  const expiresAt = foreignTime(reader.nativeInt64(what))
  const payloadLength = reader.uint32(what)
  reader.uint16(what) // the packet id under which it came
  const publisherLength = reader.uint16(what)
  const usernameLength = reader.uint16(what)
  const topicLength = reader.uint16(what)
  const listenerPort = reader.uint16(what)
  const qos = foreignQoS(reader.uint8(what), where)
  const retain = reader.uint8(what) !== 0
  const publisher = reader.text(publisherLength, 'a client id')
  const user = { username: nameOf(reader.text(usernameLength, 'a user name')) }
  const topicName = reader.text(topicLength, 'a topic')
  const payload = reader.bytes(payloadLength, 'a payload')
  const properties = reader.bytes(reader.remaining, 'properties')
  return [id, { where, topicName, payload, qos, retain, properties, publisher, user, listenerPort, expiresAt }]
}

function delivery(reader: FieldReader, where: string): ForeignDelivery {
  const what = 'a message that waits'
  const messageId = reader.nativeUint64(what)
  const packetId = reader.uint16(what)
  const idLength = reader.uint16(what)
  const qos = reader.uint8(what)
  const state = reader.uint8(what)
  const retain = reader.uint8(what) >> 4 !== 0
  const direction = reader.uint8(what)
  const clientId = reader.text(idLength, 'a client id')
  const properties = reader.bytes(reader.remaining, 'properties')
  return foreignDelivery({ where, clientId, messageId, direction, qos, retain, packetId, state, properties })
}

function subscription(reader: FieldReader, where: string): ForeignSubscription {
  const what = 'a subscription'
  const identifier = reader.uint32(what)
  const idLength = reader.uint16(what)
  const filterLength = reader.uint16(what)
  const qos = foreignQoS(reader.uint8(what), where)
  const options = qos | (reader.uint8(what) & ~3)
  reader.skip(2, what)
  const clientId = reader.text(idLength, 'a client id')
  return { where, clientId, fullFilter: reader.text(filterLength, 'a topic filter'), options, identifier }
}

function client(reader: FieldReader, where: string): ForeignClient {
  const what = 'a client'
  const { expiresAt, expiryInterval, idLength } = clientTimes(reader)
  const listenerPort = reader.uint16(what)
  const usernameLength = reader.uint16(what)
  reader.skip(4, what)
  const clientId = reader.text(idLength, 'a client id')
  const hasWrongName = isMemory(reader.peek(usernameLength, 'a user name'))
  const name = hasWrongName ? undefined : nameOf(reader.text(usernameLength, 'a user name'))
  if (hasWrongName) reader.skip(usernameLength, 'a user name')
  const user = { username: name }
  return { where, clientId, user, hasWrongName, listenerPort, expiryInterval, expiresAt, will: undefined }
}

/**
 * Mosquitto 2.0.11 writes for a client without a name, where one with a name came before it, either that name again or, with the
 * bytes of its length swapped, so many bytes of its own memory from that name on. The latter is recognised: no name has a NUL.
 */
function isMemory(name: Uint8Array): boolean {
  return name.includes(0)
}

function clientWithoutUser(reader: FieldReader, where: string): ForeignClient {
  const { expiresAt, expiryInterval, idLength } = clientTimes(reader)
  const clientId = reader.text(idLength, 'a client id')
  return { where, clientId, user: undefined, listenerPort: 0, expiryInterval, expiresAt, will: undefined }
}

function clientTimes(reader: FieldReader) {
  const what = 'a client'
  const expiresAt = foreignTime(reader.nativeInt64(what))
  const expiryInterval = reader.uint32(what)
  reader.uint16(what) // the packet id that was used last
  return { expiresAt, expiryInterval, idLength: reader.uint16(what) }
}

function nameOf(text: string): string | undefined {
  return text === '' ? undefined : text
}
