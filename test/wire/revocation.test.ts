// Client certificates and what becomes of them: revoked, expired, of an authority that is trusted no more. Over the real
// program, with certificates and revocation lists made by openssl.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, readFile, rename, writeFile } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { Authority, type CertificateFiles } from '../support/authority.ts'
import { type DialFields, dialWith, mutualTls, startMutualBroker } from '../support/mutual-broker.ts'
import { type ConnectFields, connectBytes, publishBytes, type Version } from '../support/packet-bytes.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { ListSigner } from '../support/revocations.ts'
import { expectConnectRefused, settled, subscribe, unique, type WireBroker } from '../support/wire-broker.ts'

const notAuthorized = 0x87
const authority = await Authority.create()
const server = await authority.issueServer()
const long = ['200101000000Z', '490101000000Z'] as const

const mutual = `${mutualTls}\ncrlfile crl.pem`

function start(t: TestContext, list: string, more = ''): Promise<WireBroker> {
  return startMutualBroker(t, authority, server, `crlfile crl.pem\n${more}`, { 'crl.pem': list })
}

function dial(t: TestContext, broker: WireBroker, files: CertificateFiles, more?: DialFields): Promise<RawClient> {
  return dialWith(t, broker, authority, files, more)
}

async function enter(
  t: TestContext,
  broker: WireBroker,
  files: CertificateFiles,
  fields: ConnectFields = {},
  more: DialFields = {},
): Promise<RawClient> {
  const client = await dial(t, broker, files, more)
  client.version = fields.version ?? 5
  client.send(connectBytes({ clientId: unique('c'), ...fields }))
  assert.equal((await client.expectConnack()).reasonCode, 0)
  return client
}

/** The way an atomic copy goes: a new file takes the place of the old one. */
async function replaceList(broker: WireBroker, list: string): Promise<void> {
  const path = joinPath(broker.process.dir, 'crl.pem')
  await writeFile(`${path}.new`, list)
  await rename(`${path}.new`, path)
}

async function assertRefused(
  t: TestContext,
  broker: WireBroker,
  files: CertificateFiles,
  reason: RegExp,
): Promise<void> {
  const from = broker.process.lines.length
  const client = await dial(t, broker, files).catch(() => undefined)
  client?.send(connectBytes({ clientId: unique('c') }))
  await client?.expectClosed().catch(() => undefined)
  await broker.process.waitForLine(/OpenSSL Error\[0\]: error:0A000086:SSL routines::certificate verify failed/, from)
  await broker.process.waitForLine(reason, from)
}

