import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCommand } from '../../../test/support/command.ts'
import { cert } from '../cert/cert.ts'
import { ca } from './ca.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-ca-command-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const authority = join(dir, 'ca')
const passphrase = join(dir, 'passphrase')
writeFileSync(passphrase, 'correct horse battery\n')
const withKey = ['--ca', authority, '--passphrase-file', passphrase]

const runCa = (...args: string[]) => runCommand(ca, args)
const runCert = (...args: string[]) => runCommand(cert, args)
const made = await runCa(
  'init',
  authority,
  '--name',
  'Fleet',
  '--url',
  'http://pki.example/',
  '--passphrase-file',
  passphrase,
)

/** What `openssl verify` says of a bundle's certificate: its exit code and words. */
function verify(bundle: string, name: string, purpose: string) {
  const crls = ['-crl_check_all', '-CRLfile', join(authority, 'crl', 'all.pem')]
  const files = [join(bundle, 'ca.crt'), join(bundle, `${name}.crt`)]
  const options = [
    '-x509_strict',
    '-purpose',
    purpose,
    ...crls,
    '-CAfile',
    files[0]!,
    '-untrusted',
    files[1]!,
    files[1]!,
  ]
  return spawnSync('openssl', ['verify', ...options], { encoding: 'utf8' })
}

test('castellan ca init: three authorities, encrypted keys, lists, and lines to copy', () => {
  assert.deepEqual([made.code, made.stderr], [0, ''])
  assert.match(made.stdout, new RegExp(`crlfile ${authority}/crl/all\\.pem\n`))
  for (const id of ['root', 'server', 'device']) {
    assert.match(
      readFileSync(join(authority, id, 'private', 'ca.key'), 'latin1'),
      /^-----BEGIN ENCRYPTED PRIVATE KEY-----/,
    )
    assert.ok(existsSync(join(authority, 'crl', `${id}.crl`)))
  }
  assert.equal(statSync(authority).mode & 0o777, 0o700)
  assert.deepEqual(readdirSync(dir).sort(), ['ca', 'passphrase'])
})

test('castellan ca init: what is there is left alone, a short passphrase and wrong values are refused', async () => {
  const again = await runCa('init', authority, '--passphrase-file', passphrase)
  assert.deepEqual([again.code, again.stdout], [5, ''])
  assert.match(again.stderr, /^castellan ca init: '.*' already exists; choose a directory that does not\n$/)
  const short = await runCommand(ca, ['init', join(dir, 'other')], 'short\n')
  assert.deepEqual([short.code, existsSync(join(dir, 'other'))], [4, false])
  const refused = async (...args: string[]) => {
    const { code, stderr } = await runCa('init', join(dir, 'other'), '--passphrase-file', passphrase, ...args)
    return `${code} ${stderr.split('\n')[0]}`
  }
  assert.match(await refused('--url', 'ftp://x'), /^7 .*not like 'http:\/\/pki\.example\.org'/)
  assert.match(await refused('--key-type', 'dsa'), /^7 .*unknown key type 'dsa'/)
  assert.match(await refused('--nonsense'), /^2 .*nonsense/)
  assert.deepEqual(readdirSync(dir).sort(), ['ca', 'passphrase'])
})

test('castellan ca init: the passphrase may come by the environment or on standard input, never as an argument', async () => {
  const byInput = await runCommand(ca, ['init', join(dir, 'by-input')], 'correct horse battery\n')
  assert.equal(byInput.code, 0)
  const byEnvironment = await runCommand(ca, ['init', join(dir, 'by-env'), '--passphrase-env', 'PASS'], '', {
    PASS: 'correct horse battery',
  })
  assert.equal(byEnvironment.code, 0)
  const asArgument = await runCa('init', join(dir, 'x'), '--passphrase', 'secret')
  assert.equal(asArgument.code, 2)
  assert.doesNotMatch(asArgument.stderr, /secret/)
})

