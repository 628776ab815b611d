import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { initDirectory } from './ca-directory.ts'
import { CertificateEngine, type IssuedCertificate } from './engine.ts'
import type { RevocationReason } from './revocation-reasons.ts'
import { revocationReasons } from './revocation-reasons.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-engine-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const day = 24 * 60 * 60 * 1000
const now = Date.now()
const passphrase = 'correct horse battery'
const ca = join(dir, 'ca')
const url = 'http://pki.example:8888'
await initDirectory(ca, {
  name: 'Fleet',
  organization: 'Example',
  url,
  domain: 'devices.example',
  keyType: 'ec-p256',
  passphrase,
  rootPassphrase: 'another root passphrase',
  now,
})
const open = () =>
  new CertificateEngine(ca, async what => (what.includes("'root'") ? 'another root passphrase' : passphrase))
const engine = open()
await engine.resignCrls(now)
const by = 'test'
const generate = { kind: 'generate' } as const
const device = await engine.issue('device', { name: 'device-1' }, generate, { now, by })
const server = await engine.issue(
  'server',
  { name: 'broker.example', alternatives: ['localhost', '127.0.0.1', '::1'] },
  generate,
  { now, by },
)

let files = 0
function file(text: string | Buffer): string {
  const path = join(dir, `${files++}.pem`)
  writeFileSync(path, text)
  return path
}

function verify({ certificate, chain, root }: IssuedCertificate, purpose: string, ...more: string[]) {
  const options = ['-x509_strict', '-purpose', purpose, '-CAfile', file(root), '-untrusted', file(chain), ...more]
  return spawnSync('openssl', ['verify', ...options, file(certificate)], { encoding: 'utf8' })
}

const withCrls = () => ['-crl_check_all', '-CRLfile', engine.files.allCrls]
const crlText = (id: string) =>
  execFileSync('openssl', ['crl', '-inform', 'DER', '-noout', '-text', '-in', engine.files.crl(id)], {
    encoding: 'utf8',
  })
const certificateText = (pem: string) =>
  execFileSync('openssl', ['x509', '-noout', '-text', '-in', file(pem)], { encoding: 'utf8' })

test('features E13, pki.md 1.10: each authority key is PBES2 with 600,000 iterations of SHA-256 and AES-256, and openssl pkey opens it', () => {
  for (const id of ['server', 'device']) {
    const path = engine.files.privateKey(id)
    assert.match(readFileSync(path, 'latin1'), /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/)
    assert.equal(statSync(path).mode & 0o777, 0o400)
    const parsed = execFileSync('openssl', ['asn1parse', '-in', path], { encoding: 'utf8' })
    assert.match(parsed, /PBES2[\s\S]*PBKDF2[\s\S]*INTEGER +:0927C0[\s\S]*hmacWithSHA256[\s\S]*aes-256-cbc/)
    const open = (pass: string) =>
      spawnSync('openssl', ['pkey', '-in', path, '-passin', `pass:${pass}`, '-noout']).status
    assert.equal(open(passphrase), 0)
    assert.notEqual(open('wrong'), 0)
  }
})

test('pki.md 9: openssl verify -x509_strict -crl_check_all accepts each certificate for its own purpose and refuses it for the other', () => {
  assert.equal(
    verify(device, 'sslclient', ...withCrls())
      .stdout.trim()
      .split(': ')
      .at(-1),
    'OK',
  )
  assert.equal(verify(server, 'sslserver', ...withCrls()).status, 0)
  assert.notEqual(verify(device, 'sslserver').status, 0)
  assert.notEqual(verify(server, 'sslclient').status, 0)
  assert.equal(verify(server, 'sslserver', '-verify_ip', '127.0.0.1').status, 0)
  assert.equal(verify(server, 'sslserver', '-verify_hostname', 'broker.example').status, 0)
})

