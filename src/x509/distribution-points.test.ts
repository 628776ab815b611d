import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { Authority } from '../../test/support/authority.ts'
import { element, entryBytes, extensionBytes, listBytes } from '../../test/support/list-bytes.ts'
import { listNames } from './distribution-points.ts'
import { RevocationIndex } from './revocation-index.ts'
import { type RevocationList, readRevocationList } from './revocation-list.ts'
import { serialBytes } from './serial-table.ts'

const authority = await Authority.create('/O=Example/CN=Parts')
const { publicKey } = new X509Certificate(readFileSync(authority.ca.cert))
const now = Date.now()

const uri = (text: string) => element(0x86, Buffer.from(text))
const fullName = (...names: readonly Buffer[]) => element(0xa0, element(0xa0, ...names))
/** CN, in UTF-8, as an RDN's content. */
const commonName = (text: string) =>
  element(0x30, element(0x06, Buffer.from('550403', 'hex')), element(0x0c, Buffer.from(text)))

/** A list with this IssuingDistributionPoint, on which serial number 5 is. */
async function listWith(...parts: readonly Buffer[]): Promise<RevocationList> {
  const point = element(0x30, ...parts).toString('hex')
  const bytes = listBytes(authority.ca, { entries: entryBytes('05'), extensions: extensionBytes('551d1c', point) })
  const list = await readRevocationList(bytes, async () => {})
  assert.ok(list.verifyNow(publicKey, 'parts'))
  return list
}

async function namesOf(...extensions: readonly string[]): Promise<readonly string[]> {
  const { cert } = await authority.issue({ subject: 'x', extensions })
  return listNames(new X509Certificate(readFileSync(cert)).raw)
}

const kindFor = (lists: readonly RevocationList[], serial: string, names: readonly string[]) =>
  new RevocationIndex(lists).find('parts', { serial: serialBytes(serial), listNames: names }, false, now, 0).kind

test('RFC 5280 §4.2.1.13: a certificate has the names of its lists, as openssl writes them; one without has none', async () => {
  const hexOf = (text: string) => uri(text).toString('hex')
  assert.deepEqual(
    await namesOf(
      'basicConstraints=CA:FALSE',
      'crlDistributionPoints=URI:http://a/1,URI:http://a/2',
      'subjectKeyIdentifier=hash',
    ),
    [hexOf('http://a/1'), hexOf('http://a/2')],
  )
  assert.deepEqual(await namesOf('basicConstraints=CA:FALSE'), [])
  const { cert } = await authority.issueClient('x.509 v1')
  assert.deepEqual(listNames(new X509Certificate(readFileSync(cert)).raw), [])
})

test('bytes that are no certificate have no names', () => {
  const { raw } = new X509Certificate(readFileSync(authority.ca.cert))
  for (let length = 0; length < raw.length; length++) assert.deepEqual(listNames(raw.subarray(0, length)), [])
})

test('whatever bytes of a certificate are changed, its names are read, or there are none', async () => {
  const extensions = ['basicConstraints=CA:FALSE', 'crlDistributionPoints=URI:http://a/1,URI:http://a/2']
  const { cert } = await authority.issue({ subject: 'x', extensions })
  const { raw } = new X509Certificate(readFileSync(cert))
  const change = fc.record({ at: fc.nat(raw.length - 1), to: fc.nat(255) })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), changes => {
      const changed = Buffer.from(raw)
      for (const { at, to } of changes) changed[at] = to
      for (const name of listNames(changed)) assert.match(name, /^([0-9a-f]{2})+$/)
    }),
    { numRuns: 5000 },
  )
})

test("a distribution point of another issuer's names none of ours", async () => {
  const point = ['fullname=URI:http://a/1', 'CRLissuer=dirName:other', '[other]', 'CN=Other']
  assert.deepEqual(await namesOf('crlDistributionPoints=point', '[point]', ...point), [])
})

test('RFC 5280 §6.3.3 (b): a list for a part of the certificates speaks of those that name it; of others nothing is known', async () => {
  const [first, second] = [await listWith(fullName(uri('http://a/1'))), await listWith(fullName(uri('http://a/2')))]
  const inFirst = await namesOf('crlDistributionPoints=URI:http://a/1')
  assert.equal(kindFor([first], '05', inFirst), 'revoked')
  assert.equal(kindFor([first], '06', inFirst), 'good')
  for (const serial of ['05', '06']) {
    assert.equal(kindFor([second], serial, inFirst), 'unlisted')
    assert.equal(kindFor([first], serial, []), 'unlisted')
  }
  assert.equal(kindFor([second, first], '05', inFirst), 'revoked')
})

test('a list that has no name for itself speaks of all certificates, whatever they name', async () => {
  const list = await listWith(element(0x81, Buffer.of(0xff)))
  assert.equal(kindFor([list], '05', []), 'revoked')
  assert.equal(kindFor([list], '06', await namesOf('crlDistributionPoints=URI:http://a/1')), 'good')
})

test('a name relative to the issuer is the same as the whole of it', async () => {
  const relative = await listWith(element(0xa0, element(0xa1, commonName('part'))))
  const whole = await namesOf(
    'crlDistributionPoints=point',
    '[point]',
    'fullname=dirName:whole',
    '[whole]',
    'O=Example',
    '1.CN=Parts',
    '2.CN=part',
  )
  const short = await namesOf(
    'crlDistributionPoints=point',
    '[point]',
    'relativename=relative',
    '[relative]',
    'CN=part',
  )
  assert.deepEqual(short, whole)
  assert.deepEqual(relative.names, whole)
  assert.equal(kindFor([relative], '05', short), 'revoked')
})
