import assert from 'node:assert/strict'
import test from 'node:test'
import { pasteTrap } from './paste-traps.ts'

for (const [argument, expected] of [
  ['–c', /'–c' begins with an en dash \(U\+2013\), not with a hyphen: type '-c'/],
  ['—cafile', /'—cafile' begins with an em dash \(U\+2014\), not with two hyphens: type '--cafile'/],
  ['–-config-file', /type '--config-file'/],
  ['-–test-config', /type '--test-config'/],
  ['−p', /a minus sign \(U\+2212\)/],
  ['“/etc/mosquitto.conf”', /the curly quote '“' \(U\+201C\)/],
] as const) {
  test(`cli section 5, paste traps: ${argument} is named for what it is`, () => {
    assert.match(pasteTrap(['-v', argument], false) ?? '', expected)
  })
}

test('cli section 5, paste traps: real options, paths and topics with dashes inside are left alone', () => {
  assert.equal(pasteTrap(['-c', '--config-file', 'a–b.conf', '– ', '/–/x', "it's"], false), undefined)
})

test('cli section 5, paste traps: where an argument may be a password, only a dash with one letter is taken for an option', () => {
  assert.match(pasteTrap(['–b', 'f', 'u', 'p'], true) ?? '', /type '-b'/)
  assert.equal(pasteTrap(['-b', 'f', 'u', '–geheim'], true), undefined)
  assert.equal(pasteTrap(['-b', 'f', 'u', '“geheim”'], true), undefined)
})
