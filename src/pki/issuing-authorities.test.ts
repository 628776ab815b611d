import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { initDirectory } from './ca-directory.ts'
import { CertificateEngine, type IssuedCertificate } from './engine.ts'
import { livingOf, rotateAuthority, signForeignAuthority } from './issuing-authorities.ts'
import { lockAuthority, unlockAuthority } from './locked-authority.ts'
import { OcspResponder } from './ocsp-responder.ts'
import { PublicService } from './public-service.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-issuing-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const day = 24 * 60 * 60 * 1000
const now = Date.now()
const passphrase = 'correct horse battery'
const by = 'test'
const generate = { kind: 'generate' } as const
const rotation = { keyType: 'ec-p256', now, by } as const

let directories = 0
async function newAuthority(): Promise<CertificateEngine> {
  const ca = join(dir, `ca-${directories++}`)
  await initDirectory(ca, {
    name: 'Fleet',
    organization: 'Example',
    url: 'http://pki.example',
    keyType: 'ec-p256',
    passphrase,
    rootPassphrase: passphrase,
    now,
  })
  const engine = open(ca)
  await engine.resignCrls(now)
  return engine
}

function open(ca: string, known = passphrase): CertificateEngine {
  return new CertificateEngine(ca, async () => known)
}

let files = 0
function file(content: string): string {
  const path = join(dir, `${files++}.pem`)
  writeFileSync(path, content)
  return path
}

function verify(engine: CertificateEngine, { certificate, chain, root }: IssuedCertificate) {
  const crls = ['-crl_check_all', '-CRLfile', engine.files.allCrls]
  const options = ['-x509_strict', '-purpose', 'sslclient', ...crls, '-CAfile', file(root), '-untrusted', file(chain)]
  return spawnSync('openssl', ['verify', ...options, file(certificate)], { encoding: 'utf8' })
}

test('pki.md 6: after a rotation new certificates come from the new authority, and openssl accepts both generations', async () => {
  const engine = await newAuthority()
  const before = await engine.issue('device', { name: 'd1' }, generate, { now, by })
  const { from, to, living, crls } = await rotateAuthority(engine, 'device', rotation)
  assert.deepEqual([from, to, living], ['device', 'device-2', 1])
  assert.equal(crls.find(({ issuer }) => issuer === 'device-2')?.outcome, 'signed')
  const later = await engine.issue('device', { name: 'd2' }, generate, { now, by })
  assert.deepEqual([before.record.issuer, later.record.issuer], ['device', 'device-2'])
  assert.equal(engine.issuer('device-2').name, 'Fleet Device CA 2')
  for (const issued of [before, later]) assert.equal(verify(engine, issued).status, 0, verify(engine, issued).stderr)
  const trusted = readFileSync(engine.files.deviceTrust, 'utf8')
  assert.equal(trusted.match(/BEGIN CERTIFICATE/g)?.length, 3)
  const key = readFileSync(engine.files.privateKey('device-2'), 'latin1')
  assert.match(key, /^-----BEGIN ENCRYPTED PRIVATE KEY-----/)
  assert.equal(statSync(engine.files.privateKey('device-2')).mode & 0o777, 0o400)
})

test('pki.md 6: what the replaced authority issued can be renewed by the new one and revoked by the old one', async () => {
  const engine = await newAuthority()
  const first = await engine.issue('device', { name: 'd1' }, generate, { now, by })
  const second = await engine.issue('device', { name: 'd2' }, generate, { now, by })
  await rotateAuthority(engine, 'device', rotation)
  const renewed = await engine.renew(first.record, generate, { now, by })
  assert.equal(renewed.record.issuer, 'device-2')
  await engine.revoke([second.record], 'keyCompromise', now)
  assert.match(verify(engine, second).stderr, /certificate revoked/)
  assert.equal(verify(engine, renewed).status, 0)
  assert.deepEqual([livingOf(engine, 'device', now), livingOf(engine, 'device-2', now)], [1, 1])
})

test('pki.md 4: a name that lives in the replaced authority is taken in the new one, too', async () => {
  const engine = await newAuthority()
  await engine.issue('device', { name: 'd1' }, generate, { now, by })
  await rotateAuthority(engine, 'device', rotation)
  await assert.rejects(engine.issue('device', { name: 'd1' }, generate, { now, by }), /has a certificate already/)
})

