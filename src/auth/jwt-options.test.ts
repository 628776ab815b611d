import assert from 'node:assert/strict'
import test from 'node:test'
import { tokenAlgorithms } from './jwt-algorithms.ts'
import { claimFault, jwtOptions, takesTokens, tokenFault } from './jwt-options.ts'

const nothing = {
  ...(Object.fromEntries(Object.entries(jwtOptions).map(([name, { default: value }]) => [name, value])) as {
    [K in keyof typeof jwtOptions]: undefined
  }),
  jwt_clock_skew: 30,
  jwt_username_claim: 'sub',
  use_identity_as_username: false,
  use_subject_as_username: false,
  certificate_username: undefined,
}
const algorithms = { jwt_algorithms: ['ES256'] } as const
const url = { jwt_jwks_url: 'https://issuer.example/keys', ...algorithms }
const file = { jwt_key_file: 'f', ...algorithms }

type Listener = Parameters<typeof tokenFault>[0]

const cases: readonly (readonly [what: string, Partial<Listener>, RegExp | undefined])[] = [
  ['no tokens', {}, undefined],
  ['keys and algorithms', file, undefined],
  ['a secret and HS', { jwt_secret_file: 'f', jwt_algorithms: ['HS256'] }, undefined],
  ['keys, a secret and both kinds', { ...file, jwt_secret_file: 's', jwt_algorithms: ['HS256', 'ES256'] }, undefined],
  ['a URL with issuer and audience', { ...url, jwt_issuer: 'i', jwt_audience: 'a' }, undefined],
  ['keys without algorithms', { jwt_key_file: 'f' }, /Tokens need jwt_algorithms/],
  ['algorithms without keys', algorithms, /Tokens need a key/],
  ['an issuer without keys', { jwt_issuer: 'i' }, /Tokens need a key/],
  ['an audience without keys', { jwt_audience: 'a' }, /Tokens need a key/],
  ['a claim without keys', { jwt_clientid_claim: 'c' }, /Tokens need a key/],
  ['a claim of roles without keys', { jwt_roles_claim: 'c' }, /Tokens need a key/],
  ['a claim of groups without keys', { jwt_groups_claim: 'c' }, /Tokens need a key/],
  ['a claim of topics without keys', { jwt_acl_claim: 'c' }, /Tokens need a key/],
  ['a URL without audience', { ...url, jwt_issuer: 'i' }, /jwt_jwks_url needs jwt_issuer and jwt_audience/],
  ['a URL without issuer', { ...url, jwt_audience: 'a' }, /jwt_jwks_url needs jwt_issuer and jwt_audience/],
  ['HS without a secret', { ...file, jwt_algorithms: ['HS256', 'ES256'] }, /jwt_secret_file go together/],
  ['a secret without HS', { ...file, jwt_secret_file: 's' }, /jwt_secret_file go together/],
  ['names from certificates', { ...file, use_identity_as_username: true }, /cannot be used where the certificate/],
  ['names from subjects', { ...file, use_subject_as_username: true }, /cannot be used where the certificate/],
  ['names from attributes', { ...file, certificate_username: 'subject' }, /cannot be used where the certificate/],
]

for (const [what, settings, fault] of cases) {
  test(`features K5: ${what}: ${fault === undefined ? 'goes' : `refused, ${fault.source}`}`, () => {
    const told = tokenFault({ ...nothing, ...settings })
    if (fault === undefined) assert.equal(told, undefined)
    else assert.match(told ?? '', fault)
  })
}

test('features K5: roles and groups of tokens need dynamic security, and no list of topics that goes before them', () => {
  assert.equal(claimFault({ ...nothing, ...file, jwt_acl_claim: 'a' }, false), undefined)
  for (const claim of [{ jwt_roles_claim: 'r' }, { jwt_groups_claim: 'g' }]) {
    const listener = { ...nothing, ...file, ...claim }
    assert.equal(claimFault(listener, true), undefined)
    assert.match(claimFault(listener, false) ?? '', /need the plugin of dynamic security/)
    assert.match(claimFault({ ...listener, jwt_acl_claim: 'a' }, true) ?? '', /says all that a client may do/)
  }
})

test('features K5: tokens are taken where there is a key', () => {
  assert.equal(takesTokens(nothing), false)
  assert.equal(takesTokens({ ...nothing, ...file }), true)
})

test('features K5: jwt_algorithms takes the names of algorithms, and refuses `none` and all that it does not know', () => {
  const { value } = jwtOptions.jwt_algorithms
  const parse = (text: string) => value.parse(text, 'jwt_algorithms', undefined, () => {})
  assert.deepEqual(parse('ES256, RS256 EdDSA'), ['ES256', 'RS256', 'EdDSA'])
  assert.deepEqual(parse(tokenAlgorithms.join(' ')), tokenAlgorithms)
  for (const text of ['none', 'ES256 none', 'es256', 'RS1', 'HS256K']) {
    assert.throws(() => parse(text), /Error: Invalid 'jwt_algorithms' value \(/)
  }
  for (const text of ['', ' ', ',']) assert.throws(() => parse(text), /Error: Empty 'jwt_algorithms' value/)
})

test('features K5: jwt_jwks_url takes https, and http from this machine alone', () => {
  const { value } = jwtOptions.jwt_jwks_url
  const parse = (text: string) => value.parse(text, 'jwt_jwks_url', undefined, () => {})
  assert.equal(parse('https://issuer.example/keys'), 'https://issuer.example/keys')
  assert.equal(parse('http://127.0.0.1/keys'), 'http://127.0.0.1/keys')
  assert.throws(() => parse('http://issuer.example/keys'), /it has to be https/)
})
