// What the broker asks others about client certificates: OCSP responders (openssl's), and the places where their authorities
// publish revocation lists. And what it tells others of its own certificate.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { connect } from 'node:tls'
import { Authority, type CertificateFiles } from '../support/authority.ts'
import { freePort } from '../support/free-port.ts'
import { startProgram } from '../support/line-process.ts'
import { dialWith, startMutualBroker } from '../support/mutual-broker.ts'
import { connectBytes } from '../support/packet-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import { ListSigner } from '../support/revocations.ts'
import { unique, type WireBroker } from '../support/wire-broker.ts'

const notAuthorized = 0x87
const authority = await Authority.create()
const server = await authority.issueServer()

function start(t: TestContext, options: string, certificate: CertificateFiles = server): Promise<WireBroker> {
  return startMutualBroker(t, authority, certificate, options)
}

async function dial(t: TestContext, broker: WireBroker, files: CertificateFiles): Promise<RawClient> {
  const client = await dialWith(t, broker, authority, files)
  client.send(connectBytes({ version: 5, clientId: unique('c') }))
  return client
}

async function assertAccepted(t: TestContext, broker: WireBroker, files: CertificateFiles): Promise<RawClient> {
  const client = await dial(t, broker, files)
  assert.equal((await client.expectConnack()).reasonCode, 0, broker.process.lines.slice(-3).join('\n'))
  return client
}

async function assertRefused(
  t: TestContext,
  broker: WireBroker,
  files: CertificateFiles,
  reason: RegExp,
): Promise<void> {
  const from = broker.process.lines.length
  const client = await dial(t, broker, files)
  assert.equal((await client.expectConnack()).reasonCode, notAuthorized)
  await client.expectClosed()
  await broker.process.waitForLine(reason, from)
}

interface Responder {
  readonly url: string
  kill(): Promise<void>
}

/** openssl's responder; it reads its database at the start. */
async function startResponder(
  t: TestContext,
  signer: ListSigner,
  { port, signedBy = authority.ca }: { port?: number; signedBy?: CertificateFiles } = {},
): Promise<Responder> {
  const own = port ?? (await freePort())
  const files = ['-index', signer.database, '-CA', authority.ca.cert, '-rsigner', signedBy.cert, '-rkey', signedBy.key]
  const program = startProgram(t, 'openssl', ['ocsp', '-port', String(own), ...files, '-nmin', '5'])
  await program.waitForLine(/waiting for OCSP client connections/i)
  return {
    url: `http://127.0.0.1:${own}`,
    async kill() {
      program.kill()
      await program.exit().catch(() => undefined)
    },
  }
}

async function startHttp(t: TestContext, answer: RequestListener): Promise<string> {
  const http = createServer(answer).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.after(() => {
    http.closeAllConnections()
    http.close()
  })
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`
}

test('features D5: the responder that a certificate names is asked; good is let in, revoked and unknown are not', async t => {
  const signer = await ListSigner.create(authority, 'ocsp')
  const port = await freePort()
  const extensions = [`authorityInfoAccess=OCSP;URI:http://127.0.0.1:${port}`]
  const issue = (subject: string) => authority.issue({ subject, extensions })
  const [good, revoked, unknown] = [await issue('good'), await issue('revoked'), await issue('unknown')]
  await signer.know(good)
  await signer.revoke(revoked, 'keyCompromise')
  await startResponder(t, signer, { port })
  const broker = await start(t, 'ocsp hard')
  await assertAccepted(t, broker, good)
  await assertRefused(t, broker, revoked, /certificate was revoked \(key compromise, by OCSP\) \(subject 'CN=revoked'/)
  await assertRefused(t, broker, unknown, /the OCSP responder does not know the certificate/)
  await assertAccepted(t, await start(t, 'ocsp soft'), unknown)
})

test('a client that is revoked while it is connected goes with the next answer', async t => {
  const signer = await ListSigner.create(authority, 'ocsp-live')
  const port = await freePort()
  const client = await authority.issueClient('client')
  await signer.know(client)
  const { url, kill } = await startResponder(t, signer, { port })
  const broker = await start(t, `ocsp hard\nocsp_responder ${url}\nocsp_max_age 1`)
  const connected = await assertAccepted(t, broker, client)
  await signer.forgive()
  await signer.revoke(client, 'superseded')
  await kill()
  await startResponder(t, signer, { port })
  await connected.expectDisconnect(notAuthorized)
  await broker.process.waitForLine(/has to go: certificate was revoked \(superseded, by OCSP\)/)
})

