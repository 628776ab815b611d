// The certificates and revocation lists of Debian's python3-cryptography-vectors, good and malformed ones: what we read in them is
// what openssl and the X.509 library read, and what we do not read is refused, each for its own reason.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { CRLDistributionPointsExtension } from '@peculiar/x509'
import { DerError } from '../../src/x509/der.ts'
import { listNames } from '../../src/x509/distribution-points.ts'
import { loadX509Library } from '../../src/x509/library.ts'
import { readRevocationBundle } from '../../src/x509/revocation-bundle.ts'
import { serialBytes } from '../../src/x509/serial-table.ts'
import { element } from '../support/list-bytes.ts'

const vectors = '/usr/lib/python3/dist-packages/cryptography_vectors/x509'
const lists = [...globSync(`${vectors}/PKITS_data/crls/*.crl`), ...globSync(`${vectors}/custom/crl_*.{pem,der}`)].sort()
const certificates = globSync([
  `${vectors}/PKITS_data/certs/*.crt`,
  `${vectors}/*.{pem,der}`,
  `${vectors}/custom/*.{pem,der}`,
]).sort()

/** Of the lists, those that nobody is judged by. */
const refused: readonly (readonly [names: RegExp, reason: RegExp])[] = [
  [/^BadCRLSignature/, /^the signature is not whole bytes/],
  [/^DSA/, /it is signed with 1\.2\.840\.10040\.4\.3 /],
  [/^UnknownCRLEntryExtension/, /^an entry has a critical extension that is not known$/],
  [/^UnknownCRLExtension/, /^it has a critical extension 2\.16\.840\.1\.101\.2\.1\.12\.2 that is not known$/],
  [
    /^indirectCRL(CA1CRL|CA3cRL|CA4|CA5)|^crl_(all_reasons|idp_fullname_indirect_crl|inval_cert_issuer_entry_ext)/,
    /it is an indirect list$/,
  ],
  [/^onlySomeReasons|^crl_idp_(reasons_only|relative_user_all_reasons)/, /it speaks of some reasons only$/],
  [/^onlyContainsAttributeCerts|^crl_idp_fullname_only_aa/, /it speaks of attribute certificates$/],
  [/^crl_(empty\.|no_next_update)/, /it is signed with RSASSA-PKCS1-v1_5 and SHA-1$/],
  [/^crl_md2/, /it is signed with 1\.2\.840\.113549\.1\.1\.2 and no hash$/],
]

for (const path of lists) {
  const name = basename(path)
  const [, reason] = refused.find(([names]) => names.test(name)) ?? []
  test(`RFC 5280 §5: ${name} ${reason === undefined ? 'says what openssl reads in it' : 'is refused'}`, async () => {
    const read = readRevocationBundle(readFileSync(path), async () => {})
    if (reason !== undefined) {
      await assert.rejects(read, (error: Error) => error instanceof DerError && reason.test(error.message))
      return
    }
    const [list] = await read
    const form = path.endsWith('.pem') ? 'PEM' : 'DER'
    const { stdout } = await promisify(execFile)('openssl', ['crl', '-inform', form, '-in', path, '-noout', '-text'])
    const serials = [...stdout.matchAll(/Serial Number: (-?[0-9A-F]+)/g)].map(([, serial = '']) => serial)
    assert.equal(list?.entries.size, new Set(serials).size)
    for (const serial of serials) assert.notEqual(list?.entries.find(serialBytes(serial)), undefined, serial)
    const [, next = ''] = /Next Update: (.*)/.exec(stdout) ?? []
    assert.equal(list?.nextUpdate, next === 'NONE' ? undefined : Date.parse(next))
  })
}

test('RFC 5280 §4.2.1.13: of every certificate that both can read, we and the library read the same places of lists', async () => {
  const { X509Certificate: Parsed } = await loadX509Library()
  let compared = 0
  for (const path of certificates) {
    let raw: Buffer
    let places: readonly string[]
    try {
      raw = new X509Certificate(readFileSync(path)).raw
      const points = new Parsed(Uint8Array.from(raw)).getExtension<CRLDistributionPointsExtension>('2.5.29.31')
      places = [...(points?.distributionPoints ?? [])]
        .filter(({ cRLIssuer }) => cRLIssuer === undefined)
        .flatMap(({ distributionPoint }) => distributionPoint?.fullName ?? [])
        .flatMap(({ uniformResourceIdentifier: url }) => (url === undefined ? [] : [url]))
    } catch {
      continue
    }
    const expected = places.map(url => element(0x86, Buffer.from(url, 'latin1')).toString('hex'))
    assert.deepEqual(
      listNames(raw).filter(name => name.startsWith('86')),
      expected,
      path,
    )
    compared++
  }
  assert.ok(compared > 450, `${compared} of ${certificates.length}`)
})
