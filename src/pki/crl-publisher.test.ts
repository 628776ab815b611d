import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readRevocationBundle } from '../x509/revocation-bundle.ts'
import { RevocationIndex } from '../x509/revocation-index.ts'
import { serialBytes } from '../x509/serial-table.ts'
import { initDirectory } from './ca-directory.ts'
import { CertificateEngine, type IssuedCertificate } from './engine.ts'
import { PublicService } from './public-service.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-lists-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const day = 24 * 60 * 60 * 1000
const now = Date.now()
const passphrase = 'correct horse battery'
const generate = { kind: 'generate' } as const
const names = ['a', 'b', 'c', 'd', 'e'] as const

interface Place {
  readonly engine: CertificateEngine
  readonly issued: readonly IssuedCertificate[]
}

/** With three revoked certificates, and delta lists above two. */
async function newAuthority(name: string): Promise<Place> {
  const ca = join(dir, name)
  const url = 'http://pki.example'
  await initDirectory(ca, { name, url, keyType: 'ec-p256', passphrase, rootPassphrase: passphrase, now })
  const engine = open(ca)
  const issued: IssuedCertificate[] = []
  for (const client of names) issued.push(await engine.issue('device', { name: client }, generate, { now, by: 'test' }))
  await engine.resignCrls(now)
  await engine.revoke([issued[0]!.record, issued[1]!.record], 'keyCompromise', now)
  await engine.revoke([issued[2]!.record], 'certificateHold', now)
  return { engine, issued }
}

function open(ca: string): CertificateEngine {
  const engine = new CertificateEngine(ca, async () => passphrase)
  engine.deltaAbove = 2
  return engine
}

function textOf(path: string): string {
  return execFileSync('openssl', ['crl', '-inform', 'DER', '-noout', '-text', '-in', path], { encoding: 'utf8' })
}

let files = 0
/** What openssl says with the complete list and the delta list. */
function verify({ engine }: Place, { certificate, chain, root }: IssuedCertificate): string {
  const path = join(dir, `${files++}`)
  for (const [extension, text] of Object.entries({ crt: certificate, chain, root }))
    writeFileSync(`${path}.${extension}`, text)
  const lists = ['-crl_check', '-extended_crl', '-use_deltas', '-CRLfile', engine.files.allCrls]
  const trust = ['-CAfile', `${path}.root`, '-untrusted', `${path}.chain`]
  return spawnSync('openssl', ['verify', ...lists, ...trust, `${path}.crt`], { encoding: 'utf8' }).stderr
}

/** What the broker says with the same file: the kind of its finding. */
async function found({ engine }: Place, { certificate }: IssuedCertificate): Promise<string> {
  const lists = await readRevocationBundle(readFileSync(engine.files.allCrls), async () => {})
  const key = new X509Certificate(engine.issuer('device').der).publicKey
  for (const list of lists) list.verifyNow(key, 'device')
  const serial = serialBytes(new X509Certificate(certificate).serialNumber)
  return new RevocationIndex(lists).find('device', { serial, listNames: [] }, false, now, 0).kind
}

test('RFC 5280 §5.2.3: a large complete list says where its delta list is, which has its number and no entry yet', async () => {
  const { engine } = await newAuthority('large')
  const complete = textOf(engine.files.crl('device'))
  assert.match(complete, /CRL Number: *\n +3\n/)
  assert.match(complete, /Freshest CRL: *\n[\s\S]*URI:http:\/\/pki\.example\/crl\/device-delta\.crl/)
  assert.doesNotMatch(complete, /Delta CRL Indicator/)
  const delta = textOf(engine.files.deltaCrl('device'))
  assert.match(delta, /Delta CRL Indicator: critical\n +3\n/)
  assert.match(delta, /CRL Number: *\n +3\n/)
  assert.match(delta, /No Revoked Certificates/)
  assert.doesNotMatch(textOf(engine.files.crl('server')), /Freshest/)
  assert.equal(existsSync(engine.files.deltaCrl('server')), false)
})

