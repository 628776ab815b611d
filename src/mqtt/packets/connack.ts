// CONNACK (§3.2): reason codes in MQTT 5, six return codes before.

import { MalformedPacketError } from '../errors.ts'
import { type Connack, noProperties, PacketType, type ProtocolVersion } from '../packet.ts'
import { checkReasonCode } from '../packet-reason-codes.ts'
import { decodeProperties, encodeProperties, propertiesLength, propertyBlockSize } from '../properties.ts'
import type { Reader } from '../reader.ts'
import { connackReasonCode, connackReturnCode } from '../reason-code.ts'
import { Writer } from '../writer.ts'

const sessionPresentFlag = 0x01

export function decodeConnack(reader: Reader, version: ProtocolVersion): Connack {
  const flags = reader.byte('connect acknowledge flags')
  const code = reader.byte('reason code')
  if (version === 3) return connack(false, olderReasonCode(code)) // MQTT 3.1 §3.2 gives the first byte no meaning
  if (flags > sessionPresentFlag) {
    throw new MalformedPacketError('MQTT-3.2.2-1', `connect acknowledge flags are ${flags}, expected 0 or 1`)
  }
  const sessionPresent = flags === sessionPresentFlag
  if (version === 4) return connack(sessionPresent, olderReasonCode(code))
  const reasonCode = checkReasonCode(PacketType.connack, code)
  return connack(sessionPresent, reasonCode, decodeProperties(reader, PacketType.connack))
}

function connack(sessionPresent: boolean, reasonCode: number, properties = noProperties): Connack {
  return { type: PacketType.connack, sessionPresent, reasonCode, properties }
}

function olderReasonCode(returnCode: number): number {
  const reasonCode = connackReasonCode(returnCode)
  if (reasonCode !== undefined) return reasonCode
  throw new MalformedPacketError('§3.2.2.3', `connect return code is ${returnCode}, expected 0 to 5`)
}

export function encodeConnack(packet: Connack, version: ProtocolVersion): Buffer {
  const length = propertiesLength(packet.properties, PacketType.connack)
  const writer = new Writer(PacketType.connack << 4, version === 5 ? 2 + propertyBlockSize(length) : 2)
  writer.byte(packet.sessionPresent && version > 3 ? sessionPresentFlag : 0)
  writer.byte(version === 5 ? packet.reasonCode : connackReturnCode(packet.reasonCode))
  if (version === 5) encodeProperties(writer, packet.properties, PacketType.connack, length)
  return writer.finish()
}
