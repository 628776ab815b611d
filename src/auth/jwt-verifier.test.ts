import assert from 'node:assert/strict'
import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { keySet, makeToken, signerOf, signingKeys, testKey, tokenSecret, unsigned } from '../../test/support/tokens.ts'
import { algorithmsOf, isShared, type TokenAlgorithm, tokenAlgorithms } from './jwt-algorithms.ts'
import { fixedKeys } from './jwt-key-source.ts'
import { parseKeySet, type TokenKey } from './jwt-keys.ts'
import { type TokenRules, TokenVerifier } from './jwt-verifier.ts'

const clock = fakeClock()
const seconds = clock.now() / 1000
const claims = { sub: 'device-7', exp: seconds + 60 }
const shared = createSecretKey(Buffer.from(tokenSecret))
const secret: TokenKey = { id: undefined, algorithms: algorithmsOf(shared), key: shared, fingerprint: 'secret' }
const keys = [...parseKeySet(keySet(signingKeys)), secret]

function verifier(rules: Partial<TokenRules> = {}, known: readonly TokenKey[] = keys): TokenVerifier {
  const defaults = {
    algorithms: tokenAlgorithms,
    issuer: undefined,
    audience: undefined,
    skewSeconds: 0,
    usernameClaim: 'sub',
    clientIdClaim: undefined,
    rolesClaim: undefined,
    groupsClaim: undefined,
    aclClaim: undefined,
  }
  return new TokenVerifier({ rules: { ...defaults, ...rules }, keys: [fixedKeys(known)], wallClock: clock.now })
}

/** Signed with the key that is right for the algorithm. */
function token(alg: string, payload: object = claims, header: object = {}): string {
  return makeToken({ header: { alg, ...header }, claims: { ...payload } }, signerOf(alg))
}

/** The user name, or why there is none. */
async function outcome(by: TokenVerifier, text: string, clientId = 'c'): Promise<string> {
  const verdict = await by.verify(text, clientId)
  return verdict.kind === 'valid' ? verdict.username : verdict.rule
}

const notAllowed = 'token with an algorithm that is not in jwt_algorithms'
const wrongSignature = 'token with a wrong signature'
const noKey = 'token whose key is not known'

for (const algorithm of tokenAlgorithms) {
  test(`features K5: ${algorithm}: what its key has signed counts, what was changed does not, nor where it is not in the list`, async () => {
    const good = token(algorithm)
    assert.equal(await outcome(verifier({ algorithms: [algorithm] }), good), 'device-7')
    const [header, , signature] = good.split('.')
    const [, otherClaims] = token(algorithm, { ...claims, sub: 'admin' }).split('.')
    assert.equal(await outcome(verifier(), `${header}.${otherClaims}.${signature}`), wrongSignature)
    assert.equal(await outcome(verifier(), `${header}.${otherClaims}.`), wrongSignature)
    const others = tokenAlgorithms.filter(other => other !== algorithm)
    assert.equal(await outcome(verifier({ algorithms: others }), good), notAllowed)
  })

  test(`features K5: ${algorithm}: the key of another kind is not tried`, async () => {
    const unfit = keys.filter(key => !key.algorithms.includes(algorithm))
    assert.ok(unfit.length > 0)
    assert.equal(await outcome(verifier({}, unfit), token(algorithm)), noKey)
  })
}

test('features K5: `none` is no algorithm, however it is written, with a signature or without', async () => {
  for (const alg of ['none', 'None', 'NONE', '', undefined, 1, ['RS256']]) {
    const text = unsigned({ header: { alg }, claims })
    for (const signature of ['', token('RS256').split('.')[2]]) {
      assert.equal(await outcome(verifier(), `${text}.${signature}`), notAllowed)
    }
  }
})

test('features K5: a public key is no secret: what was signed with its text, as PEM or JSON, by HS256 does not count', async () => {
  const { publicPem, jwk } = signingKeys.RS256
  const publicKeys = keys.filter(key => key !== secret)
  for (const text of [publicPem, publicPem.trim(), JSON.stringify(jwk), jwk.n!]) {
    const forged = makeToken({ header: { alg: 'HS256' }, claims }, text)
    assert.equal(await outcome(verifier({}, publicKeys), forged), noKey)
    assert.equal(await outcome(verifier(), forged), wrongSignature, 'beside a real secret')
  }
})

test('features K5: a key that the token brings along (`jwk`, `x5c`, `jku`) is not used', async () => {
  const own = testKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  const header = { alg: 'ES256', jwk: own.jwk, jku: 'https://example.com/keys', x5c: ['AA=='] }
  assert.equal(await outcome(verifier(), makeToken({ header, claims }, own.privateKey)), wrongSignature)
})

test('features K5: a token that demands what is not understood (`crit`), and what is no token, are refused', async () => {
  const unread = 'token cannot be read'
  assert.equal(await outcome(verifier(), token('ES256', claims, { crit: ['x'], x: 1 })), unread)
  assert.equal(await outcome(verifier(), token('ES256', claims, { crit: ['b64'], b64: false })), unread)
  for (const text of ['', '..', 'a.b.c', 'eyJ9.e30.', `${token('ES256')}.x.y`]) {
    assert.equal(await outcome(verifier(), text), unread, text)
  }
})

test('features K5: the key is the one that the token names; where neither has a name, whichever fits', async () => {
  const named = { kid: 'ES256' }
  assert.equal(await outcome(verifier(), token('ES256', claims, named)), 'device-7')
  assert.equal(await outcome(verifier(), token('ES256', claims, { kid: 'gone' })), noKey)
  const other = testKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  const two = [...parseKeySet(JSON.stringify({ keys: [other.jwk, signingKeys.ES256.jwk] }))]
  assert.equal(await outcome(verifier({}, two), token('ES256')), 'device-7')
  assert.equal(await outcome(verifier({}, two), token('ES256', claims, named)), 'device-7')
})

