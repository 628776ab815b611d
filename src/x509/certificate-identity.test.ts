import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { readCertificateIdentity } from './certificate-identity.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-identity-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])

async function certificate(name: x509.JsonNameParams): Promise<string> {
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '0A5B',
    name: new x509.Name(name).toArrayBuffer() as unknown as string,
    notBefore: new Date('2026-01-02T03:04:05Z'),
    notAfter: new Date('2027-01-02T03:04:05Z'),
    signingAlgorithm: algorithm,
    keys,
  })
  return made.toString('pem')
}

const utf8 = (utf8String: string) => [{ utf8String }]

/** Certificate order; each with the CN that becomes a user name. */
const names: readonly (readonly [what: string, name: x509.JsonNameParams, commonName: string | undefined])[] = [
  [
    'a plain name',
    [{ C: utf8('GB') }, { O: utf8('Server') }, { OU: utf8('Production') }, { CN: utf8('test client') }],
    'test client',
  ],
  ['commas, plus, quotes, semicolon, angle brackets', [{ CN: utf8('a,b+c"d;e<f>g=h') }], 'a,b+c"d;e<f>g=h'],
  ['what looks like another RDN', [{ CN: utf8('user1,CN=admin') }], 'user1,CN=admin'],
  ['what looks like a multi-valued RDN', [{ CN: utf8('user1 + CN=admin') }], 'user1 + CN=admin'],
  ['a leading #', [{ CN: utf8('#1') }], '#1'],
  ['a # inside', [{ CN: utf8('a#1') }], 'a#1'],
  ['blanks at both ends', [{ CN: utf8('  a  ') }], '  a  '],
  ['a single blank', [{ CN: utf8(' ') }], ' '],
  ['a backslash, and one before a hex pair', [{ CN: utf8('a\\b\\41') }], 'a\\b\\41'],
  ['a newline and an RDN after it', [{ CN: utf8('user1\nCN=admin') }], 'user1\nCN=admin'],
  ['control characters', [{ CN: utf8('a\r\t\x1b\x7f') }], 'a\r\t\x1b\x7f'],
  ['NUL', [{ CN: utf8('user1\0admin') }], undefined],
  ['UTF-8 of two, three and four bytes', [{ CN: utf8('ünï€😀') }], 'ünï€😀'],
  ['no CN', [{ O: utf8('Server') }], undefined],
  ['a CN only in another attribute', [{ O: utf8('CN=admin') }], undefined],
  ['several CNs', [{ CN: utf8('first') }, { CN: utf8('second') }], 'first'],
  ['a multi-valued RDN', [{ O: utf8('Server') }, { OU: utf8('a+b'), CN: utf8('c') }], 'c'],
  [
    'an email address and a domain component',
    [{ DC: [{ ia5String: 'org' }] }, { E: [{ ia5String: 'a@b' }] }, { CN: utf8('x') }],
    'x',
  ],
  ['an empty CN', [{ O: utf8('x') }, { CN: utf8('') }], undefined],
]

for (const [what, name, commonName] of names) {
  test(`features C5, C6: ${what}: the subject is OpenSSL's RFC 2253 form, the CN is the holder's own text`, async () => {
    const file = join(dir, 'certificate.pem')
    const pem = await certificate(name)
    writeFileSync(file, pem)
    const printed = execFileSync('openssl', ['x509', '-in', file, '-noout', '-subject', '-nameopt', 'RFC2253'])
    const identity = readCertificateIdentity(new X509Certificate(pem))
    assert.equal(
      identity.subject,
      printed
        .toString('utf8')
        .replace(/^subject=/, '')
        .replace(/\n$/, ''),
    )
    assert.equal(identity.issuer, identity.subject)
    assert.equal(identity.commonName, commonName)
  })
}

test('serial number, fingerprint and dates', async () => {
  const pem = await certificate([{ CN: utf8('x') }])
  const x = new X509Certificate(pem)
  const { serialNumber, fingerprint, notBefore, notAfter } = readCertificateIdentity(x)
  assert.equal(serialNumber, '0A5B')
  assert.match(fingerprint, /^[0-9a-f]{64}$/)
  assert.equal(notBefore, Date.parse('2026-01-02T03:04:05Z'))
  assert.equal(notAfter, Date.parse('2027-01-02T03:04:05Z'))
})

test('a name with broken UTF-8 is no certificate to OpenSSL, so it never gets as far as a user name', async () => {
  const pem = await certificate([{ CN: utf8('broken!!') }])
  const der = Buffer.from(pem.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64')
  assert.doesNotThrow(() => new X509Certificate(der))
  for (let at = der.indexOf('broken!!'); at !== -1; at = der.indexOf('broken!!')) der.set([0xc3, 0x28], at + 6)
  assert.throws(() => new X509Certificate(der))
})

test('an empty name reads as empty, and names nobody', async () => {
  const { subject, commonName } = readCertificateIdentity(new X509Certificate(await certificate([])))
  assert.equal(subject, '')
  assert.equal(commonName, undefined)
})
