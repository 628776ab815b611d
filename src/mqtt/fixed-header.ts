// The first byte of every packet (MQTT 5 §2.1): which types exist, and which flags each of them must carry.

import { MalformedPacketError } from './errors.ts'
import { PacketType, type ProtocolVersion } from './packet.ts'

/** The specification's name of each packet type, by its number; for logs and errors. */
export const packetNames: readonly string[] = [
  'RESERVED',
  'CONNECT',
  'CONNACK',
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'SUBACK',
  'UNSUBSCRIBE',
  'UNSUBACK',
  'PINGREQ',
  'PINGRESP',
  'DISCONNECT',
  'AUTH',
]

/** Flags by packet type (§2.1.3, table 2-2); PUBLISH has its own rule. */
const requiredFlags: readonly number[] = [0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0]

const dupFlag = 0b1000

/**
 * Refuses a first byte that this version does not allow. Version 3 is the most lenient: what it refuses, all refuse.
 *
 * @throws MalformedPacketError for a reserved type or flag, QoS 3, and DUP at QoS 0
 */
export function checkFixedHeader(header: number, version: ProtocolVersion): void {
  const type = header >> 4
  const flags = header & 0x0f
  if (type === PacketType.publish) {
    checkPublishFlags(flags)
    return
  }
  if (type === 0) throw new MalformedPacketError('§2.1.2', 'packet type 0 is reserved, expected 1 to 15')
  const required = requiredFlags[type] as number
  if (flags === required) return
  // MQTT 3.1 §2.1 lets a sender mark a repeated PUBREL, SUBSCRIBE or UNSUBSCRIBE with DUP.
  if (version === 3 && required !== 0 && flags === (required | dupFlag)) return
  throw new MalformedPacketError(
    'MQTT-2.1.3-1',
    `fixed header flags of ${packetNames[type]} are ${flags}, they must be ${required}`,
  )
}

function checkPublishFlags(flags: number): void {
  const qos = flags & 0b0110
  if (qos === 0b0110) throw new MalformedPacketError('MQTT-3.3.1-4', 'PUBLISH has QoS 3, expected 0, 1 or 2')
  if (qos === 0 && (flags & dupFlag) !== 0) {
    throw new MalformedPacketError('MQTT-3.3.1-2', 'PUBLISH at QoS 0 is marked as a duplicate')
  }
}
