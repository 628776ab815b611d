// The scripts of easy-ca and generate-CA.sh under their names, started as guides tell people to, and judged by openssl.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { repository } from '../repo/source-files.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-scripts-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const castellan = join(repository, 'bin/castellan')
execFileSync(castellan, ['compat', 'install', '--dir', join(dir, 'easy-ca')])

const pass = 'correct horse battery'

function run(cwd: string, command: string, args: readonly string[], lines: readonly string[] = [], env = {}) {
  const input = lines.map(line => `${line}\n`).join('')
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    input,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return { status, stdout, stderr }
}

const ca = join(dir, 'CA')
const names = ['', 'example.org', 'PT', 'Lisboa', 'Lisboa', 'Example', 'IoT', '']
const made = run(dir, 'easy-ca/create-root-ca', ['-d', 'CA'], [...names, pass, pass])
const defaults = ['', '', '', '', '', '']
const openssl = (...args: string[]) => spawnSync('openssl', args, { cwd: ca, encoding: 'utf8' })

test('cli section 3: create-root-ca makes easy-ca’s tree, and its key is really encrypted', () => {
  assert.equal(made.status, 0, made.stderr)
  assert.match(made.stdout, /Creating root CA in 'CA'[\s\S]*\nRoot CA initialized\.\n/)
  assert.match(made.stdout, /CRL URL will be http:\/\/example\.org\/ca\/CA\.crl/)
  assert.deepEqual(readdirSync(ca).sort(), ['archive', 'bin', 'ca', 'certs', 'conf', 'crl', 'csr', 'private'])
  assert.match(readFileSync(join(ca, 'ca/private/ca.key'), 'latin1'), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/)
  assert.equal(statSync(join(ca, 'ca/private/ca.key')).mode & 0o777, 0o400)
  assert.equal(statSync(join(ca, 'ca/private')).mode & 0o777, 0o700)
  assert.match(
    openssl('x509', '-in', 'ca/ca.crt', '-noout', '-subject').stdout,
    /C = PT, ST = Lisboa, L = Lisboa, O = Example, OU = IoT, CN = Example Certificate Authority/,
  )
  assert.equal(openssl('verify', '-x509_strict', '-CAfile', 'ca/ca.crt', 'ca/ca.crt').status, 0)
  assert.match(made.stderr, /^note X001: /m)
})

test('cli section 3: a directory that exists, passphrases that differ, and a wrong option are refused with the scripts’ codes', () => {
  assert.deepEqual(
    [run(dir, 'easy-ca/create-root-ca', ['-d', 'CA']).status, run(dir, 'easy-ca/create-root-ca', ['-x']).status],
    [1, 2],
  )
  const differ = run(dir, 'easy-ca/create-root-ca', ['-d', 'CA2'], [...names, pass, 'other'])
  assert.deepEqual([differ.status, existsSync(join(dir, 'CA2'))], [1, false])
  assert.match(differ.stdout, /Passphrases did not match, exiting\./)
})

test('cli section 3, the guide: create-ssl and create-client -c, glued or spaced, named as before and accepted by openssl', () => {
  const server = run(ca, 'bin/create-ssl', ['-s', 'broker.example.org', '-a', '10.0.0.5'], [pass, ...defaults])
  assert.equal(server.status, 0, server.stderr)
  assert.match(server.stdout, /\nServer certificate created\.\n/)
  const client = run(ca, 'bin/create-client', ['-cuser1'], [pass, ...defaults])
  assert.equal(client.status, 0, client.stderr)
  assert.match(client.stdout, /\nClient certificate created\.\n/)
  for (const file of [
    'conf/user1.client.conf',
    'private/user1.client.key',
    'csr/user1.client.csr',
    'certs/user1.client.crt',
  ]) {
    assert.ok(existsSync(join(ca, file)), file)
  }
  assert.equal(statSync(join(ca, 'private/broker-example-org.server.key')).mode & 0o777, 0o400)
  const verify = (purpose: string, file: string, ...more: string[]) =>
    openssl('verify', '-x509_strict', '-purpose', purpose, ...more, '-CAfile', 'ca/ca.crt', file).status
  assert.equal(verify('sslserver', 'certs/broker-example-org.server.crt', '-verify_ip', '10.0.0.5'), 0)
  assert.notEqual(verify('sslclient', 'certs/broker-example-org.server.crt'), 0)
  assert.equal(verify('sslclient', 'certs/user1.client.crt'), 0)
  assert.notEqual(verify('sslserver', 'certs/user1.client.crt'), 0)
  const text = openssl('x509', '-in', 'certs/broker-example-org.server.crt', '-noout', '-text').stdout
  assert.match(text, /Netscape Cert Type: *\n\s+SSL Server\n/)
  assert.match(text, /Broker Certificate/)
  assert.equal(openssl('req', '-in', 'csr/user1.client.csr', '-verify', '-noout').status, 0)
})