test('castellan ca init --offline-root: the root key is elsewhere, and its list is signed while it is at hand', async () => {
  const medium = mkdtempSync(join(dir, 'medium-'))
  const { code } = await runCa('init', join(dir, 'offline'), '--offline-root', medium, '--passphrase-file', passphrase)
  assert.equal(code, 0)
  assert.deepEqual(readdirSync(medium), ['root.key'])
  assert.deepEqual(readdirSync(join(dir, 'offline', 'root', 'private')), [])
  assert.ok(existsSync(join(dir, 'offline', 'crl', 'root.crl')))
  const forced = await runCa('publish-crl', '--force', '--ca', join(dir, 'offline'), '--passphrase-file', passphrase)
  assert.equal(forced.code, 8)
  assert.match(forced.stdout, /root: #1.*NOT signed: the key of authority 'root' is '.*medium.*put it back/)
})

test('castellan cert issue, revoke: accepted by openssl, then refused, with the reason in the list', async () => {
  const issued = await runCert('issue', 'device-17', ...withKey, '--out', dir)
  assert.deepEqual([issued.code, issued.stderr], [0, ''])
  assert.match(issued.stdout, /subject {2}CN=device-17, urn:device:device-17\n/)
  const bundle = join(dir, 'device-17')
  assert.deepEqual(readdirSync(bundle).sort(), ['ca.crt', 'connect.txt', 'device-17.crt', 'device-17.key'])
  assert.equal(statSync(join(bundle, 'device-17.key')).mode & 0o777, 0o400)
  assert.equal(verify(bundle, 'device-17', 'sslclient').status, 0)
  assert.notEqual(verify(bundle, 'device-17', 'sslserver').status, 0)

  const revoked = await runCert('revoke', 'device-17', '--reason', 'keyCompromise', ...withKey)
  assert.deepEqual([revoked.code, revoked.stderr], [0, ''])
  assert.match(revoked.stdout, /revoked {2}device-17, serial number [0-9a-f]{32}\n {2}crl {6}device: #2, 1 entries/)
  assert.match(verify(bundle, 'device-17', 'sslclient').stderr, /certificate revoked/)
  const again = await runCert('revoke', join(bundle, 'device-17.crt'), ...withKey)
  assert.equal(again.code, 0)
  assert.match(again.stdout, /1 of them had been revoked before/)
})

test('castellan cert hold, unhold: refused for a while', async () => {
  await runCert('issue', 'device-18', ...withKey, '--out', dir)
  const bundle = join(dir, 'device-18')
  assert.equal((await runCert('hold', 'device-18', ...withKey)).code, 0)
  assert.match(verify(bundle, 'device-18', 'sslclient').stderr, /certificate revoked/)
  assert.equal((await runCert('unhold', 'device-18', ...withKey)).code, 0)
  assert.equal(verify(bundle, 'device-18', 'sslclient').status, 0)
  const notHeld = await runCert('unhold', 'device-18', ...withKey)
  assert.deepEqual(
    [notHeld.code, notHeld.stderr],
    [7, "castellan cert unhold: 'device-18' is not on hold; only a hold can be released\n"],
  )
})

test('castellan cert sign: a request of openssl; the key stays where it is', async () => {
  const [key, csr] = [join(dir, 'own.key'), join(dir, 'own.csr')]
  execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key])
  execFileSync('openssl', ['req', '-new', '-key', key, '-subj', '/CN=own-key', '-out', csr])
  const { code, stdout } = await runCert('sign', csr, ...withKey, '--out', dir)
  assert.equal(code, 0)
  assert.match(stdout, /its holder has it/)
  assert.deepEqual(readdirSync(join(dir, 'own-key')).sort(), ['ca.crt', 'connect.txt', 'own-key.crt'])
  const wrong = await runCert('sign', key, ...withKey, '--out', dir)
  assert.equal(wrong.code, 7)
})

