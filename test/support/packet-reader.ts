// Cuts a byte stream into packets by their remaining length and reads what a server sends; written from the standards'
// figures and independent of src/mqtt.

import { concat } from './bytes.ts'
import type { Version } from './packet-bytes.ts'
import { Cursor, type PropertyList, readProperties } from './property-bytes.ts'

const names = [
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
] as const
export type PacketName = (typeof names)[number]

/** One packet as it came: `bytes` is all of it, `body` what follows the remaining length. */
export interface RawPacket {
  readonly name: PacketName
  readonly flags: number
  readonly bytes: Uint8Array
  readonly body: Uint8Array
}

/** Takes the first whole packet off `bytes`; `undefined` while one is incomplete. */
export function splitPacket(bytes: Uint8Array): { packet: RawPacket; rest: Uint8Array } | undefined {
  let length = 0
  for (let index = 1, factor = 1; index <= 4; index += 1, factor *= 128) {
    const byte = bytes[index]
    if (byte === undefined) return undefined
    length += (byte & 0x7f) * factor
    if (byte >= 0x80) continue
    const end = index + 1 + length
    if (bytes.length < end) return undefined
    const first = bytes[0]!
    const packet = {
      name: names[first >> 4]!,
      flags: first & 0x0f,
      bytes: bytes.slice(0, end),
      body: bytes.slice(index + 1, end),
    }
    return { packet, rest: bytes.slice(end) }
  }
  throw new Error('the broker sent a remaining length of more than four bytes')
}

export interface Connack {
  readonly flags: number
  readonly sessionPresent: boolean
  readonly reasonCode: number
  readonly properties: PropertyList
}

/** CONNACK (§3.2); `flags` is the whole Connect Acknowledge Flags byte. */
export function readConnack(packet: RawPacket, version: Version): Connack {
  const cursor = new Cursor(packet.body)
  const flags = cursor.byte()
  const reasonCode = cursor.byte()
  return { flags, sessionPresent: (flags & 1) === 1, reasonCode, properties: tail(packet, cursor, version) }
}

export interface Publish {
  readonly topic: string
  readonly payload: string
  readonly qos: number
  readonly retain: boolean
  readonly dup: boolean
  /** 0 when the packet has none. */
  readonly packetId: number
  readonly properties: PropertyList
}

/** PUBLISH (§3.3); the payload as UTF-8 text. */
export function readPublish(packet: RawPacket, version: Version): Publish {
  const cursor = new Cursor(packet.body)
  const qos = (packet.flags >> 1) & 3
  const topic = cursor.text()
  const packetId = qos > 0 ? cursor.short() : 0
  const block = version === 5 ? readProperties(packet.body, cursor.offset) : { properties: [], next: cursor.offset }
  const payload = Buffer.from(packet.body.subarray(block.next)).toString('utf8')
  const { flags } = packet
  return {
    topic,
    payload,
    qos,
    retain: (flags & 1) === 1,
    dup: (flags & 8) === 8,
    packetId,
    properties: block.properties,
  }
}

export interface SubscribeAnswer {
  readonly packetId: number
  readonly reasonCodes: readonly number[]
  readonly properties: PropertyList
}

/** SUBACK and UNSUBACK (§3.9, §3.11); an UNSUBACK of versions before 5 has no reason codes. */
export function readSubscribeAnswer(packet: RawPacket, version: Version): SubscribeAnswer {
  const cursor = new Cursor(packet.body)
  const packetId = cursor.short()
  const block = version === 5 ? readProperties(packet.body, cursor.offset) : { properties: [], next: cursor.offset }
  return { packetId, reasonCodes: [...packet.body.subarray(block.next)], properties: block.properties }
}

export interface Acknowledgement {
  readonly packetId: number
  readonly reasonCode: number
  readonly properties: PropertyList
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP (§3.4 to §3.7); an absent reason code is 0. */
export function readAcknowledgement(packet: RawPacket): Acknowledgement {
  const cursor = new Cursor(packet.body)
  const packetId = cursor.short()
  const reasonCode = packet.body.length > 2 ? cursor.byte() : 0
  return { packetId, reasonCode, properties: optionalTail(packet, cursor) }
}

export interface ReasonPacket {
  readonly reasonCode: number
  readonly properties: PropertyList
}

/** DISCONNECT and AUTH (§3.14, §3.15); an absent reason code is 0. */
export function readReason(packet: RawPacket): ReasonPacket {
  const cursor = new Cursor(packet.body)
  const reasonCode = packet.body.length > 0 ? cursor.byte() : 0
  return { reasonCode, properties: optionalTail(packet, cursor) }
}

function tail(packet: RawPacket, cursor: Cursor, version: Version): PropertyList {
  if (version === 5) return exact(packet, readProperties(packet.body, cursor.offset))
  if (cursor.offset !== packet.body.length) throw new Error(`${packet.name} has bytes behind its end`)
  return []
}

function optionalTail(packet: RawPacket, cursor: Cursor): PropertyList {
  if (cursor.offset === packet.body.length) return []
  return exact(packet, readProperties(packet.body, cursor.offset))
}

function exact(packet: RawPacket, block: { properties: PropertyList; next: number }): PropertyList {
  if (block.next !== packet.body.length) throw new Error(`${packet.name} has bytes behind its properties`)
  return block.properties
}

/** Joins what arrived to what was left over. */
export function append(left: Uint8Array, arrived: Uint8Array): Uint8Array {
  return left.length === 0 ? arrived : concat(left, arrived)
}
