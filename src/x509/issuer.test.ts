import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mock, test } from 'node:test'
import {
  type CertificateBytes,
  certificateBytes,
  type Party,
  party,
  pemOf,
} from '../../test/support/certificate-bytes.ts'
import { extensionBytes } from '../../test/support/list-bytes.ts'
import { IssuerStore } from './issuer.ts'

const authority = [extensionBytes('551d13', '30030101ff'), extensionBytes('551d0f', '03020106')]
const [root, devices, holder, stranger] = ['Root', 'Devices', 'holder', 'stranger'].map(party) as [
  Party,
  Party,
  Party,
  Party,
]
const rootCertificate = pemOf(certificateBytes({ subject: root, issuer: root, extensions: authority }))
const devicesCertificate = read({ subject: devices, issuer: root, extensions: authority })
const leaf = read({ subject: holder, issuer: devices })

function read(fields: CertificateBytes): X509Certificate {
  return new X509Certificate(certificateBytes(fields))
}

/** How often it is looked whether one certificate may have issued another. */
function looksOf(act: () => void): number {
  const look = mock.method(X509Certificate.prototype, 'checkIssued')
  try {
    act()
    return look.mock.callCount()
  } finally {
    look.mock.restore()
  }
}

/** Nine, as many as a client can show beside an intermediate; expired, so that OpenSSL passes them over. */
function namesakes(by: Party): readonly X509Certificate[] {
  return Array.from({ length: 9 }, (_, place) =>
    read({
      subject: { ...by, name: devices.name },
      issuer: { ...by, name: devices.name },
      serial: Buffer.of(10 + place),
      notAfter: '210101000000Z',
      extensions: authority,
    }),
  )
}

test('RFC 5280 §6.1: the issuer is found among what is stored and what is shown, up to a root that is stored', () => {
  const store = new IssuerStore([rootCertificate])
  const issuer = store.issuerOf(leaf, [devicesCertificate])
  assert.deepEqual(
    [issuer?.certificate.subject, issuer?.isStored, issuer?.parent?.certificate.subject, issuer?.parent?.isStored],
    ['CN=Devices', false, 'CN=Root', true],
  )
  assert.equal(new IssuerStore([]).issuerOf(leaf, [devicesCertificate]), undefined)
  assert.equal(new IssuerStore([rootCertificate]).issuerOf(leaf, []), undefined)
})

test('an authority of the same name that has not signed is not the issuer', () => {
  const impostor = read({ subject: { ...stranger, name: devices.name }, issuer: root, extensions: authority })
  const store = new IssuerStore([rootCertificate])
  assert.equal(store.issuerOf(leaf, [impostor]), undefined)
  assert.equal(store.issuerOf(leaf, [impostor, devicesCertificate])?.publicKey.equals(devices.publicKey), true)
})

test('certificates that all seem to have issued each other cost no more than a look at each', () => {
  const store = new IssuerStore([rootCertificate])
  const looks = looksOf(() => {
    assert.equal(store.issuerOf(leaf, [...namesakes(stranger), devicesCertificate])?.certificate.subject, 'CN=Devices')
  })
  assert.ok(looks < 100, `${looks} looks`)
})

test('nor do those that have, with one key for all, and no root above', () => {
  const store = new IssuerStore([rootCertificate])
  const own = { ...stranger, name: devices.name }
  const looks = looksOf(() => {
    assert.equal(store.issuerOf(read({ subject: holder, issuer: own }), namesakes(stranger)), undefined)
  })
  assert.ok(looks < 300, `${looks} looks`)
})

test('a stored authority with a key of an unknown kind has issued nothing, and is in nobody’s way', () => {
  const key = Buffer.from('300c300506032a03040303000102', 'hex')
  const odd = certificateBytes({ subject: stranger, issuer: root, extensions: authority, key })
  const store = new IssuerStore([pemOf(odd), rootCertificate])
  assert.deepEqual(
    store.all.map(({ certificate }) => certificate.subject),
    ['CN=Root'],
  )
  const below = read({ subject: holder, issuer: stranger })
  assert.equal(store.issuerOf(below, [new X509Certificate(odd)]), undefined)
})

test('what an earlier store has learned is learned again, as far as it is still proven', () => {
  const earlier = new IssuerStore([rootCertificate])
  earlier.issuerOf(leaf, [devicesCertificate])
  const subjects = (store: IssuerStore) => store.learned.map(({ subject }) => subject)
  const later = new IssuerStore([rootCertificate], undefined, earlier.learned)
  assert.deepEqual(subjects(later), ['CN=Devices'])
  assert.equal(later.issuerOf(leaf, [])?.certificate.subject, 'CN=Devices')
  assert.deepEqual(subjects(new IssuerStore([], undefined, earlier.learned)), [])
})
