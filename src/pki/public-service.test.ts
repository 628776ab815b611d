import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { initDirectory } from './ca-directory.ts'
import { CertificateEngine } from './engine.ts'
import { OcspResponder } from './ocsp-responder.ts'
import { openPublicListener, publicListenerLimits } from './public-listener.ts'
import { PublicService } from './public-service.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-public-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const now = Date.now()
const day = 24 * 60 * 60 * 1000
const passphrase = 'correct horse battery'
const ca = join(dir, 'ca')
await initDirectory(ca, {
  name: 'Fleet',
  url: 'http://127.0.0.1/pki',
  keyType: 'ec-p256',
  passphrase,
  rootPassphrase: passphrase,
  now,
})
const engine = new CertificateEngine(ca, async () => passphrase)
await engine.resignCrls(now)
await engine.renewOcspSigners(now)
const generate = { kind: 'generate' } as const
const options = { now, by: 'test' }
const good = await engine.issue('device', { name: 'good' }, generate, options)
const revoked = await engine.issue('device', { name: 'revoked' }, generate, options)
const server = await engine.issue('server', { name: 'broker.example' }, generate, options)
await engine.revoke([revoked.record], 'keyCompromise', now)

// Looks at the directory as another process does: it has no passphrase.
const service = new PublicService(new CertificateEngine(ca))
const listener = await openPublicListener({ port: 0, host: '127.0.0.1' }, service, () => now)
after(() => listener.close())
const base = `http://127.0.0.1:${listener.port}/pki`

let files = 0
function file(content: string | Uint8Array): string {
  const path = join(dir, `${files++}.file`)
  writeFileSync(path, content)
  return path
}

const issuerFile = (id: string) => engine.files.certificate(id)

function askOpenSsl(pem: string, id: string, ...more: string[]): Promise<string> {
  return askAbout(id, ['-cert', file(pem)], ...more)
}

/** @param subject whom `openssl ocsp` asks about, in its own options */
async function askAbout(id: string, subject: readonly string[], ...more: string[]): Promise<string> {
  const args = ['ocsp', '-issuer', issuerFile(id), ...subject, '-url', `${base}/ocsp`]
  const trust = ['-CAfile', engine.files.rootTrust, '-verify_other', issuerFile(id)]
  const { stdout, stderr } = await promisify(execFile)('openssl', [...args, ...trust, ...more])
  return stderr + stdout
}

test('RFC 6960: openssl ocsp verifies the delegate and reads good, and revoked with its reason; with and without nonce, by SHA-1 and SHA-256', async () => {
  assert.match(await askOpenSsl(good.certificate, 'device'), /Response verify OK[\s\S]*: good\n/)
  assert.match(await askOpenSsl(server.certificate, 'server', '-no_nonce'), /Response verify OK[\s\S]*: good\n/)
  const answer = await askOpenSsl(revoked.certificate, 'device', '-no_nonce')
  assert.match(answer, /Response verify OK[\s\S]*: revoked\n[\s\S]*Reason: keyCompromise\n/)
  assert.doesNotMatch(await askOpenSsl(good.certificate, 'device'), /WARNING: no nonce/)
  // The digest counts for the certificates behind it.
  assert.match(await askAbout('device', ['-sha256', '-cert', file(good.certificate)]), /: good\n/)
})

test('RFC 6960 §2.2: a serial number that was never issued reads as revoked in 1970, never as good', async () => {
  const answer = await askAbout('device', ['-serial', '0x4a4b4c4d4e4f'], '-resp_text')
  assert.match(
    answer,
    /Cert Status: revoked\n\s+Revocation Time: Jan +1 00:00:00 1970 GMT\n\s+Revocation Reason: certificateHold/,
  )
  assert.match(answer, /Response Extensions:[\s\S]*(valid|Extended OCSP Status): /)
})

test('a revocation is in the very next answer, although answers are kept', async () => {
  const { certificate, record } = await engine.issue('device', { name: 'soon-revoked' }, generate, options)
  assert.match(await askOpenSsl(certificate, 'device', '-no_nonce'), /: good\n/)
  assert.match(await askOpenSsl(certificate, 'device', '-no_nonce'), /: good\n/)
  await engine.revoke([record], 'superseded', now)
  assert.match(await askOpenSsl(certificate, 'device', '-no_nonce'), /: revoked\n/)
})

