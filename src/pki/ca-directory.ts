// The directory of an authority: where everything is, how it is made, and what it says about itself.

import { hash, type KeyObject, randomBytes } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { escapeText } from '../base/escape.ts'
import { type Pointers, signAuthority } from './certificate-builder.ts'
import { PkiConflictError, PkiError, PkiFileError } from './errors.ts'
import { makeDirectory, publicMode, readWhole, secretMode, writeWhole } from './files.ts'
import { Issuer } from './issuer.ts'
import { type IssuedEvent, Journal } from './journal.ts'
import { checkCommonName, isHostName } from './name-rules.ts'
import { formatPem, pemBlocks } from './pem.ts'
import { encryptedKeyPem, generateKeys, type KeyType, plainKeyPem } from './private-key.ts'
import {
  authorityLifetimeDays,
  backdateMs,
  extendedKeyUsage,
  type IssuerKind,
  issuingLifetimeDays,
} from './profiles.ts'

/** One authority as ca.json has it. */
export interface AuthorityDescription {
  /** Its directory's name: `root`, `server`, `device`, or `ca` for one that was imported. */
  readonly id: string
  /** What it signs: certificates of these kinds, or, when empty, other authorities. */
  readonly issues: readonly IssuerKind[]
  /** The authority above it; absent for a root. */
  readonly parent?: string
  /** Issues nothing more, and signs its lists until its certificates have ended: the authority that issues instead. */
  readonly replacedBy?: string
}

/** ca.json. */
export interface CaDescription {
  readonly version: 1
  readonly name: string
  readonly authorities: readonly AuthorityDescription[]
  /** Under which lists, certificates and OCSP are served, without a slash at the end; nowhere when absent. */
  readonly url?: string
  /** The only domain of host names in device certificates. */
  readonly domain?: string
  /** Where the root's key is, when it is not here. */
  readonly offlineRoot?: string
}

export interface CaFiles {
  readonly dir: string
  readonly description: string
  readonly journal: string
  readonly lock: string
  /** While it is there nothing is signed. */
  readonly locked: string
  /** The profiles that this authority has besides those of the program. */
  readonly profiles: string
  readonly crls: string
  /** All lists one after the other, PEM: what `crlfile` takes. */
  readonly allCrls: string
  readonly ocsp: string
  /** The root alone, and with every authority for devices: what `cafile` of clients, and of a listener, take. */
  readonly rootTrust: string
  readonly deviceTrust: string
  certificate(id: string): string
  privateKey(id: string): string
  crl(id: string): string
  deltaCrl(id: string): string
  ocspCertificate(id: string): string
  ocspKey(id: string): string
}

export function caFiles(dir: string): CaFiles {
  return {
    dir,
    description: join(dir, 'ca.json'),
    journal: join(dir, 'journal.jsonl'),
    lock: join(dir, 'lock'),
    locked: join(dir, 'locked'),
    profiles: join(dir, 'profiles.json'),
    crls: join(dir, 'crl'),
    allCrls: join(dir, 'crl', 'all.pem'),
    ocsp: join(dir, 'ocsp'),
    rootTrust: join(dir, 'trust', 'root.pem'),
    deviceTrust: join(dir, 'trust', 'devices.pem'),
    certificate: id => join(dir, id, 'ca.crt'),
    privateKey: id => join(dir, id, 'private', 'ca.key'),
    crl: id => join(dir, 'crl', `${id}.crl`),
    deltaCrl: id => join(dir, 'crl', `${id}-delta.crl`),
    ocspCertificate: id => join(dir, 'ocsp', `${id}.crt`),
    ocspKey: id => join(dir, 'ocsp', `${id}.key`),
  }
}

