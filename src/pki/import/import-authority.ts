// Takes over the authority of another tool: its key encrypted anew, its certificates, revocations and list number kept, its
// faults named.

import 'reflect-metadata'
import { hash, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { renameSync, rmSync } from 'node:fs'
import * as x509 from '@peculiar/x509'
import * as asn1 from 'asn1js'
import { type CaFiles, caFiles, makeSkeleton, refuseTaken, writeDescription } from '../ca-directory.ts'
import { PkiFileError, PkiKeyError } from '../errors.ts'
import { publicMode, readWhole, secretMode, writeWhole } from '../files.ts'
import { Issuer } from '../issuer.ts'
import { type IssuedEvent, Journal, type JournalEvent } from '../journal.ts'
import type { AskPassphrase } from '../key-ring.ts'
import { lintCertificate } from '../lint.ts'
import { formatPem, pemBlocks } from '../pem.ts'
import { encryptedKeyPem, isEncryptedPem, readPrivateKey } from '../private-key.ts'
import { certificateFiles, type ForeignAuthority, recogniseAuthority } from './foreign-authority.ts'
import { type DatabaseRow, parseOpenSslDatabase, wholeBytes } from './openssl-database.ts'

export interface ImportRequest {
  readonly askOldPassphrase: AskPassphrase
  /** Of the key from now on. */
  readonly passphrase: string
  readonly url?: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface ImportResult {
  readonly kind: ForeignAuthority['kind']
  readonly certificates: number
  readonly revoked: number
  /** In words, each once. */
  readonly faults: readonly string[]
}

/** The one authority that an imported directory has. */
export const importedId = 'ca'

/**
 * Reads `from`, changes nothing there, and makes `dir`.
 *
 * @throws PkiFileError, PkiKeyError, PkiConflictError
 */
export async function importAuthority(from: string, dir: string, request: ImportRequest): Promise<ImportResult> {
  refuseTaken(dir)
  const found = recogniseAuthority(from)
  const issuer = readAuthority(found)
  const keyPem = readWhole(found.privateKey, 1 << 16).toString('latin1')
  const key = await readKey(keyPem, issuer, request)
  const certificates = readCertificates(found, issuer)
  const rows = found.database === undefined ? [] : parseOpenSslDatabase(readWhole(found.database).toString('utf8'))
  const events = eventsOf(rows, certificates)
  const crl = readCrl(found)
  const building = caFiles(`${dir}.new-${randomBytes(6).toString('hex')}`)
  try {
    await write(building, issuer, key, request)
    const number = Math.max(crl?.number ?? 0, nextNumber(found) - 1)
    const past = { event: 'crl', issuer: importedId, number, thisUpdate: 0, nextUpdate: 0, entries: 0 } as const
    new Journal(building.journal).append(number > 0 ? [...events, past] : events, request.now)
    renameSync(building.dir, dir)
  } catch (error) {
    rmSync(building.dir, { recursive: true, force: true })
    throw error
  }
  return {
    kind: found.kind,
    certificates: events.filter(({ event }) => event === 'issued').length,
    revoked: events.filter(({ event }) => event === 'revoked').length,
    faults: [
      ...(isEncryptedPem(keyPem)
        ? []
        : ["the authority's key is not encrypted: whoever reads the file can issue certificates"]),
      ...authorityFaults(issuer),
      ...crlFaults(crl, request.now),
      ...certificateFaults(certificates),
    ],
  }
}

function readAuthority({ certificate }: ForeignAuthority): Issuer {
  const [der] = pemBlocks(readWhole(certificate, 1 << 20).toString('latin1'), ['CERTIFICATE', 'TRUSTED CERTIFICATE'])
  if (der === undefined) throw new PkiFileError(`'${certificate}' holds no certificate`)
  return new Issuer(der)
}

async function readKey(pem: string, issuer: Issuer, { askOldPassphrase }: ImportRequest): Promise<KeyObject> {
  const what = 'the key of the authority that is imported'
  const key = readPrivateKey(pem, isEncryptedPem(pem) ? await askOldPassphrase(what) : undefined, what)
  if (!issuer.owns(key)) throw new PkiKeyError(`${what} is not the one of its certificate`)
  return key
}

/** What lies there and was signed by this authority, by serial number. */
function readCertificates({ issued }: ForeignAuthority, issuer: Issuer): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  const authority = new X509Certificate(issuer.der)
  for (const path of issued.flatMap(certificateFiles)) {
    for (const der of pemBlocks(readWhole(path).toString('latin1'), ['CERTIFICATE'])) {
      const certificate = readQuietly(der)
      const isOwn = certificate !== undefined && !der.equals(issuer.der) && certificate.verify(authority.publicKey)
      if (isOwn) found.set(wholeBytes(certificate.serialNumber), der)
    }
  }
  return found
}

function readQuietly(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    return undefined
  }
}