test('an answer is signed once and kept until what it says changes, whatever else is issued and revoked', async () => {
  const about = ({ certificate }: { readonly certificate: string }) => ocspRequestFor(certificate, '-no_nonce')
  const kept = await engine.issue('device', { name: 'kept' }, generate, options)
  const other = await engine.issue('device', { name: 'other' }, generate, options)
  const request = about(kept)
  const first = await ask(request)
  await engine.revoke([other.record], 'superseded', now)
  assert.equal((await ask(request)).body, first.body)
  await engine.revoke([kept.record], 'superseded', now)
  assert.notDeepEqual((await ask(request)).body, first.body)
})

test('RFC 6960 §2.3: beyond its signatures of a second a responder says to try later; what it has signed before goes on', async () => {
  const responder = new OcspResponder(engine, 2)
  const hex = async (request: Uint8Array, at: number) => (await responder.answer(request, at)).der.toString('hex')
  const tryLater = '30030a0103'
  const [request, withNonce] = [ocspRequest('-no_nonce'), ocspRequest()]
  const signed = await hex(request, now)
  assert.notEqual(await hex(withNonce, now), tryLater)
  assert.equal(await hex(withNonce, now), tryLater)
  assert.deepEqual(await responder.answer(withNonce, now), { der: Buffer.from(tryLater, 'hex'), cacheUntil: 0 })
  assert.equal(await hex(request, now), signed)
  assert.notEqual(await hex(withNonce, now + 1000), tryLater)
})

function ocspRequest(...more: string[]): Buffer {
  return ocspRequestFor(good.certificate, ...more)
}

function ocspRequestFor(certificate: string, ...more: string[]): Buffer {
  const path = file('')
  execFileSync('openssl', [
    'ocsp',
    '-issuer',
    issuerFile('device'),
    '-cert',
    file(certificate),
    '-reqout',
    path,
    ...more,
  ])
  return readFileSync(path)
}

const ask = (body: Uint8Array, path = '/ocsp', method = 'POST') => service.answer({ method, path, body }, now)

test('RFC 6960 §A.1: GET with base64 in the path gets the answer of POST, and may be kept; one with a nonce may not', async () => {
  const request = ocspRequest('-no_nonce')
  const posted = await ask(request)
  const path = `/pki/ocsp/${encodeURIComponent(request.toString('base64'))}`
  const got = await ask(new Uint8Array(), path, 'GET')
  assert.deepEqual(got, posted)
  assert.match(posted.headers['Cache-Control'] ?? '', /^max-age=3600,/)
  assert.equal(posted.headers['Content-Type'], 'application/ocsp-response')
  assert.equal((await ask(ocspRequest())).headers['Cache-Control'], 'no-store')
})

test('RFC 6960 §4.2.1: what is no request is malformed, an authority that is not ours is refused; the answer is five bytes', async () => {
  const hex = async (body: Uint8Array) => Buffer.from((await ask(body)).body).toString('hex')
  const request = ocspRequest('-no_nonce')
  assert.equal(await hex(Buffer.from('nonsense')), '30030a0101')
  assert.equal(await hex(new Uint8Array()), '30030a0101')
  assert.equal(await hex(request.subarray(0, -3)), '30030a0101')
  assert.equal(await hex(Buffer.alloc(9000, 0x30)), '30030a0101')
  const other = Buffer.from(request)
  other[other.length - 25]! ^= 1
  assert.equal(await hex(other), '30030a0106')
})

