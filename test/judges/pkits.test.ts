// NIST's path validation suite, whole: a TLS client with each case's key and chain at a listener with its lists, beside `openssl
// verify` with the same files and what NIST expects. Ends with the year 2030, as its certificates do.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nistVerdict, type PkitsCase, pkitsCases } from './pkits-cases.ts'
import { caseCount, type Difference, differences } from './pkits-differences.ts'
import { castellanVerdict, opensslVerdict, writeCase } from './pkits-verdicts.ts'

const cases = pkitsCases()
const explained = new Map(differences.flatMap(difference => difference.cases.map(name => [name, difference] as const)))

test('the suite is whole, and every difference is about a case of it', () => {
  assert.equal(cases.length, caseCount)
  const names = new Set(cases.map(({ name }) => name))
  assert.deepEqual(
    [...explained.keys()].filter(name => !names.has(name)),
    [],
  )
  assert.equal(explained.size, differences.flatMap(difference => difference.cases).length, 'a case is named twice')
})

test('nothing is accepted that NIST refuses', () => {
  assert.deepEqual(
    cases.filter(one => nistVerdict(one) === 'refuses' && verdictsOn(one).castellan === 'accepts'),
    [],
  )
})

for (const one of cases) {
  const expected = verdictsOn(one)
  const { nist, openssl, castellan } = expected
  test(`PKITS ${one.name}: NIST ${nist}, openssl ${openssl}, Castellan ${castellan}`, async t => {
    const files = writeCase(t, one)
    const theirs = await opensslVerdict(files)
    const ours = await castellanVerdict(t, one, files)
    const found: Verdicts = { nist: nistVerdict(one), openssl: theirs.verdict, castellan: ours.verdict }
    assert.deepEqual(found, expected, `openssl: ${theirs.reason}; Castellan: ${ours.reason}`)
    assert.match(ours.reason, explained.get(one.name)?.log ?? /(?:)/)
    // It is the chain or a list that is refused, not what a client does with it.
    assert.doesNotMatch(ours.reason, /^no certificate shown|^TLS handshake failed/)
  })
}

type Verdicts = Pick<Difference, 'nist' | 'openssl' | 'castellan'>

function verdictsOn(one: PkitsCase): Verdicts {
  const nist = nistVerdict(one)
  const known = explained.get(one.name)
  return known === undefined
    ? { nist, openssl: nist, castellan: nist }
    : { nist: known.nist, openssl: known.openssl, castellan: known.castellan }
}