function eventsOf(rows: readonly DatabaseRow[], certificates: ReadonlyMap<string, Buffer>): JournalEvent[] {
  const known = new Set(rows.map(({ serial }) => serial))
  const onlyFiles = [...certificates].filter(([serial]) => !known.has(serial))
  const issued = [
    ...rows.map(row => issuedEvent(row.serial, certificates.get(row.serial), row)),
    ...onlyFiles.map(([serial, der]) => issuedEvent(serial, der)),
  ]
  const revoked = rows.flatMap(({ serial, revocation }) =>
    revocation === undefined ? [] : [{ event: 'revoked', issuer: importedId, serial, ...revocation } as const],
  )
  return [...issued, ...revoked]
}

function issuedEvent(serial: string, der: Buffer | undefined, row?: DatabaseRow): IssuedEvent {
  const certificate = der === undefined ? undefined : new X509Certificate(der)
  const common = { event: 'issued', issuer: importedId, serial, profile: 'imported', keyOrigin: 'imported' } as const
  const commonName = /^CN=(.*)$/m.exec((certificate?.subject as string | undefined) ?? '')?.[1]
  return {
    ...common,
    name: row?.name ?? commonName ?? serial,
    alternatives: [],
    notBefore: certificate?.validFromDate.getTime() ?? 0,
    notAfter: certificate?.validToDate.getTime() ?? row?.notAfter ?? 0,
    fingerprint: der === undefined ? '' : hash('sha256', der, 'hex'),
    key:
      certificate === undefined
        ? ''
        : hash('sha256', certificate.publicKey.export({ type: 'spki', format: 'der' }), 'hex'),
    by: 'castellan ca import',
    ...(der === undefined ? {} : { der: der.toString('base64') }),
  }
}

async function write(
  files: CaFiles,
  issuer: Issuer,
  key: KeyObject,
  { passphrase, url }: ImportRequest,
): Promise<void> {
  makeSkeleton(files, [importedId])
  const pem = formatPem('CERTIFICATE', issuer.der)
  writeWhole(files.certificate(importedId), pem, publicMode)
  writeWhole(files.privateKey(importedId), await encryptedKeyPem(key, passphrase), secretMode)
  writeWhole(files.rootTrust, pem, publicMode)
  writeWhole(files.deviceTrust, pem, publicMode)
  writeDescription(files, {
    version: 1,
    name: issuer.name,
    authorities: [{ id: importedId, issues: ['server', 'device'] }],
    ...(url === undefined ? {} : { url }),
  })
}

interface LastCrl {
  readonly number: number
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
}

function readCrl({ crl }: ForeignAuthority): LastCrl | undefined {
  if (crl === undefined) return undefined
  const [der] = pemBlocks(readWhole(crl).toString('latin1'), ['X509 CRL'], 1 << 26)
  if (der === undefined) return undefined
  const list = new x509.X509Crl(Uint8Array.from(der).buffer)
  const extension = list.getExtension('2.5.29.20')
  const encoded = extension === null ? undefined : asn1.fromBER(extension.value).result
  return {
    number: encoded instanceof asn1.Integer ? Number(encoded.toBigInt()) : 0,
    thisUpdate: list.thisUpdate.getTime(),
    nextUpdate: list.nextUpdate?.getTime(),
  }
}

function nextNumber({ crlNumber }: ForeignAuthority): number {
  if (crlNumber === undefined) return 0
  const text = readWhole(crlNumber, 256).toString('latin1').trim()
  return /^[0-9A-Fa-f]{1,12}$/.test(text) ? Number.parseInt(text, 16) : 0
}

const dayMs = 24 * 60 * 60 * 1000

function authorityFaults(issuer: Issuer): string[] {
  const isSelfIssued = issuer.certificate.subject === issuer.certificate.issuer
  return [
    ...lintCertificate(issuer.der).map(({ rule, problem }) => `the authority: ${problem} (${rule})`),
    ...(isSelfIssued ? [] : ['the authority is below another one, which is not imported: trust this one directly']),
  ]
}

function crlFaults(crl: LastCrl | undefined, now: number): string[] {
  if (crl === undefined) return ['there is no revocation list: nobody can tell what was revoked']
  const { thisUpdate, nextUpdate } = crl
  if (nextUpdate === undefined) return ['the revocation list has no end']
  const days = (nextUpdate - thisUpdate) / dayMs
  return [
    ...(nextUpdate < now ? ['the revocation list has expired: whoever checks it refuses every client'] : []),
    ...(days < 3
      ? [`the revocation list lives ${Math.round(days * 24)} hours: a day without a new one locks everybody out`]
      : []),
  ]
}

/** Each problem once, with how many certificates have it. */
function certificateFaults(certificates: ReadonlyMap<string, Buffer>): string[] {
  const counts = new Map<string, number>()
  for (const der of certificates.values()) {
    for (const { rule, problem } of lintCertificate(der)) {
      const text = `${problem} (${rule})`
      counts.set(text, (counts.get(text) ?? 0) + 1)
    }
  }
  return [...counts].map(([text, count]) => `${count} of ${certificates.size} certificates: ${text}`)
}
