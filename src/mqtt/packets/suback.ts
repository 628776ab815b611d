// SUBACK (§3.9): one reason code per filter; before MQTT 5 every failure is 0x80.

import { MalformedPacketError, ProtocolViolationError } from '../errors.ts'
import { noProperties, PacketType, type ProtocolVersion, type Suback } from '../packet.ts'
import { checkReasonCode } from '../packet-reason-codes.ts'
import { decodeProperties, encodeProperties, propertiesLength, propertyBlockSize } from '../properties.ts'
import type { Reader } from '../reader.ts'
import { ReasonCode } from '../reason-code.ts'
import { Writer } from '../writer.ts'

/** The first of the reason codes that say that something failed (§2.4). */
const firstFailure = 0x80

export function decodeSuback(reader: Reader, version: ProtocolVersion): Suback {
  const packetId = reader.packetId()
  const properties = version === 5 ? decodeProperties(reader, PacketType.suback) : noProperties
  if (reader.remaining === 0) throw new ProtocolViolationError('MQTT-3.8.4-6', 'SUBACK has no reason code')
  const reasonCodes: number[] = []
  while (reader.remaining > 0) reasonCodes.push(decodeReasonCode(reader.byte('reason code'), version))
  return { type: PacketType.suback, packetId, reasonCodes, properties }
}

function decodeReasonCode(code: number, version: ProtocolVersion): number {
  if (version === 5) return checkReasonCode(PacketType.suback, code)
  if (code <= ReasonCode.grantedQoS2 || code === ReasonCode.unspecifiedError) return code
  throw new MalformedPacketError('MQTT-3.9.3-2', `return code is ${code}, expected 0, 1, 2 or 128`)
}

/** MQTT 3.1 knows no failure either; 0x80 is what Mosquitto tells its clients too. */
export function encodeSuback(packet: Suback, version: ProtocolVersion): Buffer {
  const length = version === 5 ? propertiesLength(packet.properties, PacketType.suback) : 0
  const block = version === 5 ? propertyBlockSize(length) : 0
  const writer = new Writer(PacketType.suback << 4, 2 + block + packet.reasonCodes.length)
  writer.uint16(packet.packetId)
  if (version === 5) encodeProperties(writer, packet.properties, PacketType.suback, length)
  for (const reasonCode of packet.reasonCodes) {
    writer.byte(version < 5 && reasonCode >= firstFailure ? ReasonCode.unspecifiedError : reasonCode)
  }
  return writer.finish()
}
