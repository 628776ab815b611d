// DISCONNECT (§3.14): empty before MQTT 5, and from a client only.

import { type Disconnect, noProperties, PacketType, type ProtocolVersion } from '../packet.ts'
import { checkReasonCode } from '../packet-reason-codes.ts'
import { decodeProperties, encodeProperties, propertiesLength, propertyBlockSize } from '../properties.ts'
import type { Reader } from '../reader.ts'
import { ReasonCode } from '../reason-code.ts'
import { Writer } from '../writer.ts'

const normal: Disconnect = Object.freeze({
  type: PacketType.disconnect,
  reasonCode: ReasonCode.success,
  properties: noProperties,
})

/** Normal disconnection may be left out, and so may the length of no properties (§3.14.2.1, §3.14.2.2.1). */
export function decodeDisconnect(reader: Reader, version: ProtocolVersion): Disconnect {
  if (version < 5 || reader.remaining === 0) return normal
  const reasonCode = checkReasonCode(PacketType.disconnect, reader.byte('reason code'))
  const properties = reader.remaining === 0 ? noProperties : decodeProperties(reader, PacketType.disconnect)
  return { type: PacketType.disconnect, reasonCode, properties }
}

export function encodeDisconnect(packet: Disconnect, version: ProtocolVersion): Buffer {
  const length = version === 5 ? propertiesLength(packet.properties, PacketType.disconnect) : 0
  const empty = version < 5 || (packet.reasonCode === ReasonCode.success && length === 0)
  const size = empty ? 0 : 1 + (length === 0 ? 0 : propertyBlockSize(length))
  const writer = new Writer(PacketType.disconnect << 4, size)
  if (!empty) writer.byte(packet.reasonCode)
  if (length > 0) encodeProperties(writer, packet.properties, PacketType.disconnect, length)
  return writer.finish()
}
