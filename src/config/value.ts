// How the value of an option is read from its line, with Mosquitto's rules and texts for what it refuses.

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'

/** Reads one option's value. */
export interface Value<T> {
  /** The form of the value, for people: `true | false`, `integer`, `<path>`. */
  readonly syntax: string
  /**
   * @param text what follows the option's name and one space on its line, CR and LF removed
   * @param name the option as it was written, for the error text
   * @param previous what an earlier line set, when there was one in the same scope
   * @param warn takes a warning about a value that is accepted all the same
   * @param named for an option with `names`: what the lines of that other one have defined so far
   * @throws OptionValueError
   */
  parse(
    text: string,
    name: string,
    previous: T | undefined,
    warn: (line: string) => void,
    named?: readonly unknown[],
  ): T
}

/** A value was refused; `message` is the line that Mosquitto prints. */
export class OptionValueError extends AppError {
  constructor(message: string) {
    super('ERR_CONFIG_VALUE', message)
  }
}

/** Exactly `true`, `false`, `1` or `0`; what follows a space after it is not read. */
export function bool(): Value<boolean> {
  return {
    syntax: 'true | false',
    parse(text, name) {
      const token = firstToken(text, name)
      if (token === 'true' || token === '1') return true
      if (token === 'false' || token === '0') return false
      throw new OptionValueError(`Error: Invalid '${name}' value (${escapeText(token)}).`)
    },
  }
}

export interface IntegerRange {
  readonly minimum?: number
  readonly maximum?: number
  /** The text for a number outside the range; ours names the range. */
  readonly refusal?: (value: number, name: string) => string
  /** The documented replacement of any number below 0 ("unlimited"). */
  readonly negative?: number
}

/** A 32-bit number as `strtol` with base 0 reads it: decimal, `0x…`, or octal with a leading 0. */
export function integer(range: IntegerRange = {}): Value<number> {
  const { minimum = -0x80000000, maximum = 0x7fffffff, negative } = range
  const refusal = range.refusal ?? ((_, name) => `Error: '${name}' must be between ${minimum} and ${maximum}.`)
  return {
    syntax: describeRange(range),
    parse(text, name) {
      const value = parseInteger(firstToken(text, name), name)
      if (negative !== undefined && value < 0) return negative
      if (value < minimum || value > maximum) throw new OptionValueError(refusal(value, name))
      return value
    },
  }
}

export interface TextRules {
  readonly syntax?: string
  /** A later line replaces an earlier one; otherwise a second line is an error. */
  readonly replace?: true
  /** Most UTF-8 bytes; 65535 when absent. */
  readonly maximumBytes?: number
  readonly tooLong?: string
  /** The name Mosquitto uses in its error texts, where it differs from the option's. */
  readonly nameInErrors?: string
  /** Returns the refusal's text, or undefined when the value is fine. */
  readonly refuse?: (value: string) => string | undefined
}

/** The rest of the line, blanks trimmed at both ends. */
export function text(rules: TextRules = {}): Value<string> {
  const { maximumBytes = 65535, replace = false } = rules
  return {
    syntax: rules.syntax ?? '<text>',
    parse(rest, name, previous) {
      const shownName = rules.nameInErrors ?? name
      if (rest === '') throw emptyValue(shownName)
      if (previous !== undefined && !replace) {
        throw new OptionValueError(`Error: Duplicate '${shownName}' value in configuration.`)
      }
      const value = trimBlanks(rest)
      if (value === '') throw emptyValue(shownName)
      if (Buffer.byteLength(value) > maximumBytes) {
        throw new OptionValueError(rules.tooLong ?? `Error: '${shownName}' value longer than ${maximumBytes} bytes.`)
      }
      if (!isTextOfMqtt(value)) throw new OptionValueError('Error: Malformed UTF-8 in configuration.')
      const refusal = rules.refuse?.(value)
      if (refusal !== undefined) throw new OptionValueError(refusal)
      return value
    },
  }
}

/** A path: text whose meaning the room that opens it checks. */
export function path(rules: TextRules = {}): Value<string> {
  return text({ syntax: '<path>', ...rules })
}

/** One of a few words. */
export function choice<const W extends string>(
  words: readonly W[],
  refusal = (token: string, name: string) => `Error: Invalid '${name}' value (${token}).`,
): Value<W> {
  return {
    syntax: words.join(' | '),
    parse(rest, name) {
      const token = firstToken(rest, name)
      const word = words.find(known => known === token)
      if (word === undefined) throw new OptionValueError(refusal(escapeText(token), name))
      return word
    },
  }
}

/** The first word of the rest of a line. */
export function firstToken(rest: string, name: string): string {
  const token = rest.split(' ').find(word => word !== '')
  if (token === undefined) throw emptyValue(name)
  return token
}

export function emptyValue(name: string): OptionValueError {
  return new OptionValueError(`Error: Empty '${name}' value in configuration.`)
}

/** `strtol(…, 0)`: leading white space and a sign are allowed, anything after the digits is not. */
export function parseInteger(token: string, name: string): number {
  const match = /^[\t\v\f\r ]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.exec(token)
  if (match === null) throw new OptionValueError(`Error: '${name}' value not a number.`)
  const digits = match[2] as string
  const magnitude = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits)
  const value = match[1] === '-' ? -magnitude : magnitude
  if (value > 0x7fffffff || value < -0x80000000) {
    throw new OptionValueError(`Error: '${name}' value out of range.`)
  }
  return value === 0 ? 0 : value
}

function trimBlanks(value: string): string {
  return value.replace(/^[\t\n\v\f\r ]+|[\t\n\v\f\r ]+$/g, '')
}

// Mosquitto holds values to the rules of MQTT strings (§1.5.4). Bytes that did not decode arrive as lone surrogates.
function isTextOfMqtt(value: string): boolean {
  return value.isWellFormed() && !/[\p{Cc}\p{Noncharacter_Code_Point}]/u.test(value)
}

function describeRange({ minimum, maximum, negative }: IntegerRange): string {
  const low = minimum === undefined ? '' : `≥ ${minimum}`
  const high = maximum === undefined ? '' : `≤ ${maximum}`
  const range = [low, high].filter(bound => bound !== '').join(', ')
  const below = negative === undefined ? '' : `; below 0 = ${negative}`
  return `integer${range === '' ? '' : ` ${range}`}${below}`
}
