import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { CertificateEngine } from '../engine.ts'
import { importAuthority } from './import-authority.ts'
import { parseOpenSslDatabase } from './openssl-database.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-import-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const now = Date.now()
const passphrase = 'correct horse battery'

function openssl(cwd: string, ...args: readonly string[]): void {
  execFileSync('openssl', args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
}

/** What an easy-ca directory comes to, made by the openssl commands behind it: plain key, counted serial numbers, a list of a day. */
function easyCa(name: string): string {
  const at = join(dir, name)
  for (const folder of ['archive', 'ca/db', 'ca/private', 'certs', 'crl', 'private'])
    mkdirSync(join(at, folder), { recursive: true })
  for (const file of ['certificate.db', 'certificate.db.attr']) writeFileSync(join(at, 'ca/db', file), '')
  writeFileSync(join(at, 'ca/db/crt.srl'), '01\n')
  writeFileSync(join(at, 'ca/db/crl.srl'), '01\n')
  writeFileSync(
    join(at, 'ca.conf'),
    `[ca]
default_ca = x
[x]
certificate = ca/ca.crt
private_key = ca/private/ca.key
serial = ca/db/crt.srl
crlnumber = ca/db/crl.srl
database = ca/db/certificate.db
new_certs_dir = archive
default_md = sha256
default_crl_days = 1
policy = p
crl_extensions = crl
[p]
commonName = supplied
[crl]
authorityKeyIdentifier = keyid:always
[server]
basicConstraints = CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
authorityKeyIdentifier = keyid:always
`,
  )
  openssl(
    at,
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'ca/private/ca.key',
    '-out',
    'ca/ca.crt',
    '-subj',
    '/CN=Old CA',
    '-days',
    '3652',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  )
  for (const client of ['user1', 'user2']) {
    openssl(
      at,
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      `private/${client}.client.key`,
      '-out',
      'r.csr',
      '-subj',
      `/CN=${client}`,
    )
    openssl(
      at,
      'ca',
      '-batch',
      '-notext',
      '-config',
      'ca.conf',
      '-in',
      'r.csr',
      '-out',
      `certs/${client}.client.crt`,
      '-days',
      '730',
      '-extensions',
      'server',
    )
  }
  openssl(at, 'ca', '-config', 'ca.conf', '-revoke', 'certs/user2.client.crt', '-crl_reason', 'keyCompromise')
  for (let count = 0; count < 3; count++) openssl(at, 'ca', '-config', 'ca.conf', '-gencrl', '-out', 'crl/ca.crl')
  return at
}

const request = { askOldPassphrase: async () => passphrase, passphrase, now }

test('features E6: an easy-ca directory comes over with serial numbers, revocations and the list number, and its faults are named', async () => {
  const from = easyCa('easy')
  const to = join(dir, 'taken-over')
  const result = await importAuthority(from, to, request)
  assert.deepEqual([result.kind, result.certificates, result.revoked], ['easy-ca', 2, 1])
  const faults = result.faults.join('\n')
  assert.match(faults, /key is not encrypted/)
  assert.match(faults, /lives 24 hours: a day without a new one locks everybody out/)
  assert.match(faults, /2 of 2 certificates: the serial number has 1 bytes/)
  assert.match(faults, /2 of 2 certificates: it is for servers and for clients/)

  const engine = new CertificateEngine(to, async () => passphrase)
  const crls = await engine.resignCrls(now)
  assert.deepEqual([crls[0]?.number, crls[0]?.entries], [4, 1])
  assert.match(readFileSync(engine.files.privateKey('ca'), 'latin1'), /ENCRYPTED/)
  const verify = (file: string) =>
    spawnSync(
      'openssl',
      ['verify', '-crl_check', '-CRLfile', engine.files.allCrls, '-CAfile', engine.files.rootTrust, file],
      { encoding: 'utf8' },
    )
  assert.equal(verify(join(from, 'certs/user1.client.crt')).status, 0)
  assert.match(verify(join(from, 'certs/user2.client.crt')).stderr, /certificate revoked/)

  const issued = await engine.issue('device', { name: 'new-device' }, { kind: 'generate' }, { now, by: 'test' })
  const leaf = join(dir, 'new.crt')
  writeFileSync(leaf, issued.certificate)
  assert.equal(verify(leaf).status, 0)
  await assert.rejects(engine.issue('device', { name: 'user1' }, { kind: 'generate' }, { now, by: 'test' }), {
    code: 'ERR_PKI_CONFLICT',
  })
})

test('an encrypted key needs its old passphrase, and a wrong one makes nothing', async () => {
  const from = join(dir, 'encrypted')
  mkdirSync(from)
  openssl(
    from,
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-subj',
    '/CN=E',
    '-passout',
    `pass:${passphrase}`,
  )
  const wrong = { ...request, askOldPassphrase: async () => 'wrong' }
  await assert.rejects(importAuthority(from, join(dir, 'e1'), wrong), { code: 'ERR_PKI_KEY' })
  const { kind, faults } = await importAuthority(from, join(dir, 'e1'), request)
  assert.equal(kind, 'generate-CA.sh')
  assert.ok(!faults.some(fault => fault.includes('not encrypted')))
  assert.ok(faults.some(fault => fault.includes('lacks keyUsage')))
})

test('a directory that holds no authority is refused, and the place that is taken too', async () => {
  mkdirSync(join(dir, 'empty'))
  await assert.rejects(importAuthority(join(dir, 'empty'), join(dir, 'e2'), request), { message: /is none of easy-ca/ })
  await assert.rejects(importAuthority(join(dir, 'easy'), join(dir, 'easy'), request), { code: 'ERR_PKI_CONFLICT' })
})

test('the database of openssl ca: reasons after the date, four-digit years, and a line that is none', () => {
  const rows = parseOpenSslDatabase(
    'V\t271122010211Z\t\t01\tunknown\t/C=GB/CN=a\nR\t20521122010211Z\t261122010211Z,CACompromise\t0A0B\tunknown\t/CN=b\n',
  )
  assert.deepEqual(rows[0], { serial: '01', name: 'a', notAfter: Date.UTC(2027, 10, 22, 1, 2, 11) })
  assert.deepEqual(rows[1]?.revocation, { at: Date.UTC(2026, 10, 22, 1, 2, 11), reason: 'cACompromise' })
  assert.equal(rows[1]?.notAfter, Date.UTC(2052, 10, 22, 1, 2, 11))
  assert.throws(() => parseOpenSslDatabase('V\tnonsense'), { message: /line 1 of the database/ })
  assert.throws(() => parseOpenSslDatabase('V\tsoon\t\t01\tunknown\t/CN=a'), {
    message: /line 1 of the database has the date 'soon'/,
  })
})
