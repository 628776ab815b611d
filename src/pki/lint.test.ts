import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { signAuthority, signLeaf } from './certificate-builder.ts'
import { Issuer } from './issuer.ts'
import { lintCertificate } from './lint.ts'
import { pemBlocks } from './pem.ts'
import { profiles } from './profiles.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-lint-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const year = 365 * 24 * 60 * 60 * 1000
const now = Math.floor(Date.now() / 1000) * 1000
const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const keys = newKeys()
const validity = { notBefore: now, notAfter: now + year }
const root = new Issuer(
  await signAuthority({
    commonName: 'R',
    validity,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    pathLength: 0,
    pointers: {},
  }),
)
const template = {
  profile: profiles.device,
  serialNumber: '4a4b4c4d4e4f5051',
  commonName: 'd',
  alternatives: [],
  validity,
  publicKey: newKeys().publicKey,
  pointers: {},
}

test('what keeps every rule is signed; each broken rule is named, with its clause, and nothing is signed', async () => {
  const der = await signLeaf(template, root, keys.privateKey)
  assert.deepEqual(lintCertificate(der, { issuer: root, profile: profiles.device }), [])
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ serialNumber: '01' }, /serial number has 1 bytes.*\(RFC 5280 §4\.1\.2\.2\)/],
    [{ serialNumber: `4a${'00'.repeat(20)}` }, /21 bytes, at most 20/],
    [{ validity: { notBefore: now, notAfter: now - 1000 } }, /ends before it begins/],
    [{ validity: { notBefore: now, notAfter: now + 2 * year } }, /outlive its authority/],
    [{ profile: profiles['device-short'] }, /the profile allows 7/],
    [{ commonName: 'a\u202eb' }, /cannot be seen/],
    [{ commonName: 'x'.repeat(65) }, /more than 64/],
    [{ alternatives: [{ type: 'dns', value: '10.0.0.1' }] }, /address '10\.0\.0\.1' is written as a host name/],
    [{ alternatives: [{ type: 'dns', value: 'a b' }] }, /is no host name/],
    [{ profile: profiles.server }, /a server has no subjectAltName/],
    [{ publicKey: keys.publicKey }, /the key is the authority's own/],
    [{ publicKey: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey }, /an RSA key of 1024 bits/],
    [{ publicKey: generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey }, /exponent/],
    [
      { publicKey: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey },
      /the curve 'K-256' is not allowed/,
    ],
  ]
  for (const [changed, message] of refused) {
    await assert.rejects(signLeaf({ ...template, ...changed } as typeof template, root, keys.privateKey), { message })
  }
})

function openSsl(...extensions: string[]): Buffer {
  const path = join(dir, 'x.crt')
  const configuration = join(dir, 'x.cnf')
  writeFileSync(
    configuration,
    `[req]\ndistinguished_name=d\nprompt=no\nx509_extensions=e\n[d]\nCN=x\n[e]\n${extensions.join('\n')}\n`,
  )
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      join(dir, 'k'),
      '-out',
      path,
      '-config',
      configuration,
    ],
    { stdio: 'ignore' },
  )
  return pemBlocks(readFileSync(path, 'latin1'), ['CERTIFICATE'])[0]!
}

const others: readonly (readonly [what: string, extensions: readonly string[], problem: RegExp])[] = [
  [
    'an authority without keyUsage',
    ['basicConstraints=critical,CA:TRUE', 'subjectKeyIdentifier=hash'],
    /lacks keyUsage keyCertSign/,
  ],
  [
    'an authority whose constraint is not critical',
    ['basicConstraints=CA:TRUE', 'keyUsage=keyCertSign'],
    /must be critical/,
  ],
  [
    'a leaf that may sign certificates',
    ['basicConstraints=CA:FALSE', 'keyUsage=keyCertSign'],
    /keyCertSign in what is no authority/,
  ],
  [
    'both purposes',
    ['basicConstraints=CA:FALSE', 'extendedKeyUsage=serverAuth,clientAuth'],
    /a stolen server key logs in/,
  ],
  ['no purpose', ['basicConstraints=CA:FALSE', 'keyUsage=digitalSignature'], /a device could pass for a server/],
  [
    'a critical extension that nobody knows',
    ['basicConstraints=CA:FALSE', '1.2.3.4=critical,DER:0500'],
    /1\.2\.3\.4 is critical, and nobody knows it/,
  ],
]

for (const [what, extensions, problem] of others) {
  test(`of other tools' certificates: ${what}`, () => {
    assert.match(
      lintCertificate(openSsl(...extensions))
        .map(finding => finding.problem)
        .join('\n'),
      problem,
    )
  })
}

test('bytes that are no DER are one finding, and never an exception', () => {
  const der = Buffer.from(root.der)
  for (const length of [0, 1, 50, der.length - 1]) {
    assert.equal(lintCertificate(der.subarray(0, length)).length, 1)
  }
  assert.match(lintCertificate(Buffer.concat([der, Buffer.of(0)]))[0]!.problem, /bytes follow the end/)
})