interface ClaimCase {
  readonly what: string
  readonly rules?: Partial<TokenRules>
  readonly claims: object
  readonly outcome: string
}

const expired = 'token has expired'
const early = 'token is not valid yet'
const otherIssuer = 'token of another issuer (jwt_issuer)'
const otherAudience = 'token for another audience (jwt_audience)'
const nameless = 'token without the claim of jwt_username_claim'
const otherClient = 'token of another client id (jwt_clientid_claim)'
const unreadable = 'token with a claim that cannot be read'
const skew = { skewSeconds: 30 }

const claimCases: readonly ClaimCase[] = [
  { what: 'exp: a second left', claims: { exp: seconds + 1 }, outcome: 'device-7' },
  { what: 'exp: now', claims: { exp: seconds }, outcome: expired },
  { what: 'exp: over, within the skew', rules: skew, claims: { exp: seconds - 29 }, outcome: 'device-7' },
  { what: 'exp: over, beyond the skew', rules: skew, claims: { exp: seconds - 30 }, outcome: expired },
  { what: 'exp: missing', claims: { exp: undefined }, outcome: 'token without an end (exp)' },
  { what: 'exp: no number', claims: { exp: `${seconds + 60}` }, outcome: 'token without an end (exp)' },
  { what: 'nbf: now', claims: { nbf: seconds }, outcome: 'device-7' },
  { what: 'nbf: in a second', claims: { nbf: seconds + 1 }, outcome: early },
  { what: 'nbf: to come, within the skew', rules: skew, claims: { nbf: seconds + 30 }, outcome: 'device-7' },
  { what: 'nbf: to come, beyond the skew', rules: skew, claims: { nbf: seconds + 31 }, outcome: early },
  { what: 'nbf: no number', claims: { nbf: 'soon' }, outcome: unreadable },
  { what: 'iss: the right one', rules: { issuer: 'i' }, claims: { iss: 'i' }, outcome: 'device-7' },
  { what: 'iss: another one', rules: { issuer: 'i' }, claims: { iss: 'I' }, outcome: otherIssuer },
  { what: 'iss: missing', rules: { issuer: 'i' }, claims: {}, outcome: otherIssuer },
  { what: 'aud: the right one', rules: { audience: 'a' }, claims: { aud: 'a' }, outcome: 'device-7' },
  { what: 'aud: among several', rules: { audience: 'a' }, claims: { aud: ['b', 'a'] }, outcome: 'device-7' },
  { what: 'aud: others', rules: { audience: 'a' }, claims: { aud: ['b', 'A'] }, outcome: otherAudience },
  { what: 'aud: missing', rules: { audience: 'a' }, claims: {}, outcome: otherAudience },
  { what: 'user name: of another claim', rules: { usernameClaim: 'name' }, claims: { name: 'n' }, outcome: 'n' },
  { what: 'user name: missing', rules: { usernameClaim: 'name' }, claims: {}, outcome: nameless },
  { what: 'user name: empty', claims: { sub: '' }, outcome: nameless },
  { what: 'user name: of an object', rules: { usernameClaim: 'constructor' }, claims: {}, outcome: nameless },
  { what: 'user name: a list', rules: { usernameClaim: 'name' }, claims: { name: ['n'] }, outcome: nameless },
  {
    what: 'user name: with a mark that turns the text around',
    rules: { usernameClaim: 'name' },
    claims: { name: 'a\u202eb' },
    outcome: 'token with invisible characters in its name',
  },
  { what: 'client id: the same', rules: { clientIdClaim: 'cid' }, claims: { cid: 'c' }, outcome: 'device-7' },
  { what: 'client id: another', rules: { clientIdClaim: 'cid' }, claims: { cid: 'C' }, outcome: otherClient },
  { what: 'client id: missing', rules: { clientIdClaim: 'cid' }, claims: {}, outcome: otherClient },
]

for (const { what, rules, claims: own, outcome: expected } of claimCases) {
  test(`features K5: ${what}: ${expected}`, async () => {
    assert.equal(await outcome(verifier(rules), token('ES256', { ...claims, ...own })), expected)
  })
}

test('features K5: a token is over at `exp` and the skew, by the clock that was handed in', async () => {
  const by = verifier(skew)
  const verdict = await by.verify(token('RS256'), 'c')
  assert.ok(verdict.kind === 'valid')
  assert.equal(verdict.expiresAt, (seconds + 60 + 30) * 1000)
  assert.equal(by.msUntil(verdict.expiresAt), 90_000)
})

test('RFC 7518 §3: which algorithms a key is good for is said by its kind and size', () => {
  const kinds: readonly (readonly [readonly TokenAlgorithm[], ReturnType<typeof createSecretKey>])[] = [
    [[], createSecretKey(Buffer.alloc(31))],
    [['HS256'], createSecretKey(Buffer.alloc(32))],
    [['HS256', 'HS384'], createSecretKey(Buffer.alloc(48))],
    [tokenAlgorithms.filter(isShared), createSecretKey(Buffer.alloc(64))],
    [[], generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey],
    [[], generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey],
    [['ES384'], generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey],
    [[], generateKeyPairSync('x25519').publicKey],
    [['EdDSA', 'Ed25519'], generateKeyPairSync('ed25519').publicKey],
  ]
  for (const [expected, key] of kinds) assert.deepEqual(algorithmsOf(key), expected)
})
