// JSON as cJSON reads and prints it, where `JSON.parse` would not do: order, names that repeat, bytes, depth. Numbers and forms are compared
// with Debian's library in test/interop/client-tools.test.ts.

import assert from 'node:assert/strict'
import test from 'node:test'
import { parseJson, printJson } from './json-bytes.ts'

for (const [text, printed = text] of [
  ['{"2":0,"1":0,"2":1}'],
  ['{"__proto__":{"a":1}}'],
  ['"\u00c3\u00a9"'],
  ['"\u00ff"'],
  ['"\\u00e9"', '"\u00c3\u00a9"'],
  ['"\\ud83d\\ude80"', '"\u00f0\u009f\u009a\u0080"'],
  ['"\\u001f\\/"', '"\\u001f/"'],
  ['"a\\u0000b"', '"a"'],
  ['[1e3,1E400,-0.0,0.1e1]', '[1000,null,-0,1]'],
] as const) {
  test(`cli 5: %J prints ${JSON.stringify(text)} as ${JSON.stringify(printed)}`, () => {
    const value = parseJson(text)
    assert.ok(value !== undefined)
    assert.equal(printJson(value, false), printed)
  })
}

for (const text of [
  '',
  ' ',
  '01',
  '+1',
  '.5',
  '1.',
  '1e',
  '"\n"',
  '"\\x"',
  '"\\u12"',
  '"\\ud83d"',
  '"\\ude80"',
  '"\\ud83d\\u0041"',
  '[1,]',
  '{"a":1,}',
  '{,}',
  'nan',
  'tru',
  '[',
  '"',
]) {
  test(`cli 5: ${JSON.stringify(text)} is no JSON`, () => {
    assert.equal(parseJson(text), undefined)
  })
}

test('cli 5: JSON is taken to a depth of 1,000, and refused below it', () => {
  assert.ok(parseJson(`${'['.repeat(1000)}${']'.repeat(1000)}`) !== undefined)
  assert.equal(parseJson(`${'['.repeat(1002)}${']'.repeat(1002)}`), undefined)
})

test('cli 5: --pretty indents by tabs, arrays stay on their line', () => {
  const value = parseJson('{"a":[1,2],"b":{"c":{}},"d":[]}')
  assert.equal(printJson(value ?? null, true), '{\n\t"a":\t[1, 2],\n\t"b":\t{\n\t\t"c":\t{\n\t\t}\n\t},\n\t"d":\t[]\n}')
})

test('cli 5: a string of many escapes, or of many bytes, needs no stack', () => {
  const escapes = parseJson(`"${'\\n\\u0041'.repeat(200_000)}"`)
  assert.equal(typeof escapes === 'string' ? escapes.length : 0, 400_000)
  const plain = parseJson(`"${'a'.repeat(20_000_000)}"`)
  assert.equal(typeof plain === 'string' ? plain.length : 0, 20_000_000)
})
