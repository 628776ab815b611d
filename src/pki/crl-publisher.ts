// Keeps the revocation lists of a directory fresh: signs those that are due, numbers them, and puts them where they are read.

import { existsSync } from 'node:fs'
import type { AuthorityDescription } from './ca-directory.ts'
import { seconds } from './ca-directory.ts'
import { type CrlEntry, signCrl } from './crl.ts'
import type { CertificateEngine } from './engine.ts'
import { PkiKeyError } from './errors.ts'
import { publicMode, readWhole, writeWhole } from './files.ts'
import { formatPem } from './pem.ts'

const dayMs = 24 * 60 * 60 * 1000

/** A root's key lies in a safe; its list speaks of a few authorities. */
const rootCrlLifeMs = 365 * dayMs
export const crlLifeMs = 7 * dayMs
/** A week's list is signed again each day, so that six days may go wrong before anybody is locked out. */
const renewAfterMs = dayMs

export interface CrlOutcome {
  readonly issuer: string
  /** `locked`: it was due, and the key could not be used; `why` tells. */
  readonly outcome: 'signed' | 'fresh' | 'locked'
  readonly number: number
  /** Milliseconds since the epoch; 0 when there is no list yet. */
  readonly nextUpdate: number
  readonly entries: number
  readonly why?: string
}

/**
 * Inside the engine's `exclusive`.
 *
 * @param force which lists are signed even when they are fresh
 */
export async function signCrls(
  engine: CertificateEngine,
  now: number,
  force: (id: string) => boolean,
): Promise<CrlOutcome[]> {
  const outcomes: CrlOutcome[] = []
  for (const authority of engine.description.authorities) {
    outcomes.push(await signOne(engine, authority, now, force(authority.id)))
  }
  if (outcomes.some(({ outcome }) => outcome === 'signed')) writeAll(engine)
  return outcomes
}

async function signOne(
  engine: CertificateEngine,
  authority: AuthorityDescription,
  now: number,
  force: boolean,
): Promise<CrlOutcome> {
  const { id } = authority
  const last = engine.inventory.lastCrl(id)
  const path = engine.files.crl(id)
  const known = {
    issuer: id,
    number: last?.number ?? 0,
    nextUpdate: last?.nextUpdate ?? 0,
    entries: last?.entries ?? 0,
  }
  const isDue = last === undefined || now >= last.thisUpdate + renewAfter(authority) || !existsSync(path)
  if (!isDue && !force) return { ...known, outcome: 'fresh' }
  const key = await engine.unlock(id).catch(asLocked)
  if (typeof key === 'string') return { ...known, outcome: 'locked', why: key }
  const number = known.number + 1
  const thisUpdate = seconds(now)
  const nextUpdate = thisUpdate + lifeOf(authority)
  const entries = entriesOf(engine, id, last?.thisUpdate ?? 0)
  const der = signCrl({ issuer: engine.issuer(id), number, thisUpdate, nextUpdate, entries }, key)
  // The number is written down first: one that is skipped harms nobody, one that is used twice does.
  engine.record([{ event: 'crl', issuer: id, number, thisUpdate, nextUpdate, entries: entries.length }], now)
  writeWhole(path, der, publicMode)
  writeWhole(pemPath(path), formatPem('X509 CRL', der), publicMode)
  return { issuer: id, outcome: 'signed', number, nextUpdate, entries: entries.length }
}

function asLocked(error: unknown): string {
  if (error instanceof PkiKeyError) return error.message
  throw error
}

function isRoot({ issues, parent }: AuthorityDescription): boolean {
  return parent === undefined && issues.length === 0
}

function lifeOf(authority: AuthorityDescription): number {
  return isRoot(authority) ? rootCrlLifeMs : crlLifeMs
}

function renewAfter(authority: AuthorityDescription): number {
  return isRoot(authority) ? rootCrlLifeMs / 3 : renewAfterMs
}

/** An expired certificate stays on the list until one list was made after its end (RFC 5280 §3.3). */
function entriesOf(engine: CertificateEngine, id: string, lastUpdate: number): CrlEntry[] {
  const entries: CrlEntry[] = []
  for (const { serial, notAfter, revocation } of engine.inventory.revokedBy(id)) {
    if (revocation === undefined || notAfter < lastUpdate) continue
    entries.push({ serialNumber: serial, revokedAt: revocation.at, reason: revocation.reason })
  }
  return entries
}

function writeAll(engine: CertificateEngine): void {
  const texts = engine.description.authorities
    .map(({ id }) => pemPath(engine.files.crl(id)))
    .filter(path => existsSync(path))
    .map(path => readWhole(path).toString('latin1'))
  writeWhole(engine.files.allCrls, texts.join(''), publicMode)
}

function pemPath(path: string): string {
  return path.replace(/\.crl$/, '.pem')
}
