// Decodes and encodes the properties of MQTT 5 (§2.2.2), as `property-table.ts` says.

import { MalformedPacketError, ProtocolViolationError } from './errors.ts'
import { packetNames } from './fixed-header.ts'
import { noProperties, type Properties, type UserProperty } from './packet.ts'
import { type PropertyOwner, type PropertyRow, propertyRow, propertyRowsOf, willOwner } from './property-table.ts'
import type { Reader } from './reader.ts'
import { ReasonCode } from './reason-code.ts'
import { binarySize, utf8Size, variableByteIntegerSize, type Writer } from './writer.ts'

/**
 * Most values of a property that may repeat in one packet. Five bytes on the wire are some hundred in memory: without a
 * bound a packet of 2 MB held thirty.
 */
export const maximumRepetitions = 1000

type Mutable = { -readonly [Key in keyof Properties]: Properties[Key] }

/**
 * Decodes a property length and the properties it spans.
 *
 * @returns `noProperties` itself when there are none
 * @throws MalformedPacketError for one that does not exist or that this owner cannot carry, ProtocolViolationError for
 *   one that stands twice or has a value out of range
 */
export function decodeProperties(reader: Reader, owner: PropertyOwner): Properties {
  const length = reader.variableByteInteger('property length')
  if (length === 0) return noProperties
  const packetEnd = reader.end
  const start = reader.skip(length, 'properties')
  reader.reset(reader.buffer, start, start + length)
  const properties: Mutable = {}
  while (reader.remaining > 0) decodeProperty(reader, owner, properties)
  reader.end = packetEnd
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    throw new ProtocolViolationError('§3.1.2.11.10', 'authentication data stands without an authentication method')
  }
  return properties
}

function decodeProperty(reader: Reader, owner: PropertyOwner, properties: Mutable): void {
  const row = legalRow(reader.variableByteInteger('property identifier'), owner)
  if (properties[row.key] !== undefined && row.repeatableIn?.includes(owner) !== true) {
    throw new ProtocolViolationError(row.clause, `property '${row.key}' stands more than once`)
  }
  switch (row.type) {
    case 'utf8Pair':
      append(properties, row.key, [reader.utf8(row.key), reader.utf8(row.key)])
      break
    case 'variableByteInteger':
      append(properties, row.key, inRange(row, reader.variableByteInteger(row.key)))
      break
    default:
      assign(properties, row.key, decodeSingle(reader, row))
  }
}

function legalRow(id: number, owner: PropertyOwner): PropertyRow {
  const row = propertyRow(id)
  if (row === undefined) {
    throw new MalformedPacketError('§2.2.2.2', `property 0x${id.toString(16).padStart(2, '0')} does not exist`)
  }
  if (!row.owners.includes(owner)) {
    const name = owner === willOwner ? 'a will' : packetNames[owner]
    throw new MalformedPacketError('§2.2.2.2', `property '${row.key}' is not allowed in ${name}`)
  }
  return row
}

function decodeSingle(reader: Reader, row: PropertyRow): number | boolean | string | Buffer {
  switch (row.type) {
    case 'byte':
      return inRange(row, reader.byte(row.key))
    case 'boolean':
      return decodeBoolean(reader, row)
    case 'uint16':
      return inRange(row, reader.uint16(row.key))
    case 'uint32':
      return inRange(row, reader.uint32(row.key))
    case 'binary':
      return reader.binary(row.key)
    default:
      return reader.utf8(row.key)
  }
}

function decodeBoolean(reader: Reader, row: PropertyRow): boolean {
  const byte = reader.byte(row.key)
  if (byte <= 1) return byte === 1
  throw new ProtocolViolationError(row.clause, `property '${row.key}' is ${byte}, expected 0 or 1`)
}

function inRange(row: PropertyRow, value: number): number {
  if (row.minimum !== undefined && value < row.minimum) {
    throw new ProtocolViolationError(
      row.clause,
      `property '${row.key}' is ${value}, expected ${row.minimum} or more`,
      row.outOfRange,
    )
  }
  if (row.maximum !== undefined && value > row.maximum) {
    throw new ProtocolViolationError(
      row.clause,
      `property '${row.key}' is ${value}, expected at most ${row.maximum}`,
      row.outOfRange,
    )
  }
  return value
}

