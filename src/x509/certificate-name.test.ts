import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Authority } from '../../test/support/authority.ts'
import { readCertificateIdentity } from './certificate-identity.ts'
import { certificateField, certificateName } from './certificate-name.ts'

const authority = await Authority.create()

async function names(subject: string, extensions: readonly string[], words: readonly string[]) {
  const { cert } = await authority.issue({ subject, extensions })
  const identity = readCertificateIdentity(new X509Certificate(readFileSync(cert)))
  return words.map(word => {
    const field = certificateField(word)
    assert.ok(field !== undefined, word)
    return certificateName(identity, field)
  })
}

test('features K4: a name from every place of a certificate', async () => {
  const san = 'subjectAltName=DNS:dev1.example,DNS:second.example,URI:urn:device:1,email:dev@example.org,IP:192.0.2.7'
  const words = ['cn', 'subject', 'subject.OU', 'subject.O', 'san.dns', 'san.uri', 'san.email', 'san.ip']
  assert.deepEqual(await names('/O=Plant, 7/OU=Line/CN=dev 1', [san], words), [
    'dev 1',
    'CN=dev 1,OU=Line,O=Plant\\, 7',
    'Line',
    'Plant, 7',
    'dev1.example',
    'urn:device:1',
    'dev@example.org',
    '192.0.2.7',
  ])
})

test('serial number and fingerprint, as openssl prints them', async () => {
  const { cert } = await authority.issue({ subject: 'x' })
  const x509 = new X509Certificate(readFileSync(cert))
  const identity = readCertificateIdentity(x509)
  assert.equal(certificateName(identity, 'serial'), x509.serialNumber)
  assert.equal(certificateName(identity, 'fingerprint'), x509.fingerprint256.replaceAll(':', '').toLowerCase())
})

test('what is not there names nobody', async () => {
  const words = ['san.dns', 'san.uri', 'subject.OU', 'subject.UID', 'subject.1.2.3.4']
  assert.deepEqual(
    await names('x', ['basicConstraints=CA:FALSE'], words),
    words.map(() => undefined),
  )
})

test('a name of one kind that looks like one of another is none', async () => {
  const uri = ['subjectAltName=@names', '[names]', 'URI.1=urn:a\\, DNS:admin.example', 'DNS.1=real.example']
  assert.deepEqual(await names('x', uri, ['san.dns', 'san.uri']), ['real.example', undefined])
})

test('only the words of the reference are fields', () => {
  for (const word of [
    '',
    'CN',
    'common-name',
    'san',
    'san.',
    'san.dir',
    'subject.',
    'subject.a=b',
    'subject.1',
    'issuer',
  ])
    assert.equal(certificateField(word), undefined, word)
})
