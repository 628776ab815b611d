// UNSUBSCRIBE (§3.10).

import { MalformedPacketError, ProtocolViolationError } from '../errors.ts'
import { noProperties, PacketType, type ProtocolVersion, type Unsubscribe } from '../packet.ts'
import { decodeProperties, encodeProperties, propertiesLength, propertyBlockSize } from '../properties.ts'
import type { Reader } from '../reader.ts'
import { utf8Size, Writer } from '../writer.ts'
import { maximumFilters, tooManyFilters } from './subscribe.ts'

export function decodeUnsubscribe(reader: Reader, version: ProtocolVersion): Unsubscribe {
  const packetId = reader.packetId()
  const properties = version === 5 ? decodeProperties(reader, PacketType.unsubscribe) : noProperties
  if (reader.remaining === 0) throw new ProtocolViolationError('MQTT-3.10.3-2', 'UNSUBSCRIBE has no topic filter')
  const topicFilters: string[] = []
  while (reader.remaining > 0) {
    if (topicFilters.length === maximumFilters) throw tooManyFilters('UNSUBSCRIBE')
    topicFilters.push(decodeFilter(reader))
  }
  return { type: PacketType.unsubscribe, packetId, topicFilters, properties }
}

function decodeFilter(reader: Reader): string {
  const topicFilter = reader.utf8('topic filter')
  if (topicFilter === '') throw new MalformedPacketError('MQTT-4.7.3-1', 'topic filter is empty')
  return topicFilter
}

export function encodeUnsubscribe(packet: Unsubscribe, version: ProtocolVersion): Buffer {
  const length = version === 5 ? propertiesLength(packet.properties, PacketType.unsubscribe) : 0
  let size = 2 + (version === 5 ? propertyBlockSize(length) : 0)
  for (const topicFilter of packet.topicFilters) size += utf8Size(topicFilter)
  const writer = new Writer((PacketType.unsubscribe << 4) | 0b0010, size)
  writer.uint16(packet.packetId)
  if (version === 5) encodeProperties(writer, packet.properties, PacketType.unsubscribe, length)
  for (const topicFilter of packet.topicFilters) writer.utf8(topicFilter)
  return writer.finish()
}