test('castellan cert issue --format: zip by unzip, p12 by openssl, header by a compiler, pem and json', async () => {
  const at = (format: string) => ['--format', format, '--out', dir, ...withKey]
  assert.equal((await runCert('issue', 'f-zip', ...at('zip'))).code, 0)
  execFileSync('unzip', ['-q', join(dir, 'f-zip.zip'), '-d', join(dir, 'unzipped')])
  assert.equal(verify(join(dir, 'unzipped'), 'f-zip', 'sslclient').status, 0)
  assert.equal(statSync(join(dir, 'unzipped', 'f-zip.key')).mode & 0o777, 0o400)

  assert.equal((await runCert('issue', 'f-p12', ...at('p12'), '--bundle-passphrase-file', passphrase)).code, 0)
  const p12 = ['pkcs12', '-in', join(dir, 'f-p12.p12'), '-passin', `file:${passphrase}`]
  const info = spawnSync('openssl', [...p12, '-info', '-nodes'], { encoding: 'utf8' })
  assert.equal(info.status, 0, info.stderr)
  assert.match(info.stderr, /MAC: sha256/)
  assert.match(info.stderr, /PBES2, PBKDF2, AES-256-CBC/)
  assert.match(info.stdout, /friendlyName: f-p12[\s\S]*BEGIN CERTIFICATE[\s\S]*BEGIN PRIVATE KEY/)

  assert.equal((await runCert('issue', 'f-header', ...at('header'))).code, 0)
  assert.match(
    readFileSync(join(dir, 'f-header.h'), 'utf8'),
    /castellan_private_key\[\] =\n {2}"-----BEGIN PRIVATE KEY-----\\n"\n/,
  )
  assert.equal((await runCert('issue', 'f-pem', ...at('pem'))).code, 0)
  execFileSync('openssl', ['x509', '-in', join(dir, 'f-pem.pem'), '-noout'])
  assert.equal((await runCert('issue', 'f-json', ...at('json'))).code, 0)
  assert.match(JSON.parse(readFileSync(join(dir, 'f-json.json'), 'utf8')).privateKey, /BEGIN PRIVATE KEY/)
})

test('castellan cert list, show, expiring: without a passphrase, as a table, JSON and names', async () => {
  const where = ['--ca', authority]
  const listed = await runCert('list', '--state', 'revoked', ...where)
  assert.match(
    listed.stdout,
    /^NAME +PROFILE +STATE +UNTIL \(UTC\) +SERIAL NUMBER\ndevice-17 +device +revoked \(keyCompromise\) /,
  )
  const names = await runCert('list', 'f-', '-o', 'name', ...where)
  assert.equal(names.stdout, 'f-zip\nf-p12\nf-header\nf-pem\nf-json\n')
  const shown = JSON.parse((await runCert('show', 'device-17', '-o', 'json', ...where)).stdout)
  assert.deepEqual([shown.version, shown.state, shown.revocationReason], [1, 'revoked', 'keyCompromise'])
  assert.equal((await runCert('show', 'nobody', ...where)).code, 3)
  await runCert('issue', 'soon', '--days', '5', ...withKey, '--out', dir)
  assert.equal((await runCert('expiring', '--in', '6d', '-o', 'name', ...where)).stdout, 'soon\n')
  await runCert('renew', 'soon', '--out', join(dir, 'renewed'), ...withKey)
  assert.equal((await runCert('expiring', '--in', '6d', '-o', 'name', ...where)).stdout, '')
})

test('castellan cert renew --revoke-old: one command for a new certificate and the end of the old one', async () => {
  await runCert('issue', 'renew-me', ...withKey, '--out', dir)
  const { code, stdout } = await runCert('renew', 'renew-me', '--revoke-old', '--out', join(dir, 'again'), ...withKey)
  assert.equal(code, 0)
  assert.match(stdout, /revoked {2}the old one/)
  assert.match(verify(join(dir, 'renew-me'), 'renew-me', 'sslclient').stderr, /certificate revoked/)
  assert.equal(verify(join(dir, 'again', 'renew-me'), 'renew-me', 'sslclient').status, 0)
})