test('pki.md 4: a device certificate has one purpose, its urn, pointers to its revocation and 397 days', () => {
  const text = certificateText(device.certificate)
  assert.match(text, /Subject: CN = device-1\n/)
  assert.match(text, /Key Usage: critical\s+Digital Signature\n/)
  assert.match(text, /Extended Key Usage: *\n\s+TLS Web Client Authentication\n/)
  assert.match(text, /URI:urn:device:device-1/)
  assert.match(text, /URI:http:\/\/pki\.example:8888\/crl\/device\.crl/)
  assert.match(text, /OCSP - URI:http:\/\/pki\.example:8888\/ocsp/)
  assert.equal(Math.round((new X509Certificate(device.certificate).validToDate.getTime() - now) / day), 397)
})

test('RFC 9608: a certificate of a day says that it is never revoked, and points nowhere', async () => {
  const short = await engine.issue('device-short', { name: 'short-1' }, generate, { now, by })
  const text = certificateText(short.certificate)
  assert.match(text, /2\.5\.29\.56|No Revocation/i)
  assert.doesNotMatch(text, /CRL Distribution|OCSP/)
})

test('features E10: of a request only the key and the names count; what else it asks for is left out', async () => {
  const request = openSslRequest('/CN=device-2/O=Evil', [
    'basicConstraints=critical,CA:TRUE',
    'extendedKeyUsage=serverAuth',
    'subjectAltName=DNS:d2.devices.example',
  ])
  const issued = await engine.issue('device', undefined, { kind: 'request', request }, { now, by })
  const text = certificateText(issued.certificate)
  assert.equal(issued.privateKey, undefined)
  assert.match(text, /Subject: CN = device-2\n/)
  assert.match(text, /CA:FALSE/)
  assert.match(text, /DNS:d2\.devices\.example/)
  assert.doesNotMatch(text, /Server Authentication/)
})

test('a request that somebody else signed, or a broken one, is refused', async () => {
  const request = openSslRequest('/CN=device-3', [])
  const der = Buffer.from(request.toString().replace(/-----.*?-----|\s/g, ''), 'base64')
  der[der.length - 5]! ^= 1
  const refused = (bytes: Uint8Array, message: RegExp) =>
    assert.rejects(engine.issue('device', undefined, { kind: 'request', request: bytes }, { now, by }), { message })
  await refused(der, /^the request is not signed with its own key$/)
  await refused(der.subarray(0, -1), /^not DER/)
  await refused(Buffer.from('nonsense'), /^the request holds no 'CERTIFICATE REQUEST'/)
})

test('name rules: what could pass for another name is refused, each in its own words', async () => {
  const refused = (name: string, message: RegExp) =>
    assert.rejects(engine.issue('device', { name }, generate, { now, by }), { message })
  await refused(
    'device-1',
    /^'device-1' has a certificate already \(serial number [0-9a-f]{32}\); renew it, or revoke it/,
  )
  await refused('Device-1', /^'Device-1' looks like 'device-1'/)
  await refused('dеvice-1', /looks like 'device-1'/)
  await refused('ｄevice-1', /looks like 'device-1'/)
  await refused('a\u202eb', /invisible characters/)
  await refused('a\0b', /invisible characters/)
  await refused('a\ud800', /invisible characters/)
  await refused(' a', /blanks/)
  await refused('x'.repeat(65), /has 65 characters/)
})

test('an authority that is bound to a domain refuses other host names before openssl would', async () => {
  const ask = (name: string) =>
    engine.issue('device', { name: 'device-9', alternatives: [name] }, generate, { now, by })
  await assert.rejects(ask('d9.elsewhere.example'), { message: /outside the domain 'devices\.example'/ })
  await assert.rejects(ask('10.0.0.1'), { message: /outside the domain/ })
  assert.equal(verify(await ask('d9.devices.example'), 'sslclient').status, 0)
  assert.match(
    certificateText(readFileSync(engine.files.certificate('device'), 'latin1')),
    /Name Constraints: critical/,
  )
})

