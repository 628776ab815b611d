// OpenSSL judges what our authority makes: chains with their lists, OCSP answers, PKCS#12 files.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createFleet, judge } from './fleet.ts'

const fleet = await createFleet()
after(() => fleet.close())
const { engine, good, revoked, server, forged } = fleet
const { rootTrust, allCrls } = engine.files

const verify = (path: string, id: 'device' | 'server', purpose: string, ...more: readonly string[]) => {
  const chain = ['-CAfile', rootTrust, '-untrusted', engine.files.certificate(id)]
  return judge('openssl', ['verify', '-x509_strict', '-purpose', purpose, ...chain, ...more, path])
}
const withLists = ['-crl_check_all', '-CRLfile', allCrls]

test('pki §9: openssl verify -x509_strict -crl_check_all accepts what is good, for its own purpose, and refuses what is revoked', async () => {
  assert.equal((await verify(good.cert, 'device', 'sslclient', ...withLists)).code, 0)
  assert.equal((await verify(server.cert, 'server', 'sslserver', ...withLists)).code, 0)
  for (const wrong of [
    await verify(good.cert, 'device', 'sslserver', ...withLists),
    await verify(server.cert, 'server', 'sslclient', ...withLists),
  ]) {
    assert.equal(wrong.code, 2)
    assert.match(wrong.output, /unsuitable certificate purpose/)
  }
  const outcome = await verify(revoked.cert, 'device', 'sslclient', ...withLists)
  assert.equal(outcome.code, 2)
  assert.match(outcome.output, /error 23 at 0 depth lookup: certificate revoked/)
})

test('pki §9: openssl finds the lists good until they end, and no longer', async () => {
  const at = (days: number) => ['-attime', String(Math.floor(Date.now() / 1000) + days * 24 * 60 * 60)]
  assert.equal((await verify(good.cert, 'device', 'sslclient', ...withLists, ...at(6))).code, 0)
  const late = await verify(good.cert, 'device', 'sslclient', ...withLists, ...at(8))
  assert.match(late.output, /error 12 at 0 depth lookup: CRL has expired/)
})

const ask = (path: string, ...how: readonly string[]) => {
  const about = [...how, '-issuer', engine.files.certificate('device'), '-cert', path, '-url', fleet.ocsp]
  const trust = ['-CAfile', rootTrust, '-verify_other', engine.files.certificate('device')]
  return judge('openssl', ['ocsp', ...about, ...trust])
}

test('pki §9: openssl ocsp reads good, and revoked with its reason, for SHA-1 and SHA-256, with a nonce and without', async () => {
  for (const more of [[], ['-no_nonce'], ['-sha256'], ['-sha256', '-no_nonce']]) {
    assert.match((await ask(good.cert, ...more)).output, /: good\n[\s\S]*Response verify OK/)
    assert.match((await ask(revoked.cert, ...more)).output, /: revoked\n[\s\S]*Reason: keyCompromise\n/)
  }
})

test('pki §12.5: to openssl verify a certificate that the authority never issued is as good as any; its responder knows better', async () => {
  assert.equal((await verify(forged.cert, 'device', 'sslclient', ...withLists)).code, 0)
  assert.match(
    (await ask(forged.cert)).output,
    /: revoked\n[\s\S]*Reason: certificateHold\n[\s\S]*Revocation Time: Jan +1 00:00:00 1970 GMT/,
  )
})
