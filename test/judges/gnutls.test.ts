// GnuTLS judges what our authority makes: certtool its chains and lists, ocsptool its OCSP answers.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { createFleet, type FleetCertificate, judge } from './fleet.ts'

const fleet = await createFleet()
after(() => fleet.close())
const { engine, good, revoked, server } = fleet
const { rootTrust } = engine.files
const clientAuth = '1.3.6.1.5.5.7.3.2'
const serverAuth = '1.3.6.1.5.5.7.3.1'

const verify = ({ chain }: FleetCertificate, purpose: string) =>
  judge('certtool', ['--verify', '--infile', chain, '--load-ca-certificate', rootTrust, '--verify-purpose', purpose])

test('pki §9: certtool accepts each certificate for its own purpose, and refuses it for the other', async () => {
  for (const [leaf, own, other] of [
    [good, clientAuth, serverAuth],
    [server, serverAuth, clientAuth],
  ] as const) {
    const accepted = await verify(leaf, own)
    assert.equal(accepted.code, 0, accepted.output)
    assert.match(accepted.output, /Chain verification output: Verified\. The certificate is trusted\./)
    const refused = await verify(leaf, other)
    assert.equal(refused.code, 1)
    assert.match(refused.output, /does not match the intended purpose/)
  }
})

const list = (id: string) => fleet.file(`${id}.pem`, readFileSync(engine.files.crl(id).replace(/crl$/, 'pem')))
const verifyList = (id: string, by: string) =>
  judge('certtool', ['--verify-crl', '--infile', list(id), '--load-ca-certificate', engine.files.certificate(by)])

test('pki §9: certtool verifies each list by the authority that has signed it, and by no other', async () => {
  for (const id of ['root', 'server', 'device']) {
    const accepted = await verifyList(id, id)
    assert.match(accepted.output, /Verified/, accepted.output)
    assert.doesNotMatch(accepted.output, /Not verified/)
  }
  assert.match((await verifyList('device', 'server')).output, /Not verified/)
})

test('pki §9: certtool with our lists accepts the chain of who is good, and refuses the one of who is revoked', async () => {
  const lists = readFileSync(engine.files.allCrls, 'latin1')
  const verifyWithLists = ({ issued: { certificate, chain, root } }: FleetCertificate) =>
    judge('certtool', ['--verify-chain', '--infile', fleet.file('whole.pem', certificate + chain + root + lists)])
  const accepted = await verifyWithLists(good)
  assert.equal(accepted.code, 0, accepted.output)
  assert.match(accepted.output, /Subject: CN=good\n[\s\S]*Checked against CRL\[\w+\] of: CN=Fleet Device CA\n/)
  const refused = await verifyWithLists(revoked)
  assert.equal(refused.code, 1)
  assert.match(refused.output, /Chain verification output: Not verified\..* The certificate chain is revoked\./)
})

test('pki §9: certtool reads on the list who is revoked', async () => {
  const { output } = await judge('certtool', ['--crl-info', '--infile', list('device')])
  const serial = revoked.issued.record.serial.toLowerCase().replace(/^0+/, '')
  assert.match(output.toLowerCase(), new RegExp(`serial number \\(hex\\): 0*${serial}`))
  assert.doesNotMatch(output.toLowerCase(), new RegExp(good.issued.record.serial.toLowerCase()))
})

const ask = ({ cert }: { readonly cert: string }) => {
  const issuer = engine.files.certificate('device')
  return judge('ocsptool', [
    `--ask=${fleet.ocsp}`,
    '--load-issuer',
    issuer,
    '--load-cert',
    cert,
    '--load-trust',
    issuer,
    '--nonce',
  ])
}

test('pki §9: ocsptool verifies the answer and reads good, revoked with its reason, and revoked for what was never issued', async () => {
  const accepted = await ask(good)
  assert.match(accepted.output, /Certificate Status: good/)
  assert.match(accepted.output, /Verifying OCSP Response: Success/)
  const refused = await ask(revoked)
  assert.match(refused.output, /Certificate Status: revoked/)
  assert.match(refused.output, /Revocation time: /)
  assert.match((await ask(fleet.forged)).output, /Certificate Status: revoked/)
})