test('lists and authorities are served with an ETag, as DER and PEM, and openssl reads them', async () => {
  const list = await service.answer({ method: 'GET', path: '/pki/crl/device.crl', body: new Uint8Array() }, now)
  assert.equal(list.headers['Content-Type'], 'application/pkix-crl')
  assert.match(
    execFileSync('openssl', ['crl', '-inform', 'DER', '-noout', '-text'], { input: list.body, encoding: 'utf8' }),
    /Revoked Certificates/,
  )
  const etag = list.headers['ETag'] ?? ''
  const again = await service.answer({ method: 'GET', path: '/pki/crl/device.crl', body: new Uint8Array(), etag }, now)
  assert.deepEqual([again.status, again.body.length], [304, 0])
  const late = await service.answer(
    { method: 'GET', path: '/crl/device.pem', body: new Uint8Array() },
    now + 7 * day - 60_000,
  )
  assert.match(late.headers['Cache-Control'] ?? '', /^max-age=(59|60),/)
  const authority = await service.answer({ method: 'GET', path: '/ca/device.crt', body: new Uint8Array() }, now)
  execFileSync('openssl', ['x509', '-inform', 'DER', '-noout'], { input: authority.body })
})

test('nothing else is served: no key, no journal, no way out of the directory', async () => {
  for (const path of [
    '/',
    '/ca.json',
    '/journal.jsonl',
    '/device/private/ca.key',
    '/crl/../ca.json',
    '/crl/..%2fca.json',
    '/crl/nobody.crl',
    '/ca/device.pem',
  ]) {
    assert.equal((await ask(new Uint8Array(), path, 'GET')).status, 404, path)
  }
  assert.equal((await ask(new Uint8Array(), '/crl/device.crl', 'PUT')).status, 405)
})

test('over HTTP: a body that is too long is answered, not swallowed', async () => {
  const response = await fetch(`${base}/ocsp`, { method: 'POST', body: Buffer.alloc(50_000) })
  assert.equal(Buffer.from(await response.arrayBuffer()).toString('hex'), '30030a0101')
})

test('over HTTP: who asks too often in a second is told to wait (RFC 6585 §4), and the next second is answered', async () => {
  let clock = now
  const limits = { ...publicListenerLimits, requestsPerAddress: 2 }
  const slow = await openPublicListener({ port: 0, host: '127.0.0.1' }, service, () => clock, limits)
  const fetchList = async () => {
    const response = await fetch(`http://127.0.0.1:${slow.port}/crl/device.crl`)
    await response.arrayBuffer()
    return [response.status, response.headers.get('Retry-After')]
  }
  try {
    assert.deepEqual(
      [await fetchList(), await fetchList()],
      [
        [200, null],
        [200, null],
      ],
    )
    assert.deepEqual(await fetchList(), [429, '1'])
    clock += 1000
    assert.deepEqual(await fetchList(), [200, null])
  } finally {
    slow.close()
  }
})

test('over HTTP: one address cannot keep the others out by connections that say nothing', async t => {
  const limits = { ...publicListenerLimits, connectionsPerAddress: 2 }
  const shared = await openPublicListener({ port: 0, host: '127.0.0.1' }, service, () => now, limits)
  t.after(() => shared.close())
  const dial = async (localAddress: string) => {
    const socket = connect({ port: shared.port, host: '127.0.0.1', localAddress })
    t.after(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
  await dial('127.0.0.1')
  await dial('127.0.0.1')
  const third = await dial('127.0.0.1')
  await once(third.on('error', () => {}).resume(), 'close')
  const other = await dial('127.0.0.2')
  other.write('GET /crl/device.crl HTTP/1.1\r\nHost: x\r\n\r\n')
  const [answer] = await once(other, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 200 /)
})

test('a list is read once for all who fetch it, and again when it is another one', async () => {
  const fetchList = () => service.answer({ method: 'GET', path: '/pki/crl/device.crl', body: new Uint8Array() }, now)
  const [first, second] = [await fetchList(), await fetchList()]
  assert.equal(first.body, second.body)
  const { record } = await engine.issue('device', { name: 'short-lived' }, generate, options)
  await engine.revoke([record], 'superseded', now)
  assert.notDeepEqual((await fetchList()).body, first.body)
})

test('a delegate is replaced after half of its fortnight, before that it stays; answers go on', async () => {
  const before = readFileSync(engine.files.ocspCertificate('device'), 'latin1')
  await engine.renewOcspSigners(now + 6 * day)
  assert.equal(readFileSync(engine.files.ocspCertificate('device'), 'latin1'), before)
  await engine.renewOcspSigners(now + 8 * day)
  assert.notEqual(readFileSync(engine.files.ocspCertificate('device'), 'latin1'), before)
})
