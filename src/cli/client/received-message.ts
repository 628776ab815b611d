// A message as it came, and when: what the lines of `castellan sub` and `rr` are made of. Text is handled as bytes, one character
// each, so that what is printed is what was received, whatever it is.

import type { Properties, QoS } from '../../mqtt/packet.ts'

/** One character for each byte (Latin-1). */
export type Bytes = string

export interface ReceivedMessage {
  readonly topic: Bytes
  readonly payload: Bytes
  readonly qos: QoS
  readonly retain: boolean
  /** 0 at QoS 0. */
  readonly packetId: number
  readonly properties: Properties
  /** Nanoseconds since the Unix epoch. */
  readonly time: bigint
}

/** The bytes of UTF-8. */
export function bytesOf(text: string): Bytes {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** Where a string of C ends, and what Mosquitto prints of it. */
export function untilNul(text: Bytes): Bytes {
  const end = text.indexOf('\0')
  return end === -1 ? text : text.slice(0, end)
}
