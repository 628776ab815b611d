// PINGREQ and PINGRESP (§3.12, §3.13): packets without a body.

import { PacketType, type Pingreq, type Pingresp } from '../packet.ts'
import { Writer } from '../writer.ts'

/** One object each for all: they carry nothing. */
export const pingreq: Pingreq = Object.freeze({ type: PacketType.pingreq })
export const pingresp: Pingresp = Object.freeze({ type: PacketType.pingresp })

export function encodePing(packet: Pingreq | Pingresp): Buffer {
  return new Writer(packet.type << 4, 0).finish()
}
