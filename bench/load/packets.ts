// The packets that the generator sends, as bytes, and the few fields it reads from those it gets. Written apart from the
// broker's own codec on purpose: a mistake in one of them must not hide the same mistake in the other.

import type { LoadRequest } from './request.ts'

export const packetType = {
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  suback: 9,
  disconnect: 14,
} as const

export const disconnectPacket = Buffer.from([0xe0, 0])

const sessionExpiryProperty = 0x11
const receiveMaximumProperty = 0x21
const highestReceiveMaximum = 65_535

/** CONNECT with a clean start unless the session is to last, no keep-alive, and the highest Receive Maximum, so that nothing waits for us. */
export function encodeConnect(clientId: string, request: LoadRequest, lasting = false): Buffer {
  const { protocol, username, password } = request
  const flags = (lasting ? 0 : 0x02) | (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40)
  const expiry = lasting ? [sessionExpiryProperty, 0, 0, 0x0e, 0x10] : []
  const properties = protocol === 5 ? [3 + expiry.length, ...expiry, receiveMaximumProperty, 0xff, 0xff] : []
  return packet(
    0x10,
    text('MQTT'),
    Buffer.from([protocol, flags, 0, 0, ...properties]),
    text(clientId),
    username === undefined ? nothing : text(username),
    password === undefined ? nothing : text(password),
  )
}

/** SUBSCRIBE to several filters at one QoS. */
export function encodeSubscribe(
  packetId: number,
  filters: readonly string[],
  request: LoadRequest,
  qos: number,
): Buffer {
  const header = Buffer.from([packetId >> 8, packetId & 0xff, ...(request.protocol === 5 ? [0] : [])])
  return packet(0x82, header, ...filters.flatMap(filter => [text(filter), Buffer.from([qos])]))
}

/** A PUBLISH and the places in it that change from message to message. */
export interface PublishTemplate {
  readonly bytes: Buffer
  /** Two bytes; 0 at QoS 0. */
  readonly packetIdAt: number
  readonly payloadAt: number
}

/** PUBLISH with a payload of letters. */
export function encodePublish(
  topic: string,
  payloadBytes: number,
  qos: number,
  protocol: number,
  retain = false,
): PublishTemplate {
  const name = text(topic)
  const packetId = Buffer.alloc(qos > 0 ? 2 : 0)
  const properties = Buffer.alloc(protocol === 5 ? 1 : 0)
  const bytes = packet(
    0x30 | (qos << 1) | (retain ? 1 : 0),
    name,
    packetId,
    properties,
    Buffer.alloc(payloadBytes, 'abcdefghijklmnopqrstuvwxyz'),
  )
  const payloadAt = bytes.length - payloadBytes
  return { bytes, payloadAt, packetIdAt: qos > 0 ? payloadAt - properties.length - 2 : 0 }
}

/** The broker's Receive Maximum in the body of a CONNACK; the highest where it names none. */
export function receiveMaximumOf(bytes: Uint8Array, at: number, end: number, protocol: number): number {
  if (protocol !== 5) return highestReceiveMaximum
  const limit = Math.min(skipProperties(bytes, at + 2), end)
  let next = at + 2 + lengthBytes(bytes, at + 2)
  while (next < limit) {
    const property = bytes[next]!
    if (property === receiveMaximumProperty) return (bytes[next + 1]! << 8) | bytes[next + 2]!
    next += 1 + propertyBytes(property, bytes, next + 1)
  }
  return highestReceiveMaximum
}

/** Where the properties that begin at `at` (with their length) end. */
export function skipProperties(bytes: Uint8Array, at: number): number {
  let length = 0
  let next = at
  for (let shift = 0; shift <= 21; shift += 7) {
    const byte = bytes[next++]!
    length |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  return next + length
}

function lengthBytes(bytes: Uint8Array, at: number): number {
  let count = 1
  while (count < 4 && bytes[at + count - 1]! >= 0x80) count += 1
  return count
}

/** Bytes of the value of a CONNACK's property (MQTT 5, table 2-4), which begins at `at`. */
function propertyBytes(property: number, bytes: Uint8Array, at: number): number {
  switch (property) {
    case 0x11: // session expiry interval
    case 0x27: // maximum packet size
      return 4
    case 0x13: // server keep alive
    case 0x22: // topic alias maximum
      return 2
    case 0x24: // maximum qos
    case 0x25: // retain available
    case 0x28: // wildcard subscription available
    case 0x29: // subscription identifier available
    case 0x2a: // shared subscription available
      return 1
    case 0x26: {
      const name = stringBytes(bytes, at)
      return name + stringBytes(bytes, at + name)
    }
    default:
      return stringBytes(bytes, at)
  }
}

function stringBytes(bytes: Uint8Array, at: number): number {
  return 2 + ((bytes[at]! << 8) | bytes[at + 1]!)
}

const nothing = Buffer.alloc(0)

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

function packet(first: number, ...parts: readonly Buffer[]): Buffer {
  const header = [first]
  let length = parts.reduce((sum, part) => sum + part.length, 0)
  do {
    const rest = length >>> 7
    header.push((length & 0x7f) | (rest > 0 ? 0x80 : 0))
    length = rest
  } while (length > 0)
  return Buffer.concat([Buffer.from(header), ...parts])
}
