// cli section 6, remote mode: what the doctor sees of a running broker, of ours and of Debian's, and that it leaves nothing behind.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import test from 'node:test'
import { examineBroker, type Report } from '../../src/doctor/examine.ts'
import { rules } from '../../src/doctor/rules.ts'
import { both, startEither } from '../support/broker-process.ts'
import { doctorPki } from './pki.ts'

function idsOf({ findings }: Report): string {
  return [...new Set(findings.map(({ id }) => id))].sort().join(' ')
}

function seenOf({ seen }: Report): Readonly<Record<string, string>> {
  return Object.fromEntries(seen)
}

for (const kind of both) {
  test(`cli section 6: ${kind} that lets anybody in and read everything`, async t => {
    const broker = await startEither(t, kind, {
      config: ({ port }) => `listener ${port} 127.0.0.1\nallow_anonymous true\n`,
    })
    const report = await examineBroker(target(broker.port, 'mqtt'))
    assert.equal(idsOf(report), 'D01 D38')
    assert.deepEqual(
      report.findings.filter(({ id }) => id === 'D38').map(({ evidence }) => evidence),
      ['#', '$SYS/#'].map(filter => `an anonymous client was allowed to subscribe to '${filter}'`),
    )
    assert.equal(seenOf(report)['MQTT 5, a CONNECT without a name'], '0x00 success')
    assert.deepEqual(report.problems, [])
  })

  test(`cli section 6: ${kind} that asks for a password has nothing to be found from outside`, async t => {
    const broker = await startEither(t, kind, {
      config: ({ port, dir }) => `listener ${port} 127.0.0.1\nallow_anonymous false\npassword_file ${dir}/passwd\n`,
      files: { passwd: '' },
    })
    const report = await examineBroker(target(broker.port, 'mqtt'))
    assert.equal(idsOf(report), '')
    assert.deepEqual([report.score, report.grade], [100, 'A'])
    assert.equal(seenOf(report)['MQTT 3.1.1, a CONNECT without a name'], '0x87 not authorized')
    assert.equal(seenOf(report)['MQTT 5, a CONNECT without a name'], '0x87 not authorized')
  })

  test(`cli section 6: ${kind} with TLS that asks for certificates`, async t => {
    const certs = await doctorPki()
    const broker = await startEither(t, kind, { config: ({ port }) => mutual(port, certs, 'server') })
    const report = await examineBroker(target(broker.port, 'mqtts', readFileSync(join(certs, 'ca.crt'))))
    assert.equal(idsOf(report), '')
    const { 'TLS versions': versions, chain, ...seen } = seenOf(report)
    assert.equal(versions, 'TLSv1.2, TLSv1.3')
    assert.match(chain ?? '', /^CN=localhost/)
    assert.equal(seen['trusted here'], 'yes')
    assert.equal(seen['certificate for this host'], 'yes')
    assert.equal(seen['OCSP answer stapled'], 'no')
    assert.equal(seen['asks for a client certificate'], 'yes')
    assert.match(seen['MQTT 5, a CONNECT without a name'] ?? '', /closed|0x8/)
  })

  test(`cli section 6: ${kind} with a certificate for another name and purpose`, async t => {
    const certs = await doctorPki()
    const broker = await startEither(t, kind, {
      config: ({ port }) => tls(port, `${certs}/devices/anything`).replace('127.0.0.1', ''),
    })
    const report = await examineBroker(target(broker.port, 'mqtts'))
    assert.equal(idsOf(report), 'D13 D16')
    const seen = seenOf(report)
    assert.match(seen['trusted here'] ?? '', /^no: /)
    assert.equal(seen['certificate for this host'], 'no')
    assert.equal(seen['asks for a client certificate'], 'no')
  })
}

test('cli section 6: where nobody answers a CONNECT it is said that no broker was seen', async t => {
  const server = createServer(socket => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  server.listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { problems } = await examineBroker(target((server.address() as AddressInfo).port, 'mqtt'))
  assert.match(problems[0]?.message ?? '', /^no CONNECT was answered: whether it is a broker at all/)
})

test('cli section 6: over the network, plaintext and anonymous clients are critical', () => {
  const endpoint = {
    now: 0,
    place: { file: 'mqtt://192.0.2.1' },
    isLocal: false,
    isTls: false,
    tls: undefined,
    anonymous: { isAccepted: true, answer: '0x00 success', granted: [] },
  }
  const found = rules.filter(rule => (rule.probe?.(endpoint) ?? []).length > 0)
  assert.deepEqual(
    found.map(({ id, severity }) => [id, severity]),
    [
      ['D01', 'critical'],
      ['D02', 'critical'],
    ],
  )
  const old = {
    ...endpoint,
    isTls: true,
    anonymous: undefined,
    tls: { ...nothingShown, versions: ['TLSv1', 'TLSv1.3'] },
  }
  const d19 = rules.find(({ id }) => id === 'D19')?.probe?.(old)
  assert.deepEqual(
    d19?.map(({ evidence }) => evidence),
    ['TLSv1 is accepted'],
  )
})

const nothingShown = {
  chain: [],
  nameFault: undefined,
  trustFault: undefined,
  hasStaple: false,
  asksForCertificate: undefined,
}

function target(port: number, protocol: 'mqtt' | 'mqtts', ca?: Buffer) {
  return { url: `${protocol}://127.0.0.1:${port}`, host: '127.0.0.1', port, isTls: protocol === 'mqtts', ca }
}

function tls(port: number, pair: string): string {
  return `listener ${port} 127.0.0.1\ncertfile ${pair}.crt\nkeyfile ${pair}.key\n`
}

function mutual(port: number, certs: string, name: string): string {
  const demands = `cafile ${certs}/ca.crt\nrequire_certificate true\nuse_identity_as_username true\n`
  return `${tls(port, `${certs}/${name}`)}${demands}`
}