test('RFC 5280 §5.2.4: above the limit a revocation is a delta list; the complete one stays; openssl and the broker read both', async () => {
  const place = await newAuthority('delta')
  const { engine, issued } = place
  const complete = readFileSync(engine.files.crl('device'))
  const { crls } = await engine.revoke([issued[3]!.record], 'superseded', now)
  assert.deepEqual(readFileSync(engine.files.crl('device')), complete)
  const device = crls.find(({ issuer }) => issuer === 'device')
  assert.deepEqual([device?.outcome, device?.number, device?.entries], ['signed', 4, 1])
  const delta = textOf(engine.files.deltaCrl('device'))
  assert.match(delta, /Delta CRL Indicator: critical\n +3\n/)
  assert.match(delta, /CRL Number: *\n +4\n/)
  assert.match(verify(place, issued[3]!), /certificate revoked/)
  assert.match(verify(place, issued[0]!), /certificate revoked/)
  assert.equal(verify(place, issued[4]!), '')
  const kinds = []
  for (const one of issued) kinds.push(await found(place, one))
  assert.deepEqual(kinds, ['revoked', 'revoked', 'revoked', 'revoked', 'good'])
})

test('RFC 5280 §5.3.1: a hold that ends is removeFromCRL in the delta list, and gone from the next complete one', async () => {
  const place = await newAuthority('hold')
  const { engine, issued } = place
  assert.equal(await found(place, issued[2]!), 'revoked')
  await engine.release([issued[2]!.record], now)
  assert.match(textOf(engine.files.deltaCrl('device')), /Remove From CRL/)
  assert.equal(await found(place, issued[2]!), 'good')
  assert.equal(verify(place, issued[2]!), '')
  await engine.resignCrls(now + 2 * day)
  const complete = textOf(engine.files.crl('device'))
  assert.match(complete, /CRL Number: *\n +5\n/)
  assert.doesNotMatch(complete, new RegExp(issued[2]!.record.serial, 'i'))
  // Two entries are left: not large any more.
  assert.equal(existsSync(engine.files.deltaCrl('device')), false)
})

test('pki.md 5: the delta list is served beside the complete one, and no authority of such a name is', async () => {
  const { engine } = await newAuthority('served')
  const service = new PublicService(engine)
  const get = (path: string) => service.answer({ method: 'GET', path, body: new Uint8Array() }, now)
  const answer = await get('/crl/device-delta.crl')
  assert.deepEqual([answer.status, answer.body], [200, readFileSync(engine.files.deltaCrl('device'))])
  assert.equal((await get('/crl/device-delta.pem')).status, 200)
  assert.equal((await get('/crl/server-delta.crl')).status, 404)
  assert.equal((await get('/ca/device-delta.crt')).status, 404)
})

test('features E13: killed between the revocation and its list, or between the record of a list and its file: the next look publishes', async () => {
  const { engine, issued } = await newAuthority('killed')
  engine.deltaAbove = 50_000
  const record = engine.record.bind(engine)
  engine.record = (events, at) => {
    record(events, at)
    assert.fail('killed')
  }
  const listed = ({ record: { serial } }: IssuedCertificate) =>
    textOf(engine.files.crl('device')).includes(serial.toUpperCase())
  await assert.rejects(engine.revoke([issued[3]!.record], 'superseded', now), /killed/)
  assert.equal(listed(issued[3]!), false)
  await open(engine.files.dir).resignCrls(now)
  assert.match(textOf(engine.files.deltaCrl('device')), new RegExp(issued[3]!.record.serial, 'i'))

  let records = 0
  engine.record = (events, at) => {
    record(events, at)
    if (++records === 2) assert.fail('killed')
  }
  await assert.rejects(engine.revoke([issued[4]!.record], 'superseded', now), /killed/)
  assert.equal(listed(issued[4]!), false)
  await open(engine.files.dir).resignCrls(now)
  assert.equal(listed(issued[4]!), true)
})

test('features E13: nothing is written where nothing is due: who watches the file reads nothing again', async () => {
  const { engine } = await newAuthority('quiet')
  const states = () =>
    [engine.files.allCrls, engine.files.crl('device'), engine.files.deltaCrl('device')].map(path => statSync(path).ino)
  const before = states()
  const outcomes = await engine.resignCrls(now)
  assert.ok(outcomes.every(({ outcome }) => outcome === 'fresh'))
  assert.deepEqual(states(), before)
})
