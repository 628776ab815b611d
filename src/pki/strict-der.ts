// Walks DER and refuses what only BER allows. The libraries read far more than DER: lengths in more bytes than needed, an open
// end, a boolean of 7F; two readers of such bytes can see two certificates.

import { DerCursor, DerError, derHeader, derTag } from '../x509/der.ts'
import { PkiError } from './errors.ts'

export { derTag }

/** One element inside `bytes`, by offsets. */
export interface DerElement {
  /** Class, constructed bit and number as one byte. */
  readonly tag: number
  /** Where its tag is. */
  readonly head: number
  /** Where its first content byte is. */
  readonly start: number
  /** Behind its last content byte. */
  readonly end: number
}

/** Certificates nest about ten deep; nothing needs more. */
const maxDepth = 24

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
  const cursor = new DerCursor(bytes)
  try {
    cursor.read(at, limit)
  } catch (error) {
    throw error instanceof DerError ? fault(at, error.message) : error
  }
  const { tag, head, start, end } = cursor
  return { tag, head, start, end }
}

/** The whole element with its tag and length: for what is signed or compared as bytes. */
export function wholeElement(bytes: Uint8Array, { head, end }: DerElement): Uint8Array {
  return bytes.subarray(head, end)
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
  const size = parts.reduce((sum, { length }) => sum + length, 0)
  return Buffer.concat([derHeader(tag, size), ...parts])
}
