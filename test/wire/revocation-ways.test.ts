// The ways in which a certificate stops counting, besides a list that somebody copies (revocation.test.ts): revoked at our own
// authority, by the word of an OCSP responder, or with its whole authority. Who is connected goes, and a resumed TLS session,
// whose certificates the TLS library does not look at again, is no way back.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import test, { after, type TestContext } from 'node:test'
import type { TLSSocket } from 'node:tls'
import type { CertificateFiles } from '../support/authority.ts'
import { connectBytes, publishBytes } from '../support/packet-bytes.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { RevocationHouse, revocationWays } from '../support/revocation-ways.ts'
import { startWireBroker, subscribe, unique, type WireBroker } from '../support/wire-broker.ts'

const notAuthorized = 0x87
const house = await RevocationHouse.create()
after(() => house.close())
const ca = await readFile(house.rootTrust)

async function dial(
  t: TestContext,
  { port }: WireBroker,
  { cert, key }: CertificateFiles,
  session?: Buffer,
): Promise<RawClient> {
  const files = { cert: await readFile(cert), key: await readFile(key) }
  return connectRaw(t, { port, tls: { ca, ...files, servername: 'localhost', ...(session && { session }) } })
}

async function enter(
  t: TestContext,
  broker: WireBroker,
  files: CertificateFiles,
  session?: Buffer,
): Promise<RawClient> {
  const client = await dial(t, broker, files, session)
  client.send(connectBytes({ version: 5, clientId: unique('c') }))
  assert.equal((await client.expectConnack()).reasonCode, 0)
  return client
}

/** A session that the broker has offered to continue. */
async function ticketOf(t: TestContext, broker: WireBroker, files: CertificateFiles): Promise<Buffer> {
  const client = await dial(t, broker, files)
  const [ticket] = (await once(client.socket, 'session')) as [Buffer]
  client.breakOff()
  return ticket
}

for (const name of revocationWays) {
  test(`features D2, revoked by ${name}: the subscriber goes within a second of the word, is sent nothing more, and does not resume`, async t => {
    const way = await house.way(name)
    const broker = await startWireBroker(t, way.lines.join('\n'))
    const staying = await enter(t, broker, await way.issue(`staying-${name}`))
    const victim = await way.issueVictim(`victim-${name}`)
    const ticket = await ticketOf(t, broker, victim)
    const going = await enter(t, broker, victim, ticket)
    assert.equal((going.socket as TLSSocket).isSessionReused(), true)
    await subscribe(going, [{ filter: 'news', qos: 1 }])

    const said = await way.revoke(victim)
    await going.expectDisconnect(notAuthorized)
    const took = performance.now() - said()
    assert.ok(took < 1000, `it took ${took.toFixed()} ms`)
    staying.send(publishBytes({ version: 5, topic: 'news', payload: 'secret' }))
    await staying.expectNothing()

    const from = broker.process.lines.length
    const again = await dial(t, broker, victim, ticket).catch(() => undefined)
    again?.send(connectBytes({ version: 5, clientId: unique('c') }))
    await broker.process.waitForLine(way.refusal, from)
    const answer = await again?.packetOrEnd()
    assert.ok(answer === undefined || answer.bytes[3] === notAuthorized)
  })
}
