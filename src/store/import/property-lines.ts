// The properties of a PUBLISH as Mosquitto's sqlite persistence writes them, a JSON list, turned into the bytes of the wire (§2.2.2).

import { importFault } from './foreign-state.ts'

/** Of those that a PUBLISH can carry to a subscriber; the others belong to one hop, and are left out. */
const identifiers: Readonly<Record<string, number>> = {
  'payload-format-indicator': 0x01,
  'content-type': 0x03,
  'response-topic': 0x08,
  'correlation-data': 0x09,
  'user-property': 0x26,
}

interface Item {
  readonly identifier: string
  readonly name?: unknown
  readonly value: unknown
}

const nothing: Uint8Array = new Uint8Array(0)
const hex = /^(?:[0-9A-Fa-f]{2})*$/
const mostText = 0xffff

/**
 * @param text `[{"identifier":"content-type","value":"json"}, …]`; correlation data is in hex, a user property has a name
 * @returns with their length before them; empty for none
 * @throws {StoreError} `ERR_STORE_IMPORT`
 */
export function encodePropertyLines(text: string | undefined, where: string): Uint8Array {
  if (text === undefined || text === '') return nothing
  const parts = parseItems(text, where).flatMap(item => encodeItem(item, where))
  if (parts.length === 0) return nothing
  const body = Buffer.concat(parts)
  return Buffer.concat([variableByteInteger(body.length), body])
}

function parseItems(text: string, where: string): readonly Item[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw importFault(where, 'its properties are no JSON')
  }
  if (Array.isArray(value) && value.every(isItem)) return value
  throw importFault(where, 'its properties are no list of identifiers with values')
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && 'identifier' in value && typeof value.identifier === 'string'
}

function encodeItem({ identifier, name, value }: Item, where: string): readonly Uint8Array[] {
  const id = Object.hasOwn(identifiers, identifier) ? (identifiers[identifier] as number) : undefined
  if (id === undefined) return []
  switch (identifier) {
    case 'payload-format-indicator':
      if (value !== 0 && value !== 1) throw wrongValue(identifier, where)
      return [Uint8Array.of(id, value)]
    case 'correlation-data':
      if (typeof value !== 'string' || !hex.test(value)) throw wrongValue(identifier, where)
      return [Uint8Array.of(id), prefixed(Buffer.from(value, 'hex'), identifier, where)]
    case 'user-property':
      return [Uint8Array.of(id), text(name, identifier, where), text(value, identifier, where)]
    default:
      return [Uint8Array.of(id), text(value, identifier, where)]
  }
}

function text(value: unknown, identifier: string, where: string): Buffer {
  if (typeof value !== 'string') throw wrongValue(identifier, where)
  return prefixed(Buffer.from(value), identifier, where)
}

function prefixed(bytes: Buffer, identifier: string, where: string): Buffer {
  if (bytes.length > mostText) throw wrongValue(identifier, where)
  return Buffer.concat([Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes])
}

function variableByteInteger(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>>= 7
  } while (rest > 0)
  return Uint8Array.from(bytes)
}

function wrongValue(identifier: string, where: string) {
  return importFault(where, `its property ${identifier} has a value that is none`)
}
