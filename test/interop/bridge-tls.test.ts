// Bridges between Castellan and Debian's Mosquitto over TLS: certificates on both sides, and pre-shared keys, whoever has the
// `connection`. Whoever has no right to come in stays out.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { type CertificateFiles, type ThrowawayPki, throwawayPki } from '../support/authority.ts'
import type { BrokerKind } from '../support/broker-process.ts'
import { quietPort } from '../support/free-port.ts'
import { ListSigner } from '../support/revocations.ts'
import { Collector, type House, publishAll, startHouse, waitForLink } from './bridge-brokers.ts'

const psk = '0102030405060708090a0b0c0d0e0f10'
const pairs: readonly (readonly [owner: BrokerKind, other: BrokerKind])[] = [
  ['castellan', 'mosquitto'],
  ['mosquitto', 'castellan'],
]

let pki: ThrowawayPki
before(async () => {
  pki = await throwawayPki()
})

for (const [owner, other] of pairs) {
  test(`bridges: ${owner} bridges to ${other} over TLS, each shows the other a certificate`, async t => {
    await assertLinked(t, await startSecured(t, owner, other, certificatesOf(pki.client), demanding()))
  })

  test(`bridges: ${owner} bridges to ${other} with a pre-shared key`, async t => {
    const shown = ['bridge_identity link', `bridge_psk ${psk}`]
    await assertLinked(t, await startSecured(t, owner, other, shown, keyed()))
  })
}

test('bridges: a broker of an authority that is not trusted is refused by Castellan', async t => {
  const { owner } = await startSecured(
    t,
    'castellan',
    'mosquitto',
    [`bridge_cafile ${pki.stranger.ca.cert}`],
    secured(),
  )
  await owner.program.waitForLine(/issued by an unknown authority/)
})

test('bridges: a bridge without the certificate that Mosquitto demands says so', async t => {
  const shown = [`bridge_cafile ${pki.authority.ca.cert}`]
  const { owner } = await startSecured(t, 'castellan', 'mosquitto', shown, demanding())
  await owner.program.waitForLine(/demands a certificate \(bridge_certfile\)/)
})

test('bridge_crlfile: a broker that is revoked while it is connected is cut off, and kept out', async t => {
  const list = join(pki.authority.dir, 'bridge.crl')
  const signer = await ListSigner.create(pki.authority)
  writeFileSync(list, await signer.sign())
  const shown = [`bridge_cafile ${pki.authority.ca.cert}`, `bridge_crlfile ${list}`]
  const house = await startSecured(t, 'castellan', 'mosquitto', shown, secured())
  await assertLinked(t, house)
  await signer.revoke(pki.server)
  writeFileSync(list, await signer.sign())
  const { program } = house.owner
  await program.waitForLine(
    /Bridge link is not connected any more: the other broker is refused: certificate was revoked/,
  )
  await program.waitForLine(/Unable to connect to bridge link .*: the other broker is refused: certificate was revoked/)
})

test('bridges: a certificate that Castellan does not accept keeps a bridge of Mosquitto out', async t => {
  const shown = certificatesOf(pki.strangersClient)
  const { other } = await startSecured(t, 'mosquitto', 'castellan', shown, demanding())
  await other.program.waitForLine(/refused: issued by an unknown authority/)
})

test('bridges: a wrong pre-shared key keeps either out', async t => {
  for (const [owner, other] of pairs) {
    const shown = ['bridge_identity link', `bridge_psk ${'ff'.repeat(16)}`]
    const house = await startSecured(t, owner, other, shown, keyed())
    await house.other.program.waitForLine(/wrong pre-shared key of identity 'link'|decryption failed or bad record mac/)
  }
})

function certificatesOf({ cert, key }: CertificateFiles): string[] {
  return [`bridge_cafile ${pki.authority.ca.cert}`, `bridge_certfile ${cert}`, `bridge_keyfile ${key}`]
}

function secured(): string[] {
  const { authority, server } = pki
  return [`cafile ${authority.ca.cert}`, `certfile ${server.cert}`, `keyfile ${server.key}`]
}

function demanding(): string[] {
  return [...secured(), 'require_certificate true']
}

function keyed(): string[] {
  const file = join(pki.authority.dir, 'psk')
  writeFileSync(file, `link:${psk}\n`, { mode: 0o600 })
  return ['psk_hint house', `psk_file ${file}`]
}

async function startSecured(
  t: TestContext,
  owner: BrokerKind,
  other: BrokerKind,
  shown: readonly string[],
  lines: readonly string[],
): Promise<House> {
  const bridge = ['topic data/# both 1', ...shown]
  return startHouse(t, { owner, other, bridge, door: { port: await quietPort(), lines } })
}

async function assertLinked(t: TestContext, { owner, other }: House): Promise<void> {
  for (const [giver, taker] of [
    [owner, other],
    [other, owner],
  ] as const) {
    const collector = await Collector.start(t, taker.port, 'data/#', 1)
    await waitForLink(t, giver.port, 'data/probe', collector)
    await publishAll(t, giver.port, 'data/a', ['through'], 1)
    await collector.waitFor('through')
  }
}
