// cli section 6, remote mode: what is seen of servers that no broker here would be.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer as createPlain } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { createServer, type TlsOptions } from 'node:tls'
import type { TlsAnswer } from '../../src/doctor/endpoint.ts'
import { probeTls } from '../../src/doctor/tls-probe.ts'
import { doctorPki } from './pki.ts'

const waitMs = 30_000

async function probe(t: TestContext, options: TlsOptions, staple?: Buffer): Promise<TlsAnswer> {
  const certs = await doctorPki()
  const file = (name: string) => readFileSync(join(certs, name))
  const server = createServer({ cert: file('server.crt'), key: file('server.key'), ...options })
  server.on('secureConnection', socket => socket.on('error', () => {}))
  server.on('tlsClientError', () => {})
  if (staple !== undefined) server.on('OCSPRequest', (_certificate, _issuer, done) => done(null, staple))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const target = { host: '127.0.0.1', port, ca: file('ca.crt') }
  return probeTls(target, { file: 'mqtts://127.0.0.1' }, () => AbortSignal.timeout(waitMs))
}

test('cli section 6: versions before 1.2 are seen where they are accepted', async t => {
  const { versions } = await probe(t, { minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' })
  assert.deepEqual(versions, ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'])
})

test('cli section 6: where only TLS 1.3 is spoken it cannot be seen whether a certificate is asked for', async t => {
  const { versions, asksForCertificate } = await probe(t, { minVersion: 'TLSv1.3', requestCert: true })
  assert.deepEqual(versions, ['TLSv1.3'])
  assert.equal(asksForCertificate, undefined)
})

test('cli section 6: a server of TLS 1.2 that ends the handshake for want of a certificate has asked for it', async t => {
  const ca = readFileSync(join(await doctorPki(), 'ca.crt'))
  const answer = await probe(t, { maxVersion: 'TLSv1.2', requestCert: true, rejectUnauthorized: true, ca })
  assert.deepEqual(answer.versions, ['TLSv1.2'])
  assert.equal(answer.asksForCertificate, true)
})

test('cli section 6: a stapled OCSP answer is seen, and its absence', async t => {
  assert.equal((await probe(t, {}, Buffer.from('an answer'))).hasStaple, true)
  assert.equal((await probe(t, {})).hasStaple, false)
})

test('cli section 6: the chain, its trust and the name', async t => {
  const good = await probe(t, {})
  assert.deepEqual(
    [good.chain[0]?.subject, good.nameFault, good.trustFault, good.asksForCertificate],
    ['CN=localhost', undefined, undefined, false],
  )
  const certs = await doctorPki()
  const file = (name: string) => readFileSync(join(certs, 'devices', name))
  const wrong = await probe(t, { cert: file('nameless.crt'), key: file('nameless.key') })
  assert.equal(wrong.nameFault, "the certificate is not one for '127.0.0.1'")
})

test('cli section 6: what is no TLS at all is an error', async t => {
  const server = createPlain(socket => socket.on('error', () => {}).end('no TLS\r\n'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const target = { host: '127.0.0.1', port, ca: undefined }
  await assert.rejects(
    probeTls(target, { file: 'x' }, () => AbortSignal.timeout(waitMs)),
    { code: 'ERR_CLIENT_UNREACHABLE' },
  )
})
