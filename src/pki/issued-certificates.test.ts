import assert from 'node:assert/strict'
import { hash, X509Certificate } from 'node:crypto'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { initDirectory } from './ca-directory.ts'
import { CertificateEngine, type IssuedCertificate } from './engine.ts'
import { PkiFileError } from './errors.ts'
import { IssuedCertificates } from './issued-certificates.ts'
import { rotateAuthority } from './issuing-authorities.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-issued-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const now = Date.now()
const passphrase = 'correct horse battery'
const options = { now, by: 'test' }

async function authority(name: string) {
  const path = join(dir, name)
  await initDirectory(path, { name, keyType: 'ec-p256', passphrase, rootPassphrase: passphrase, now })
  // One that issues, and one that looks on, as another process does.
  const engine = new CertificateEngine(path, async () => passphrase)
  const watching = new CertificateEngine(path)
  return { engine, issued: new IssuedCertificates(watching), journal: watching.files.journal }
}

function keyOf(engine: CertificateEngine, id: string): string {
  const { publicKey } = new X509Certificate(engine.issuer(id).der)
  return hash('sha256', publicKey.export({ type: 'spki', format: 'der' }), 'hex')
}

function ask(issued: IssuedCertificates, key: string, { certificate }: Pick<IssuedCertificate, 'certificate'>) {
  const { serialNumber, fingerprint256 } = new X509Certificate(certificate)
  return issued.has(key, serialNumber, fingerprint256.replaceAll(':', '').toLowerCase())
}

const issue = (engine: CertificateEngine, name: string) =>
  engine.issue('device', { name }, { kind: 'generate' }, options)

test('ca_directory: what its authority has issued is known, also what another process has issued just now', async () => {
  const { engine, issued } = await authority('known')
  const key = keyOf(engine, 'device')
  for (const name of ['one', 'two']) assert.equal(ask(issued, key, await issue(engine, name)), true)
})

test('ca_directory: what bears its signature and is not recorded was never issued, nor what borrows a serial number', async () => {
  const { engine, issued } = await authority('forged')
  const key = keyOf(engine, 'device')
  const { certificate, record } = await issue(engine, 'one')
  const { fingerprint256 } = new X509Certificate(certificate)
  const fingerprint = fingerprint256.replaceAll(':', '').toLowerCase()
  assert.equal(issued.has(key, '4A4B4C', fingerprint), false)
  assert.equal(issued.has(key, record.serial, 'ab'.repeat(32)), false)
  assert.equal(issued.has(keyOf(engine, 'server'), record.serial, fingerprint), false)
  assert.equal(issued.has(key, `00${record.serial.toUpperCase()}`, fingerprint), true)
})

test('ca_directory: a key that is none of its authorities is not judged; that of an authority that came along is', async () => {
  const { engine, issued } = await authority('keys')
  assert.equal(issued.has('cd'.repeat(32), '01', 'ab'.repeat(32)), undefined)
  await rotateAuthority(engine, 'device', { keyType: 'ec-p256', now, by: 'test' })
  const key = keyOf(engine, 'device-2')
  assert.equal(ask(issued, key, await issue(engine, 'newer')), true)
  assert.equal(issued.has(key, '01', 'ab'.repeat(32)), false)
})

test('ca_directory: the certificates of the issuing authorities are recorded, too', async () => {
  const { engine, issued } = await authority('chain')
  const { serialNumber, fingerprint256 } = new X509Certificate(engine.issuer('device').der)
  const fingerprint = fingerprint256.replaceAll(':', '').toLowerCase()
  assert.equal(issued.has(keyOf(engine, 'root'), serialNumber, fingerprint), true)
})

test('ca_directory: with a damaged journal what was known stays so, and everything else is a fault', async () => {
  const { engine, issued, journal } = await authority('damaged')
  const key = keyOf(engine, 'device')
  const known = await issue(engine, 'one')
  assert.equal(ask(issued, key, known), true)
  appendFileSync(journal, '{"seq":7}\n')
  assert.equal(ask(issued, key, known), true)
  assert.throws(() => issued.has(key, '01', 'ab'.repeat(32)), PkiFileError)
})
