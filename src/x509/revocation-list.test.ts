import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { Authority } from '../../test/support/authority.ts'
import { entryBytes, extensionBytes, listBytes } from '../../test/support/list-bytes.ts'
import { ListSigner } from '../../test/support/revocations.ts'
import { DerError } from './der.ts'
import { readRevocationBundle } from './revocation-bundle.ts'
import { readRevocationList } from './revocation-list.ts'
import { serialBytes } from './serial-table.ts'

const authority = await Authority.create()
const key = createPublicKey(readFileSync(authority.ca.cert))
const atOnce = async () => {}

const serialOf = ({ cert }: { readonly cert: string }) =>
  serialBytes(new X509Certificate(readFileSync(cert)).serialNumber)

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
}

test('RFC 5280 §5: openssl writes a list, and every field and entry is read', async () => {
  const signer = await ListSigner.create(authority, 'fields')
  const [first, second, third] = [
    await authority.issueClient('a'),
    await authority.issueClient('b'),
    await authority.issueClient('c'),
  ]
  await signer.revoke(first, 'keyCompromise')
  await signer.revoke(second, 'certificateHold')
  const der = derOf(await signer.sign({ number: 300, between: ['260101000000Z', '270101000000Z'] }))
  const list = await readRevocationList(der, atOnce)
  assert.deepEqual(
    [list.number, list.deltaBase, list.covers, list.issuerText, list.entries.size],
    [300n, undefined, 'all', 'CN=Test Authority', 2],
  )
  assert.deepEqual([list.thisUpdate, list.nextUpdate], [Date.parse('2026-01-01'), Date.parse('2027-01-01')])
  assert.deepEqual(
    [first, second, third].map(serialOf).map(serial => list.entries.find(serial)),
    [1, 6, undefined],
  )
})

test('a list counts when the right key has signed it, and not before', async () => {
  const signer = await ListSigner.create(authority, 'signature')
  const der = derOf(await signer.sign())
  const stranger = createPublicKey(readFileSync((await Authority.create()).ca.cert))
  const list = await readRevocationList(der, atOnce)
  assert.equal(list.signer, undefined)
  assert.equal(await list.verify(stranger, 'stranger'), false)
  assert.equal(list.verifyNow(stranger, 'stranger'), false)
  assert.equal(await list.verify(key, 'own'), true)
  assert.equal(list.signer, 'own')
  const changed = Buffer.from(der)
  changed[changed.length - 1] = (changed.at(-1) as number) ^ 1
  assert.equal((await readRevocationList(changed, atOnce)).verifyNow(key, 'own'), false)
})

test('no prefix of a list, and no list with something behind it, is one', async () => {
  const signer = await ListSigner.create(authority, 'prefix')
  await signer.revoke(await authority.issueClient('a'))
  const der = derOf(await signer.sign())
  for (let length = 0; length < der.length; length++) {
    await assert.rejects(readRevocationList(der.subarray(0, length), atOnce), DerError, `${length} bytes`)
  }
  await assert.rejects(readRevocationList(Buffer.concat([der, Buffer.of(0)]), atOnce), DerError)
})

test('whatever bytes are changed, a list is read or refused, and the right signature is the only one that counts', async () => {
  const signer = await ListSigner.create(authority, 'mutations')
  await signer.revoke(await authority.issueClient('a'), 'superseded')
  const der = derOf(await signer.sign())
  const change = fc.record({ at: fc.nat(der.length - 1), to: fc.nat(255) })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async changes => {
      const changed = Buffer.from(der)
      for (const { at, to } of changes) changed[at] = to
      if (changed.equals(der)) return
      const list = await readRevocationList(changed, atOnce).catch((error: unknown) => {
        if (!(error instanceof DerError)) throw error
        return undefined
      })
      // ECDSA signatures have another form each; what was signed has one.
      if (list?.verifyNow(key, 'own') === true) assert.ok(list.entries.size <= 1)
    }),
    { numRuns: 2000 },
  )
})