test('features D4: every reason of RFC 5280 reaches the list as openssl reads it, and hold can be released', async () => {
  const reasons = Object.keys(revocationReasons).filter(reason => reason !== 'removeFromCRL') as RevocationReason[]
  const names: Record<string, IssuedCertificate> = {}
  for (const reason of reasons) {
    names[reason] = await engine.issue('device', { name: `revoke-${reason}` }, generate, { now, by })
    const { changed } = await engine.revoke([names[reason].record], reason, now)
    assert.equal(changed, 1)
  }
  const text = crlText('device')
  for (const label of [
    'Key Compromise',
    'CA Compromise',
    'Affiliation Changed',
    'Superseded',
    'Cessation Of Operation',
  ]) {
    assert.match(text, new RegExp(`X509v3 CRL Reason Code: *\\n +${label}`))
  }
  assert.match(text, /Certificate Hold/)
  assert.match(text, /Privilege Withdrawn/)
  assert.match(text, /AA Compromise/)
  const held = names['certificateHold']!
  assert.match(verify(held, 'sslclient', ...withCrls()).stderr, /certificate revoked/)
  await engine.release([held.record], now)
  assert.equal(verify(held, 'sslclient', ...withCrls()).status, 0)
  await assert.rejects(engine.release([names['keyCompromise']!.record], now), {
    message: /revoked for good \(keyCompromise\)/,
  })
  assert.throws(() => engine.revoke([held.record], 'removeFromCRL', now), { message: /ends a hold/ })
})

test('a revoked certificate is refused by openssl, a second revocation changes nothing, and its key is never certified again', async () => {
  const { publicKey: _, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = file(privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)
  const request = execFileSync('openssl', ['req', '-new', '-key', key, '-subj', '/CN=stolen'])
  const first = await engine.issue('device', undefined, { kind: 'request', request }, { now, by })
  assert.equal((await engine.revoke([first.record], 'keyCompromise', now)).changed, 1)
  assert.match(verify(first, 'sslclient', ...withCrls()).stderr, /certificate revoked/)
  assert.equal((await engine.revoke([first.record], 'keyCompromise', now)).changed, 0)
  await assert.rejects(engine.issue('device', undefined, { kind: 'request', request }, { now, by }), {
    message: /revoked as compromised/,
  })
})

test('RFC 5280 §5.2.3: the number of a list grows, without entries there is no list of them, and there is always an end', async () => {
  const number = () => Number.parseInt(/X509v3 CRL Number: *\n +(0x)?([0-9A-F]+)/i.exec(crlText('device'))![2]!, 16)
  const before = number()
  await engine.resignCrls(now, true)
  assert.equal(number(), before + 1)
  assert.match(crlText('server'), /No Revoked Certificates/)
  assert.match(crlText('root'), /Next Update: \w{3}/)
})

test('pki.md 1.4: with a timer that is called now and then, no list ever ends, for 400 days', async () => {
  const fleet = join(dir, 'timer')
  await initDirectory(fleet, { name: 'T', keyType: 'ec-p256', passphrase, rootPassphrase: passphrase, now })
  const timer = new CertificateEngine(fleet, async () => passphrase)
  for (let at = now; at < now + 400 * day; at += 23 * 60 * 60 * 1000) {
    for (const { nextUpdate } of await timer.resignCrls(at)) assert.ok(nextUpdate > at + 5 * day)
  }
  const [, server] = await timer.resignCrls(now + 400 * day)
  assert.ok(server!.number < 450)
})

test('a wrong passphrase opens nothing, and says so without it', async () => {
  const locked = new CertificateEngine(ca, async () => 'not the passphrase')
  await assert.rejects(locked.issue('device', { name: 'd' }, generate, { now, by }), {
    code: 'ERR_PKI_KEY',
    message: "the passphrase of the key of authority 'device' is wrong",
  })
  assert.deepEqual(
    (await locked.resignCrls(now, true)).map(({ outcome }) => outcome),
    ['locked', 'locked', 'locked'],
  )
})

test('the journal: another process sees what was issued; a line that a crash cut short is dropped; a changed one is found', async () => {
  const copy = join(dir, 'copied')
  execFileSync('cp', ['-r', ca, copy])
  const path = join(copy, 'journal.jsonl')
  const whole = statSync(path).size
  appendFileSync(path, '{"seq":99999,"time"')
  const reader = new CertificateEngine(copy, async () => passphrase)
  assert.equal(reader.inventory.size, open().inventory.size)
  await reader.issue('device', { name: 'after-crash' }, generate, { now, by })
  const again = new CertificateEngine(copy)
  assert.equal(again.inventory.size, reader.inventory.size)
  truncateSync(path, whole)
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace('"name":"device-1"', '"name":"device-7"'))
  assert.throws(() => new CertificateEngine(copy), { code: 'ERR_PKI_FILE', message: /somebody changed the file/ })
})

