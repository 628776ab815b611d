import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  createCertificateAuthority,
  type IssuedPair,
  issueClientCertificate,
  issueServerCertificate,
} from './single-authority.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-pki-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const day = 24 * 60 * 60 * 1000
const now = Date.now()
const authority = await createCertificateAuthority('Castellan CA of test', now)
const server = await issueServerCertificate(authority, ['broker.example', 'localhost', '127.0.0.1', '::1'], { now })
const client = await issueClientCertificate(authority, 'device-1', { now })

function file(name: string, text: string): string {
  const path = join(dir, name)
  writeFileSync(path, text)
  return path
}

/** @returns whether `openssl verify -x509_strict` accepts the certificate for the purpose */
function verifies({ certificate }: IssuedPair, purpose: 'sslserver' | 'sslclient', ...more: string[]): boolean {
  const ca = file('ca.crt', authority.certificate)
  const leaf = file('leaf.crt', certificate)
  return (
    spawnSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, ...more, leaf]).status === 0
  )
}

const text = (pem: string) =>
  execFileSync('openssl', ['x509', '-noout', '-text', '-in', file('shown.crt', pem)]).toString('utf8')

test('openssl verify -x509_strict accepts each certificate for its own purpose and refuses it for the other', () => {
  assert.equal(verifies(server, 'sslserver'), true)
  assert.equal(verifies(server, 'sslclient'), false)
  assert.equal(verifies(client, 'sslclient'), true)
  assert.equal(verifies(client, 'sslserver'), false)
})

test('the server certificate holds for each name that was asked, and for no other', () => {
  assert.equal(verifies(server, 'sslserver', '-verify_hostname', 'broker.example'), true)
  assert.equal(verifies(server, 'sslserver', '-verify_ip', '127.0.0.1'), true)
  assert.equal(verifies(server, 'sslserver', '-verify_ip', '::1'), true)
  assert.equal(verifies(server, 'sslserver', '-verify_hostname', 'other.example'), false)
})

test('the authority: P-256, SHA-256, ten years, may issue leaves only', () => {
  const shown = text(authority.certificate)
  assert.match(shown, /ASN1 OID: prime256v1/)
  assert.match(shown, /Signature Algorithm: ecdsa-with-SHA256/)
  assert.match(shown, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/)
  assert.match(shown, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/)
  const { notBefore, notAfter } = lifetime(authority.certificate)
  assert.equal(Math.round((notAfter - now) / day), 3653)
  assert.equal(Math.round((now - notBefore) / 60_000), 5)
})

test('leaves: 90 days for a server, 397 for a device, five minutes back; another lifetime on request', async () => {
  assert.equal(Math.round((lifetime(server.certificate).notAfter - now) / day), 90)
  assert.equal(Math.round((lifetime(client.certificate).notAfter - now) / day), 397)
  assert.equal(Math.round((now - lifetime(client.certificate).notBefore) / 60_000), 5)
  const short = await issueClientCertificate(authority, 'device-2', { now, lifetimeDays: 1 })
  assert.equal(Math.round((lifetime(short.certificate).notAfter - now) / day), 1)
})

test('a leaf never outlives its authority', async () => {
  const long = await issueClientCertificate(authority, 'device-2', { now, lifetimeDays: 100_000 })
  assert.equal(lifetime(long.certificate).notAfter, lifetime(authority.certificate).notAfter)
})

test('the client certificate: one purpose, digitalSignature, a urn for the device, both key identifiers', () => {
  const shown = text(client.certificate)
  assert.match(shown, /Subject: CN = device-1\n/)
  assert.match(shown, /Basic Constraints: critical\s+CA:FALSE/)
  assert.match(shown, /Key Usage: critical\s+Digital Signature\n/)
  assert.match(shown, /Extended Key Usage: *\n\s+TLS Web Client Authentication\n/)
  assert.match(shown, /URI:urn:device:device-1/)
  assert.match(shown, /Subject Key Identifier/)
  assert.match(shown, /Authority Key Identifier/)
})

test('serial numbers are random, positive and at most 20 bytes', () => {
  const serials = [authority, server, client].map(({ certificate }) => new X509Certificate(certificate).serialNumber)
  assert.equal(new Set(serials).size, 3)
  for (const serial of serials) assert.match(serial, /^[4-7][0-9A-F]{31}$/)
})

test('each private key belongs to its certificate', () => {
  for (const { certificate, privateKey } of [authority, server, client]) {
    assert.match(privateKey, /^-----BEGIN PRIVATE KEY-----\n/)
    assert.ok(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey)))
  }
})

test('names that could be mistaken for another, or fit no certificate, are refused', async () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['', /is empty or has blanks/],
    [' a', /is empty or has blanks/],
    ['a\0b', /'a\\x00b' is empty or has blanks at an end or invisible characters/],
    ['a\u202eb', /invisible characters/],
    ['x'.repeat(65), /has 65 characters, at most 64 fit a CN/],
  ]
  for (const [name, message] of refused) {
    await assert.rejects(issueClientCertificate(authority, name, { now }), { code: 'ERR_PKI_REFUSED', message })
  }
  await assert.rejects(issueServerCertificate(authority, ['a b'], { now }), {
    message: "name 'a b' is neither a host name nor an IP address",
  })
  await assert.rejects(issueServerCertificate(authority, [], { now }), { code: 'ERR_PKI_REFUSED' })
})

test('a long host name is an alternative name, and the CN is one that fits', async () => {
  const long = `${'a'.repeat(60)}.example.org`
  const { certificate } = await issueServerCertificate(authority, [long, 'localhost'], { now })
  assert.match(text(certificate), /Subject: CN = localhost\n/)
  assert.equal(verifies({ certificate, privateKey: '' }, 'sslserver', '-verify_hostname', long), true)
})

function lifetime(pem: string): { notBefore: number; notAfter: number } {
  const { validFromDate, validToDate } = new X509Certificate(pem)
  return { notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() }
}