test('a bundle: several lists as PEM with text around them; none, or half of one, is refused', async () => {
  const signer = await ListSigner.create(authority, 'bundle')
  const [first, second] = [await signer.sign(), await signer.sign()]
  const read = (text: string) => readRevocationBundle(Buffer.from(text), atOnce)
  const lists = await read(`Some text\n${first}\r\nmore\n${second}`)
  assert.deepEqual(
    lists.map(({ number }) => number),
    [1n, 2n],
  )
  assert.equal((await readRevocationBundle(derOf(first), atOnce)).length, 1)
  await assert.rejects(read(''), { message: 'it holds no revocation list' })
  await assert.rejects(read(first + second.slice(0, 200)), { message: /^revocation list 2 in it: its end is missing$/ })
  await assert.rejects(read(first.replace(/\n[^\n]+\n-----END/, '\n-----END')), DerError)
})

const list = (entries: Uint8Array, extensions?: Uint8Array, algorithm?: string) =>
  listBytes(authority.ca, { entries, ...(extensions && { extensions }), ...(algorithm !== undefined && { algorithm }) })
const entry = (more?: string) => entryBytes('05', more)

test('our own lists are read, so that it is the change that is refused below', async () => {
  const read = await readRevocationList(list(entry()), atOnce)
  assert.equal(read.verifyNow(key, 'own'), true)
  assert.equal(read.entries.find(serialBytes('05')), 0)
})

const refused: readonly (readonly [string, () => Buffer, RegExp])[] = [
  [
    'a critical extension that is not known',
    () => list(entry(), extensionBytes('551d63', '0500')),
    /critical extension 2\.5\.29\.99 that is not known/,
  ],
  ['an indirect list', () => list(entry(), extensionBytes('551d1c', '30038401ff')), /indirect list/],
  [
    'a list of attribute certificates',
    () => list(entry(), extensionBytes('551d1c', '30038501ff')),
    /attribute certificates/,
  ],
  [
    'a list of some reasons',
    () => list(entry(), extensionBytes('551d1c', '300483020640')),
    /it speaks of some reasons only/,
  ],
  [
    'a list with a name of a kind that is not known',
    () => list(entry(), extensionBytes('551d1c', '3004a002a200')),
    /the name of a distribution point is of a kind that is not known/,
  ],
  [
    'a delta list without a number',
    () => list(entry(), extensionBytes('551d1b', '020101')),
    /delta list without a number/,
  ],
  [
    'an entry of another issuer',
    () => list(entry('300f300d0603551d1d0101ff04033001 00'.replace(' ', ''))),
    /indirect list/,
  ],
  [
    'an entry with a critical extension that is not known',
    () => list(entry('300e300c0603551d630101ff04020500')),
    /entry has a critical extension/,
  ],
  ['an entry with two bytes of reason', () => list(entry('300d300b0603551d1504040a020101')), /reason is not one byte/],
  ['an entry that is no sequence', () => list(Buffer.from('020105', 'hex')), /an entry has tag 0x2/],
  ['an entry without a date', () => list(Buffer.from('30050201050500', 'hex')), /no revocation date/],
  ['two signature algorithms', () => list(entry(), undefined, '300a06082a8648ce3d040303'), /two signature algorithms/],
]

for (const [what, make, message] of refused) {
  test(`RFC 5280 §5: ${what} makes the whole list unusable`, async () => {
    await assert.rejects(readRevocationList(make(), atOnce), { name: 'DerError', message })
  })
}

test('thousands of entries: the same as openssl reads, and the walk pauses', async () => {
  const serials = Array.from({ length: 25_000 }, (_, index) => `01${(index * 7919).toString(16).padStart(8, '0')}`)
  const der = list(Buffer.concat(serials.map(serial => entryBytes(serial))))
  let pauses = 0
  const read = await readRevocationList(der, async () => {
    pauses++
  })
  const file = join(authority.dir, 'thousands.der')
  writeFileSync(file, der)
  const text = execFileSync('openssl', ['crl', '-inform', 'DER', '-in', file, '-noout', '-text'], {
    encoding: 'utf8',
    maxBuffer: 1e8,
  })
  const printed = [...text.matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, serial]) => serial as string)
  assert.equal(printed.length, 25_000)
  assert.equal(read.entries.size, 25_000)
  for (const serial of printed) assert.equal(read.entries.find(serialBytes(serial)), 0)
  assert.ok(pauses >= 4, String(pauses))
})
