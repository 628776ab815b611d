import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { initDirectory } from './ca-directory.ts'
import { CertificateEngine } from './engine.ts'
import { exportAuthority } from './export-authority.ts'
import { importAuthority } from './import/import-authority.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-export-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const now = Date.now()
const passphrase = 'correct horse battery'
const ca = join(dir, 'ca')
await initDirectory(ca, { name: 'Fleet', keyType: 'ec-p256', passphrase, rootPassphrase: passphrase, now })
const engine = new CertificateEngine(ca, async () => passphrase)
await engine.resignCrls(now)
const options = { now, by: 'test' }
const good = await engine.issue('device', { name: 'good' }, { kind: 'generate' }, options)
const bad = await engine.issue('device', { name: 'bad' }, { kind: 'generate' }, options)
await engine.revoke([bad.record], 'keyCompromise', now)
const out = join(dir, 'out')
const count = await exportAuthority(engine, out, { id: 'device', withKey: true })

test('pki.md 1.8: openssl ca goes on with what was exported: its next list has the next number and the revocation', () => {
  assert.equal(count, 2)
  const config = `[ca]\ndefault_ca=this\n[this]\ndatabase=index.txt\ncertificate=ca.crt\nprivate_key=private/ca.key
crlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=7\n`
  writeFileSync(join(out, 'openssl.cnf'), config)
  const run = (...args: string[]) => spawnSync('openssl', args, { cwd: out, encoding: 'utf8' })
  const list = run('ca', '-config', 'openssl.cnf', '-gencrl', '-passin', `pass:${passphrase}`, '-out', 'next.pem')
  assert.equal(list.status, 0, list.stderr)
  const text = run('crl', '-in', 'next.pem', '-noout', '-text').stdout
  assert.match(text, /CRL Number: *\n +3\n/)
  assert.match(text, new RegExp(`Serial Number: ${bad.record.serial.toUpperCase()}\n`))
  assert.doesNotMatch(text, new RegExp(good.record.serial, 'i'))
})

test('pki.md 1.8: castellan ca import takes it back with its certificates, revocations and number', async () => {
  const [fresh, again] = [join(dir, 'fresh'), join(dir, 'again')]
  await exportAuthority(engine, fresh, { id: 'device', withKey: true })
  const result = await importAuthority(fresh, again, { askOldPassphrase: async () => passphrase, passphrase, now })
  assert.deepEqual([result.certificates, result.revoked], [2, 1])
  const { inventory } = new CertificateEngine(again, async () => passphrase)
  assert.equal(inventory.find('ca', bad.record.serial)?.revocation?.reason, 'keyCompromise')
  assert.equal(inventory.find('ca', good.record.serial)?.fingerprint, good.record.fingerprint)
  assert.equal(inventory.lastCrl('ca')?.number, 2)
})

test('pki.md 1.8: without --with-key there is no key in it; with it the key is encrypted and its owner’s alone', async () => {
  assert.match(readFileSync(join(out, 'private', 'ca.key'), 'latin1'), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/)
  assert.equal(statSync(join(out, 'private', 'ca.key')).mode & 0o777, 0o400)
  assert.equal(statSync(out).mode & 0o777, 0o700)
  const plain = join(dir, 'plain')
  await exportAuthority(engine, plain, { id: 'device', withKey: false })
  assert.deepEqual(readdirSync(join(plain, 'private')), [])
})

test('pki.md 1.8: a place that is taken and an authority that is not there are refused, and nothing is left behind', async () => {
  await assert.rejects(exportAuthority(engine, out, { id: 'device', withKey: false }), { code: 'ERR_PKI_CONFLICT' })
  const nowhere = join(dir, 'nowhere')
  await assert.rejects(exportAuthority(engine, nowhere, { id: 'nobody', withKey: false }), {
    code: 'ERR_PKI_NOT_FOUND',
  })
  assert.equal(existsSync(nowhere), false)
  assert.deepEqual(
    readdirSync(dir).filter(name => name.includes('.new-')),
    [],
  )
})
