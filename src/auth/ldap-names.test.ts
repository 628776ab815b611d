import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { comparableDn, escapeDnValue, escapeFilterValue, fillTemplate, templateFault } from './ldap-names.ts'

const inNames: readonly (readonly [value: string, escaped: string])[] = [
  ['alice', 'alice'],
  ['Ödön', 'Ödön'],
  ['a,ou=admins', 'a\\2cou\\3dadmins'],
  ['a+b', 'a\\2bb'],
  ['a\\', 'a\\5c'],
  ['"a"', '\\22a\\22'],
  ['a<b>c;d', 'a\\3cb\\3ec\\3bd'],
  ['#04', '\\2304'],
  [' a b ', '\\20a b\\20'],
  ['a\0b\n', 'a\\00b\\0a'],
]

for (const [value, escaped] of inNames) {
  test(`features K6: LDAP: ${JSON.stringify(value)} is a value in a name, ${JSON.stringify(escaped)}`, () => {
    assert.equal(escapeDnValue(value), escaped)
  })
}

const inFilters: readonly (readonly [value: string, escaped: string])[] = [
  ['alice', 'alice'],
  ['*', '\\2a'],
  ['a)(uid=*', 'a\\29\\28uid=\\2a'],
  ['a\\2a', 'a\\5c2a'],
  ['a\0', 'a\\00'],
]

for (const [value, escaped] of inFilters) {
  test(`features K6: LDAP: ${JSON.stringify(value)} is a value in a filter, ${JSON.stringify(escaped)}`, () => {
    assert.equal(escapeFilterValue(value), escaped)
  })
}

test('features K6: LDAP: whatever a client is called, it adds no syntax, and no two are one', () => {
  const unescaped = (text: string) =>
    Buffer.from(
      text.replace(/\\([0-9a-f]{2})|./gsu, (whole, hex?: string) => hex ?? Buffer.from(whole).toString('hex')),
      'hex',
    ).toString()
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), name => {
      assert.doesNotMatch(escapeDnValue(name), /[",+<>;=#\0]|\\(?![0-9a-f]{2})|^ | $/)
      assert.doesNotMatch(escapeFilterValue(name), /[()*\0]|\\(?![0-9a-f]{2})/)
      assert.equal(unescaped(escapeDnValue(name)), name)
      assert.equal(unescaped(escapeFilterValue(name)), name)
    }),
  )
})

test('features K6: LDAP: what stands for a name in a template is not looked at again', () => {
  assert.equal(fillTemplate('uid=%u,ou=people', { u: '%u%d' }), 'uid=%u%d,ou=people')
  assert.equal(fillTemplate('(|(m=%d)(u=%u))', { u: '$&', d: 'uid=a' }), '(|(m=uid=a)(u=$&))')
})

test('features K6: LDAP: a template has its variables, and no others', () => {
  assert.equal(templateFault('uid=%u,dc=a', ['u']), undefined)
  assert.match(templateFault('uid=alice,dc=a', ['u']) ?? '', /there is no %u in it/)
  assert.match(templateFault('uid=%u,ou=%c', ['u']) ?? '', /only %u can be in it/)
  assert.match(templateFault('uid=%u%', ['u']) ?? '', /only %u can be in it/)
})

test('features K6: LDAP: names of groups are compared without case, and without blanks beside separators', () => {
  assert.equal(comparableDn('CN=Ops, OU=Groups , DC=a'), comparableDn('cn=ops,ou=groups,dc=a'))
  assert.notEqual(comparableDn('cn=ops,ou=a'), comparableDn('cn=ops,ou=b'))
  assert.notEqual(comparableDn('cn=o ps,ou=a'), comparableDn('cn=ops,ou=a'))
})
