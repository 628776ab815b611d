// The format strings of `mosquitto_sub -F`: what stands behind `%`, `@` and `\`, with flags, widths and separators, compiled once
// and printed for each message, byte for byte as Mosquitto does.

import { escapeText } from '../../base/escape.ts'
import { ClientUsageError } from './error.ts'
import { messageJson } from './message-json.ts'
import { isoTime, localTime, nanoseconds, strftime, unixTime } from './message-time.ts'
import { type Bytes, bytesOf, type ReceivedMessage } from './received-message.ts'

/** Prints a message. */
export type Format = (message: ReceivedMessage) => Bytes

/** What cannot be printed of a message, for people; the rest of it is printed. */
export type Complain = (message: string) => void

/** What comes from a message passes here on its way out; what stands in the format itself does not. */
export type Guard = (bytes: Bytes) => Bytes

/** `%-010.5:t`: left, zeros, width, precision, what separates hexadecimal digits. */
interface Field {
  readonly isLeft: boolean
  readonly pad: string
  readonly width: number
  /** undefined where none was given. */
  readonly precision: number | undefined
  readonly separator: string
}

/** Bytes that a field may be wide: whoever wants more has made a mistake. */
const widest = 100_000
/** Digits behind a point. */
const mostDigits = 100

const letters = 'ACDEFIJPRSUXdfjlmpqrtx%'
const field = /^(-?)(0?)(\d*)(?:\.(\d*))?([ !"#$&'()*+,\-./:;<=>?@[\\\]^_`{|}~]?)(.)/s
const escapes: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ['0', '\0'],
  ['a', '\u0007'],
  ['e', '\u001b'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
])

/** @throws ClientUsageError for a format that is none */
export function checkFormat(format: string): void {
  compile(bytesOf(format), false, () => {})
}

/**
 * @param isPretty of `%j` and `%J`
 * @param complain called where a message is not what the format needs
 * @throws ClientUsageError
 */
export function compileFormat(format: string, isPretty: boolean, guard: Guard, complain: Complain): Format {
  const parts = compile(bytesOf(format), isPretty, complain)
  return message => parts.map(part => (typeof part === 'string' ? part : guard(part(message)))).join('')
}

function compile(format: Bytes, isPretty: boolean, complain: Complain): (string | Format)[] {
  const parts: (string | Format)[] = []
  for (let at = 0; at < format.length; ) {
    const [plain = ''] = /^[^%@\\]*/.exec(format.slice(at)) ?? []
    if (plain !== '') parts.push(plain)
    at += plain.length
    if (at === format.length) break
    const rest = format.slice(at + 1)
    const { part, size } =
      format[at] === '%' ? percent(rest, isPretty, complain) : { part: escaped(format[at] === '@', rest), size: 1 }
    parts.push(part)
    at += 1 + size
  }
  return parts
}

function escaped(isTime: boolean, rest: Bytes): string | Format {
  const character = rest[0]
  if (character === undefined)
    throw new ClientUsageError(`Error: Incomplete ${isTime ? 'format' : 'escape'} specifier.`)
  if (!isTime) {
    const value = escapes.get(character)
    if (value !== undefined) return value
    throw new ClientUsageError(`Error: Invalid escape specifier '${escapeText(character)}'.`)
  }
  if (character === '@') return '@'
  if (character === 'N') return ({ time }) => nanoseconds(time)
  return ({ time }) => bytesOf(strftime(character, localTime(time)))
}

function percent(rest: Bytes, isPretty: boolean, complain: Complain): { part: string | Format; size: number } {
  const match = field.exec(rest)
  if (match === null) throw new ClientUsageError('Error: Incomplete format specifier.')
  const [whole, left, zero, width = '', precision, separator = '', letter = ''] = match
  if (!letters.includes(letter)) {
    throw new ClientUsageError(`Error: Invalid format specifier '${escapeText(letter)}'.`)
  }
  const options: Field = {
    isLeft: left !== '',
    pad: zero === '' ? ' ' : '0',
    width: bounded(width, widest),
    precision: precision === undefined ? undefined : bounded(precision, 'fd'.includes(letter) ? mostDigits : widest),
    separator,
  }
  return { part: printerOf(letter, options, isPretty, complain), size: whole.length }
}

function bounded(digits: string, most: number): number {
  if (Number(digits) <= most) return Number(digits)
  throw new ClientUsageError(`Error: A format specifier is at most ${most} wide.`)
}

function printerOf(letter: string, options: Field, isPretty: boolean, complain: Complain): string | Format {
  switch (letter) {
    case '%':
      return '%'
    case 'A':
      return ({ properties }) => integer(properties.topicAlias, options)
    case 'C':
      return ({ properties }) => optionalText(properties.contentType, options)
    case 'D':
      return ({ properties }) => Buffer.from(properties.correlationData ?? []).toString('latin1')
    case 'E':
      return ({ properties }) => integer(properties.messageExpiryInterval, options)
    case 'F':
      return ({ properties }) => integer(properties.payloadFormatIndicator, options)
    case 'I':
      return ({ time }) => text(isoTime(localTime(time)), options)
    case 'j':
    case 'J':
      return message => json(message, letter === 'j', isPretty, complain)
    case 'l':
      return ({ payload }) => integer(payload.length, options)
    case 'm':
      return ({ packetId }) => integer(packetId, options)
    case 'P':
      return ({ properties }) => (properties.userProperties ?? []).map(pair => bytesOf(pair.join(':'))).join(' ')
    case 'p':
      return ({ payload }) => payloadText(payload, options)
    case 'q':
      return ({ qos }) => String(qos)
    case 'R':
      return ({ properties: { responseTopic } }) =>
        responseTopic === undefined ? '' : text(bytesOf(responseTopic), options)
    case 'r':
      return ({ retain }) => String(Number(retain))
    case 'S':
      return ({ properties }) => integer(properties.subscriptionIdentifiers?.[0], options)
    case 't':
      return ({ topic }) => text(topic, options)
    case 'U':
      return ({ time }) => unixTime(time)
    case 'x':
    case 'X':
      return ({ payload }) => hexadecimal(payload, options, letter === 'X')
    default:
      return ({ payload }) => real(payload, letter === 'f' ? 4 : 8, options, complain)
  }
}

/** `%d` of C, in 32 bits; where there is none, as much padding. */
function integer(value: number | undefined, { isLeft, pad, width }: Field): Bytes {
  if (value === undefined) return pad.repeat(width)
  const digits = String(value | 0)
  if (isLeft) return digits.padEnd(width)
  if (pad === '0' && digits.startsWith('-')) return `-${digits.slice(1).padStart(width - 1, '0')}`
  return digits.padStart(width, pad)
}

/** `%s` of C: filled with blanks, whatever the flags. */
function text(value: Bytes, { isLeft, width, precision }: Field): Bytes {
  const cut = precision === undefined ? value : value.slice(0, precision)
  return isLeft ? cut.padEnd(width) : cut.padStart(width)
}

function optionalText(value: string | undefined, options: Field): Bytes {
  return value === undefined ? ' '.repeat(options.width) : text(bytesOf(value), options)
}

/** Cut at the width, too. Left without a width, as many blanks follow as there are bytes: Mosquitto does so. */
function payloadText(payload: Bytes, { isLeft, pad, width }: Field): Bytes {
  if (width === 0) return isLeft ? payload + ' '.repeat(payload.length) : payload
  const cut = payload.slice(0, width)
  return isLeft ? cut.padEnd(width) : cut.padStart(width, pad)
}

/** A separator follows after each `precision` digits. */
function hexadecimal(payload: Bytes, options: Field, isUpper: boolean): Bytes {
  const { isLeft, pad, width, precision = 0, separator } = options
  const cut = width === 0 ? payload : payload.slice(0, width)
  const digits = Buffer.from(cut, 'latin1').toString('hex')
  const shown = isUpper ? digits.toUpperCase() : digits
  const missing = width === 0 ? (isLeft ? payload.length : 0) : Math.max(0, width - digits.length)
  if (isLeft) return separated(shown, precision, separator) + ' '.repeat(missing)
  return separated(pad.repeat(missing) + shown, precision, separator)
}

function separated(digits: string, every: number, separator: string): string {
  if (every === 0 || digits === '') return digits
  const groups: string[] = []
  for (let at = 0; at < digits.length; at += every) groups.push(digits.slice(at, at + every))
  return groups.join(separator || ' ')
}

/** The payload as a number in this machine's own form (Mosquitto 2.1): `float` of four bytes, `double` of eight. */
function real(payload: Bytes, size: 4 | 8, { isLeft, pad, width, precision = 6 }: Field, complain: Complain): Bytes {
  if (payload.length !== size) {
    complain(`requested ${size === 4 ? 'float' : 'double'} printing, but the payload has ${payload.length} bytes`)
    return ''
  }
  const bytes = Buffer.from(payload, 'latin1')
  const value = size === 4 ? bytes.readFloatLE() : bytes.readDoubleLE()
  const digits = fixed(value, precision)
  if (isLeft) return digits.padEnd(width)
  const fill = Number.isFinite(value) ? pad : ' '
  if (fill === '0' && digits.startsWith('-')) return `-${digits.slice(1).padStart(width - 1, '0')}`
  return digits.padStart(width, fill)
}

/** `%.*f` of C: `toFixed` writes large numbers with an exponent. */
function fixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf'
  const sign = Object.is(value, -0) ? '-' : ''
  if (Math.abs(value) < 1e21) return `${sign}${value.toFixed(digits)}`
  return `${BigInt(value)}${digits > 0 ? `.${'0'.repeat(digits)}` : ''}`
}

function json(message: ReceivedMessage, isEscaped: boolean, isPretty: boolean, complain: Complain): Bytes {
  const shown = messageJson(message, isEscaped, isPretty)
  if (shown !== undefined) return shown
  const topic = escapeText(Buffer.from(message.topic, 'latin1').toString())
  complain(`Error: Message payload is not valid JSON on topic ${topic}.`)
  return ''
}
