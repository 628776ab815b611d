import assert from 'node:assert/strict'
import { hash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Authority, type CertificateFiles } from '../../test/support/authority.ts'
import { certificateBytes, party, pemOf } from '../../test/support/certificate-bytes.ts'
import { entryBytes, extensionBytes, listBytes, numberBytes } from '../../test/support/list-bytes.ts'
import { ListSigner } from '../../test/support/revocations.ts'
import type { Log } from '../base/log.ts'
import { readRevocationBundle } from '../x509/revocation-bundle.ts'
import { ClientTrust, type ProvenCertificate, type TrustRules } from './client-trust.ts'
import { RevocationFile } from './revocation-files.ts'

const authorityExtensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']
const root = await Authority.create('/CN=Root')
const devices = await root.issue({ subject: 'Devices', extensions: authorityExtensions })
const leaf = await root.issueFrom(devices, { subject: 'leaf' })
const now = Date.now()
const day = 24 * 60 * 60 * 1000
const read = ({ cert }: CertificateFiles) => new X509Certificate(readFileSync(cert))
const pem = ({ cert }: CertificateFiles) => readFileSync(cert, 'latin1')
const serialOf = (files: CertificateFiles) => {
  const { serialNumber } = read(files)
  return /^[89A-F]/.test(serialNumber) ? `00${serialNumber}` : serialNumber
}

async function fileOf(...lists: readonly Buffer[]): Promise<RevocationFile> {
  const file = new RevocationFile('crl')
  file.lists = (await Promise.all(lists.map(list => readRevocationBundle(list, async () => {})))).flat()
  return file
}

const listOf = (issuer: CertificateFiles, number: number, ...revoked: readonly CertificateFiles[]) =>
  listBytes(issuer, {
    entries: Buffer.concat(revoked.map(files => entryBytes(serialOf(files)))),
    extensions: numberBytes(number),
  })

function trusting(rules: Partial<TrustRules>, log: string[] = [], earlier?: ClientTrust): ClientTrust {
  const all: TrustRules = {
    certificates: [pem(root.ca)],
    revocations: undefined,
    downloads: undefined,
    ocsp: undefined,
    graceMs: 0,
    needsList: true,
    checksDates: true,
    ...rules,
  }
  const writer: Log = { enabled: () => true, write: (type, line) => void log.push(`${type}: ${line}`) }
  return new ClientTrust(all, writer, earlier)
}

function prove(trust: ClientTrust, presented: readonly CertificateFiles[] = [devices]): ProvenCertificate {
  const x509 = read(leaf)
  const proven = trust.prove(trust.cache.read(x509), x509, presented.map(read))
  assert.ok(proven !== undefined, 'not proven')
  return proven
}

test('a chain may be in the files, in the handshake, or learned from an earlier one; without it nobody is proven', () => {
  const trust = trusting({})
  const x509 = read(leaf)
  assert.equal(trust.prove(trust.cache.read(x509), x509, []), undefined)
  const proven = prove(trust)
  assert.equal(proven.issuer.certificate.subject, 'CN=Devices')
  assert.equal(proven.issuer.parent?.certificate.subject, 'CN=Root')
  assert.equal(trust.fault(proven, now), undefined)
  // As a resumed session: the chain is not shown again.
  prove(trust, [])
  prove(trusting({ certificates: [pem(root.ca), pem(devices)] }), [])
})

test('a certificate that anybody may make is no authority, whatever it has signed', async () => {
  const client = await root.issueClient('client')
  const forged = await root.issueFrom(client, { subject: 'forged' })
  const trust = trusting({})
  const x509 = read(forged)
  assert.equal(trust.prove(trust.cache.read(x509), x509, [read(client)]), undefined)
})

test('features D1: the list of an intermediate that only the client shows is verified when it first shows it', async () => {
  const log: string[] = []
  const trust = trusting({ revocations: await fileOf(listOf(devices, 1, leaf)) }, log)
  assert.match(log.join('\n'), /the revocation list of 'CN=Devices' is not signed by an authority that is known here/)
  assert.equal(trust.fault(prove(trust), now), 'certificate was revoked (unspecified)')
})

test('features D1: a list of an authority that nobody needs is no reason for a warning; under a name that is known, or while one is missing, it is', async () => {
  const stranger = await Authority.create('/CN=Servers')
  const impostor = await Authority.create('/CN=Root')
  const own = listOf(root.ca, 1)
  const linesOf = async (certificates: readonly string[], ...lists: readonly Buffer[]) => {
    const log: string[] = []
    trusting({ certificates, revocations: await fileOf(...lists) }, log)
    return log
  }
  const needless = [
    `debug: "crl": the revocation list of 'CN=Servers' is of none of this listener's authorities, and not used.`,
  ]
  const unknown = (name: string) => [
    `warning: Warning: "crl": the revocation list of 'CN=${name}' is not signed by an authority that is known here, and not used.`,
  ]
  assert.deepEqual(await linesOf([pem(root.ca)], own, listOf(stranger.ca, 1)), needless)
  assert.deepEqual(await linesOf([pem(root.ca)], own, listOf(impostor.ca, 1)), unknown('Root'))
  assert.deepEqual(await linesOf([pem(root.ca)], listOf(stranger.ca, 1)), unknown('Servers'))
  assert.deepEqual(await linesOf([pem(root.ca), pem(devices)], own, listOf(stranger.ca, 1)), unknown('Servers'))
})

