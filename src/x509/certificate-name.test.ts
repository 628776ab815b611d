import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Authority } from '../../test/support/authority.ts'
import { readCertificateIdentity } from './certificate-identity.ts'
import { certificateAttribute, certificateField, certificateName, certificateValues } from './certificate-name.ts'

const authority = await Authority.create()

async function values(subject: string, extensions: readonly string[], words: readonly string[]) {
  const { cert } = await authority.issue({ subject, extensions })
  const identity = readCertificateIdentity(new X509Certificate(readFileSync(cert)))
  return words.map(word => {
    const attribute = certificateAttribute(word)
    assert.ok(attribute !== undefined, word)
    return certificateValues(identity, attribute)
  })
}

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

test('features K4: all values of an attribute in their order, those of the issuer too', async () => {
  const san = 'subjectAltName=DNS:a.example,URI:urn:device:1,DNS:b.example'
  const words = ['cn', 'subject', 'subject.OU', 'subject.O', 'san.dns', 'san.uri', 'san.ip']
  assert.deepEqual(await values('/OU=one/CN=x/OU=two', [san], words), [
    ['x'],
    ['OU=two,CN=x,OU=one'],
    ['one', 'two'],
    [],
    ['a.example', 'b.example'],
    ['urn:device:1'],
    [],
  ])
  const { cert } = await authority.issue({ subject: 'x' })
  const x509 = new X509Certificate(readFileSync(cert))
  const identity = readCertificateIdentity(x509)
  const name = /^CN=(.+)$/m.exec(x509.issuer)?.[1]
  assert.deepEqual(certificateValues(identity, 'issuer.CN'), [name])
  assert.deepEqual(certificateValues(identity, 'issuer'), [identity.issuer])
  assert.deepEqual(certificateValues(identity, 'serial'), [x509.serialNumber])
  assert.deepEqual(certificateValues(identity, 'fingerprint'), [identity.fingerprint])
})

test('features K4: a value that could be mistaken for another is none, and those beside it count', async () => {
  const shown = await values('/OU=ad\u202emin/OU=plain/CN=x', ['basicConstraints=CA:FALSE'], ['subject.OU'])
  assert.deepEqual(shown, [['plain']])
  const uri = ['subjectAltName=@names', '[names]', 'URI.1=urn:a\\, DNS:admin.example', 'DNS.1=real.example']
  assert.deepEqual(await values('x', uri, ['san.dns', 'san.uri']), [['real.example'], []])
})

test('the issuer is an attribute, and no user name', () => {
  assert.equal(certificateAttribute('issuer'), 'issuer')
  assert.equal(certificateAttribute('issuer.O'), 'issuer.O')
  for (const word of ['issuer.', 'issuer.a=b', 'issuer.1', 'Issuer', 'san'])
    assert.equal(certificateAttribute(word), undefined)
  assert.equal(certificateField('issuer.O'), undefined)
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
