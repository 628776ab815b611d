import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCommand } from '../../../test/support/command.ts'
import { cert } from '../cert/cert.ts'
import { ca } from './ca.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-ca-authorities-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const authority = join(dir, 'ca')
const passphrase = join(dir, 'passphrase')
const wrong = join(dir, 'wrong')
writeFileSync(passphrase, 'correct horse battery\n')
writeFileSync(wrong, 'not the passphrase\n')
const where = ['--ca', authority]
const withKey = [...where, '--passphrase-file', passphrase]

const runCa = (...args: string[]) => runCommand(ca, args)
const runCert = (...args: string[]) => runCommand(cert, args)
await runCa('init', authority, '--name', 'Fleet', '--passphrase-file', passphrase)
await runCert('issue', 'device-1', ...withKey, '--out', dir)
const certificate = join(dir, 'device-1', 'device-1.crt')

test('cli section 2, ca list: each authority with its state, as a table, tabs, JSON and names; YAML is refused with advice', async () => {
  const table = await runCa('list', ...where)
  assert.match(
    table.stdout,
    /^ID +STATE +ISSUES +KEY +UNTIL \(UTC\) +CERTIFICATES +LIST\nroot +active +authorities +encrypted /,
  )
  const tabs = await runCa('list', '-o', 'tsv', ...where)
  const rows = tabs.stdout
    .trimEnd()
    .split('\n')
    .map(line => line.split('\t'))
  assert.deepEqual(
    rows.map(([id, state, issues, , , count]) => [id, state, issues, count]),
    [
      ['ID', 'STATE', 'ISSUES', 'CERTIFICATES'],
      ['root', 'active', 'authorities', '2'],
      ['server', 'active', 'server', '0'],
      ['device', 'active', 'device', '1'],
    ],
  )
  const page = JSON.parse((await runCa('list', '-o', 'json', ...where)).stdout)
  assert.deepEqual([page.version, page.authorities[2].id, page.authorities[2].key], [1, 'device', 'encrypted'])
  assert.equal((await runCa('list', '-o', 'name', ...where)).stdout, 'root\nserver\ndevice\n')
  const yaml = await runCa('list', '-o', 'yaml', ...where)
  assert.equal(yaml.code, 2)
  assert.match(yaml.stderr, /-o yaml is not written here; -o json is, and YAML 1\.2 reads that as it is/)
})

test('cli section 1.5, cert list -o tsv: a head and a row each; an action that prints no table refuses it', async () => {
  const { stdout } = await runCert('list', '-o', 'tsv', ...where)
  const [head, ...rows] = stdout
    .trimEnd()
    .split('\n')
    .map(line => line.split('\t'))
  assert.deepEqual(head, ['NAME', 'PROFILE', 'STATE', 'UNTIL (UTC)', 'SERIAL NUMBER'])
  assert.deepEqual(rows.at(-1)?.slice(0, 3), ['device-1', 'device', 'valid'])
  assert.match((await runCert('show', 'device-1', '-o', 'tsv', ...where)).stdout, /^name\tdevice-1\nserialNumber\t/)
  assert.equal((await runCert('revoke', 'device-1', '-o', 'tsv', ...withKey)).code, 2)
})

test('cli section 2, ca lock and unlock: nothing is issued meanwhile, and only the passphrase unlocks', async () => {
  assert.equal((await runCa('lock', ...where)).code, 0)
  assert.match((await runCa('lock', ...where)).stdout, /locked before/)
  const refused = await runCert('issue', 'device-2', ...withKey, '--out', dir)
  assert.deepEqual([refused.code, existsSync(join(dir, 'device-2'))], [4, false])
  assert.match(refused.stderr, /the authority is locked; castellan ca unlock opens it\n$/)
  assert.match((await runCa('list', ...where)).stdout, /device +locked/)
  assert.equal((await runCa('unlock', ...where, '--passphrase-file', wrong)).code, 4)
  assert.equal((await runCa('unlock', ...withKey)).code, 0)
  assert.match((await runCa('unlock', ...withKey)).stdout, /was not locked/)
  assert.equal((await runCert('issue', 'device-2', ...withKey, '--out', dir)).code, 0)
})

test('cli section 2, cert verify: good with 0, REFUSED with 7 and every reason, also as JSON', async () => {
  const good = await runCert('verify', certificate, '--purpose', 'client', ...where)
  assert.equal(good.code, 0)
  assert.match(good.stdout, /^CN=device-1, serial number [0-9a-f]{32}, issued by device: good\n$/)
  const late = await runCert('verify', certificate, '--purpose', 'server', '--at', '2099-01-01T00:00:00Z', ...where)
  assert.equal(late.code, 7)
  assert.match(late.stdout, /: REFUSED\n {2}it ended at .*\n {2}it is not for a server\n/)
  const page = JSON.parse((await runCert('verify', certificate, '--host', 'a.example', '-o', 'json', ...where)).stdout)
  assert.deepEqual([page.good, page.problems], [false, ["it does not hold for 'a.example'"]])
  assert.equal((await runCert('verify', certificate, '--purpose', 'both', ...where)).code, 2)
  assert.equal((await runCert('verify', certificate, '--at', 'soon', ...where)).code, 2)
  assert.equal((await runCert('verify', passphrase, ...where)).code, 7)
})

