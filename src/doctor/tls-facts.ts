// What a TLS listener serves and trusts: its certificate and key, its authorities, its revocation lists.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { AppError } from '../base/errors.ts'
import { type Issuer, IssuerStore } from '../x509/issuer.ts'
import { loadX509Library } from '../x509/library.ts'
import { readRevocationBundle } from '../x509/revocation-bundle.ts'
import type { RevocationList } from '../x509/revocation-list.ts'
import { type Certificate, mostCertificateBytes, readCertificates } from './certificates.ts'
import type { Listener, Setting } from './configuration.ts'
import type { Problem } from './finding.ts'
import { quoted } from './finding.ts'
import { namesIn, readBytes, whereIs } from './look.ts'
import { type PrivateKey, readPrivateKey } from './private-keys.ts'

/** Bytes of one file of revocation lists: half a million entries. */
const mostListBytes = 16 * 1024 * 1024

export interface CrlFacts {
  readonly place: Setting
  /** For people, not escaped. */
  readonly issuer: string
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
  /** Whether an authority of the listener is named as its issuer and has signed it. */
  readonly isSignedHere: boolean
}

export interface TlsFacts {
  readonly listener: Listener
  readonly certfile: Setting
  /** Leaf first; empty where the file cannot be read. */
  readonly served: readonly Certificate[]
  readonly key: PrivateKey | undefined
  readonly authorities: readonly Certificate[]
  readonly lists: readonly CrlFacts[]
  /** Of the authorities that issue no other one here, those that no list speaks for; empty without a list. */
  readonly withoutList: readonly Certificate[]
}

/** @param problems takes what cannot be read */
export async function readTls(
  listener: Listener,
  configFile: string,
  problems: Problem[],
): Promise<TlsFacts | undefined> {
  const certfile = listener.last('certfile')
  if (certfile === undefined) return undefined
  const read = (setting: Setting | undefined, limit: number) => readNamed(setting, configFile, limit, problems)
  const certificates = (setting: Setting | undefined) => {
    const file = read(setting, mostCertificateBytes)
    return file === undefined ? [] : readCertificates(file.bytes, file.path)
  }
  const keyFile = read(listener.last('keyfile'), mostCertificateBytes)
  const capath = listener.last('capath')
  const authorities = [
    ...certificates(listener.last('cafile')),
    ...(capath === undefined ? [] : certificatesIn(whereIs(capath.value, configFile))),
  ]
  const crlfile = listener.last('crlfile')
  const listFile = read(crlfile, mostListBytes)
  const judged =
    crlfile === undefined || listFile === undefined
      ? noLists
      : await readLists(crlfile, listFile.bytes, authorities, problems)
  return {
    listener,
    certfile,
    served: certificates(certfile),
    key: keyFile && readPrivateKey(keyFile.bytes, keyFile.path),
    authorities,
    ...judged,
  }
}

/** The bytes of the file that a line names. */
export function readNamed(
  setting: Setting | undefined,
  configFile: string,
  limit: number,
  problems: Problem[],
): { readonly bytes: Buffer; readonly path: string } | undefined {
  if (setting === undefined || setting.value === '') return undefined
  const path = whereIs(setting.value, configFile)
  const content = readBytes(path, limit)
  if (typeof content !== 'string') return { bytes: content.bytes, path }
  problems.push({ place: setting, message: `${setting.name} ${quoted(setting.value)} cannot be read: ${content}` })
  return undefined
}

function certificatesIn(directory: string): readonly Certificate[] {
  const found: Certificate[] = []
  const seen = new Set<string>()
  for (const name of namesIn(directory)) {
    const path = `${directory}/${name}`
    const content = readBytes(path, mostCertificateBytes)
    if (typeof content === 'string') continue
    for (const certificate of readCertificates(content.bytes, path)) {
      // `openssl rehash` makes a second name for each.
      if (!seen.has(certificate.x509.fingerprint256)) found.push(certificate)
      seen.add(certificate.x509.fingerprint256)
    }
  }
  return found
}

type Judged = Pick<TlsFacts, 'lists' | 'withoutList'>
const noLists: Judged = { lists: [], withoutList: [] }

async function readLists(
  place: Setting,
  bytes: Buffer,
  authorities: readonly Certificate[],
  problems: Problem[],
): Promise<Judged> {
  try {
    await loadX509Library()
    const lists = await readRevocationBundle(bytes, nextTurn)
    return await judge(place, lists, authorities)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    problems.push({ place, message: `crlfile ${quoted(place.value)} cannot be read: ${error.message}` })
    return noLists
  }
}

async function judge(
  place: Setting,
  lists: readonly RevocationList[],
  authorities: readonly Certificate[],
): Promise<Judged> {
  const issuers = new IssuerStore(authorities.map(({ x509 }) => x509.toString())).all
  const signers = new Set<string>()
  const facts: CrlFacts[] = []
  for (const list of lists) {
    const signer = await signerOf(list, issuers)
    if (signer !== undefined) signers.add(signer.keyId)
    const { issuerText: issuer, thisUpdate, nextUpdate } = list
    facts.push({ place, issuer, thisUpdate, nextUpdate, isSignedHere: signer !== undefined })
  }
  const isAbove = (issuer: Issuer) => issuers.some(({ parent }) => parent?.keyId === issuer.keyId)
  const lacking = issuers.filter(issuer => !signers.has(issuer.keyId) && !isAbove(issuer))
  const withoutList = authorities.filter(({ x509 }) =>
    lacking.some(({ certificate }) => certificate.fingerprint256 === x509.fingerprint256),
  )
  return { lists: facts, withoutList }
}

async function signerOf(list: RevocationList, issuers: readonly Issuer[]): Promise<Issuer | undefined> {
  for (const issuer of issuers) {
    if (issuer.name === list.issuer && (await list.verify(issuer.publicKey, issuer.keyId))) return issuer
  }
  return undefined
}
