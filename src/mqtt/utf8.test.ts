import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, hex } from '../../test/support/bytes.ts'
import { MalformedPacketError } from './errors.ts'
import { decodeUtf8 } from './utf8.ts'

/** Decodes between bytes that must not matter. */
function decode(bytes: Uint8Array): string {
  const buffer = Buffer.from(concat(hex`FF`, bytes, hex`80 FF`))
  return decodeUtf8(buffer, 1, 1 + bytes.length, 'topic name')
}

function assertRefused(bytes: Uint8Array, clause: string, message: RegExp): void {
  assert.throws(
    () => decode(bytes),
    (error: unknown) => {
      assert.ok(error instanceof MalformedPacketError)
      assert.equal(error.clause, clause)
      assert.match(error.message, message)
      return true
    },
  )
}

test('§1.5.4: text of one to four bytes a character is decoded', () => {
  for (const text of ['', 'a/b', ' ~', 'käse', 'Ω', '温度', '\u{1f321}', 'a\u{10000}\u{10fffd}', '\u00a0', '\ufffd']) {
    assert.equal(decode(Buffer.from(text)), text)
  }
})

test('[MQTT-1.5.4-3] [v3.1.1 MQTT-1.5.3-3] a byte order mark is a character like any other', () => {
  assert.equal(decode(hex`EF BB BF 'a'`), '\ufeffa')
  assert.equal(decode(hex`'a' EF BB BF`), 'a\ufeff')
})

test('[MQTT-1.5.4-1] [v3.1.1 MQTT-1.5.3-1] ill-formed UTF-8 is malformed: surrogates, overlong forms, cut and stray bytes', () => {
  for (const bytes of [
    hex`ED A0 80`,
    hex`ED BF BF`,
    hex`ED A0 BD ED B8 80`,
    hex`C0 AF`,
    hex`E0 80 AF`,
    hex`F0 80 80 AF`,
    hex`C0 80`,
    hex`80`,
    hex`'a' C3`,
    hex`E6 B8`,
    hex`F0 9F 8C`,
    hex`F4 90 80 80`,
    hex`F8 88 80 80 80`,
    hex`FE`,
    hex`FF`,
  ]) {
    assertRefused(bytes, 'MQTT-1.5.4-1', /^topic name is not well-formed UTF-8$/)
  }
})

test('[MQTT-1.5.4-2] [v3.1.1 MQTT-1.5.3-2] U+0000 is malformed', () => {
  assertRefused(hex`'a' 00 'b'`, 'MQTT-1.5.4-2', /^topic name holds the control character U\+0000$/)
})

test('§1.5.4: control characters are malformed, as for Mosquitto', () => {
  for (let unit = 1; unit < 0xa0; unit++) {
    const bytes = Buffer.from(`a${String.fromCharCode(unit)}`)
    if (unit < 0x20 || unit > 0x7e) assertRefused(bytes, '§1.5.4', /control character U\+00[0189A-F][0-9A-F]|U\+007F/)
    else assert.equal(decode(bytes).length, 2)
  }
})

test('§1.5.4: non-characters are malformed, as for Mosquitto, in every plane; their neighbours are not', () => {
  const planes = Array.from({ length: 17 }, (_, plane) => plane * 0x10000)
  for (const point of [0xfdd0, 0xfdef, ...planes.flatMap(plane => [plane + 0xfffe, plane + 0xffff])]) {
    const hexPoint = point.toString(16).toUpperCase()
    assertRefused(Buffer.from(String.fromCodePoint(point)), '§1.5.4', new RegExp(`non-character U\\+${hexPoint}$`))
  }
  for (const point of [0xfdcf, 0xfdf0, ...planes.flatMap(plane => [plane + 0xfffd, plane + 0x10000 + 0x20])]) {
    if (point > 0x10ffff) continue
    assert.equal(decode(Buffer.from(String.fromCodePoint(point))), String.fromCodePoint(point))
  }
})