test('cli section 3: a name that is taken exits with 1 and says so', () => {
  const again = run(ca, 'bin/create-client', ['-c', 'user1'], [pass, ...defaults])
  assert.equal(again.status, 1)
  assert.match(again.stderr + again.stdout, /Configuration already exists for 'user1', exiting\.\n/)
  const alike = run(ca, 'bin/create-ssl', ['-s', 'broker_example.org'], [pass, ...defaults])
  assert.equal(alike.status, 1)
  assert.match(
    alike.stderr + alike.stdout,
    /already exists for 'broker_example\.org', exiting\. 'broker\.example\.org' has files of the same name\.\n/,
  )
})

test('cli section 3, the guide: revoke-cert with reason 2, and the list says so to openssl', () => {
  run(ca, 'bin/create-client-o', ['-c', 'user2'], [pass, ...defaults])
  const revoked = run(ca, 'bin/revoke-cert', ['-c', 'certs/user2.client.crt'], ['2', 'y', pass])
  assert.equal(revoked.status, 0, revoked.stderr)
  assert.match(
    revoked.stdout,
    /1\. unspecified\n2\. keyCompromise[\s\S]*with reason 'keyCompromise'[\s\S]*Server certificate revoked\./,
  )
  const check = (file: string) =>
    openssl('verify', '-crl_check', '-CRLfile', 'crl/ca.crl', '-CAfile', 'ca/ca.crt', file)
  assert.match(check('certs/user2.client.crt').stderr, /certificate revoked/)
  assert.equal(check('certs/user1.client.crt').status, 0)
  assert.match(
    readFileSync(join(ca, 'ca/db/certificate.db'), 'utf8'),
    /^R\t\d{12}Z\t\d{12}Z,keyCompromise\t[0-9A-F]+\tunknown\t\/C=PT/m,
  )
})

test('cli section 3: revoke-cert refuses a choice outside the menu, a no, and a file that is none, with 1', () => {
  const revoke = (file: string, ...lines: string[]) => run(ca, 'bin/revoke-cert', ['-c', file], lines)
  const outside = revoke('certs/user1.client.crt', '9', 'y', pass)
  assert.deepEqual([outside.status, /nothing was revoked/.test(outside.stdout)], [1, true])
  const no = revoke('certs/user1.client.crt', '2', 'n')
  assert.deepEqual([no.status, /Exiting\./.test(no.stdout)], [1, true])
  const missing = revoke('certs/nobody.crt')
  assert.deepEqual(
    [missing.status, /Could not read certificate 'certs\/nobody\.crt', exiting\./.test(missing.stdout)],
    [1, true],
  )
  assert.doesNotMatch(readFileSync(join(ca, 'ca/db/certificate.db'), 'utf8'), /^R.*CN=user1$/m)
})

test('cli section 3: the tree is one that openssl ca goes on with', () => {
  const list = openssl('ca', '-config', 'conf/ca.conf', '-gencrl', '-passin', `pass:${pass}`, '-out', 'crl/again.crl')
  assert.equal(list.status, 0, list.stderr)
  assert.match(openssl('crl', '-in', 'crl/again.crl', '-noout', '-text').stdout, /Key Compromise/)
})

test('cli section 3: create-signing-ca makes an authority below, whose clients verify with its chain', () => {
  const sub = run(
    ca,
    'bin/create-signing-ca',
    ['-d', join(dir, 'SUB')],
    ['', '', '', '', '', '', '', 'Sub CA', pass, pass, pass],
  )
  assert.equal(sub.status, 0, sub.stderr + sub.stdout)
  assert.match(sub.stdout, /Signing sub-CA initialized\./)
  const at = join(dir, 'SUB')
  const client = run(at, 'bin/create-client', ['-c', 'below'], [pass, ...defaults])
  assert.equal(client.status, 0, client.stderr)
  const verified = openssl(
    'verify',
    '-x509_strict',
    '-CAfile',
    'ca/ca.crt',
    '-untrusted',
    join(at, 'ca/chain.pem'),
    join(at, 'certs/below.client.crt'),
  )
  assert.equal(verified.status, 0, verified.stderr)
})

