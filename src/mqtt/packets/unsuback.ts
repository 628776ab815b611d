// UNSUBACK (§3.11): reason codes in MQTT 5, nothing but the packet id before.

import { ProtocolViolationError } from '../errors.ts'
import { noProperties, PacketType, type ProtocolVersion, type Unsuback } from '../packet.ts'
import { checkReasonCode } from '../packet-reason-codes.ts'
import { decodeProperties, encodeProperties, propertiesLength, propertyBlockSize } from '../properties.ts'
import type { Reader } from '../reader.ts'
import { Writer } from '../writer.ts'

export function decodeUnsuback(reader: Reader, version: ProtocolVersion): Unsuback {
  const packetId = reader.packetId()
  const reasonCodes: number[] = []
  if (version < 5) return { type: PacketType.unsuback, packetId, reasonCodes, properties: noProperties }
  const properties = decodeProperties(reader, PacketType.unsuback)
  if (reader.remaining === 0) throw new ProtocolViolationError('MQTT-3.11.3-1', 'UNSUBACK has no reason code')
  while (reader.remaining > 0) reasonCodes.push(checkReasonCode(PacketType.unsuback, reader.byte('reason code')))
  return { type: PacketType.unsuback, packetId, reasonCodes, properties }
}

export function encodeUnsuback(packet: Unsuback, version: ProtocolVersion): Buffer {
  if (version < 5) {
    const short = new Writer(PacketType.unsuback << 4, 2)
    short.uint16(packet.packetId)
    return short.finish()
  }
  const length = propertiesLength(packet.properties, PacketType.unsuback)
  const size = 2 + propertyBlockSize(length) + packet.reasonCodes.length
  const writer = new Writer(PacketType.unsuback << 4, size)
  writer.uint16(packet.packetId)
  encodeProperties(writer, packet.properties, PacketType.unsuback, length)
  for (const reasonCode of packet.reasonCodes) writer.byte(reasonCode)
  return writer.finish()
}
