// MQTT 5 properties by hand (§2.2.2): builders, and a reader of its own that trusts nothing of the product's codec.

import { concat, lengthPrefixed, u16, u32, variableByteInteger } from './bytes.ts'

const text = (id: number) => (value: string | Uint8Array) => concat(Uint8Array.of(id), lengthPrefixed(value))
const byte = (id: number) => (value: number) => Uint8Array.of(id, value)
const short = (id: number) => (value: number) => concat(Uint8Array.of(id), u16(value))
const long = (id: number) => (value: number) => concat(Uint8Array.of(id), u32(value))

/** One property each, identifier first; several are joined with `concat`. */
export const property = {
  payloadFormatIndicator: byte(0x01),
  messageExpiryInterval: long(0x02),
  contentType: text(0x03),
  responseTopic: text(0x08),
  correlationData: text(0x09),
  subscriptionIdentifier: (value: number) => concat(Uint8Array.of(0x0b), variableByteInteger(value)),
  sessionExpiryInterval: long(0x11),
  authenticationMethod: text(0x15),
  authenticationData: text(0x16),
  requestProblemInformation: byte(0x17),
  willDelayInterval: long(0x18),
  requestResponseInformation: byte(0x19),
  reasonString: text(0x1f),
  receiveMaximum: short(0x21),
  topicAliasMaximum: short(0x22),
  topicAlias: short(0x23),
  userProperty: (name: string | Uint8Array, value: string | Uint8Array) =>
    concat(Uint8Array.of(0x26), lengthPrefixed(name), lengthPrefixed(value)),
  maximumPacketSize: long(0x27),
} as const

/** What `readProperties` found: a list, because order and repetition matter. */
export type PropertyList = readonly (readonly [name: string, value: string | number])[]

type Reader = 'byte' | 'short' | 'long' | 'varint' | 'text' | 'binary' | 'pair'
const table: Readonly<Record<number, readonly [string, Reader]>> = {
  1: ['payloadFormatIndicator', 'byte'],
  2: ['messageExpiryInterval', 'long'],
  3: ['contentType', 'text'],
  8: ['responseTopic', 'text'],
  9: ['correlationData', 'binary'],
  11: ['subscriptionIdentifier', 'varint'],
  17: ['sessionExpiryInterval', 'long'],
  18: ['assignedClientIdentifier', 'text'],
  19: ['serverKeepAlive', 'short'],
  21: ['authenticationMethod', 'text'],
  22: ['authenticationData', 'binary'],
  26: ['responseInformation', 'text'],
  28: ['serverReference', 'text'],
  31: ['reasonString', 'text'],
  33: ['receiveMaximum', 'short'],
  34: ['topicAliasMaximum', 'short'],
  35: ['topicAlias', 'short'],
  36: ['maximumQoS', 'byte'],
  37: ['retainAvailable', 'byte'],
  38: ['userProperty', 'pair'],
  39: ['maximumPacketSize', 'long'],
  40: ['wildcardSubscriptionAvailable', 'byte'],
  41: ['subscriptionIdentifiersAvailable', 'byte'],
  42: ['sharedSubscriptionAvailable', 'byte'],
}

/**
 * Reads a property block, its length included. Binary values are given as hexadecimal text, a user property as
 * `name=value`.
 *
 * @returns the properties in order and the offset behind them
 */
export function readProperties(bytes: Uint8Array, offset: number): { properties: PropertyList; next: number } {
  const cursor = new Cursor(bytes, offset)
  const length = cursor.varint()
  const next = cursor.offset + length
  if (next > bytes.length) throw new Error(`properties of ${length} bytes end outside the packet`)
  const properties: [string, string | number][] = []
  while (cursor.offset < next) {
    const id = cursor.byte()
    const entry = table[id]
    if (entry === undefined) throw new Error(`a server never sends property 0x${id.toString(16)}`)
    properties.push([entry[0], cursor[entry[1]]()])
  }
  return { properties, next }
}

/** The one value of `name`, `undefined` when absent; fails when it is there twice. */
export function onlyProperty(properties: PropertyList, name: string): string | number | undefined {
  const values = properties.filter(([each]) => each === name)
  if (values.length > 1) throw new Error(`property ${name} is there ${values.length} times`)
  return values[0]?.[1]
}

/** Reads big-endian fields one after the other; throws past the end. */
export class Cursor {
  offset: number
  readonly #bytes: Buffer
  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.offset = offset
  }
  byte(): number {
    this.offset += 1
    return this.#bytes.readUInt8(this.offset - 1)
  }
  short(): number {
    this.offset += 2
    return this.#bytes.readUInt16BE(this.offset - 2)
  }
  long(): number {
    this.offset += 4
    return this.#bytes.readUInt32BE(this.offset - 4)
  }
  varint(): number {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * shift
      if (byte < 0x80) return value
    }
  }
  text(): string {
    return this.take(this.short()).toString('utf8')
  }
  binary(): string {
    return this.take(this.short()).toString('hex')
  }
  pair(): string {
    return `${this.text()}=${this.text()}`
  }
  take(length: number): Buffer {
    const end = this.offset + length
    if (end > this.#bytes.length) throw new RangeError(`field of ${length} bytes ends outside the packet`)
    const taken = this.#bytes.subarray(this.offset, end)
    this.offset = end
    return taken
  }
  rest(): Buffer {
    return this.take(this.#bytes.length - this.offset)
  }
}