export interface InitRequest {
  readonly name: string
  readonly organization?: string
  readonly url?: string
  readonly domain?: string
  readonly keyType: KeyType
  /** A directory for the root's key: a removable medium. */
  readonly offlineRoot?: string
  /** Undefined leaves the keys in the clear: for a directory that nobody but its owner can read (decision 16). */
  readonly passphrase: string | undefined
  readonly rootPassphrase: string | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/**
 * Makes a root with an authority for servers and one for devices below it. The directory appears whole or not at all.
 *
 * @throws PkiConflictError when something is there already
 * @throws PkiError, PkiKeyError for what was asked for
 */
export async function initDirectory(dir: string, request: InitRequest): Promise<void> {
  checkRequest(request)
  refuseTaken(dir)
  const building = caFiles(`${dir}.new-${randomBytes(6).toString('hex')}`)
  try {
    makeSkeleton(building, ['root', 'server', 'device'])
    const { url, domain, offlineRoot, name } = request
    await makeAuthorities(building, request)
    writeDescription(building, {
      version: 1,
      name,
      authorities: [
        { id: 'root', issues: [] },
        { id: 'server', issues: ['server'], parent: 'root' },
        { id: 'device', issues: ['device'], parent: 'root' },
      ],
      ...(url === undefined ? {} : { url }),
      ...(domain === undefined ? {} : { domain }),
      ...(offlineRoot === undefined ? {} : { offlineRoot }),
    })
    renameSync(building.dir, dir)
  } catch (error) {
    rmSync(building.dir, { recursive: true, force: true })
    throw error
  }
}

/** @throws PkiFileError when it is no directory of ours */
export function readDescription(files: CaFiles): CaDescription {
  const shown = escapeText(files.dir, 4096)
  if (!existsSync(files.description)) {
    throw new PkiFileError(
      `there is no certificate authority in '${shown}'; make one with castellan ca init '${shown}'`,
    )
  }
  try {
    const description = JSON.parse(readWhole(files.description, 1 << 20).toString('utf8')) as CaDescription
    if (description.version === 1 && Array.isArray(description.authorities)) return description
  } catch (error) {
    if (error instanceof PkiFileError) throw error
  }
  throw new PkiFileError(`'${escapeText(files.description, 4096)}' is not of a version that this program knows`)
}

/** Where certificates of one authority say that its revocation is to be found. */
export function pointersOf(url: string | undefined, id: string): Pointers {
  if (url === undefined) return {}
  const pointers = { crl: `${url}/crl/${id}.crl`, issuerCertificate: `${url}/ca/${id}.crt` }
  // Nobody answers for a root: its key is in a safe.
  return id === 'root' ? pointers : { ...pointers, ocsp: `${url}/ocsp` }
}

export function readIssuer(files: CaFiles, id: string): Issuer {
  const path = files.certificate(id)
  const [der] = pemBlocks(readWhole(path).toString('latin1'), ['CERTIFICATE'])
  if (der === undefined) throw new PkiFileError(`'${escapeText(path, 4096)}' holds no certificate`)
  return new Issuer(der)
}

/** The directories and the empty journal that every authority has. */
export function makeSkeleton(files: CaFiles, ids: readonly string[]): void {
  makeDirectory(files.dir, 0o700)
  for (const path of [files.crls, files.ocsp, join(files.dir, 'trust'), ...ids.map(id => join(files.dir, id))]) {
    makeDirectory(path, 0o700)
  }
  for (const id of ids) makeDirectory(join(files.dir, id, 'private'), 0o700)
  writeFileSync(files.journal, '', { mode: 0o600, flag: 'wx', flush: true })
}

export function writeDescription(files: CaFiles, description: CaDescription): void {
  writeWhole(files.description, `${JSON.stringify(description, undefined, 2)}\n`, publicMode)
}

export function refuseTaken(dir: string): void {
  const stat = lstatSync(dir, { throwIfNoEntry: false })
  if (stat === undefined || (stat.isDirectory() && readdirSync(dir).length === 0)) return
  throw new PkiConflictError(`'${escapeText(dir, 4096)}' already exists; choose a directory that does not`)
}

function checkRequest({ name, organization, url, domain, offlineRoot }: InitRequest): void {
  checkCommonName(`${name} Device CA`)
  if (organization !== undefined) checkCommonName(organization)
  if (url !== undefined && !/^http:\/\/[a-z0-9.:[\]-]+(?:\/[\w./-]*[\w-])?$/i.test(url)) {
    throw new PkiError(
      `url '${escapeText(url, 200)}' is not like 'http://pki.example.org'; lists are fetched without TLS, whose certificate would need them`,
    )
  }
  if (domain !== undefined && (!isHostName(domain) || domain.startsWith('*'))) {
    throw new PkiError(`domain '${escapeText(domain, 80)}' is no domain; it is like 'devices.example.org'`)
  }
  if (offlineRoot !== undefined && !lstatSync(offlineRoot, { throwIfNoEntry: false })?.isDirectory()) {
    throw new PkiFileError(`'${escapeText(offlineRoot, 4096)}' is no directory; the root's key is to go there`)
  }
}

const dayMs = 24 * 60 * 60 * 1000

async function makeAuthorities(files: CaFiles, request: InitRequest): Promise<void> {
  const { name, now, url, domain, keyType } = request
  const owner = request.organization === undefined ? {} : { organization: { O: request.organization } }
  const root = await generateKeys(keyType)
  const rootDer = await signAuthority({
    commonName: `${name} Root CA`,
    ...owner,
    validity: { notBefore: seconds(now - backdateMs), notAfter: seconds(now) + authorityLifetimeDays * dayMs },
    publicKey: root.publicKey,
    signingKey: root.privateKey,
    pathLength: 1,
    pointers: {},
  })
  await writeAuthority(files, 'root', rootDer, root.privateKey, request)
  const trusted = [rootDer]
  const issued: IssuedEvent[] = []
  for (const kind of ['server', 'device'] as const) {
    const keys = await generateKeys(keyType)
    const der = await signIssuingAuthority(kind, {
      commonName: `${name} ${authorityTitle(kind)}`,
      publicKey: keys.publicKey,
      root: new Issuer(rootDer),
      rootKey: root.privateKey,
      now,
      pointers: pointersOf(url, 'root'),
      ...(domain === undefined ? {} : { domain }),
    })
    await writeAuthority(files, kind, der, keys.privateKey, request)
    issued.push(authorityEvent(der, 'root', 'castellan ca init'))
    if (kind === 'device') trusted.push(der)
  }
  // So that the root can revoke them like everything else that was issued.
  new Journal(files.journal).append(issued, now)
  writeWhole(files.rootTrust, formatPem('CERTIFICATE', rootDer), publicMode)
  writeWhole(files.deviceTrust, trusted.map(der => formatPem('CERTIFICATE', der)).join(''), publicMode)
}

async function writeAuthority(
  files: CaFiles,
  id: string,
  der: Buffer,
  key: KeyObject,
  { offlineRoot, passphrase, rootPassphrase }: InitRequest,
): Promise<void> {
  const isRoot = id === 'root'
  const path = isRoot && offlineRoot !== undefined ? join(offlineRoot, 'root.key') : files.privateKey(id)
  if (existsSync(path)) throw new PkiConflictError(`'${escapeText(path, 4096)}' already exists; it is left alone`)
  const wanted = isRoot ? rootPassphrase : passphrase
  writeWhole(path, wanted === undefined ? plainKeyPem(key) : await encryptedKeyPem(key, wanted), secretMode)
  writeWhole(files.certificate(id), formatPem('CERTIFICATE', der), publicMode)
}

/** What people read of an issuing authority's purpose in its name. */
export function authorityTitle(kind: IssuerKind): string {
  return kind === 'server' ? 'Server CA' : 'Device CA'
}

export interface IssuingAuthority {
  readonly commonName: string
  readonly publicKey: KeyObject
  readonly root: Issuer
  readonly rootKey: KeyObject
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly pointers: Pointers
  readonly domain?: string
}

/**
 * An authority that issues for one purpose and has none below it: five years, or as long as the root.
 *
 * @returns DER
 * @throws PkiError
 */
export function signIssuingAuthority(kind: IssuerKind, request: IssuingAuthority): Promise<Buffer> {
  const { commonName, publicKey, root, rootKey, now, pointers, domain } = request
  const [owner] = root.certificate.subjectName.getField('O')
  const end = seconds(now) + issuingLifetimeDays * dayMs
  return signAuthority({
    commonName,
    ...(owner === undefined ? {} : { organization: { O: owner } }),
    validity: { notBefore: seconds(now - backdateMs), notAfter: Math.min(end, root.notAfter) },
    publicKey,
    signingKey: rootKey,
    issuer: root,
    pathLength: 0,
    purposes: [kind === 'server' ? extendedKeyUsage.serverAuth : extendedKeyUsage.clientAuth],
    ...(domain !== undefined && kind === 'device' ? { permittedDomain: domain } : {}),
    pointers,
  })
}

/** What the journal says of an authority's own certificate. */
export function authorityEvent(
  der: Buffer,
  issuer: string,
  by: string,
  keyOrigin: IssuedEvent['keyOrigin'] = 'generated',
): IssuedEvent {
  const { certificate, name } = new Issuer(der)
  return {
    event: 'issued',
    issuer,
    serial: certificate.serialNumber.toLowerCase(),
    profile: 'authority',
    name,
    alternatives: [],
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    fingerprint: hash('sha256', der, 'hex'),
    key: hash('sha256', new Uint8Array(certificate.publicKey.rawData), 'hex'),
    keyOrigin,
    by,
    der: der.toString('base64'),
  }
}

/** Certificates have whole seconds. */
export function seconds(at: number): number {
  return Math.floor(at / 1000) * 1000
}
