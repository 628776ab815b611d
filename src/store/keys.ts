// What rows are stored under. Numbers that grow are what makes writing quick: neighbours in time are neighbours on a page.

import { createHash } from 'node:crypto'
import { assert } from '../base/errors.ts'

/** A number, or bytes as a string of one character each: cheaper to make and to compare than a view of them. */
export type Key = number | string

/** Texts of this many bytes and more are stored under their beginning and their digest. */
const longText = 256
const digestBytes = 32
const largestUint32 = 0xffff_ffff

/** Keys that are safe integers: eight bytes, high byte first. */
export const numberKeys = {
  writeKey(key: number, target: Buffer, position: number): number {
    const high = Math.floor(key / 0x1_0000_0000)
    target.writeUInt32BE(high, position)
    return target.writeUInt32BE(key - high * 0x1_0000_0000, position + 4)
  },
  readKey(target: Buffer, start: number): number {
    return target.readUInt32BE(start) * 0x1_0000_0000 + target.readUInt32BE(start + 4)
  },
}

export const textKeys = {
  writeKey(key: string, target: Buffer, position: number): number {
    return position + target.write(key, position, 'latin1')
  },
  readKey(target: Buffer, start: number, end: number): string {
    return target.toString('latin1', start, end)
  },
}

export function sessionKey(sessionNumber: number): number {
  assert(sessionNumber >= 1 && sessionNumber <= largestUint32, 'a session number is 1 to 4294967295')
  return sessionNumber
}

export function sequenceKey(value: number): number {
  assert(value >= 1 && Number.isSafeInteger(value), 'a sequence or message id is a safe integer from 1 on')
  return value
}

export function inboundKey(sessionNumber: number, packetId: number): number {
  return sessionKey(sessionNumber) * 0x1_0000 + packetId
}

export function subscriptionKey(sessionNumber: number, fullFilter: string): string {
  const number = sessionKey(sessionNumber)
  return (
    String.fromCharCode(number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255) + textKey(fullFilter)
  )
}

/**
 * The UTF-8 bytes of a text that is shorter than 256 of them; of a longer one the first 224 and its SHA-256, which makes
 * exactly 256, so that no short text has the key of a long one.
 */
export function textKey(text: string): string {
  assert(text !== '', 'nothing is stored under the empty text')
  if (text.length < longText && Buffer.byteLength(text) === text.length) return text
  const bytes = Buffer.from(text)
  if (bytes.length < longText) return bytes.toString('latin1')
  const digest = createHash('sha256').update(bytes).digest()
  return bytes.toString('latin1', 0, longText - digestBytes) + digest.toString('latin1')
}

/** A key as faults show it. */
export function hexKey(key: Key): string {
  return typeof key === 'number' ? key.toString(16).padStart(16, '0') : Buffer.from(key, 'latin1').toString('hex')
}
