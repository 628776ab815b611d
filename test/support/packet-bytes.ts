// Whole packets by hand, written from the standards' figures and independent of src/mqtt: the codec must not vouch for
// itself. Every builder can also write what is forbidden, because tests send that too.

import { concat, lengthPrefixed, raw, u16, variableByteInteger } from './bytes.ts'

/** 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0. */
export type Version = 3 | 4 | 5

export interface WillFields {
  readonly topic: string | Uint8Array
  readonly payload?: string | Uint8Array
  readonly qos?: number
  readonly retain?: boolean
  readonly properties?: Uint8Array
}

export interface ConnectFields {
  readonly version?: Version
  readonly clientId?: string | Uint8Array
  readonly cleanStart?: boolean
  /** Seconds; 60 unless told. */
  readonly keepAlive?: number
  readonly username?: string | Uint8Array
  readonly password?: string | Uint8Array
  readonly will?: WillFields
  readonly properties?: Uint8Array
  /** Overwrite what follows from the other fields, for packets that lie. */
  readonly flags?: number
  readonly protocolName?: string
  readonly protocolLevel?: number
}

/** A packet from its first byte and what follows the remaining length. */
export function packetBytes(firstByte: number, ...body: readonly Uint8Array[]): Uint8Array {
  const bytes = concat(...body)
  return concat(Uint8Array.of(firstByte), variableByteInteger(bytes.length), bytes)
}

/** CONNECT (§3.1). */
export function connectBytes(fields: ConnectFields): Uint8Array {
  const { version = 5, will, username, password } = fields
  const parts = [
    lengthPrefixed(fields.protocolName ?? (version === 3 ? 'MQIsdp' : 'MQTT')),
    Uint8Array.of(fields.protocolLevel ?? version, fields.flags ?? connectFlags(fields)),
    u16(fields.keepAlive ?? 60),
    propertyBlock(version, fields.properties),
    lengthPrefixed(fields.clientId ?? ''),
  ]
  if (will) {
    parts.push(propertyBlock(version, will.properties), lengthPrefixed(will.topic), lengthPrefixed(will.payload ?? ''))
  }
  if (username !== undefined) parts.push(lengthPrefixed(username))
  if (password !== undefined) parts.push(lengthPrefixed(password))
  return packetBytes(0x10, ...parts)
}

function connectFlags({ cleanStart = true, will, username, password }: ConnectFields): number {
  const bits = (condition: unknown, value: number) => (condition ? value : 0)
  return (
    bits(cleanStart, 0x02) |
    bits(will, 0x04) |
    ((will?.qos ?? 0) << 3) |
    bits(will?.retain, 0x20) |
    bits(password !== undefined, 0x40) |
    bits(username !== undefined, 0x80)
  )
}

export interface PublishFields {
  readonly version?: Version
  readonly topic: string | Uint8Array
  readonly payload?: string | Uint8Array
  readonly qos?: number
  readonly retain?: boolean
  readonly dup?: boolean
  readonly packetId?: number
  readonly properties?: Uint8Array
}

/** PUBLISH (§3.3); the packet identifier is written when `qos` is above 0. */
export function publishBytes(fields: PublishFields): Uint8Array {
  const { version = 5, qos = 0 } = fields
  const flags = (fields.dup ? 0x08 : 0) | (qos << 1) | (fields.retain ? 0x01 : 0)
  return packetBytes(
    0x30 | flags,
    lengthPrefixed(fields.topic),
    qos > 0 ? u16(fields.packetId ?? 1) : new Uint8Array(),
    propertyBlock(version, fields.properties),
    raw(fields.payload ?? ''),
  )
}

export interface SubscriptionFields {
  readonly filter: string | Uint8Array
  readonly qos?: number
  readonly noLocal?: boolean
  readonly retainAsPublished?: boolean
  readonly retainHandling?: number
  /** Overwrites the whole options byte. */
  readonly options?: number
}

export interface SubscribeFields {
  readonly version?: Version
  readonly packetId?: number
  readonly properties?: Uint8Array
  readonly subscriptions: readonly SubscriptionFields[]
  readonly firstByte?: number
}

/** SUBSCRIBE (§3.8). */
export function subscribeBytes(fields: SubscribeFields): Uint8Array {
  return packetBytes(
    fields.firstByte ?? 0x82,
    u16(fields.packetId ?? 1),
    propertyBlock(fields.version ?? 5, fields.properties),
    ...fields.subscriptions.flatMap(each => [lengthPrefixed(each.filter), Uint8Array.of(optionsByte(each))]),
  )
}

function optionsByte(fields: SubscriptionFields): number {
  if (fields.options !== undefined) return fields.options
  const { qos = 0, noLocal, retainAsPublished, retainHandling = 0 } = fields
  return qos | (noLocal ? 0x04 : 0) | (retainAsPublished ? 0x08 : 0) | (retainHandling << 4)
}

export interface UnsubscribeFields {
  readonly version?: Version
  readonly packetId?: number
  readonly properties?: Uint8Array
  readonly filters: readonly (string | Uint8Array)[]
  readonly firstByte?: number
}

/** UNSUBSCRIBE (§3.10). */
export function unsubscribeBytes(fields: UnsubscribeFields): Uint8Array {
  return packetBytes(
    fields.firstByte ?? 0xa2,
    u16(fields.packetId ?? 1),
    propertyBlock(fields.version ?? 5, fields.properties),
    ...fields.filters.map(lengthPrefixed),
  )
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP (§3.4 to §3.7) in the short form, or with a reason code and no properties. */
export function acknowledgementBytes(
  packet: 'PUBACK' | 'PUBREC' | 'PUBREL' | 'PUBCOMP',
  packetId: number,
  reasonCode?: number,
): Uint8Array {
  const firstByte = { PUBACK: 0x40, PUBREC: 0x50, PUBREL: 0x62, PUBCOMP: 0x70 }[packet]
  return packetBytes(firstByte, u16(packetId), reasonCode === undefined ? new Uint8Array() : Uint8Array.of(reasonCode))
}

/** DISCONNECT (§3.14): two bytes for versions before 5 and for reason code 0. */
export function disconnectBytes(reasonCode = 0, properties?: Uint8Array): Uint8Array {
  if (properties) return packetBytes(0xe0, Uint8Array.of(reasonCode), propertyBlock(5, properties))
  return reasonCode === 0 ? packetBytes(0xe0) : packetBytes(0xe0, Uint8Array.of(reasonCode))
}

/** AUTH (§3.15). */
export function authBytes(reasonCode: number, properties: Uint8Array): Uint8Array {
  return packetBytes(0xf0, Uint8Array.of(reasonCode), propertyBlock(5, properties))
}

export const pingreqBytes = Uint8Array.of(0xc0, 0x00)

function propertyBlock(version: Version, properties: Uint8Array = new Uint8Array()): Uint8Array {
  return version === 5 ? concat(variableByteInteger(properties.length), properties) : new Uint8Array()
}
