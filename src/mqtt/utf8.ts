// UTF-8 strings of the wire (MQTT 5 §1.5.4), checked as strictly as Mosquitto checks them.

import { isUtf8 } from 'node:buffer'
import { assert } from '../base/errors.ts'
import { MalformedPacketError } from './errors.ts'

/**
 * Decodes `buffer[start, end)`. A byte order mark is kept as the character U+FEFF [MQTT-1.5.4-3].
 *
 * @param what the field's name, for the error
 * @throws MalformedPacketError for ill-formed UTF-8, surrogates, U+0000, control characters and non-characters
 */
export function decodeUtf8(buffer: Buffer, start: number, end: number, what: string): string {
  for (let index = start; index < end; index++) {
    const byte = buffer[index] as number
    if (byte < 0x20 || byte > 0x7e) return decodeUnusual(buffer, start, end, what)
  }
  return buffer.toString('latin1', start, end)
}

function decodeUnusual(buffer: Buffer, start: number, end: number, what: string): string {
  if (!isUtf8(buffer.subarray(start, end))) {
    throw new MalformedPacketError('MQTT-1.5.4-1', `${what} is not well-formed UTF-8`)
  }
  const text = buffer.toString('utf8', start, end)
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) throw refusedCharacter(what, 'the control character', unit)
    if (unit >= 0xd800 && isNonCharacter(text, index)) {
      throw refusedCharacter(what, 'the non-character', text.codePointAt(index) as number)
    }
  }
  return text
}

/** U+FDD0 to U+FDEF, and the last two of each plane; those above the first plane are recognised at their first half. */
function isNonCharacter(text: string, index: number): boolean {
  const codePoint = text.codePointAt(index) as number
  return (codePoint >= 0xfdd0 && codePoint <= 0xfdef) || (codePoint & 0xfffe) === 0xfffe
}

function refusedCharacter(what: string, kind: string, codePoint: number): MalformedPacketError {
  const hex = codePoint.toString(16).toUpperCase().padStart(4, '0')
  return new MalformedPacketError(codePoint === 0 ? 'MQTT-1.5.4-2' : '§1.5.4', `${what} holds ${kind} U+${hex}`)
}

/** A string as the wire has it: two bytes of length, then UTF-8. At most 65,535 bytes of that, which the caller sees to. */
export function encodeUtf8String(text: string): Buffer {
  const length = Buffer.byteLength(text)
  assert(length <= 0xffff, 'string is longer than 65535 bytes')
  const encoded = Buffer.allocUnsafeSlow(2 + length)
  encoded.writeUInt16BE(length, 0)
  encoded.write(text, 2, 'utf8')
  return encoded
}