for (const version of [3, 4, 5] as const satisfies readonly Version[]) {
  test(`features D2: who is connected when a list revokes them goes within a second, and is sent nothing more (MQTT ${version})`, async t => {
    const signer = await ListSigner.create(authority, `live-${version}`)
    const broker = await start(t, await signer.sign())
    const [alice, mallory] = [await authority.issueClient('alice'), await authority.issueClient('mallory')]
    const staying = await enter(t, broker, alice)
    const going = await enter(t, broker, mallory, { version })
    await subscribe(staying, 'news')
    await subscribe(going, 'news')

    await signer.revoke(mallory, 'keyCompromise')
    const list = await signer.sign()
    const begun = performance.now()
    await replaceList(broker, list)
    await going.expectDisconnect(notAuthorized)
    assert.ok(performance.now() - begun < 1000, `it took ${performance.now() - begun} ms`)
    await broker.process.waitForLine(
      /Client c\S+ \[127\.0\.0\.1:\d+\] has to go: certificate was revoked \(key compromise\) \(subject 'CN=mallory', serial [0-9A-F]+\)\./,
    )
    staying.send(publishBytes({ version: 5, topic: 'news', payload: 'still here' }))
    assert.equal((await staying.expectPublish()).payload, 'still here')
    await assertRefused(
      t,
      broker,
      mallory,
      /refused: certificate was revoked \(key compromise\) \(subject 'CN=mallory'/,
    )
  })
}

test("a revoked client's will is not published: whoever has the key may be somebody else", async t => {
  const signer = await ListSigner.create(authority, 'will')
  const broker = await start(t, await signer.sign())
  const [alice, mallory] = [await authority.issueClient('alice'), await authority.issueClient('mallory')]
  const watching = await enter(t, broker, alice)
  await subscribe(watching, 'wills')
  const will = { topic: 'wills', payload: 'gone' }
  const going = await enter(t, broker, mallory, { will })
  await signer.revoke(mallory)
  await replaceList(broker, await signer.sign())
  await going.expectDisconnect(notAuthorized)
  await settled(watching)
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a resumed TLS session does not get round a revocation (${maxVersion})`, async t => {
    const signer = await ListSigner.create(authority, maxVersion)
    const broker = await start(t, await signer.sign())
    const mallory = await authority.issueClient('mallory')
    const before = await dial(t, broker, mallory, { maxVersion })
    const socket = before.socket as TLSSocket
    const ticket = once(socket, 'session')
    before.send(connectBytes({ clientId: 'm' }))
    assert.equal((await before.expectConnack()).reasonCode, 0)
    const [session] = maxVersion === 'TLSv1.3' ? ((await ticket) as [Buffer]) : [socket.getSession() as Buffer]
    const resumed = await enter(t, broker, mallory, {}, { maxVersion, session })
    assert.equal((resumed.socket as TLSSocket).isSessionReused(), true)

    await signer.revoke(mallory, 'superseded')
    await replaceList(broker, await signer.sign())
    await resumed.expectDisconnect(notAuthorized)
    const from = broker.process.lines.length
    const again = await dial(t, broker, mallory, { maxVersion, session }).catch(() => undefined)
    again?.send(connectBytes({ clientId: 'm' }))
    await broker.process.waitForLine(/refused: certificate was revoked \(superseded\)/, from)
    await again?.expectClosed().catch(() => undefined)
  })
}

test('a certificate that was revoked between handshake and CONNECT is refused at CONNECT', async t => {
  const signer = await ListSigner.create(authority, 'between')
  const broker = await start(t, await signer.sign())
  const mallory = await authority.issueClient('mallory')
  const waiting = await dial(t, broker, mallory)
  await signer.revoke(mallory)
  await replaceList(broker, await signer.sign())
  await waiting.expectClosed()
})

test('features D4: a certificate on hold is let in again when the list says so, and a number that goes back is not believed', async t => {
  const signer = await ListSigner.create(authority, 'hold')
  const client = await authority.issueClient('held')
  await signer.revoke(client, 'certificateHold')
  const holding = await signer.sign()
  const broker = await start(t, holding)
  await assertRefused(t, broker, client, /certificate was revoked \(certificate hold\)/)
  await signer.forgive()
  const released = await signer.sign({ number: 7 })
  await replaceList(broker, released)
  await broker.process.waitForLine(/Revocation lists of "crl\.pem" were read again/)
  await enter(t, broker, client)
  await replaceList(broker, holding)
  await broker.process.waitForLine(/is older than the one in force \(number 7\) and not used/)
  await enter(t, broker, client)
})

test('features D4: a list from before a revocation, put back in the place of a newer one, lets nobody in again', async t => {
  const signer = await ListSigner.create(authority, 'replayed')
  const mallory = await authority.issueClient('mallory')
  const before = await signer.sign({ between: long, number: 3 })
  const broker = await start(t, before)
  const connected = await enter(t, broker, mallory)
  await signer.revoke(mallory)
  await replaceList(broker, await signer.sign({ between: ['250101000000Z', long[1]], number: 4 }))
  await connected.expectDisconnect(notAuthorized)
  await replaceList(broker, before)
  await broker.process.waitForLine(/is older than the one in force \(number 4\) and not used/)
  await assertRefused(t, broker, mallory, /certificate was revoked/)
})

test('delta lists: what they add is revoked, what they release is not', async t => {
  const signer = await ListSigner.create(authority, 'delta')
  const [early, late] = [await authority.issueClient('early'), await authority.issueClient('late')]
  await signer.revoke(early)
  const full = await signer.sign({ number: 10 })
  const broker = await start(t, full)
  await enter(t, broker, late)
  await signer.forgive()
  await signer.revoke(late)
  await replaceList(broker, full + (await signer.sign({ number: 11, deltaBase: 10 })))
  await broker.process.waitForLine(/has to go: certificate was revoked/)
  await assertRefused(t, broker, late, /certificate was revoked/)
  await assertRefused(t, broker, early, /certificate was revoked/)
})

test('a list that is broken, cut short or gone takes nothing back', async t => {
  const signer = await ListSigner.create(authority, 'broken')
  const [client, mallory] = [await authority.issueClient('client'), await authority.issueClient('mallory')]
  await signer.revoke(mallory)
  const list = await signer.sign()
  const broker = await start(t, list)
  for (const broken of [list.slice(0, list.length / 2), 'nothing', '']) {
    const from = broker.process.lines.length
    await replaceList(broker, broken)
    await broker.process.waitForLine(/Error: What the file said before still holds\./, from)
    await assertRefused(t, broker, mallory, /certificate was revoked/)
    await enter(t, broker, client)
  }
})

test("another authority's list, under the same name, is not used; without one everybody is refused, or accepted on demand", async t => {
  const impostor = await Authority.create()
  const client = await authority.issueClient('client')
  const signer = await ListSigner.create(impostor, 'impostor')
  await signer.revoke(client)
  const list = await signer.sign()
  const broker = await start(t, list)
  await broker.process.waitForLine(
    /the revocation list of 'CN=Test Authority' is not signed by an authority that is known here/,
  )
  await assertRefused(t, broker, client, /there is no revocation list of its authority/)
  await enter(t, await start(t, list, 'crl_missing accept'), client)
})

test('features D3: a list whose time is over is used for days, for ever, or not at all', async t => {
  const signer = await ListSigner.create(authority, 'expired')
  const [client, mallory] = [await authority.issueClient('client'), await authority.issueClient('mallory')]
  await signer.revoke(mallory)
  const list = await signer.sign({ between: ['200101000000Z', '210101000000Z'] })
  const strict = await start(t, list)
  await strict.process.waitForLine(
    /has ended at 2021-01-01T00:00:00\.000Z: every certificate of its authority is refused/,
  )
  await assertRefused(t, strict, client, /the revocation list of its authority has expired/)
  const lenient = await start(t, list, 'crl_expired warn-and-use')
  await lenient.process.waitForLine(/has ended at \S+; it is used all the same \(crl_expired warn-and-use\)/)
  await enter(t, lenient, client)
  await assertRefused(t, lenient, mallory, /certificate was revoked/)
  const graceful = await start(t, list, 'crl_expired grace 9999d')
  await graceful.process.waitForLine(/has ended at \S+; it is used until 20/)
  await enter(t, graceful, client)
})

test('when a list ends while clients are connected, they stay', async t => {
  const signer = await ListSigner.create(authority, 'staying')
  const client = await authority.issueClient('client')
  const broker = await start(t, await signer.sign({ between: long }))
  const staying = await enter(t, broker, client)
  await replaceList(broker, await signer.sign({ between: ['200101000000Z', '210101000000Z'], number: 9 }))
  await broker.process.waitForLine(/were read again/)
  await assertRefused(t, broker, client, /has expired/)
  await settled(staying)
})

test('features 2b 20: a session ends with its certificate, and its will is published', async t => {
  const soon = new Date(Date.now() + 4000)
  const text = (date: Date) => date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  const validity = { notBefore: '20200101000000Z', notAfter: text(soon) }
  const brief = await authority.issue({ subject: 'brief', validity })
  const watching = await authority.issueClient('watching')
  const signer = await ListSigner.create(authority, 'brief')
  const broker = await start(t, await signer.sign())
  const watcher = await enter(t, broker, watching)
  await subscribe(watcher, 'wills')
  const client = await enter(t, broker, brief, { will: { topic: 'wills', payload: 'expired' } })
  await client.expectDisconnect(notAuthorized)
  assert.ok(Date.now() >= soon.getTime() - 1000)
  await broker.process.waitForLine(/has to go: certificate has expired \(subject 'CN=brief'/)
  assert.equal((await watcher.expectPublish()).payload, 'expired')
})

test('crlfile that cannot be read: the broker does not start, and a reload changes nothing', async t => {
  const signer = await ListSigner.create(authority, 'reload')
  const client = await authority.issueClient('client')
  const broker = await start(t, await signer.sign())
  const config = `listener ${broker.port} 127.0.0.1\n${mutual}`
  await broker.process.writeConfig(config.replace('crl.pem', 'none.pem'))
  await broker.process.reload(/Error: Unable to load certificate revocation file "none\.pem"\. Check crlfile\./)
  await broker.process.waitForLine(/Nothing was reloaded/)
  await enter(t, broker, client)
  await signer.revoke(client)
  await copyFile(joinPath(broker.process.dir, 'crl.pem'), joinPath(broker.process.dir, 'old.pem'))
  await broker.process.writeFile('other.pem', await signer.sign())
  await broker.process.writeConfig(config.replace('crl.pem', 'other.pem'))
  await broker.process.reload(/Configuration reloaded/)
  await broker.process.waitForLine(/has to go: certificate was revoked/)
  await expectGone(t, broker, client)
})

async function expectGone(t: TestContext, broker: WireBroker, files: CertificateFiles): Promise<void> {
  await assertRefused(t, broker, files, /certificate was revoked/)
}

test('request_certificate: a good certificate counts, none at all is no fault, a bad one is', async t => {
  const signer = await ListSigner.create(authority, 'optional')
  const [client, mallory] = [await authority.issueClient('client'), await authority.issueClient('mallory')]
  await signer.revoke(mallory)
  const broker = await start(t, await signer.sign())
  const config = `listener ${broker.port} 127.0.0.1\n${mutual}`
  const optional = config.replace('require_certificate true', 'request_certificate true\nallow_anonymous true')
  await broker.process.writeConfig(optional)
  await broker.process.reload(/Configuration reloaded/)
  await enter(t, broker, client)
  await assertRefused(t, broker, mallory, /certificate was revoked/)
  const stranger = await connectRaw(t, { port: broker.port, tls: { ca: await readFile(authority.ca.cert) } })
  stranger.version = 5
  stranger.send(connectBytes({ clientId: unique('c') }))
  assert.equal((await stranger.expectConnack()).reasonCode, 0)
  await broker.process.writeConfig(optional.replace('allow_anonymous true', 'allow_anonymous false'))
  await broker.process.reload(/Configuration reloaded/)
  const refused = await connectRaw(t, { port: broker.port, tls: { ca: await readFile(authority.ca.cert) } })
  refused.version = 5
  refused.send(connectBytes({ clientId: unique('c') }))
  await expectConnectRefused(refused, notAuthorized)
})