test('cli section 3: --subject, --days and --key-type ask nothing but the passphrase, which --pass-file has; what is wrong is refused with 1', () => {
  const passFile = join(dir, 'passphrase')
  writeFileSync(passFile, `${pass}\n`)
  const quick = ['--pass-file', passFile, '--key-type', 'ec-p256']
  const root = run(dir, 'easy-ca/create-root-ca', ['-d', 'QUICK', '--subject', '/C=PT/O=Example/CN=Quick CA', ...quick])
  assert.equal(root.status, 0, root.stderr + root.stdout)
  const at = join(dir, 'QUICK')
  const client = (...more: string[]) => run(at, 'bin/create-client', ['-c', 'user1', ...quick, ...more])
  for (const wrong of [
    ['--days', '0'],
    ['--days', 'many'],
    ['--subject', '/X=1'],
    ['--subject', '/CN=user1/O=Other'],
  ]) {
    assert.equal(client(...wrong).status, 1, wrong.join(' '))
  }
  assert.deepEqual(readdirSync(join(at, 'certs')), [])
  const made = client('--days', '30', '--subject', '/OU=Line 2/CN=user1')
  assert.equal(made.status, 0, made.stderr + made.stdout)
  const shown = spawnSync('openssl', ['x509', '-in', 'certs/user1.client.crt', '-noout', '-subject', '-text'], {
    cwd: at,
    encoding: 'utf8',
  }).stdout
  assert.match(shown, /subject=C = PT, O = Example, OU = Line 2, CN = user1\n/)
  assert.match(shown, /Public Key Algorithm: id-ecPublicKey/)
  const check = (...args: string[]) => spawnSync('openssl', args, { cwd: at }).status
  assert.equal(check('x509', '-in', 'certs/user1.client.crt', '-noout', '-checkend', String(29 * 86_400)), 0)
  assert.equal(check('x509', '-in', 'certs/user1.client.crt', '-noout', '-checkend', String(31 * 86_400)), 1)
  assert.equal(check('req', '-in', 'csr/user1.client.csr', '-verify', '-noout'), 0)
  assert.equal(check('verify', '-x509_strict', '-CAfile', 'ca/ca.crt', 'certs/user1.client.crt'), 0)
})

test('cli section 4: generate-CA.sh makes authority and server, gen_CA.sh client NAME a client, under the old names; again changes nothing', () => {
  const at = join(dir, 'generated')
  mkdirSync(at)
  const script = join(dir, 'easy-ca/generate-CA.sh')
  const plain = { GENCA_PLAINTEXT: '1', IPLIST: '10.1.2.3', HOSTLIST: 'mqtt.example.org' }
  const first = run(at, script, ['broker.example.org'], [], plain)
  assert.equal(first.status, 0, first.stderr)
  assert.match(first.stdout, /Created CA certificate in \.\/ca\.crt\n[\s\S]*Warning: the CA key is not encrypted/)
  const client = run(at, join(dir, 'easy-ca/gen_CA.sh'), ['client', 'user1'])
  assert.equal(client.status, 0, client.stderr)
  assert.deepEqual(readdirSync(at).sort(), [
    ...['broker.example.org.crt', 'broker.example.org.csr', 'broker.example.org.key'],
    ...['ca.crt', 'ca.key', 'ca.srl', 'user1.crt', 'user1.csr', 'user1.key'],
  ])
  const verify = (...args: string[]) =>
    spawnSync('openssl', ['verify', '-x509_strict', '-CAfile', 'ca.crt', ...args], { cwd: at }).status
  assert.equal(verify('-purpose', 'sslserver', '-verify_hostname', 'mqtt.example.org', 'broker.example.org.crt'), 0)
  assert.equal(verify('-purpose', 'sslserver', '-verify_ip', '10.1.2.3', 'broker.example.org.crt'), 0)
  assert.equal(verify('-purpose', 'sslclient', 'user1.crt'), 0)
  const before = readFileSync(join(at, 'user1.crt'))
  assert.equal(run(at, join(dir, 'easy-ca/gen_CA.sh'), ['client', 'user1']).status, 0)
  assert.deepEqual(readFileSync(join(at, 'user1.crt')), before)
})

test('cli section 4: without GENCA_PLAINTEXT the key is encrypted, and nothing is made without a pass phrase', () => {
  const at = join(dir, 'locked')
  mkdirSync(at)
  const script = join(dir, 'easy-ca/generate-CA.sh')
  assert.equal(run(at, script, ['broker.example.org']).status, 2)
  assert.deepEqual(readdirSync(at), [])
  assert.equal(run(at, script, ['broker.example.org'], [pass, pass]).status, 0)
  assert.match(readFileSync(join(at, 'ca.key'), 'latin1'), /ENCRYPTED/)
  assert.equal(run(at, script, ['client', 'user1'], [pass]).status, 0)
  assert.equal(run(at, script, ['client', 'user2'], ['wrong']).status, 1)
  writeFileSync(join(at, 'x'), '')
  assert.equal(run(at, script, ['client', '../evil'], [pass]).status, 2)
})

test('cli section 1.2: compat diff lists every difference of a tool', () => {
  const { stdout } = run(dir, castellan, ['compat', 'diff', 'create-ssl'])
  assert.match(stdout, /^X003 {2}a server certificate is for servers alone/m)
  assert.match(
    run(dir, castellan, ['compat', 'diff', 'mosquitto_ctrl']).stdout,
    /^X012 {2}a command that the broker refuses ends with 1/m,
  )
  assert.match(run(dir, castellan, ['compat', 'diff', 'mosquitto_passwd']).stdout, /^what differs from Mosquitto, /)
  assert.equal(run(dir, castellan, ['compat', 'diff', 'nobody']).status, 2)
})
