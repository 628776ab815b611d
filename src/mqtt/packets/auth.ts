// AUTH (§3.15), new in MQTT 5.

import { assert } from '../../base/errors.ts'
import { MalformedPacketError } from '../errors.ts'
import { type Auth, noProperties, PacketType, type ProtocolVersion } from '../packet.ts'
import { checkReasonCode } from '../packet-reason-codes.ts'
import { decodeProperties, encodeProperties, propertiesLength, propertyBlockSize } from '../properties.ts'
import type { Reader } from '../reader.ts'
import { ReasonCode } from '../reason-code.ts'
import { Writer } from '../writer.ts'

/** An empty AUTH is success without properties (§3.15.2.1); whether it names a method is for the exchange to see. */
export function decodeAuth(reader: Reader, version: ProtocolVersion): Auth {
  if (version < 5) throw new MalformedPacketError('§2.2.1', 'packet type 15 (AUTH) is reserved before MQTT 5')
  if (reader.remaining === 0) {
    return { type: PacketType.auth, reasonCode: ReasonCode.success, properties: noProperties }
  }
  const reasonCode = checkReasonCode(PacketType.auth, reader.byte('reason code'))
  return { type: PacketType.auth, reasonCode, properties: decodeProperties(reader, PacketType.auth) }
}

export function encodeAuth(packet: Auth, version: ProtocolVersion): Buffer {
  assert(version === 5, 'AUTH does not exist before MQTT 5')
  const length = propertiesLength(packet.properties, PacketType.auth)
  const empty = packet.reasonCode === ReasonCode.success && length === 0
  const writer = new Writer(PacketType.auth << 4, empty ? 0 : 1 + propertyBlockSize(length))
  if (empty) return writer.finish()
  writer.byte(packet.reasonCode)
  encodeProperties(writer, packet.properties, PacketType.auth, length)
  return writer.finish()
}