test('features D1: of the authorities above, those are looked up whose issuer has a list', async () => {
  const own = listOf(devices, 1)
  const alone = trusting({ revocations: await fileOf(own) })
  assert.equal(alone.fault(prove(alone), now), undefined)
  const both = trusting({ revocations: await fileOf(own, listOf(root.ca, 1, devices)) })
  assert.equal(both.fault(prove(both), now), 'an authority above it was revoked (unspecified)')
  const above = trusting({ revocations: await fileOf(listOf(root.ca, 1)) })
  assert.equal(above.fault(prove(above), now), 'there is no revocation list of its authority')
  assert.equal(above.faultToStay(prove(above), now), undefined)
})

test('a list of one authority says nothing about the same serial number of another', async () => {
  const trust = trusting({ revocations: await fileOf(listOf(root.ca, 1, leaf), listOf(devices, 1)) })
  assert.equal(trust.fault(prove(trust), now), undefined)
})

test('an authority without cRLSign signs no list', async () => {
  const mute = await root.issue({
    subject: 'Mute',
    extensions: [authorityExtensions[0]!, 'keyUsage=critical,keyCertSign'],
  })
  const child = await root.issueFrom(mute, { subject: 'child' })
  const trust = trusting({ certificates: [pem(root.ca), pem(mute)], revocations: await fileOf(listOf(mute, 1, child)) })
  const x509 = read(child)
  const proven = trust.prove(trust.cache.read(x509), x509, [])
  assert.ok(proven !== undefined)
  assert.equal(trust.fault(proven, Date.now()), 'there is no revocation list of its authority')
})

test('after a reload: who came by an authority that is still there stays, who did not goes', async () => {
  const before = trusting({})
  const proven = prove(before)
  assert.equal(trusting({}).faultToStay(proven, now), undefined)
  const other = await Authority.create('/CN=Other')
  const moved = trusting({ certificates: [pem(other.ca)] })
  assert.equal(moved.faultToStay(proven, now), 'issued by an authority that is not trusted')
  const namesake = await Authority.create('/CN=Root')
  assert.equal(
    trusting({ certificates: [pem(namesake.ca)] }).faultToStay(proven, now),
    'issued by an authority that is not trusted',
  )
})

test('a reload does not go back to an older list', async () => {
  const newer = trusting({
    revocations: await fileOf(listOf(devices, 2, leaf)),
    certificates: [pem(root.ca), pem(devices)],
  })
  const older = trusting(
    { revocations: await fileOf(listOf(devices, 1)), certificates: [pem(root.ca), pem(devices)] },
    [],
    newer,
  )
  assert.equal(older.fault(prove(older), now), 'certificate was revoked (unspecified)')
})

test('pki §1.4: a list warns when half, four fifths and all of its time are over, each once', async () => {
  const log: string[] = []
  const trust = trusting({ revocations: await fileOf(listOf(root.ca, 1)), graceMs: 7 * day }, log)
  const [start, end] = [Date.parse('2026-01-01'), Date.parse('2049-01-01')]
  const at = (share: number) => {
    log.length = 0
    trust.advance(start + (end - start) * share)
    trust.advance(start + (end - start) * share)
    return log.map(line => line.replace(/ of 'CN=Root'/, ''))
  }
  assert.deepEqual(at(0.4), [])
  assert.deepEqual(at(0.5), [
    'notice: Revocation list: half of its time is over; the next one is due by 2049-01-01T00:00:00.000Z.',
  ])
  assert.deepEqual(at(0.8), [
    'warning: Warning: Revocation list ends soon, at 2049-01-01T00:00:00.000Z, and there is no newer one.',
  ])
  assert.deepEqual(at(1.00001), [
    'error: Error: Revocation list has ended at 2049-01-01T00:00:00.000Z; it is used until 2049-01-08T00:00:00.000Z (crl_expired), and then refuses every certificate of its authority.',
  ])
  assert.deepEqual(at(1.01), [
    'error: Error: Revocation list has ended at 2049-01-01T00:00:00.000Z: every certificate of its authority is refused.',
  ])
})

test('features D1: after a reload a new list of an authority that only clients have shown counts for those who are still there', async () => {
  const file = await fileOf(listOf(devices, 1))
  const before = trusting({ revocations: file })
  const proven = prove(before)
  const log: string[] = []
  const after = trusting({ revocations: file }, log, before)
  assert.equal(after.faultToStay(proven, now), undefined)
  file.lists = (await fileOf(listOf(devices, 2, leaf))).lists
  await after.update()
  assert.equal(after.faultToStay(proven, now), 'certificate was revoked (unspecified)')
  assert.deepEqual(log, [])
})