test('castellan cert: wrong names, profiles, reasons and passphrases, each with its code', async () => {
  const code = async (...args: string[]) => (await runCert(...args, '--out', dir)).code
  assert.equal(await code('issue', 'x', '--profile', 'nonsense', ...withKey), 7)
  assert.equal(await code('issue', 'device-18', ...withKey), 5)
  assert.equal(await code('issue', 'a\u202eb', ...withKey), 7)
  assert.equal(await code('issue', ...withKey), 2)
  writeFileSync(join(dir, 'wrong'), 'not the passphrase\n')
  assert.equal(await code('issue', 'y', '--ca', authority, '--passphrase-file', join(dir, 'wrong')), 4)
  assert.equal((await runCert('revoke', 'device-18', '--reason', 'boredom', ...withKey)).code, 2)
  assert.equal((await runCert('revoke', 'device-18', '--reason', '8', ...withKey)).code, 7)
  assert.equal((await runCert('list', '--ca', join(dir, 'nowhere'))).code, 1)
  assert.equal((await runCert('nonsense')).code, 2)
})

test('castellan cert revoke with a locked authority: recorded at once, exit code 8, and published by the next publish-crl', async () => {
  await runCert('issue', 'locked-1', ...withKey, '--out', dir)
  const revoked = await runCert('revoke', 'locked-1', '--ca', authority, '--passphrase-file', join(dir, 'wrong'))
  assert.equal(revoked.code, 8)
  assert.match(revoked.stdout, /NOT signed: the passphrase of .* is wrong/)
  assert.equal((await runCa('publish-crl', '--force', ...withKey)).code, 0)
  assert.match(verify(join(dir, 'locked-1'), 'locked-1', 'sslclient').stderr, /certificate revoked/)
})

test('castellan cert: a passphrase comes from standard input, too; with nothing there, that is said, and a revocation is recorded all the same', async () => {
  const typed = await runCommand(
    cert,
    ['issue', 'piped', '--ca', authority, '--out', dir],
    readFileSync(passphrase, 'utf8'),
  )
  assert.equal(typed.code, 0)
  const silent = await runCert('issue', 'silent', '--ca', authority, '--out', dir)
  assert.equal(silent.code, 4)
  assert.match(silent.stderr, /there is no passphrase of the key of authority 'device': neither on standard input nor /)
  const revoked = await runCert('revoke', 'piped', '--ca', authority)
  assert.equal(revoked.code, 8)
  assert.match(revoked.stdout, /NOT signed: there is no passphrase of the key of authority 'device'/)
  assert.equal((await runCa('publish-crl', '--force', ...withKey)).code, 0)
})

test('castellan cert revoke: the reasons that an unknown one is answered with are those that there are to choose', async () => {
  const { code, stderr } = await runCert('revoke', 'device-1', '--reason', 'lost', ...withKey)
  assert.equal(code, 2)
  assert.match(
    stderr,
    /unknown reason 'lost'; it is one of unspecified \(0\), .*certificateHold \(6\), privilegeWithdrawn \(9\), /,
  )
})

test('castellan ca backup, restore: everything but the root key, and only with the passphrase', async () => {
  const [file, copy] = [join(dir, 'backup'), join(dir, 'restored')]
  const key = ['--backup-passphrase-file', passphrase]
  assert.equal((await runCa('backup', file, '--ca', authority, ...key)).code, 0)
  // Not passed over: a backup has a passphrase of its own.
  const other = await runCa('backup', join(dir, 'other'), ...withKey)
  assert.deepEqual([other.code, existsSync(join(dir, 'other'))], [2, false])
  assert.match(other.stderr, /unknown option '--passphrase-file'/)
  assert.equal((await runCa('restore', '--verify', file, ...key)).code, 0)
  assert.equal((await runCa('restore', '--verify', file, '--backup-passphrase-file', join(dir, 'wrong'))).code, 4)
  assert.equal((await runCa('restore', file, copy, ...key)).code, 0)
  const list = async (where: string) => (await runCert('list', '-o', 'json', '--ca', where)).stdout
  assert.equal(await list(copy), await list(authority))
  assert.deepEqual(readdirSync(join(copy, 'root', 'private')), [])
  assert.equal((await runCert('issue', 'after', '--out', dir, '--ca', copy, '--passphrase-file', passphrase)).code, 0)
})

