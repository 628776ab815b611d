// PUBLISH (§3.3), the hot path: decoding makes the packet, its topic name and a view of its payload, nothing else.

import { MalformedPacketError, ProtocolViolationError } from '../errors.ts'
import { noProperties, PacketType, type Properties, type ProtocolVersion, type Publish, type QoS } from '../packet.ts'
import { decodeProperties, encodeProperties, propertiesLength, propertyBlockSize } from '../properties.ts'
import type { Reader } from '../reader.ts'
import type { TopicCache } from '../topic-cache.ts'
import { packetSize, utf8Size, Writer, writeVariableByteInteger } from '../writer.ts'

const dupFlag = 0x08
const retainFlag = 0x01

/** @param topics when given, a topic name that repeats the last one is not decoded again */
export function decodePublish(
  reader: Reader,
  header: number,
  version: ProtocolVersion,
  topics?: TopicCache<unknown>,
): Publish {
  const qos = ((header >> 1) & 3) as QoS
  const topicName = topics === undefined ? reader.utf8('topic name') : topics.read(reader)
  const packetId = qos === 0 ? 0 : reader.packetId()
  const properties = version === 5 ? decodeProperties(reader, PacketType.publish) : noProperties
  if (topicName === '' && properties.topicAlias === undefined) throw emptyTopicName(version)
  return {
    type: PacketType.publish,
    dup: (header & dupFlag) !== 0,
    qos,
    retain: (header & retainFlag) !== 0,
    topicName,
    packetId,
    payload: reader.rest(),
    properties,
  }
}

function emptyTopicName(version: ProtocolVersion): MalformedPacketError | ProtocolViolationError {
  if (version < 5) return new MalformedPacketError('MQTT-4.7.3-1', 'topic name is empty')
  return new ProtocolViolationError('§3.3.2.1', 'topic name is empty, and there is no topic alias')
}

/** @param length bytes of the encoded properties */
function remainingLength(
  topicName: string,
  payloadLength: number,
  qos: QoS,
  version: ProtocolVersion,
  length: number,
): number {
  const block = version === 5 ? propertyBlockSize(length) : 0
  return utf8Size(topicName) + (qos === 0 ? 0 : 2) + block + payloadLength
}

/**
 * Encodes a PUBLISH from its parts. The caller keeps the whole within 268,435,455 bytes.
 *
 * @param packetId not written at QoS 0
 */
export function encodePublish(
  topicName: string,
  payload: Uint8Array,
  qos: QoS,
  retain: boolean,
  dup: boolean,
  packetId: number,
  properties: Properties,
  version: ProtocolVersion,
): Buffer {
  const length = version === 5 ? propertiesLength(properties, PacketType.publish) : 0
  const writer = new Writer(
    headerOf(qos, retain, dup),
    remainingLength(topicName, payload.length, qos, version, length),
  )
  writer.utf8(topicName)
  if (qos !== 0) writer.uint16(packetId)
  if (version === 5) encodeProperties(writer, properties, PacketType.publish, length)
  writer.bytes(payload)
  return writer.finish()
}

/** Bytes of a whole PUBLISH without properties; see `writePlainPublish`. */
export function plainPublishSize(topicBytes: number, payloadBytes: number, qos: QoS, version: ProtocolVersion): number {
  return packetSize(topicBytes + (qos === 0 ? 0 : 2) + (version === 5 ? 1 : 0) + payloadBytes)
}

/**
 * Writes a PUBLISH without properties at `room[start, start + plainPublishSize(…))`: an eighth of what `encodePublish`
 * costs, for the packets that are most of all.
 *
 * @param encodedTopicName with its two bytes of length
 * @returns where it ends
 */
export function writePlainPublish(
  room: Buffer,
  start: number,
  encodedTopicName: Uint8Array,
  payload: Uint8Array,
  qos: QoS,
  retain: boolean,
  dup: boolean,
  packetId: number,
  version: ProtocolVersion,
): number {
  const remainingLength = encodedTopicName.length + (qos === 0 ? 0 : 2) + (version === 5 ? 1 : 0) + payload.length
  room[start] = headerOf(qos, retain, dup)
  let at = writeVariableByteInteger(room, start + 1, remainingLength)
  at = copyBytes(encodedTopicName, room, at)
  if (qos !== 0) {
    room[at++] = packetId >> 8
    room[at++] = packetId & 0xff
  }
  if (version === 5) room[at++] = 0
  return copyBytes(payload, room, at)
}

function headerOf(qos: QoS, retain: boolean, dup: boolean): number {
  return (PacketType.publish << 4) | (dup ? dupFlag : 0) | (qos << 1) | (retain ? retainFlag : 0)
}

/** Below so many bytes a loop is quicker than the call of a native copy. */
const loopBelowBytes = 32

function copyBytes(bytes: Uint8Array, room: Buffer, start: number): number {
  const { length } = bytes
  if (length < loopBelowBytes) {
    for (let index = 0; index < length; index++) room[start + index] = bytes[index] as number
  } else {
    room.set(bytes, start)
  }
  return start + length
}