test('an answer that a responder without a mandate has signed is worth nothing; one with a mandate speaks for its issuer', async t => {
  const signer = await ListSigner.create(authority, 'ocsp-signer')
  const client = await authority.issueClient('client')
  await signer.know(client)
  const impostor = await authority.issue({ subject: 'impostor', extensions: ['extendedKeyUsage=clientAuth'] })
  const appointed = await authority.issue({ subject: 'responder', extensions: ['extendedKeyUsage=OCSPSigning'] })
  const bad = await start(
    t,
    `ocsp hard\nocsp_responder ${(await startResponder(t, signer, { signedBy: impostor })).url}`,
  )
  await assertRefused(t, bad, client, /no OCSP responder has answered/)
  await bad.process.waitForLine(/it is not signed by the issuer, nor by a responder that the issuer appointed/)
  await assertAccepted(
    t,
    await start(t, `ocsp hard\nocsp_responder ${(await startResponder(t, signer, { signedBy: appointed })).url}`),
    client,
  )
})

test('features D5: a responder that hangs, lies or is not there: soft lets in, hard does not, and nobody else waits', async t => {
  const client = await authority.issueClient('client')
  const hanging = await startHttp(t, () => {})
  const hard = await start(t, `ocsp hard\nocsp_timeout 1\nocsp_responder ${hanging}`)
  await assertRefused(t, hard, client, /no OCSP responder has answered/)
  await hard.process.waitForLine(
    /No OCSP answer about subject 'CN=client', serial [0-9A-F]+: http:\S+: no answer within 1000 ms/,
  )
  await assertAccepted(t, await start(t, `ocsp soft\nocsp_timeout 1\nocsp_responder ${hanging}`), client)
  const lying = await startHttp(t, (_, response) => response.end('good'))
  await assertRefused(t, await start(t, `ocsp hard\nocsp_responder ${lying}`), client, /no OCSP responder has answered/)
  const gone = `http://127.0.0.1:${await freePort()}`
  await assertRefused(t, await start(t, `ocsp hard\nocsp_responder ${gone}`), client, /no OCSP responder has answered/)
})

test('features 2a 7: lists are fetched from where certificates say, and again; who is revoked goes', async t => {
  const signer = await ListSigner.create(authority, 'fetched')
  const pem = await signer.sign()
  let der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  const url = await startHttp(t, (_, response) => response.end(der))
  const issue = (subject: string) =>
    authority.issue({ subject, extensions: [`crlDistributionPoints=URI:${url}/ca.crl`] })
  const [good, mallory] = [await issue('good'), await issue('mallory')]
  const broker = await start(t, 'crl_fetch true\ncrl_fetch_interval 1')
  await assertAccepted(t, broker, good)
  const going = await assertAccepted(t, broker, mallory)
  await signer.revoke(mallory)
  der = Buffer.from((await signer.sign()).replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  await going.expectDisconnect(notAuthorized)
  await assertAccepted(t, broker, good)
  // What its list says holds for all that the authority has issued.
  await assertAccepted(t, broker, await authority.issueClient('silent'))
})

test('a list that cannot be fetched refuses, unless crl_missing accepts', async t => {
  const url = await startHttp(t, (_, response) => response.writeHead(404).end())
  const client = await authority.issue({ subject: 'client', extensions: [`crlDistributionPoints=URI:${url}/ca.crl`] })
  const broker = await start(t, 'crl_fetch true')
  await assertRefused(t, broker, client, /there is no revocation list of its authority/)
  await broker.process.waitForLine(/A revocation list could not be fetched: http:\S+: the answer is 404/)
  await assertAccepted(t, await start(t, 'crl_fetch true\ncrl_missing accept'), client)
})

test('ocsp_stapling: a client that asks gets the answer about our certificate', async t => {
  const signer = await ListSigner.create(authority, 'stapled')
  const port = await freePort()
  const extensions = ['subjectAltName=DNS:localhost', `authorityInfoAccess=OCSP;URI:http://127.0.0.1:${port}`]
  const stapled = await authority.issue({ subject: 'localhost', extensions })
  await signer.know(stapled)
  await startResponder(t, signer, { port })
  const broker = await start(t, 'ocsp_stapling true', stapled)
  const ca = await readFile(authority.ca.cert)
  const ask = async () => {
    const socket = connect({ port: broker.port, host: '127.0.0.1', servername: 'localhost', ca, requestOCSP: true })
    socket.on('error', () => {})
    const [response] = (await once(socket, 'OCSPResponse')) as [Buffer | null]
    socket.destroy()
    return response
  }
  let response = await ask()
  while (response === null || response.length === 0) response = await ask()
  assert.ok(response.length > 100)
})
