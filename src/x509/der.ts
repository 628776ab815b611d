// The outermost form of DER (X.690 §10): which elements lie in a row, and where each ends. Enough to walk the entries of a
// revocation list one by one; what is in everything else is for the library to read (decision 14). Where all of what is nested
// has to be DER, too, the authority's own check goes on from here (src/pki/strict-der.ts).

import { AppError } from '../base/errors.ts'

/** Bytes that are not DER, or not what they should be. */
export class DerError extends AppError {
  constructor(message: string) {
    super('ERR_X509_DER', message)
  }
}

export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** Reads one element after the other; reading makes no object, since a list may have a million of them. */
export class DerCursor {
  readonly bytes: Uint8Array
  /** Of the element that was read last. */
  tag = 0
  /** Where its tag, its content and whatever follows it begin. */
  head = 0
  start = 0
  end = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /**
   * Reads tag and length of the element at `offset`; its content is not looked at.
   *
   * @param limit where whatever holds the element ends
   * @throws DerError when it is not DER, or reaches past `limit`
   */
  read(offset: number, limit: number): void {
    const { bytes } = this
    if (offset + 2 > limit) throw new DerError('an element is cut short')
    const tag = bytes[offset] as number
    if ((tag & 0x1f) === 0x1f) throw new DerError(`tag 0x${tag.toString(16)} has more than one byte`)
    const short = bytes[offset + 1] as number
    const start = short < 0x80 ? offset + 2 : offset + 2 + (short & 0x7f)
    const length = short < 0x80 ? short : longLength(bytes, offset + 2, start, limit)
    if (start + length > limit) throw new DerError(`an element has ${length} bytes, ${limit - start} are there`)
    this.tag = tag
    this.head = offset
    this.start = start
    this.end = start + length
  }

  /** As `read`, of an element that has to have this tag. */
  expect(tag: number, offset: number, limit: number, what: string): void {
    this.read(offset, limit)
    if (this.tag !== tag) throw new DerError(`${what} has tag 0x${this.tag.toString(16)}, not 0x${tag.toString(16)}`)
  }
}

/** One to four bytes, as few as will do. */
function longLength(bytes: Uint8Array, from: number, to: number, limit: number): number {
  if (to === from) throw new DerError('a length is left open')
  if (to - from > 4) throw new DerError('a length has more than four bytes')
  if (to > limit) throw new DerError('an element is cut short')
  let length = 0
  for (let at = from; at < to; at++) length = length * 256 + (bytes[at] as number)
  if (bytes[from] === 0 || length < 0x80) throw new DerError('a length is written with more bytes than it needs')
  return length
}

/** Tag and length of an element of `size` bytes. */
export function derHeader(tag: number, size: number): Uint8Array {
  if (size < 0x80) return Uint8Array.of(tag, size)
  const digits: number[] = []
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256)
  return Uint8Array.of(tag, 0x80 | digits.length, ...digits)
}
