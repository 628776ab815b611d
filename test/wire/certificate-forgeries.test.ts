// Certificates and lists that somebody has tampered with, at the door of the real program: each is refused, and the log says why.

import assert from 'node:assert/strict'
import { createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import test, { after, type TestContext } from 'node:test'
import { childrenOf, encodeElement, readElement, wholeElement } from '../../src/pki/strict-der.ts'
import { createFleet } from '../judges/fleet.ts'
import { Authority, type CertificateFiles } from '../support/authority.ts'
import { runBroker } from '../support/broker-process.ts'
import { connectBytes } from '../support/packet-bytes.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { ListSigner } from '../support/revocations.ts'
import { startWireBroker, unique, type WireBroker } from '../support/wire-broker.ts'

const fleet = await createFleet()
after(() => fleet.close())
const authority = await Authority.create()
const server = await authority.issueServer()
const read = (path: string) => readFileSync(path, 'utf8')

const mutual = `certfile server.crt
keyfile server.key
cafile ca.crt
require_certificate true
use_identity_as_username true`

/** @param ca file of the authorities whose clients are let in */
function start(t: TestContext, ca: string, more = ''): Promise<WireBroker> {
  return startWireBroker(t, `${mutual}\n${more}`, {
    'server.crt': read(server.cert),
    'server.key': read(server.key),
    'ca.crt': read(ca),
  })
}

async function dial(t: TestContext, broker: WireBroker, { cert, key }: CertificateFiles): Promise<RawClient> {
  const tls = { ca: read(authority.ca.cert), cert: read(cert), key: read(key) }
  const client = await connectRaw(t, { port: broker.port, tls })
  client.version = 5
  client.send(connectBytes({ clientId: unique('c') }))
  return client
}

/** The certificate with other bytes in the place of some of its own, signed anew. */
function changed(files: CertificateFiles, from: string, to: Buffer): CertificateFiles {
  const der = Buffer.from(new X509Certificate(read(files.cert)).raw)
  const [signed, algorithm] = childrenOf(der, readElement(der, 0, der.length)).map(part => wholeElement(der, part))
  const at = der.indexOf(from)
  assert.ok(at > 0 && to.length === from.length)
  // What is signed is a part of `der`.
  to.copy(der, at)
  const signature = sign('sha256', signed!, createPrivateKey(read(authority.ca.key)))
  const made = encodeElement(0x30, signed!, algorithm!, encodeElement(0x03, Buffer.of(0), signature))
  const cert = `${files.cert}.changed`
  writeFileSync(cert, `-----BEGIN CERTIFICATE-----\n${made.toString('base64')}\n-----END CERTIFICATE-----\n`)
  return { cert, key: files.key }
}

const badUserNameOrPassword = 0x86
const notAuthorized = 0x87

test('pki §4: a certificate with NUL in its name names nobody, least of all what stands before it', async t => {
  const broker = await start(t, authority.ca.cert)
  const client = await authority.issueClient('admin.nobody')
  assert.equal((await (await dial(t, broker, client)).expectConnack()).reasonCode, 0)
  const forged = changed(client, 'admin.nobody', Buffer.from('admin\0nobody'))
  assert.equal((await (await dial(t, broker, forged)).expectConnack()).reasonCode, badUserNameOrPassword)
  await broker.process.waitForLine(/client certificate without common-name/)
})

test('pki §4: a certificate with a mark in its name that turns the direction of text names nobody', async t => {
  const broker = await start(t, authority.ca.cert)
  const client = await authority.issueClient('...nimda')
  const forged = changed(client, '...nimda', Buffer.from('\u202enimda'))
  assert.equal((await (await dial(t, broker, forged)).expectConnack()).reasonCode, badUserNameOrPassword)
  await broker.process.waitForLine(/client certificate with invisible characters in its common-name/)
  assert.doesNotMatch(broker.process.lines.join('\n'), /\u202e/)
})

test('pki §12.5: signed with the key of our authority, and never issued by it: refused by way of its responder', async t => {
  const { deviceTrust, allCrls } = fleet.engine.files
  const asking = await start(t, deviceTrust, `ocsp hard\nocsp_responder ${fleet.ocsp}`)
  assert.equal((await (await dial(t, asking, fleet.good)).expectConnack()).reasonCode, 0)
  for (const [client, reason] of [
    [fleet.forged, /certificate was never issued by its authority \(by OCSP\) \(subject 'CN=good', serial 4A4B4C4D\)/],
    [fleet.held, /certificate was revoked \(certificate hold, by OCSP\) \(subject 'CN=held'/],
    [fleet.revoked, /certificate was revoked \(key compromise, by OCSP\) \(subject 'CN=revoked'/],
  ] as const) {
    const refused = await dial(t, asking, client)
    assert.equal((await refused.expectConnack()).reasonCode, notAuthorized)
    await refused.expectClosed()
    await asking.process.waitForLine(reason)
  }
  // Lists name who is revoked, not who was issued: by them alone nobody could tell.
  const listing = await start(t, deviceTrust, `crlfile ${allCrls}`)
  assert.equal((await (await dial(t, listing, fleet.forged)).expectConnack()).reasonCode, 0)
})

test('crlfile that is cut short: the broker does not start, and says what is wrong with it', async t => {
  const list = await (await ListSigner.create(authority, 'forgeries')).sign()
  const listed = async (name: string, text: string) => {
    const files = {
      'server.crt': read(server.cert),
      'server.key': read(server.key),
      'ca.crt': read(authority.ca.cert),
      'crl.pem': text,
    }
    const config = ({ port }: { readonly port: number }) => `listener ${port} 127.0.0.1\n${mutual}\ncrlfile crl.pem\n`
    const { lines } = await runBroker(t, 'castellan', { config, files })
    assert.match(
      lines.join('\n'),
      /Error: Unable to load certificate revocation file "crl\.pem"\. Check crlfile\./,
      name,
    )
    return lines.join('\n')
  }
  assert.match(await listed('without an end', list.slice(0, list.length / 2)), /list 1 in it: its end is missing/)
  const [begin = '', ...rest] = list.trim().split('\n')
  const shortened = [begin, ...rest.slice(0, 2), rest.at(-1)].join('\n')
  assert.match(
    await listed('without its second half', shortened),
    /list 1 in it: an element has \d+ bytes, \d+ are there/,
  )
})
