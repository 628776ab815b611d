// Rows ↔ lines of text: the format of `castellan store export`. One JSON object a line; bytes are base64; what is undefined is
// left out. The first line names format and version, the last one counts the rows, so that a file cut short is noticed.

import { escapeText } from '../base/escape.ts'
import type { PutRetained } from './retained-store.ts'
import type { PutDocument } from './security-store.ts'
import type { SessionRow } from './session-store.ts'
import { StoreError } from './store-error.ts'

export type ExportedRow = SessionRow | PutRetained | PutDocument

/** The version of this format; a file of another one is refused. */
export const linesVersion = 2

type FieldType = 'text' | 'bytes' | 'integer' | 'number' | 'boolean' | 'integers' | 'state' | 'will' | 'message'

interface Field {
  readonly type: FieldType
  /** Integers only; the least is 0. */
  readonly most?: number
  readonly optional?: true
}

const uint8: Field = { type: 'integer', most: 0xff }
const uint16: Field = { type: 'integer', most: 0xffff }
const uint32: Field = { type: 'integer', most: 0xffff_ffff }
const integer: Field = { type: 'integer', most: Number.MAX_SAFE_INTEGER }
const qos: Field = { type: 'integer', most: 2 }
const text: Field = { type: 'text' }
const bytes: Field = { type: 'bytes' }
const boolean: Field = { type: 'boolean' }
const time: Field = { type: 'number', optional: true }

const messageFields = {
  topicName: text,
  qos,
  retain: boolean,
  publisher: text,
  properties: bytes,
  payload: bytes,
  expiresAt: time,
}

/** Of each kind of row its fields; a row with others, or without one of these, is refused. */
const fieldsOf: Readonly<Record<ExportedRow['kind'], Readonly<Record<string, Field>>>> = {
  'put-session': {
    sessionNumber: uint32,
    clientId: text,
    owner: text,
    principal: bytes,
    expiryInterval: uint32,
    disconnectedAt: time,
    will: { type: 'will', optional: true },
  },
  'put-subscription': { sessionNumber: uint32, fullFilter: text, options: uint8, subscriptionIdentifier: uint32 },
  'put-inbound': { sessionNumber: uint32, packetId: uint16 },
  'put-message': { messageId: integer, ...messageFields },
  'put-queued': {
    sequence: integer,
    sessionNumber: uint32,
    messageId: integer,
    message: { type: 'message', optional: true },
    qos,
    retain: boolean,
    subscriptionIdentifiers: { type: 'integers', optional: true },
    packetId: uint16,
    state: { type: 'state' },
  },
  'put-retained': { ...messageFields, keptUntil: time },
  'put-document': { name: text, body: bytes },
}

const willFields = { delay: uint32, record: bytes }
const states: readonly unknown[] = ['queued', 'sent', 'released']
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export function formatRow(row: ExportedRow): string {
  return JSON.stringify(row, (_, value: unknown) => (value instanceof Uint8Array ? toBase64(value) : value))
}

function toBase64(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
}

/** @throws {StoreError} `ERR_STORE_TRANSFER`, naming the line */
export function parseRow(line: string, number: number): ExportedRow {
  const value = parseObject(line, number)
  const kind = value['kind']
  if (typeof kind !== 'string' || !Object.hasOwn(fieldsOf, kind))
    throw wrongLine(number, `kind ${quoted(kind)} is none`)
  const fields = parseFields(value, fieldsOf[kind as ExportedRow['kind']], number)
  return { kind, ...fields } as unknown as ExportedRow
}

/** @throws {StoreError} `ERR_STORE_TRANSFER`, naming the line */
export function parseObject(line: string, number: number): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw wrongLine(number, 'it is no JSON')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw wrongLine(number, 'it is no JSON object')
}

export function wrongLine(number: number, why: string): StoreError {
  return new StoreError('ERR_STORE_TRANSFER', `line ${number}: ${why}`)
}

function parseFields(
  value: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, Field>>,
  number: number,
): Record<string, unknown> {
  const parsed: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    const given = value[name]
    if (given === undefined && field.optional) parsed[name] = undefined
    else parsed[name] = parseField(name, given, field, number)
  }
  for (const name of Object.keys(value)) {
    if (name !== 'kind' && !Object.hasOwn(fields, name)) throw wrongLine(number, `field ${quoted(name)} is not known`)
  }
  return parsed
}

function parseField(name: string, value: unknown, field: Field, number: number): unknown {
  const parsed = parseValue(value, field, number)
  if (parsed === undefined)
    throw wrongLine(number, `field '${name}' is ${quoted(value)}, expected ${expectation(field)}`)
  return parsed
}

/** @returns undefined for what it is not */
function parseValue(value: unknown, { type, most = 0 }: Field, number: number): unknown {
  switch (type) {
    case 'text':
    case 'boolean':
      return typeof value === (type === 'text' ? 'string' : 'boolean') ? value : undefined
    case 'bytes':
      return typeof value === 'string' && base64.test(value) ? new Uint8Array(Buffer.from(value, 'base64')) : undefined
    case 'integer':
      return isInteger(value, most) ? value : undefined
    case 'number':
      return typeof value === 'number' ? value : undefined
    case 'integers':
      return Array.isArray(value) && value.every(item => isInteger(item, 0xffff_ffff)) ? value : undefined
    case 'state':
      return states.includes(value) ? value : undefined
    case 'will':
    case 'message':
      return typeof value === 'object' && value !== null
        ? parseFields(value as Record<string, unknown>, type === 'will' ? willFields : messageFields, number)
        : undefined
  }
}

function isInteger(value: unknown, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most
}

function expectation({ type, most }: Field): string {
  if (type === 'integer') return `an integer from 0 to ${most}`
  return {
    text: 'text',
    bytes: 'base64',
    number: 'a number',
    boolean: 'true or false',
    integers: 'integers',
    state: 'a state',
    will: 'a will',
    message: 'a message',
  }[type]
}

function quoted(value: unknown): string {
  return `'${escapeText(JSON.stringify(value) ?? 'missing', 64)}'`
}
