// Keeps the revocation lists of a directory fresh: signs those that are due, numbers them, and puts them where they are read.

import { hash, type KeyObject } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import type { AuthorityDescription } from './ca-directory.ts'
import { seconds } from './ca-directory.ts'
import { type CrlEntry, signCrl } from './crl.ts'
import type { CertificateEngine } from './engine.ts'
import { PkiKeyError } from './errors.ts'
import { publicMode, readWhole, writeWhole } from './files.ts'
import type { CrlEvent } from './journal.ts'
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

/** `changes`: there are new ones; `complete`: a whole list, also when the last one is fresh. */
type Wanted = 'when due' | 'changes' | 'complete'

/** Looks without the directory's lock, and writes nothing. @returns undefined when there is something to sign or to write */
export function freshCrls(engine: CertificateEngine, now: number): CrlOutcome[] | undefined {
  const authorities = livingAuthorities(engine, now)
  const isFresh = authorities.every(one => !isDue(engine, one, now) && !engine.inventory.hasUnpublished(one.id))
  if (!isFresh || !isAllWritten(engine, allOf(engine))) return undefined
  return authorities.map(({ id }) => ({ ...knownOf(engine, id), outcome: 'fresh' }))
}

/** Inside the engine's `exclusive`. */
export async function signCrls(
  engine: CertificateEngine,
  now: number,
  wanted: (id: string) => Wanted,
): Promise<CrlOutcome[]> {
  const outcomes: CrlOutcome[] = []
  for (const authority of livingAuthorities(engine, now)) {
    outcomes.push(await signOne(engine, authority, now, wanted(authority.id)))
  }
  const all = allOf(engine)
  if (!isAllWritten(engine, all)) writeWhole(engine.files.allCrls, all, publicMode)
  return outcomes
}

/** Nobody asks for the list of an authority whose own time is over. */
function livingAuthorities(engine: CertificateEngine, now: number): AuthorityDescription[] {
  return engine.description.authorities.filter(({ id }) => engine.issuer(id).notAfter > now)
}

function isDue(engine: CertificateEngine, authority: AuthorityDescription, now: number): boolean {
  const last = engine.inventory.lastCrl(authority.id)
  return last === undefined || now >= last.thisUpdate + renewAfter(authority) || !isPublished(engine, authority.id)
}

function knownOf({ inventory }: CertificateEngine, id: string): Omit<CrlOutcome, 'outcome'> {
  const { nextUpdate = 0, entries = 0 } = inventory.lastCrl(id) ?? {}
  return { issuer: id, number: inventory.lastCrlNumber(id), nextUpdate, entries }
}

async function signOne(
  engine: CertificateEngine,
  authority: AuthorityDescription,
  now: number,
  wanted: Wanted,
): Promise<CrlOutcome> {
  const { id } = authority
  const due = isDue(engine, authority, now)
  const known = knownOf(engine, id)
  if (!due && wanted === 'when due' && !engine.inventory.hasUnpublished(id)) return { ...known, outcome: 'fresh' }
  const key = await engine.keys.unlock(id).catch(asLocked)
  if (typeof key === 'string') return { ...known, outcome: 'locked', why: key }
  const last = engine.inventory.lastCrl(id)
  const isDelta = !due && wanted !== 'complete' && last !== undefined && last.entries > engine.deltaAbove
  return isDelta ? signDelta(engine, last, key, now) : signComplete(engine, authority, key, now)
}

/** Whether the files are those that the journal tells of: a crash may have come in between. */
function isPublished({ files, inventory }: CertificateEngine, id: string): boolean {
  const [complete, last] = [inventory.lastCrl(id), inventory.lastList(id)]
  const isDelta = last !== complete
  return holds(files.crl(id), complete) && (!isDelta || holds(files.deltaCrl(id), last))
}

function holds(path: string, event: CrlEvent | undefined): boolean {
  if (!existsSync(path)) return false
  return event?.sha256 === undefined || hash('sha256', readWhole(path), 'hex') === event.sha256
}

function signComplete(
  engine: CertificateEngine,
  authority: AuthorityDescription,
  key: KeyObject,
  now: number,
): CrlOutcome {
  const { id } = authority
  const { files, inventory, description } = engine
  const number = inventory.lastCrlNumber(id) + 1
  const thisUpdate = seconds(now)
  const nextUpdate = thisUpdate + lifeOf(authority)
  const entries = entriesOf(engine, id, inventory.lastCrl(id)?.thisUpdate ?? 0)
  const hasDelta = entries.length > engine.deltaAbove
  const freshest =
    hasDelta && description.url !== undefined ? { freshest: `${description.url}/crl/${id}-delta.crl` } : {}
  const list = { issuer: engine.issuer(id), number, thisUpdate, nextUpdate }
  const der = signCrl({ ...list, entries, ...freshest }, key)
  // The number is written down first: one that is skipped harms nobody, one that is used twice does.
  const sha256 = hash('sha256', der, 'hex')
  engine.record([{ event: 'crl', issuer: id, number, thisUpdate, nextUpdate, entries: entries.length, sha256 }], now)
  writeList(files.crl(id), der)
  // What the list says it has: made with it, of the same number, and without a change yet (RFC 5280 §5.2.3).
  if (hasDelta) writeList(files.deltaCrl(id), signCrl({ ...list, entries: [], base: number }, key))
  else removeList(files.deltaCrl(id))
  return { issuer: id, outcome: 'signed', number, nextUpdate, entries: entries.length }
}

/** What has changed since the complete list, which stays in force and ends when it would have. */
function signDelta(engine: CertificateEngine, complete: CrlEvent, key: KeyObject, now: number): CrlOutcome {
  const { issuer: id, nextUpdate, number: base } = complete
  const number = engine.inventory.lastCrlNumber(id) + 1
  const thisUpdate = seconds(now)
  const entries = Array.from(engine.inventory.changedSinceCrl(id), ({ serial, revocation }): CrlEntry => {
    const { at = thisUpdate, reason = 'removeFromCRL' } = revocation ?? {}
    return { serialNumber: serial, revokedAt: at, reason }
  })
  const der = signCrl({ issuer: engine.issuer(id), number, thisUpdate, nextUpdate, entries, base }, key)
  const event = { event: 'crl', issuer: id, number, thisUpdate, nextUpdate, entries: entries.length, base } as const
  engine.record([{ ...event, sha256: hash('sha256', der, 'hex') }], now)
  writeList(engine.files.deltaCrl(id), der)
  return { issuer: id, outcome: 'signed', number, nextUpdate, entries: entries.length }
}

/** The PEM first: when the DER is the one that was recorded, so is the PEM. */
function writeList(path: string, der: Buffer): void {
  writeWhole(pemPath(path), formatPem('X509 CRL', der), publicMode)
  writeWhole(path, der, publicMode)
}

function removeList(path: string): void {
  for (const file of [path, pemPath(path)]) rmSync(file, { force: true })
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

/** Every list, one after the other. */
function allOf({ description, files }: CertificateEngine): string {
  return description.authorities
    .flatMap(({ id }) => [files.crl(id), files.deltaCrl(id)])
    .map(pemPath)
    .filter(path => existsSync(path))
    .map(path => readWhole(path).toString('latin1'))
    .join('')
}

/** It is not written again as it is: whoever watches it would read it for nothing. */
function isAllWritten({ files }: CertificateEngine, all: string): boolean {
  if (!existsSync(files.allCrls)) return all === ''
  return readWhole(files.allCrls, Number.POSITIVE_INFINITY).toString('latin1') === all
}

function pemPath(path: string): string {
  return path.replace(/\.crl$/, '.pem')
}