/** The table promises that `value` is what `key` holds. */
function assign(properties: Mutable, key: keyof Properties, value: unknown): void {
  ;(properties as Record<string, unknown>)[key] = value
}

function append(properties: Mutable, key: keyof Properties, value: unknown): void {
  const list = properties[key] as unknown[] | undefined
  if (list === undefined) assign(properties, key, [value])
  else if (list.length < maximumRepetitions) list.push(value)
  else throw tooMany(key)
}

function tooMany(key: string): ProtocolViolationError {
  const text = `property '${key}' stands more than ${maximumRepetitions} times`
  return new ProtocolViolationError('maximumRepetitions', text, ReasonCode.quotaExceeded)
}

/**
 * Bytes of the properties that `owner` may carry, without the property length itself. What it may not carry is left
 * out, so that a will's properties can be published as they are.
 */
export function propertiesLength(properties: Properties, owner: PropertyOwner): number {
  if (properties === noProperties) return 0
  const rows = propertyRowsOf(owner)
  let length = 0
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] as PropertyRow
    const value = properties[row.key]
    if (value !== undefined) length += encodedSize(row, value)
  }
  return length
}

/** Bytes of a property length of this value and the properties after it. */
export function propertyBlockSize(length: number): number {
  return variableByteIntegerSize(length) + length
}

/** Writes the property length, which `propertiesLength` has counted, and the properties in the table's order. */
export function encodeProperties(writer: Writer, properties: Properties, owner: PropertyOwner, length: number): void {
  writer.variableByteInteger(length)
  if (length === 0) return
  const rows = propertyRowsOf(owner)
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] as PropertyRow
    const value = properties[row.key]
    if (value !== undefined) encodeProperty(writer, row, value)
  }
}

function encodedSize(row: PropertyRow, value: unknown): number {
  switch (row.type) {
    case 'byte':
    case 'boolean':
      return 2
    case 'uint16':
      return 3
    case 'uint32':
      return 5
    case 'utf8':
      return 1 + utf8Size(value as string)
    case 'binary':
      return 1 + binarySize(value as Uint8Array)
    case 'variableByteInteger':
      return identifiersSize(value as readonly number[])
    case 'utf8Pair':
      return userPropertiesSize(value as readonly UserProperty[])
  }
}

function identifiersSize(identifiers: readonly number[]): number {
  let size = 0
  for (const identifier of identifiers) size += 1 + variableByteIntegerSize(identifier)
  return size
}

function userPropertiesSize(userProperties: readonly UserProperty[]): number {
  let size = 0
  for (const [name, value] of userProperties) size += 1 + utf8Size(name) + utf8Size(value)
  return size
}

function encodeProperty(writer: Writer, row: PropertyRow, value: unknown): void {
  switch (row.type) {
    case 'variableByteInteger':
      encodeIdentifiers(writer, row.id, value as readonly number[])
      break
    case 'utf8Pair':
      encodeUserProperties(writer, row.id, value as readonly UserProperty[])
      break
    default:
      writer.byte(row.id)
      encodeSingle(writer, row, value)
  }
}

function encodeSingle(writer: Writer, row: PropertyRow, value: unknown): void {
  switch (row.type) {
    case 'byte':
    case 'boolean':
      writer.byte(Number(value))
      break
    case 'uint16':
      writer.uint16(value as number)
      break
    case 'uint32':
      writer.uint32(value as number)
      break
    case 'binary':
      writer.binary(value as Uint8Array)
      break
    default:
      writer.utf8(value as string)
  }
}

function encodeIdentifiers(writer: Writer, id: number, identifiers: readonly number[]): void {
  for (const identifier of identifiers) {
    writer.byte(id)
    writer.variableByteInteger(identifier)
  }
}

function encodeUserProperties(writer: Writer, id: number, userProperties: readonly UserProperty[]): void {
  for (const [name, value] of userProperties) {
    writer.byte(id)
    writer.utf8(name)
    writer.utf8(value)
  }
}
