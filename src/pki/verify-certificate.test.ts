import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { initDirectory } from './ca-directory.ts'
import { signLeaf } from './certificate-builder.ts'
import { CertificateEngine, type IssuedCertificate } from './engine.ts'
import { pemBlocks } from './pem.ts'
import { generateKeys } from './private-key.ts'
import { profiles } from './profiles.ts'
import { type VerifyOptions, verifyCertificate } from './verify-certificate.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-verify-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const day = 24 * 60 * 60 * 1000
const now = Date.now()
const passphrase = 'correct horse battery'

async function newAuthority(name: string): Promise<CertificateEngine> {
  const request = { name, keyType: 'ec-p256', passphrase, rootPassphrase: passphrase, now } as const
  await initDirectory(join(dir, name), request)
  return new CertificateEngine(join(dir, name), async () => passphrase)
}

const engine = await newAuthority('Fleet')
const options = { now, by: 'test' }
const generate = { kind: 'generate' } as const
const device = await engine.issue('device', { name: 'd1' }, generate, options)
const server = await engine.issue('server', { name: 'broker.example', alternatives: ['10.0.0.5'] }, generate, options)

const derOf = ({ certificate }: IssuedCertificate) => pemBlocks(certificate, ['CERTIFICATE'])[0]!
const problems = (der: Buffer, wanted: Partial<VerifyOptions> = {}) =>
  verifyCertificate(engine, der, { purpose: undefined, host: undefined, at: now, ...wanted }).problems

test('cli section 2, cert verify: what was issued here is good, for its purpose and its names', () => {
  const verdict = verifyCertificate(engine, derOf(device), { purpose: 'client', host: undefined, at: now })
  assert.deepEqual(verdict, { subject: 'CN=d1', serialNumber: device.record.serial, issuer: 'device', problems: [] })
  assert.deepEqual(problems(derOf(server), { purpose: 'server', host: 'broker.example' }), [])
  assert.deepEqual(problems(derOf(server), { purpose: 'server', host: '10.0.0.5' }), [])
  for (const id of ['root', 'device']) assert.deepEqual(problems(engine.issuer(id).der), [])
})

test('cli section 2, cert verify: the wrong purpose, the wrong name, too early and too late are each told', () => {
  assert.deepEqual(problems(derOf(device), { purpose: 'server' }), ['it is not for a server'])
  assert.deepEqual(problems(derOf(server), { purpose: 'client' }), ['it is not for a client'])
  assert.deepEqual(problems(derOf(server), { host: 'other.example' }), ["it does not hold for 'other.example'"])
  assert.deepEqual(problems(derOf(server), { host: '10.0.0.6' }), ["it does not hold for '10.0.0.6'"])
  assert.deepEqual(problems(engine.issuer('device').der, { purpose: 'client' }), [
    "it is an authority's, not for a client",
  ])
  assert.match(problems(derOf(device), { at: now + 400 * day }).join(), /^it ended at /)
  assert.match(problems(derOf(device), { at: now - day }).join(), /^it begins at .*,authority 'device' begins at /)
})

test('cli section 2, cert verify: revoked, on hold, and below a revoked authority', async () => {
  const [revoked, held] = [
    await engine.issue('device', { name: 'revoked' }, generate, options),
    await engine.issue('device', { name: 'held' }, generate, options),
  ]
  await engine.revoke([revoked.record], 'keyCompromise', now)
  await engine.revoke([held.record], 'certificateHold', now)
  assert.match(problems(derOf(revoked)).join(), /^it was revoked at .* \(keyCompromise\)$/)
  assert.match(problems(derOf(held)).join(), /^it is on hold since /)
  const other = await newAuthority('Gone')
  const leaf = await other.issue('device', { name: 'd1' }, generate, options)
  const serial = other.issuer('device').certificate.serialNumber.toLowerCase()
  await other.revoke([other.inventory.find('root', serial)!], 'cACompromise', now)
  const verdict = verifyCertificate(other, derOf(leaf), { purpose: undefined, host: undefined, at: now })
  assert.deepEqual(verdict.problems, ["authority 'device' was revoked"])
})

test('features K4, cert verify: signed with our key and not in the journal: whoever did so has the key; signed by another: nobody here did', async () => {
  const keys = await generateKeys('ec-p256')
  const forged = await signLeaf(
    {
      profile: profiles.device,
      serialNumber: '4f00112233445566778899aabbccddee',
      commonName: 'forged',
      alternatives: [],
      validity: { notBefore: now - day, notAfter: now + day },
      publicKey: keys.publicKey,
      pointers: {},
    },
    engine.issuer('device'),
    await engine.keys.unlock('device'),
  )
  assert.match(problems(forged).join(), /signed with the key of authority 'device' and is not in the journal/)
  const stranger = await (await newAuthority('Stranger')).issue('device', { name: 'd1' }, generate, options)
  assert.deepEqual(problems(derOf(stranger)), ['no authority here has signed it'])
  assert.throws(() => problems(Buffer.from('3003020101', 'hex')), { code: 'ERR_PKI_REFUSED' })
})
