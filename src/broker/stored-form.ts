// How the broker writes wills, properties and the sources of retained messages into the store's opaque fields: in the encoding of
// the wire, MQTT 5, which has one decoder that is held by the vectors and by fuzzing.

import { decodePacket } from '../mqtt/codec.ts'
import { Framer } from '../mqtt/framer.ts'
import { noProperties, PacketType, type Properties, type Publish, type Will } from '../mqtt/packet.ts'
import { encodePublish } from '../mqtt/packets/publish.ts'
import type { Message } from '../session/message.ts'

const nothing: Uint8Array = new Uint8Array(0)
const mostBytes = 268_435_460
/** QoS 1 and 2 want one; nobody reads it. */
const anyPacketId = 1
/** Properties alone want one, too: without it a PUBLISH would need a topic alias (§3.3.2.1). */
const anyTopicName = '-'

/** The will as a PUBLISH; its delay is kept beside it. */
export function encodeWill({ topicName, payload, qos, retain, properties }: Will): Uint8Array {
  const { willDelayInterval: _delay, ...others } = properties
  return encodePublish(topicName, payload, qos, retain, false, anyPacketId, others, 5)
}

/** @throws ProtocolError for a record that is none */
export function decodeWill(record: Uint8Array, delay: number): Will {
  const { topicName, payload, qos, retain, properties } = decodePublishFrame(record)
  return { topicName, payload, qos, retain, properties: { ...properties, willDelayInterval: delay } }
}

/** What goes on to subscribers, see `Message.properties`; nothing when there is nothing. */
export function encodeForwarded({ properties }: Pick<Message, 'properties'>): Uint8Array {
  if (properties === noProperties) return nothing
  return encodePublish(anyTopicName, nothing, 0, false, false, 0, properties, 5)
}

/** @throws ProtocolError for a record that is none */
export function decodeForwarded(record: Uint8Array): Properties {
  return record.length === 0 ? noProperties : decodePublishFrame(record).properties
}

/** The source of a retained message, then its properties. */
export function encodeRetainedExtras(source: Uint8Array, message: Pick<Message, 'properties'>): Uint8Array {
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(source.length)
  return Buffer.concat([length, source, encodeForwarded(message)])
}

/** @throws ProtocolError or RangeError for a record that is none */
export function decodeRetainedExtras(record: Uint8Array): {
  readonly source: Uint8Array
  readonly properties: Properties
} {
  const [high = 0, second = 0, third = 0, low = 0] = record
  const end = 4 + high * 0x100_0000 + ((second << 16) | (third << 8) | low)
  if (end > record.length) throw new RangeError('the source ends behind the record')
  const properties = end === record.length ? noProperties : decodeForwarded(record.subarray(end))
  return { source: record.subarray(4, end), properties }
}

function decodePublishFrame(record: Uint8Array): Publish {
  const framer = new Framer(mostBytes)
  framer.push(Buffer.from(record))
  if (!framer.next()) throw new RangeError('the record ends within a packet')
  const packet = decodePacket(framer.buffer, framer.header, framer.start, framer.end, 5, undefined)
  if (packet.type !== PacketType.publish) throw new RangeError('the record is no PUBLISH')
  return packet
}
