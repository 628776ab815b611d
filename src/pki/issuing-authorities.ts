// Authorities below the root: a new key in the place of one that is to retire, and a certificate for one whose key is elsewhere.

import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { escapeText } from '../base/escape.ts'
import {
  type AuthorityDescription,
  authorityEvent,
  authorityTitle,
  pointersOf,
  signIssuingAuthority,
  writeDescription,
} from './ca-directory.ts'
import { readRequest } from './certificate-request.ts'
import { type CrlOutcome, signCrls } from './crl-publisher.ts'
import type { CertificateEngine } from './engine.ts'
import { PkiError, PkiNotFoundError } from './errors.ts'
import { publicMode, readWhole, secretMode, writeWhole } from './files.ts'
import { checkCommonName } from './name-rules.ts'
import { formatPem } from './pem.ts'
import { generateKeys, type KeyType } from './private-key.ts'
import type { IssuerKind } from './profiles.ts'

export interface Rotation {
  readonly from: string
  readonly to: string
  /** How many living certificates the old one has: those that have to be renewed before it can go. */
  readonly living: number
  readonly crls: readonly CrlOutcome[]
}

export interface RotationRequest {
  readonly keyType: KeyType
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Who asked, for the record. */
  readonly by: string
}

/**
 * Makes an authority with a new key that issues from now on instead of this one. The old one goes on signing its list, and its
 * certificates stay valid: both are below the same root, and both are in trust/devices.pem.
 *
 * @param id the authority that issues now
 * @throws PkiNotFoundError, PkiError when it is a root or was replaced before, PkiKeyError
 */
export async function rotateAuthority(
  engine: CertificateEngine,
  id: string,
  request: RotationRequest,
): Promise<Rotation> {
  const rotation = await engine.exclusive(async () => {
    const old = replaceable(engine.description.authorities, id)
    const to = freeId(engine, id)
    await makeReplacement(engine, old, to, request)
    const crls = await signCrls(engine, request.now, () => 'when due')
    return { from: id, to, living: livingOf(engine, id, request.now), crls }
  })
  // Where OCSP is answered for the old one, it is for the new one, too, and not only when a timer looks.
  if (existsSync(engine.files.ocspCertificate(id))) await engine.renewOcspSigners(request.now)
  return rotation
}

async function makeReplacement(
  engine: CertificateEngine,
  old: Below,
  to: string,
  { keyType, now, by }: RotationRequest,
): Promise<void> {
  const { description, files } = engine
  const { name, url, domain, authorities } = description
  const [kind] = old.issues as [IssuerKind]
  const rootKey = await engine.keys.unlock(old.parent)
  const { publicKey, privateKey } = await generateKeys(keyType)
  const sealed = await engine.keys.sealLike(old.id, privateKey)
  const der = await signIssuingAuthority(kind, {
    commonName: numbered(`${name} ${authorityTitle(kind)}`, to),
    publicKey,
    root: engine.issuer(old.parent),
    rootKey,
    now,
    pointers: pointersOf(url, old.parent),
    ...(domain === undefined ? {} : { domain }),
  })
  mkdirSync(dirname(files.privateKey(to)), { recursive: true, mode: 0o700 })
  writeWhole(files.privateKey(to), sealed, secretMode)
  writeWhole(files.certificate(to), formatPem('CERTIFICATE', der), publicMode)
  engine.record([authorityEvent(der, old.parent, by)], now)
  // Trusted before it issues: no listener shall meet a certificate of it too early.
  if (kind === 'device') alsoTrust(files.deviceTrust, der)
  const others = authorities.map(one => (one.id === old.id ? { ...one, replacedBy: to } : one))
  writeDescription(files, {
    ...description,
    authorities: [...others, { id: to, issues: old.issues, parent: old.parent }],
  })
}

export interface SigningRequest {
  /** PKCS#10, PEM or DER. */
  readonly request: Uint8Array
  readonly kind: IssuerKind
  /** The CN; the one in the request when absent. */
  readonly name: string | undefined
  readonly now: number
  readonly by: string
}

export interface SignedAuthority {
  readonly name: string
  readonly serial: string
  readonly notAfter: number
  /** PEM, the certificate and the root. */
  readonly chain: string
}

/**
 * A certificate for an issuing authority whose key is elsewhere: at another site, in a device of its own. The root can revoke it;
 * whoever is to trust its clients names it in `cafile`.
 *
 * @throws PkiError, PkiKeyError
 */
export function signForeignAuthority(engine: CertificateEngine, request: SigningRequest): Promise<SignedAuthority> {
  return engine.exclusive(async () => {
    const { kind, now, by } = request
    const { description } = engine
    const root = description.authorities.find(({ issues }) => issues.length === 0)
    if (root === undefined) throw new PkiError('the authority here issues certificates itself: it signs no other one')
    const holder = readRequest(request.request)
    const name = request.name ?? holder.name ?? ''
    checkCommonName(name)
    const { domain } = description
    const der = await signIssuingAuthority(kind, {
      commonName: name,
      publicKey: holder.publicKey,
      root: engine.issuer(root.id),
      rootKey: await engine.keys.unlock(root.id),
      now,
      pointers: pointersOf(description.url, root.id),
      ...(domain === undefined ? {} : { domain }),
    })
    const event = authorityEvent(der, root.id, by, 'request')
    engine.record([event], now)
    return {
      name,
      serial: event.serial,
      notAfter: event.notAfter,
      chain: formatPem('CERTIFICATE', der) + engine.root(root.id),
    }
  })
}

/** Living certificates of an authority that were not issued again by another. */
export function livingOf({ inventory }: CertificateEngine, id: string, now: number): number {
  let living = 0
  for (const { issuer, revocation, notAfter, profile } of inventory.all()) {
    if (issuer === id && revocation === undefined && notAfter >= now && profile !== 'ocsp') living++
  }
  return living
}

type Below = AuthorityDescription & { readonly parent: string }

function replaceable(authorities: readonly AuthorityDescription[], id: string): Below {
  const shown = `authority '${escapeText(id, 64)}'`
  const found = authorities.find(authority => authority.id === id)
  if (found === undefined) {
    const known = authorities.flatMap(one => (one.parent === undefined || one.replacedBy ? [] : [one.id]))
    throw new PkiNotFoundError(`there is no ${shown} here; it is one of ${known.join(', ')}`)
  }
  const { parent, replacedBy } = found
  if (parent === undefined) {
    throw new PkiError(
      `${shown} is a root: who trusts it trusts its key; make a new directory with castellan ca init, and name both in cafile until all clients are renewed`,
    )
  }
  if (replacedBy !== undefined) throw new PkiError(`${shown} was replaced by '${replacedBy}' before`)
  return { ...found, parent }
}

/** `device-2` after `device` and after `device-1`; not one that a crash left half-made. */
function freeId({ files, description }: CertificateEngine, id: string): string {
  const base = id.replace(/-\d+$/, '')
  for (let number = 2; ; number++) {
    const wanted = `${base}-${number}`
    const isKnown = description.authorities.some(authority => authority.id === wanted)
    if (!isKnown && !existsSync(dirname(files.certificate(wanted)))) return wanted
  }
}

function numbered(name: string, id: string): string {
  const [number = ''] = /\d+$/.exec(id) ?? []
  return `${[...name].slice(0, 60 - number.length).join('')} ${number}`
}

function alsoTrust(path: string, der: Buffer): void {
  writeWhole(path, readWhole(path).toString('latin1') + formatPem('CERTIFICATE', der), publicMode)
}
