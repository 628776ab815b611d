// JSON that keeps what `JSON.parse` would not: the order of members, those that stand twice, and bytes that are not UTF-8. It
// prints as the library cJSON does.

import { type Bytes, bytesOf, untilNul } from './received-message.ts'

export type JsonValue = null | boolean | number | Bytes | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly members: readonly (readonly [name: Bytes, value: JsonValue])[]
}

/** Objects and arrays in each other. */
const deepest = 1000

/**
 * @param text the bytes of a JSON text (RFC 8259)
 * @returns undefined for what is none, or is nested deeper than 1,000 levels
 */
export function parseJson(text: Bytes): JsonValue | undefined {
  try {
    const parser = new Parser(text)
    const value = parser.value(0)
    parser.finish()
    return value
  } catch (error) {
    if (error instanceof NoJson) return undefined
    throw error
  }
}

class NoJson extends Error {}

class Parser {
  readonly #text: Bytes
  #at = 0

  constructor(text: Bytes) {
    this.#text = text
  }

  value(depth: number): JsonValue {
    if (depth > deepest) throw new NoJson()
    this.#skipBlank()
    switch (this.#text[this.#at]) {
      case '{':
        return { members: this.#list('}', () => this.#member(depth + 1)) }
      case '[':
        return this.#list(']', () => this.value(depth + 1))
      case '"':
        return this.#string()
      default:
        return this.#word()
    }
  }

  finish(): void {
    this.#skipBlank()
    if (this.#at < this.#text.length) throw new NoJson()
  }

  #list<T>(end: string, read: () => T): T[] {
    const items: T[] = []
    this.#at++
    this.#skipBlank()
    if (this.#takes(end)) return items
    do items.push(read())
    while (this.#takes(','))
    if (!this.#takes(end)) throw new NoJson()
    return items
  }

  #member(depth: number): [Bytes, JsonValue] {
    this.#skipBlank()
    const name = this.#string()
    if (!this.#takes(':')) throw new NoJson()
    return [name, this.value(depth)]
  }

  #takes(character: string): boolean {
    this.#skipBlank()
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  /** Piece by piece: one expression for a whole string would need a stack as long as the string. */
  #string(): Bytes {
    if (this.#text[this.#at++] !== '"') throw new NoJson()
    let pieces = ''
    for (;;) {
      pieces += this.#match(/[^"\\\u0000-\u001f]*/y)[0]
      const end = this.#text[this.#at++]
      if (end === '"') return untilNul(pieces)
      if (end !== '\\') throw new NoJson()
      pieces += this.#escape()
    }
  }

  /** Two surrogates are one character (RFC 8259 §7); one alone is none. */
  #escape(): Bytes {
    const [code] = this.#match(
      /["\\/bfnrt]|u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|u(?![dD][89a-fA-F])[0-9A-Fa-f]{4}/y,
    )
    if (!code.startsWith('u')) return single.get(code) ?? code
    const codes = code.slice(1).split('\\u')
    return bytesOf(String.fromCharCode(...codes.map(unit => Number.parseInt(unit, 16))))
  }

  #word(): JsonValue {
    const [word] = this.#match(/true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y)
    if (word === 'null') return null
    return word === 'true' || word === 'false' ? word === 'true' : Number(word)
  }

  #match(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) throw new NoJson()
    this.#at = pattern.lastIndex
    return match
  }

  #skipBlank(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at++
  }
}

const single = new Map([
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])
const escapes = new Map([...single].map(([letter, character]) => [character, `\\${letter}`]))

/** @param isPretty over several lines, indented by tabs */
export function printJson(value: JsonValue, isPretty: boolean, depth = 0): Bytes {
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'number') return printNumber(value)
  if (value === null || typeof value === 'boolean') return String(value)
  if (!('members' in value)) return printArray(value, isPretty, depth)
  const { members } = value
  const colon = isPretty ? ':\t' : ':'
  const lines = members.map(([name, item]) => `${quote(name)}${colon}${printJson(item, isPretty, depth + 1)}`)
  if (!isPretty) return `{${lines.join(',')}}`
  const indent = '\t'.repeat(depth + 1)
  return `{\n${lines.map(line => `${indent}${line}`).join(',\n')}${lines.length > 0 ? '\n' : ''}${'\t'.repeat(depth)}}`
}

function printArray(items: readonly JsonValue[], isPretty: boolean, depth: number): Bytes {
  return `[${items.map(item => printJson(item, isPretty, depth + 1)).join(isPretty ? ', ' : ',')}]`
}

function quote(text: Bytes): Bytes {
  const inside = text.replaceAll(/["\\\u0000-\u001f]/g, character => {
    if (character === '"' || character === '\\') return `\\${character}`
    return escapes.get(character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  return `"${inside}"`
}

/** As C's `%g` has it, with fifteen digits where they say nearly the same number and seventeen where they do not. */
function printNumber(value: number): string {
  if (!Number.isFinite(value)) return 'null'
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 31) return Object.is(value, -0) ? '-0' : String(value)
  const short = Number(value.toPrecision(15))
  const isSame = Math.abs(short - value) <= Math.max(Math.abs(short), Math.abs(value)) * Number.EPSILON
  return general(value, isSame ? 15 : 17)
}

function general(value: number, digits: number): string {
  const [mantissa = '', exponentText = ''] = value.toExponential(digits - 1).split('e')
  const exponent = Number(exponentText)
  if (exponent >= -4 && exponent < digits) return withoutZeros(value.toFixed(Math.max(0, digits - 1 - exponent)))
  const size = String(Math.abs(exponent)).padStart(2, '0')
  return `${withoutZeros(mantissa)}e${exponent < 0 ? '-' : '+'}${size}`
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}
