// The chunks of formats 3 (Mosquitto before 1.5.6) and 4: fields one after the other, texts behind their lengths. They know
// neither MQTT 5 nor whose a session is.

import type { FieldReader } from './field-reader.ts'
import {
  type ForeignClient,
  type ForeignDelivery,
  type ForeignMessage,
  type ForeignSubscription,
  type ForeignUser,
  foreignDelivery,
  foreignQoS,
} from './foreign-state.ts'
import type { ChunkLayout } from './mosquitto-db.ts'

const forEver = 0xffff_ffff
const nothing: Uint8Array = new Uint8Array(0)

export function plainLayout(version: 3 | 4): ChunkLayout {
  return {
    header,
    settings,
    message: version === 3 ? messageWithoutUser : messageWithUser,
    delivery,
    retained: reader => reader.nativeUint64('a retained message'),
    subscription,
    client,
  }
}

function header(reader: FieldReader): number {
  const kind = reader.uint16('the head of a chunk')
  reader.limit(reader.uint32('the head of a chunk'), 'a chunk')
  return kind
}

function settings(reader: FieldReader): number {
  reader.uint8('the settings')
  const idBytes = reader.uint8('the settings')
  reader.skip(reader.remaining, 'the settings')
  return idBytes
}

function messageWithoutUser(reader: FieldReader, where: string): readonly [bigint, ForeignMessage] {
  const id = reader.nativeUint64('a message')
  const publisher = reader.prefixedText('a client id')
  return [id, content(reader, where, publisher, undefined, 0)]
}

function messageWithUser(reader: FieldReader, where: string): readonly [bigint, ForeignMessage] {
  const id = reader.nativeUint64('a message')
  const publisher = reader.prefixedText('a client id')
  const username = reader.prefixedText('a user name')
  const port = reader.uint16('a message')
  return [id, content(reader, where, publisher, { username: username === '' ? undefined : username }, port)]
}

function content(
  reader: FieldReader,
  where: string,
  publisher: string,
  user: ForeignUser | undefined,
  listenerPort: number,
): ForeignMessage {
  const what = 'a message'
  reader.uint32(what) // the packet id under which it came, and one that means nothing
  const topicName = reader.prefixedText('a topic')
  const qos = foreignQoS(reader.uint8(what), where)
  const retain = reader.uint8(what) !== 0
  const payload = reader.bytes(reader.uint32(what), 'a payload')
  return {
    where,
    topicName,
    payload,
    qos,
    retain,
    properties: nothing,
    publisher,
    user,
    listenerPort,
    expiresAt: undefined,
  }
}

function delivery(reader: FieldReader, where: string): ForeignDelivery {
  const what = 'a message that waits'
  const clientId = reader.prefixedText('a client id')
  const messageId = reader.nativeUint64(what)
  const packetId = reader.uint16(what)
  const qos = reader.uint8(what)
  const retain = reader.uint8(what) !== 0
  const direction = reader.uint8(what)
  const state = reader.uint8(what)
  reader.uint8(what) // whether it was sent before: it is sent again in any case
  return foreignDelivery({ where, clientId, messageId, direction, qos, retain, packetId, state })
}

function subscription(reader: FieldReader, where: string): ForeignSubscription {
  const clientId = reader.prefixedText('a client id')
  const fullFilter = reader.prefixedText('a topic filter')
  const options = foreignQoS(reader.uint8('a subscription'), where)
  return { where, clientId, fullFilter, options, identifier: 0 }
}

/** When it was last seen is told in four or eight bytes, as the machine had it, and nothing follows from it. */
function client(reader: FieldReader, where: string): ForeignClient {
  const clientId = reader.prefixedText('a client id')
  reader.uint16('a client') // the packet id that was used last
  reader.skip(reader.remaining, 'a client')
  return {
    where,
    clientId,
    user: undefined,
    listenerPort: 0,
    expiryInterval: forEver,
    expiresAt: undefined,
    will: undefined,
  }
}