test('pki.md 6: other processes at work in the directory go over to the new authority, and answer OCSP and lists for it', async () => {
  const engine = await newAuthority()
  const other = open(engine.files.dir)
  const responder = new OcspResponder(other)
  const service = new PublicService(other)
  await other.renewOcspSigners(now)
  await rotateAuthority(engine, 'device', rotation)
  const issued = await other.issue('device', { name: 'd1' }, generate, { now, by })
  assert.equal(issued.record.issuer, 'device-2')
  const [request, answer] = [join(dir, 'request'), join(dir, 'answer')]
  const chain = ['-issuer', file(issued.chain)]
  execFileSync('openssl', ['ocsp', ...chain, '-cert', file(issued.certificate), '-no_nonce', '-reqout', request])
  writeFileSync(answer, (await responder.answer(readFileSync(request), now)).der)
  const shown = spawnSync('openssl', ['ocsp', '-respin', answer, '-noverify', '-resp_text'], { encoding: 'utf8' })
  assert.match(shown.stdout, /Cert Status: good/)
  const list = await service.answer({ method: 'GET', path: '/crl/device-2.crl', body: new Uint8Array() }, now)
  assert.equal(list.status, 200)
  const outside = await service.answer({ method: 'GET', path: '/crl/..%2fdevice.crl', body: new Uint8Array() }, now)
  assert.equal(outside.status, 404)
})

test('pki.md 6: refused are a root, an authority that was replaced, an unknown one, and a wrong passphrase, and nothing is left behind', async () => {
  const engine = await newAuthority()
  await assert.rejects(rotateAuthority(engine, 'root', rotation), { code: 'ERR_PKI_REFUSED', message: /is a root/ })
  await assert.rejects(rotateAuthority(engine, 'nobody', rotation), {
    code: 'ERR_PKI_NOT_FOUND',
    message: "there is no authority 'nobody' here; it is one of server, device",
  })
  const stranger = open(engine.files.dir, 'not the passphrase')
  await assert.rejects(rotateAuthority(stranger, 'device', rotation), { code: 'ERR_PKI_KEY' })
  assert.deepEqual(
    engine.description.authorities.map(({ id }) => id),
    ['root', 'server', 'device'],
  )
  await rotateAuthority(engine, 'device', rotation)
  await assert.rejects(rotateAuthority(engine, 'device', rotation), { message: /was replaced by 'device-2' before/ })
  assert.equal((await rotateAuthority(engine, 'device-2', rotation)).to, 'device-3')
})

test('RFC 5280 §5: an authority whose own time is over signs no list and needs no delegate', async () => {
  const engine = await newAuthority()
  const later = now + 6 * 365 * day
  const outcomes = await engine.resignCrls(later)
  assert.deepEqual(
    outcomes.map(({ issuer }) => issuer),
    ['root'],
  )
  await engine.renewOcspSigners(later)
})

test('pki.md 7: a request of an authority elsewhere is signed for one purpose with none below it, and can be revoked', async () => {
  const engine = await newAuthority()
  const [key, csr] = [join(dir, 'site.key'), join(dir, 'site.csr')]
  execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key])
  execFileSync('openssl', ['req', '-new', '-key', key, '-subj', '/CN=Site B Devices', '-out', csr])
  const request = { request: readFileSync(csr), kind: 'device', name: undefined, now, by } as const
  const { name, serial, chain } = await signForeignAuthority(engine, request)
  assert.equal(name, 'Site B Devices')
  const text = execFileSync('openssl', ['x509', '-in', file(chain), '-noout', '-text'], { encoding: 'utf8' })
  assert.match(text, /CA:TRUE, pathlen:0/)
  assert.match(text, /TLS Web Client Authentication\n/)
  const strict = ['verify', '-x509_strict', '-CAfile', engine.files.rootTrust]
  assert.equal(spawnSync('openssl', [...strict, file(chain)]).status, 0)
  const record = engine.inventory.find('root', serial)
  assert.deepEqual([record?.profile, record?.keyOrigin], ['authority', 'request'])
  await engine.revoke([record!], 'cACompromise', now)
  const withLists = [...strict, '-crl_check', '-CRLfile', engine.files.allCrls, file(chain)]
  assert.match(spawnSync('openssl', withLists, { encoding: 'utf8' }).stderr, /certificate revoked/)
  const nameless = { ...request, name: 'x\u202ey' }
  await assert.rejects(signForeignAuthority(engine, nameless), { code: 'ERR_PKI_REFUSED' })
})

test('pki.md 7: while it is locked no process signs, also one that had the key; a revocation is recorded; the passphrase unlocks', async () => {
  const engine = await newAuthority()
  const other = open(engine.files.dir)
  const issued = await other.issue('device', { name: 'd1' }, generate, { now, by })
  assert.equal(await lockAuthority(engine, now, by), true)
  assert.equal(await lockAuthority(engine, now, by), false)
  const locked = { code: 'ERR_PKI_KEY', message: 'the authority is locked; castellan ca unlock opens it' }
  await assert.rejects(other.issue('device', { name: 'd2' }, generate, { now, by }), locked)
  const { changed, crls } = await other.revoke([issued.record], 'keyCompromise', now)
  assert.deepEqual([changed, crls.find(({ issuer }) => issuer === 'device')?.outcome], [1, 'locked'])
  await assert.rejects(unlockAuthority(open(engine.files.dir, 'not the passphrase')), { code: 'ERR_PKI_KEY' })
  assert.equal(await unlockAuthority(engine), true)
  assert.equal(await unlockAuthority(engine), false)
  await other.resignCrls(now, true)
  assert.match(verify(other, issued).stderr, /certificate revoked/)
})
