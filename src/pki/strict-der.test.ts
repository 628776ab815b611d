import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { checkDer, derTag, encodeElement, readElement, wholeElement } from './strict-der.ts'

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex')

const good = [
  '30 00',
  '02 01 00',
  '02 02 00 80',
  '01 01 FF',
  '03 02 00 01',
  '03 01 00',
  '30 03 02 01 05',
  '17 0D 323630313032303330343035 5A',
]

for (const hex of good) {
  test(`X.690 §10: ${hex} is DER`, () => checkDer(bytes(hex)))
}

const bad: readonly (readonly [hex: string, what: RegExp])[] = [
  ['', /cut short/],
  ['30', /cut short/],
  ['30 80 00 00', /left open/],
  ['30 81 05 02 01 00 05 00', /more bytes than it needs/],
  ['30 82 00 80', /more bytes than it needs/],
  ['30 85 01 00 00 00 00', /more than four bytes/],
  ['30 01', /an element has 1 bytes, 0 are there/],
  ['30 03 02 02 05', /an element has 2 bytes, 1 are there/],
  ['30 00 00', /bytes follow the end/],
  ['02 00', /integer is empty/],
  ['02 02 00 7F', /integer is longer/],
  ['02 02 FF 80', /integer is longer/],
  ['01 01 7F', /neither 00 nor FF/],
  ['01 02 00 00', /neither 00 nor FF/],
  ['03 00', /bit string/],
  ['03 02 08 00', /bit string/],
  ['03 02 01 01', /unused bits/],
  ['10 00', /primitive/],
  ['1F 81 01 00', /tag 0x1f has more than one byte/],
  ['17 0B 32363031303230333034 5A', /time/],
  ['18 0F 32303236303130323033303430 355A', /time/],
]

for (const [hex, what] of bad) {
  test(`X.690 §10, RFC 5280 §4.1.2.5: ${hex || 'nothing'} is refused: ${what.source}`, () => {
    assert.throws(() => checkDer(bytes(hex)), { code: 'ERR_PKI_REFUSED', message: what })
  })
}

test('nested deeper than any certificate is refused before the stack is', () => {
  let deep: Buffer = Buffer.alloc(0)
  for (let depth = 0; depth < 5000; depth++) deep = encodeElement(derTag.sequence, deep)
  assert.throws(() => checkDer(deep), { message: /nested more than 24 deep/ })
})

test('whatever is encoded is read again with the same content, in the shortest form', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70_000 }), content => {
      const encoded = encodeElement(derTag.octetString, content)
      checkDer(encoded)
      const element = readElement(encoded, 0, encoded.length)
      assert.deepEqual(encoded.subarray(element.start, element.end), Buffer.from(content))
      assert.deepEqual(wholeElement(encoded, element), encoded)
    }),
    { numRuns: 50 },
  )
  for (const length of [127, 128, 255, 256, 65_535, 65_536]) {
    const encoded = encodeElement(derTag.octetString, Buffer.alloc(length))
    assert.deepEqual(wholeElement(encoded, readElement(encoded, 0, encoded.length)), encoded)
  }
})

test('random bytes are read or refused, and nothing else happens', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), content => {
      try {
        checkDer(content)
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ERR_PKI_REFUSED')
      }
    }),
  )
})
