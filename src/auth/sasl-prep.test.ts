import assert from 'node:assert/strict'
import test from 'node:test'
import { saslPrep } from './sasl-prep.ts'

/** The first five are RFC 4013 §3's own examples. */
const prepared: readonly (readonly [what: string, text: string, result: string | undefined])[] = [
  ['a soft hyphen is left out', 'I\u00adX', 'IX'],
  ['plain letters stay', 'user', 'user'],
  ['case is kept', 'USER', 'USER'],
  ['a feminine ordinal becomes its letter', '\u00aa', 'a'],
  ['a Roman numeral becomes letters', '\u2168', 'IX'],
  ['a bell is prohibited', '\u0007', undefined],
  ['a no-break space becomes a space', 'a\u00a0b', 'a b'],
  ['marks are composed', 'e\u0301', '\u00e9'],
  ['a direction override is prohibited', 'a\u202eb', undefined],
  ['private use is prohibited', '\ue000', undefined],
  ['a non-character is prohibited', '\uffff', undefined],
  ['half a surrogate pair is prohibited', '\ud800', undefined],
  ['a language tag is prohibited', '\u{e0041}', undefined],
  ['nothing left is nothing', '\u00ad', undefined],
]

for (const [what, text, result] of prepared) {
  test(`RFC 4013 §2: ${what}`, () => assert.equal(saslPrep(text), result))
}
