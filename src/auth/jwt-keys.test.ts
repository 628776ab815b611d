import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { keySet, signingKeys, testKey, tokenSecret } from '../../test/support/tokens.ts'
import { loadTokenKeys, loadTokenSecret, maximumTokenKeys, parseKeySet, TokenKeyError } from './jwt-keys.ts'

const directory = mkdtempSync(join(tmpdir(), 'castellan-jwt-keys-'))
after(() => rmSync(directory, { recursive: true }))

const { RS256: rsa, ES256: ec, EdDSA: edwards } = signingKeys

function file(text: string): string {
  const path = join(directory, 'keys')
  writeFileSync(path, text)
  chmodSync(path, 0o600)
  return path
}

function assertRefused(load: (path: string) => unknown, text: string, why: RegExp): void {
  assert.throws(
    () => load(file(text)),
    (error: Error) => error instanceof TokenKeyError && why.test(error.message) && !error.message.includes(text),
  )
}

test('features K5: a file of PEM has one key or several, each for the algorithms of its kind', () => {
  const keys = loadTokenKeys(file(`# issuer\n${rsa.publicPem}\n${ec.publicPem}${edwards.publicPem}`))
  assert.deepEqual(
    keys.map(({ id, algorithms }) => [id, algorithms.join(' ')]),
    [
      [undefined, 'RS256 RS384 RS512 PS256 PS384 PS512'],
      [undefined, 'ES256'],
      [undefined, 'EdDSA Ed25519'],
    ],
  )
  assert.equal(new Set(keys.map(({ fingerprint }) => fingerprint)).size, 3)
})

test('RFC 7517 §5: a file may be a Key Set; what its keys say of `alg` narrows them', () => {
  const keys = loadTokenKeys(file(keySet({ a: rsa, b: ec })))
  assert.deepEqual(
    keys.map(({ id }) => id),
    ['a', 'b'],
  )
  const narrowed = loadTokenKeys(file(JSON.stringify({ keys: [{ ...rsa.jwk, alg: 'PS256' }] })))
  assert.deepEqual(narrowed[0]?.algorithms, ['PS256'])
  const contrary = JSON.stringify({ keys: [{ ...rsa.jwk, alg: 'HS256' }] })
  assertRefused(loadTokenKeys, contrary, /key 1 verifies no tokens/)
})

test('features K5: the same key has the same fingerprint in either form', () => {
  const [pem] = loadTokenKeys(file(ec.publicPem))
  const [jwk] = loadTokenKeys(file(keySet({ a: ec })))
  assert.equal(pem?.fingerprint, jwk?.fingerprint)
})

test('features K5: a file with a key that is secret, weak or none at all is refused whole', () => {
  const weak = testKey(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)
  assertRefused(loadTokenKeys, ec.privatePem, /key 1 is secret, only public keys belong here/)
  assertRefused(loadTokenKeys, ec.publicPem + ec.privatePem, /key 2 is secret/)
  const secretJwk = ec.privateKey.export({ format: 'jwk' })
  assertRefused(loadTokenKeys, JSON.stringify({ keys: [secretJwk] }), /key 1 is secret/)
  assertRefused(loadTokenKeys, JSON.stringify({ keys: [{ kty: 'oct', k: 'AAAA' }] }), /key 1 is secret/)
  assertRefused(loadTokenKeys, weak.publicPem, /key 1 verifies no tokens: it has to be RSA of at least 2048 bits/)
  assertRefused(loadTokenKeys, ec.publicPem.replace('M', 'N'), /key 1 verifies no tokens/)
  assertRefused(loadTokenKeys, 'no key', /there is no public key in it/)
  assertRefused(loadTokenKeys, '{"keys": []}', /there is no public key in it/)
  assertRefused(loadTokenKeys, '{', /it is no JSON/)
  assertRefused(loadTokenKeys, '{"key": 1}', /there is no list `keys`/)
  assertRefused(loadTokenKeys, '{"keys": [1]}', /a key is no object/)
  const many = ec.publicPem.repeat(maximumTokenKeys + 1)
  assertRefused(loadTokenKeys, many, /there are 33 keys in it, at most 32 are taken/)
  assert.throws(
    () => loadTokenKeys(join(directory, 'absent')),
    /Unable to use jwt_key_file .*no such file or directory/,
  )
})

test('RFC 7518 §3.2: a secret has the length of the hash; one line end does not count', () => {
  const { key, warnings } = loadTokenSecret(file(`${tokenSecret}\n`))
  assert.deepEqual(warnings, [])
  assert.equal(key.key.export().toString(), tokenSecret)
  assert.deepEqual(key.algorithms, ['HS256', 'HS384', 'HS512'])
  assert.deepEqual(loadTokenSecret(file('x'.repeat(32))).key.algorithms, ['HS256'])
  assertRefused(loadTokenSecret, `${'x'.repeat(31)}\n`, /a secret has at least 32 bytes/)
})

test('features K5: a public key as the secret is refused, since everybody may have it', () => {
  assertRefused(loadTokenSecret, rsa.publicPem, /public keys belong into jwt_key_file/)
  assertRefused(loadTokenSecret, JSON.stringify(rsa.jwk), /public keys belong into jwt_key_file/)
})

test('features K5: of a fetched set secret keys, keys for other uses and unknown kinds are left out', () => {
  const others = [
    { kty: 'oct', k: Buffer.alloc(64).toString('base64url') },
    ec.privateKey.export({ format: 'jwk' }),
    { ...ec.jwk, use: 'enc' },
    { ...ec.jwk, key_ops: ['sign'] },
    { kty: 'future' },
  ]
  const good = { ...ec.jwk, kid: 'good', use: 'sig', key_ops: ['verify'] }
  assert.deepEqual(
    parseKeySet(JSON.stringify({ keys: [...others, good] })).map(({ id }) => id),
    ['good'],
  )
  assert.throws(() => parseKeySet('<html>'), TokenKeyError)
})