test('two processes that issue at once both succeed, one after the other', async () => {
  const [one, two] = [open(), open()]
  await Promise.all([
    one.issue('device', { name: 'at-once-1' }, generate, { now, by }),
    two.issue('device', { name: 'at-once-2' }, generate, { now, by }),
    one.issue('device', { name: 'at-once-3' }, generate, { now, by }),
  ])
  const names = [...open().inventory.all()].map(({ name }) => name).filter(name => name.startsWith('at-once'))
  assert.deepEqual(names.sort(), ['at-once-1', 'at-once-2', 'at-once-3'])
})

test('pki.md 4: a long host name is an alternative name, and the CN is one that fits; without one it is refused', async () => {
  const long = `${'a'.repeat(60)}.example.org`
  const { certificate, record } = await engine.issue(
    'server',
    { name: long, alternatives: ['short.example'] },
    generate,
    { now, by },
  )
  assert.equal(record.name, 'short.example')
  const hosts = new X509Certificate(certificate)
  assert.deepEqual([hosts.checkHost(long), hosts.checkHost('short.example')], [long, 'short.example'])
  await assert.rejects(engine.issue('server', { name: long }, generate, { now, by }), {
    code: 'ERR_PKI_REFUSED',
    message: /is too long for a CN \(64 characters\); name a shorter one, too/,
  })
})

test('renew: the same names with another key, and the old one lives on', async () => {
  const renewed = await engine.renew(device.record, generate, { now: now + day, by })
  assert.deepEqual(renewed.record.alternatives, device.record.alternatives)
  assert.notEqual(renewed.record.key, device.record.key)
  assert.ok(new X509Certificate(renewed.certificate).checkPrivateKey(createPrivateKey(renewed.privateKey!)))
  assert.equal(engine.inventory.find('device', device.record.serial)?.revocation, undefined)
})

test('lifetimes: longer than the profile allows is refused, and no leaf outlives its authority', async () => {
  const issue = (lifetimeDays: number, at = now) =>
    engine.issue('server', { name: 'late.example' }, generate, { now: at, by, lifetimeDays })
  await assert.rejects(issue(398), { message: /at most 397/ })
  await assert.rejects(issue(0), { message: /more than 0/ })
  const late = await issue(397, now + 1800 * day)
  assert.equal(late.record.notAfter, engine.issuer('server').notAfter)
})

test('an issuing authority is revoked by the root, and everything below it falls', async () => {
  const copy = join(dir, 'revoked-authority')
  execFileSync('cp', ['-r', ca, copy])
  const other = new CertificateEngine(copy, async what =>
    what.includes("'root'") ? 'another root passphrase' : passphrase,
  )
  const authority = [...other.inventory.all()].find(({ name }) => name === 'Fleet Device CA')!
  await other.revoke([authority], 'cACompromise', now)
  const crls = ['-crl_check_all', '-CRLfile', other.files.allCrls]
  assert.match(verify(device, 'sslclient', ...crls).stderr, /certificate revoked/)
  assert.equal(verify(server, 'sslserver', ...crls).status, 0)
})

for (const keyType of ['rsa-2048', 'ed25519', 'ec-p384'] as const) {
  test(`keys of type ${keyType} make authorities and leaves that openssl accepts`, async () => {
    const other = join(dir, keyType)
    await initDirectory(other, { name: 'O', keyType, passphrase, rootPassphrase: passphrase, now })
    const engine = new CertificateEngine(other, async () => passphrase)
    await engine.resignCrls(now)
    const leaf = await engine.issue('device', { name: 'd' }, { kind: 'generate', keyType }, { now, by })
    assert.equal(verify(leaf, 'sslclient', '-crl_check_all', '-CRLfile', engine.files.allCrls).status, 0)
  })
}

function openSslRequest(subject: string, extensions: readonly string[]): Buffer {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = file(privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)
  const more = extensions.flatMap(extension => ['-addext', extension])
  return execFileSync('openssl', ['req', '-new', '-key', key, '-subj', subject, ...more])
}
