// Walks DER and refuses what only BER allows. The libraries read far more than DER: lengths in more bytes than needed, an open
// end, a boolean of 7F; two readers of such bytes can see two certificates.

import { PkiError } from './errors.ts'

/** One element inside `bytes`, by offsets. */
export interface DerElement {
  /** Class, constructed bit and number as one byte. */
  readonly tag: number
  /** Where its first content byte is. */
  readonly start: number
  /** Behind its last content byte. */
  readonly end: number
}

/** Certificates nest about ten deep; nothing needs more. */
const maxDepth = 24

export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/**
 * Checks that `bytes` is one DER element and nothing behind it, all that is nested in it included.
 *
 * @throws PkiError naming the offset
 */
export function checkDer(bytes: Uint8Array): void {
  const whole = readElement(bytes, 0, bytes.length)
  if (whole.end !== bytes.length) throw fault(whole.end, 'bytes follow the end')
  checkContent(bytes, whole, 0)
}

/** The elements inside a constructed one, unchecked below the first level. @throws PkiError */
export function childrenOf(bytes: Uint8Array, { start, end }: DerElement): DerElement[] {
  const children: DerElement[] = []
  for (let at = start; at < end; ) {
    const child = readElement(bytes, at, end)
    children.push(child)
    at = child.end
  }
  return children
}

/**
 * The element that begins at `at`, whose length is as short as it can be.
 *
 * @throws PkiError
 */
export function readElement(bytes: Uint8Array, at: number, limit: number): DerElement {
  if (limit - at < 2) throw fault(at, 'an element is cut short')
  const tag = bytes[at]!
  if ((tag & 0x1f) === 0x1f) throw fault(at, 'a tag has more than one byte')
  const first = bytes[at + 1]!
  let length = first
  let start = at + 2
  if (first >= 0x80) {
    const count = first - 0x80
    if (count === 0 || count > 4) throw fault(at, count === 0 ? 'a length is left open' : 'a length has too many bytes')
    if (limit - start < count) throw fault(at, 'a length is cut short')
    length = 0
    for (let index = 0; index < count; index++) length = length * 256 + bytes[start + index]!
    if (length < 0x80 || bytes[start] === 0) throw fault(at, 'a length is longer than needed')
    start += count
  }
  if (length > limit - start) throw fault(at, 'an element is longer than what holds it')
  return { tag, start, end: start + length }
}

/** The whole element with its tag and length: for what is signed or compared as bytes. */
export function wholeElement(bytes: Uint8Array, { start, end }: DerElement): Uint8Array {
  const length = end - start
  const header = length < 0x80 ? 2 : 2 + Math.ceil((32 - Math.clz32(length)) / 8)
  return bytes.subarray(start - header, end)
}

function checkContent(bytes: Uint8Array, element: DerElement, depth: number): void {
  const { tag, start, end } = element
  if (depth > maxDepth) throw fault(start, `nested more than ${maxDepth} deep`)
  if ((tag & 0x20) !== 0) {
    for (const child of childrenOf(bytes, element)) checkContent(bytes, child, depth + 1)
    return
  }
  const length = end - start
  switch (tag) {
    case derTag.boolean:
      if (length !== 1 || (bytes[start] !== 0 && bytes[start] !== 0xff))
        throw fault(start, 'a boolean is neither 00 nor FF')
      return
    case derTag.integer:
      checkInteger(bytes, start, length)
      return
    case derTag.bitString:
      checkBitString(bytes, start, length)
      return
    case derTag.utcTime:
    case derTag.generalizedTime:
      checkTime(bytes.subarray(start, end), start, tag)
      return
    case derTag.sequence & 0x1f:
    case derTag.set & 0x1f:
      throw fault(start, 'a sequence or set is marked as primitive')
  }
}

function checkInteger(bytes: Uint8Array, start: number, length: number): void {
  if (length === 0) throw fault(start, 'an integer is empty')
  const [first, second] = [bytes[start]!, bytes[start + 1] ?? 0]
  if (length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw fault(start, 'an integer is longer than needed')
  }
}

function checkBitString(bytes: Uint8Array, start: number, length: number): void {
  const unused = bytes[start] ?? 8
  if (length === 0 || unused > 7 || (length === 1 && unused !== 0)) throw fault(start, 'a bit string is malformed')
  if ((bytes[start + length - 1]! & ((1 << unused) - 1)) !== 0 && length > 1)
    throw fault(start, 'unused bits are not 0')
}

/** RFC 5280 §4.1.2.5: seconds always, `Z` always, no fractions; UTCTime through 2049, GeneralizedTime from 2050. */
function checkTime(content: Uint8Array, start: number, tag: number): void {
  const text = Buffer.from(content).toString('latin1')
  const form = tag === derTag.utcTime ? /^\d{12}Z$/ : /^(?:20[5-9]\d|2[1-9]\d\d|[3-9]\d{3}|19[0-4]\d)\d{10}Z$/
  if (!form.test(text)) throw fault(start, 'a time is not of the form that RFC 5280 asks for')
}

function fault(at: number, what: string): PkiError {
  return new PkiError(`not DER: ${what}, at byte ${at}`)
}

/** One element: tag, shortest length, and the parts one after the other as content. */
export function encodeElement(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  const shortest = length.subarray(length.findIndex(byte => byte !== 0))
  return Buffer.concat([Buffer.of(tag, 0x80 + shortest.length), shortest, content])
}