test('castellan cert bulk: a bundle for each row, progress on standard error, and the same command again issues nothing', async () => {
  const [file, out] = [join(dir, 'rows.csv'), join(dir, 'bulk')]
  writeFileSync(file, 'name,days\nbulk-1,30\nbulk-2,\n')
  const first = await runCert('bulk', file, '--out', out, ...withKey)
  assert.deepEqual([first.code, first.stderr], [0, '2/2\n'])
  assert.match(first.stdout, /issued {3}2\n/)
  assert.match((await runCert('bulk', file, '--out', out, ...withKey)).stdout, /issued {3}0, 2 were there already/)
  assert.deepEqual(readdirSync(out).sort(), ['.job', 'bulk-1.zip', 'bulk-2.zip', 'manifest.csv'])
  assert.equal((await runCert('bulk', file, ...withKey)).code, 2)
  writeFileSync(file, 'serial\n1\n')
  assert.equal((await runCert('bulk', file, '--out', join(dir, 'bulk2'), ...withKey)).code, 7)
})

test('castellan ca import: faults named, a new passphrase, and a list at once', async () => {
  const from = join(dir, 'foreign')
  mkdirSync(from)
  const files = ['-keyout', join(from, 'ca.key'), '-out', join(from, 'ca.crt')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, '-subj', '/CN=Foreign'], {
    stdio: 'ignore',
  })
  const imported = await runCa('import', from, join(dir, 'imported'), '--passphrase-file', passphrase)
  assert.deepEqual([imported.code, imported.stderr], [0, ''])
  assert.match(imported.stdout, /found {4}generate-CA\.sh: 0 certificates/)
  assert.match(imported.stdout, /fault {4}the authority's key is not encrypted/)
  assert.match(imported.stdout, /crl {6}ca: #1, 0 entries/)
  assert.equal((await runCa('import', dir, join(dir, 'imported2'), '--passphrase-file', passphrase)).code, 1)
})

test('castellan cert inspect, lint: anybody\u2019s certificate, with the rules it breaks', async () => {
  const [key, bad] = [join(dir, 'bad.key'), join(dir, 'bad.crt')]
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-keyout', key, '-out', bad, '-subj', '/CN=bad', '-sha1'],
    { stdio: 'ignore' },
  )
  const linted = await runCert('lint', bad)
  assert.equal(linted.code, 7)
  assert.match(linted.stdout, /an RSA key of 1024 bits/)
  assert.match(linted.stdout, /signed with SHA-1/)
  const good = await runCert('lint', join(dir, 'device-18', 'device-18.crt'))
  assert.deepEqual([good.code, good.stdout.split('\n')[0]], [0, 'CN=device-18: keeps every rule'])
  assert.match((await runCert('inspect', bad)).stdout, /^subject +CN=bad\n/)
  assert.equal((await runCert('inspect', passphrase)).code, 7)
})

test('every page of help names its exit codes, and every option of an action is on its page', async () => {
  for (const [command, words] of [
    [ca, ['', 'init', 'show', 'publish-crl', 'serve', 'backup', 'restore', 'import']],
    [
      cert,
      ['', 'issue', 'sign', 'renew', 'bulk', 'list', 'expiring', 'show', 'revoke', 'hold', 'unhold', 'inspect', 'lint'],
    ],
  ] as const) {
    for (const word of words) {
      const { code, stdout } = await runCommand(command, word === '' ? ['--help'] : [word, '--help'])
      assert.equal(code, 0)
      assert.match(stdout, /^Usage: castellan /)
      assert.match(stdout, /Exit codes: 0 done/)
    }
  }
})
