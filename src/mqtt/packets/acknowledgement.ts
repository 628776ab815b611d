// PUBACK, PUBREC, PUBREL and PUBCOMP (§3.4 to §3.7), which differ in their type and flags only.

import { type Acknowledgement, noProperties, PacketType, type ProtocolVersion } from '../packet.ts'
import { checkReasonCode } from '../packet-reason-codes.ts'
import { decodeProperties, encodeProperties, propertiesLength, propertyBlockSize } from '../properties.ts'
import type { Reader } from '../reader.ts'
import { ReasonCode } from '../reason-code.ts'
import { Writer } from '../writer.ts'

/** In MQTT 5 success may be left out, and so may the length of no properties (§3.4.2.1). */
export function decodeAcknowledgement(
  reader: Reader,
  type: Acknowledgement['type'],
  version: ProtocolVersion,
): Acknowledgement {
  const packetId = reader.packetId()
  if (version < 5 || reader.remaining === 0) {
    return { type, packetId, reasonCode: ReasonCode.success, properties: noProperties }
  }
  const reasonCode = checkReasonCode(type, reader.byte('reason code'))
  const properties = reader.remaining === 0 ? noProperties : decodeProperties(reader, type)
  return { type, packetId, reasonCode, properties }
}

export function encodeAcknowledgement(packet: Acknowledgement, version: ProtocolVersion): Buffer {
  const { type, packetId, reasonCode, properties } = packet
  const header = headerOf(type)
  const length = version === 5 ? propertiesLength(properties, type) : 0
  const short = version < 5 || (reasonCode === ReasonCode.success && length === 0)
  const writer = new Writer(header, short ? 2 : 3 + (length === 0 ? 0 : propertyBlockSize(length)))
  writer.uint16(packetId)
  if (!short) writer.byte(reasonCode)
  if (length > 0) encodeProperties(writer, properties, type, length)
  return writer.finish()
}

/** Whether a packet that begins so is a PUBACK, PUBREC, PUBREL or PUBCOMP, with the flags that it must have. */
export function isAcknowledgement(header: number): boolean {
  return header === 0x40 || header === 0x50 || header === 0x62 || header === 0x70
}

/** Bytes of an acknowledgement that says success. */
export const shortAcknowledgementSize = 4

/** Writes one that says success, which is the same in every version, at `room[start, start + 4)`. */
export function writeShortAcknowledgement(
  room: Buffer,
  start: number,
  type: Acknowledgement['type'],
  packetId: number,
): void {
  room[start] = headerOf(type)
  room[start + 1] = 2
  room[start + 2] = packetId >> 8
  room[start + 3] = packetId & 0xff
}

function headerOf(type: Acknowledgement['type']): number {
  return (type << 4) | (type === PacketType.pubrel ? 0b0010 : 0)
}