test('decision 14: a list that nobody here has signed, and no list at all, takes nothing back that the one before has said', async () => {
  const forger = await Authority.create('/CN=Devices')
  for (const lists of [[listOf(forger.ca, 2)], [listOf(root.ca, 1)], []]) {
    const file = await fileOf(listOf(devices, 1, leaf))
    const log: string[] = []
    const trust = trusting({ revocations: file }, log)
    const proven = prove(trust)
    file.lists = (await fileOf(...lists)).lists
    await trust.update()
    assert.equal(trust.fault(proven, now), 'certificate was revoked (unspecified)')
    assert.match(log.join('\n'), /no list of CN=Devices counts any more; the one in force \(number 1\) goes on/)
    file.lists = (await fileOf(listOf(devices, 2))).lists
    await trust.update()
    assert.equal(trust.fault(proven, now), undefined)
  }
})

test('the list of an authority that is not trusted any more does not stay', async () => {
  const file = await fileOf(listOf(devices, 1, leaf))
  const before = trusting({ revocations: file, certificates: [pem(root.ca), pem(devices)] })
  const other = await Authority.create('/CN=Other')
  const after = trusting({ revocations: await fileOf(), certificates: [pem(other.ca)] }, [], before)
  assert.deepEqual(after.revocations?.lists, [])
})

test('after a reload: whose authority has a new certificate for its key stays when the time of the old one is over', () => {
  const [authority, holder] = [party('Renewed'), party('holder')]
  const certificate = (notAfter: string) =>
    certificateBytes({
      subject: authority,
      issuer: authority,
      notAfter,
      extensions: [extensionBytes('551d13', '30030101ff')],
    })
  const [old, renewed] = [certificate('300101000000Z'), certificate('400101000000Z')].map(pemOf) as [string, string]
  const x509 = new X509Certificate(certificateBytes({ subject: holder, issuer: authority }))
  const before = trusting({ certificates: [old] })
  const proven = before.prove(before.cache.read(x509), x509, [])
  assert.ok(proven !== undefined)
  const late = Date.parse('2031-01-01')
  assert.equal(before.faultToStay(proven, late), 'an authority above it has expired, or is not yet valid')
  assert.equal(
    trusting({ certificates: [old] }, [], before).faultToStay(proven, late),
    'an authority above it has expired, or is not yet valid',
  )
  for (const certificates of [[renewed], [old, renewed], [renewed, old]]) {
    assert.equal(trusting({ certificates }, [], before).faultToStay(proven, late), undefined)
  }
})

test('RFC 5280 §5.2.4: a full list whose time is over is no reason for an alarm while a delta list goes on from it', async () => {
  const signer = await ListSigner.create(root, 'alarms')
  const full = Buffer.from(await signer.sign({ number: 10, between: ['200101000000Z', '210101000000Z'] }))
  const delta = (deltaBase: number) =>
    signer.sign({ number: 11, deltaBase, between: ['200601000000Z', '490101000000Z'] }).then(Buffer.from)
  const linesAt2022 = async (...lists: readonly Buffer[]) => {
    const log: string[] = []
    const watched = trusting({ revocations: await fileOf(...lists), graceMs: 7 * day }, log)
    log.length = 0
    watched.advance(Date.parse('2022-01-01'))
    return log.join('\n')
  }
  const ended = /has ended at 2021-01-01T00:00:00\.000Z: every certificate of its authority is refused/
  assert.match(await linesAt2022(full), ended)
  assert.equal(await linesAt2022(full, await delta(10)), '')
  assert.match(await linesAt2022(full, await delta(11)), ended)
})

test('ca_directory: what an authority of ours has signed and not recorded is refused, at the handshake, at CONNECT and while connected', () => {
  const keyOf = (files: CertificateFiles) =>
    hash('sha256', read(files).publicKey.export({ type: 'spki', format: 'der' }), 'hex')
  const fingerprintOf = (files: CertificateFiles) => read(files).fingerprint256.replaceAll(':', '').toLowerCase()
  /** An authority with two keys, that has recorded these certificates. */
  const trustOf = (...recorded: readonly CertificateFiles[]) => {
    const known = new Set(recorded.map(files => `${read(files).serialNumber} ${fingerprintOf(files)}`))
    const keys = [keyOf(devices), keyOf(root.ca)]
    const has = (key: string, serialNumber: string, fingerprint: string) =>
      keys.includes(key) ? known.has(`${serialNumber} ${fingerprint}`) : undefined
    return trusting({ issued: { has } })
  }
  const faults = (trust: ClientTrust) => {
    const proven = prove(trust)
    return new Set([trust.faultAtHandshake(proven, now), trust.fault(proven, now), trust.faultToStay(proven, now)])
  }
  assert.deepEqual(faults(trustOf(leaf, devices)), new Set([undefined]))
  assert.deepEqual(
    faults(trustOf(devices)),
    new Set(['certificate was never issued by its authority (by ca_directory)']),
  )
  assert.deepEqual(
    faults(trustOf(leaf)),
    new Set(['an authority above it was never issued by its own (by ca_directory)']),
  )
  assert.deepEqual(faults(trusting({ issued: { has: () => undefined } })), new Set([undefined]))
})