test('cli section 2, cert bundle: the files once more, with the key only where its holder brings it', async () => {
  const out = join(dir, 'bundles')
  assert.equal((await runCert('bundle', 'device-1', '--out', out, ...where)).code, 0)
  assert.deepEqual(readdirSync(join(out, 'device-1')).sort(), ['ca.crt', 'connect.txt', 'device-1.crt'])
  assert.equal(readFileSync(join(out, 'device-1', 'device-1.crt'), 'utf8'), readFileSync(certificate, 'utf8'))
  const p12 = ['--format', 'p12', '--bundle-passphrase-file', passphrase, '--out', out, ...where]
  assert.equal((await runCert('bundle', 'device-1', ...p12)).code, 7)
  const other = await runCert('bundle', 'device-1', '--key', join(dir, 'device-2', 'device-2.key'), ...p12)
  assert.deepEqual([other.code, existsSync(join(out, 'device-1.p12'))], [7, false])
  const own = await runCert('bundle', 'device-1', '--key', join(dir, 'device-1', 'device-1.key'), ...p12)
  assert.equal(own.code, 0)
  execFileSync('openssl', ['pkcs12', '-in', join(out, 'device-1.p12'), '-passin', `file:${passphrase}`, '-noout'])
  const qr = await runCert('bundle', 'device-1', '--format', 'qr', '--out', out, ...where)
  assert.equal(qr.code, 7)
  assert.match(qr.stderr, /QR codes are not drawn here/)
})

test('cli section 2, ca sign-issuing: a certificate for an authority elsewhere, in the list and revocable', async () => {
  const [key, csr, out] = [join(dir, 'site.key'), join(dir, 'site.csr'), join(dir, 'site.pem')]
  execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key])
  execFileSync('openssl', ['req', '-new', '-key', key, '-subj', '/CN=Site B', '-out', csr])
  assert.equal((await runCa('sign-issuing', csr, '--out', out, ...withKey)).code, 2)
  assert.equal((await runCa('sign-issuing', csr, '--issues', 'device', ...withKey)).code, 2)
  const signed = await runCa('sign-issuing', csr, '--issues', 'device', '--out', out, ...withKey)
  assert.deepEqual([signed.code, signed.stderr], [0, ''])
  const strict = ['verify', '-x509_strict', '-CAfile', join(authority, 'trust', 'root.pem')]
  execFileSync('openssl', [...strict, out])
  assert.equal((await runCa('sign-issuing', csr, '--issues', 'device', '--out', out, ...withKey)).code, 5)
  assert.equal((await runCert('revoke', 'Site B', '--reason', 'cACompromise', ...withKey)).code, 0)
})

test('cli section 2, ca export: a directory for openssl ca; the key only when asked for', async () => {
  const out = join(dir, 'exported')
  assert.equal((await runCa('export', 'device', out, ...where)).code, 0)
  assert.deepEqual(readdirSync(join(out, 'private')), [])
  assert.match(readFileSync(join(out, 'index.txt'), 'utf8'), /^V\t\d{12}Z\t\t[0-9A-F]{32}\tunknown\t\/CN=device-1$/m)
  assert.equal((await runCa('export', 'device', out, ...where)).code, 5)
  assert.equal((await runCa('export', 'nobody', join(dir, 'x'), ...where)).code, 3)
  assert.equal((await runCa('export', 'device', ...where)).code, 2)
})

test('cli section 2, ca rotate: says what replaced what, and how many certificates are left', async () => {
  const rotated = await runCa('rotate', 'device', ...withKey)
  assert.deepEqual([rotated.code, rotated.stderr], [0, ''])
  assert.match(rotated.stdout, /made {5}device-2, which issues from now on\n {2}replaced device: .* its 2 certificates/)
  assert.match((await runCa('list', ...where)).stdout, /device +replaced/)
  await runCert('issue', 'device-3', ...withKey, '--out', dir)
  const verified = await runCert('verify', join(dir, 'device-3', 'device-3.crt'), ...where)
  assert.match(verified.stdout, /issued by device-2: good/)
  assert.equal((await runCa('rotate', 'device', ...withKey)).code, 7)
  assert.equal((await runCa('rotate', 'root', ...withKey)).code, 7)
  assert.equal((await runCa('rotate', 'nobody', ...withKey)).code, 3)
  const page = JSON.parse((await runCa('rotate', 'device-2', '-o', 'json', ...withKey)).stdout)
  assert.deepEqual([page.from, page.to, page.living], ['device-2', 'device-3', 1])
})

test('every page of help of these actions names its exit codes', async () => {
  for (const [command, words] of [
    [ca, ['list', 'lock', 'unlock', 'rotate', 'sign-issuing', 'export']],
    [cert, ['verify', 'bundle']],
  ] as const) {
    for (const word of words) {
      const { code, stdout } = await runCommand(command, [word, '--help'])
      assert.equal(code, 0)
      assert.match(stdout, /^Usage: castellan [\s\S]*Exit codes: 0 done/)
    }
  }
})
