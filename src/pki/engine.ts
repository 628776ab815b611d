// The authority at work: every door (command line, REST, EST, MQTT) ends in `issue`, with the same checks and the same record.

import { hash, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { JsonGeneralName } from '@peculiar/x509'
import { escapeText } from '../base/escape.ts'
import {
  type AuthorityDescription,
  type CaDescription,
  type CaFiles,
  caFiles,
  pointersOf,
  readDescription,
  readIssuer,
  seconds,
} from './ca-directory.ts'
import { randomSerialNumber, signLeaf } from './certificate-builder.ts'
import { type RequestNames, readRequest } from './certificate-request.ts'
import { type CrlOutcome, freshCrls, signCrls } from './crl-publisher.ts'
import { withLock } from './directory-lock.ts'
import { PkiConflictError, PkiError, PkiNotFoundError } from './errors.ts'
import { publicMode, ReplacedFile, readWhole, secretMode, writeWhole } from './files.ts'
import { type CertificateRecord, Inventory, stateOf } from './inventory.ts'
import type { Issuer } from './issuer.ts'
import { type IssuedEvent, Journal, type JournalEvent } from './journal.ts'
import { type AskPassphrase, KeyRing } from './key-ring.ts'
import { alternativeName, checkCommonName, lookAlikeKey } from './name-rules.ts'
import { formatPem } from './pem.ts'
import { generateKeys, type KeyType } from './private-key.ts'
import { type Profiles, readProfiles } from './profile-file.ts'
import { hostCommonName, nameValue, ownNames, validityOf } from './profile-rules.ts'
import type { IssuerKind, LeafProfile } from './profiles.ts'
import type { RevocationReason } from './revocation-reasons.ts'

/** Who the certificate is for. */
export interface SubjectRequest {
  /** The CN: a device's id, a person's name, a server's first host name. */
  readonly name: string
  /** Host names, addresses, URIs and email addresses besides the one that the profile adds by itself. */
  readonly alternatives?: readonly string[]
}

/** That whoever asks has the private key: by a signed request, or because it is made here. */
export type Proof =
  | { readonly kind: 'request'; readonly request: Uint8Array }
  | { readonly kind: 'generate'; readonly keyType?: KeyType }

export interface IssueOptions {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The profile's when absent. */
  readonly lifetimeDays?: number
  /** How long before now the certificate begins; five minutes when absent. */
  readonly backdateMs?: number
  /** Who asked, for the record. */
  readonly by: string
  /** The authority that signs, where it is not the one that the profile names. */
  readonly issuer?: string
  /** A second living certificate of the same name, until the first one is replaced. */
  readonly overlap?: boolean
}

export interface CertificateOrder {
  /** Its name. */
  readonly profile: string
  /** Absent when the request names it. */
  readonly subject: SubjectRequest | undefined
  readonly proof: Proof
  readonly options: IssueOptions
}

export interface IssuedCertificate {
  readonly record: CertificateRecord
  /** PEM, the leaf alone. */
  readonly certificate: string
  /** PEM, the authorities between the leaf and the root. */
  readonly chain: string
  /** PEM, the root. */
  readonly root: string
  /** PEM, PKCS#8, not encrypted; absent when the holder made it. Kept nowhere else. */
  readonly privateKey?: string
}

/** Of the delegates that answer OCSP requests. */
const ownProfile = 'ocsp'

export class CertificateEngine {
  readonly files: CaFiles
  readonly inventory = new Inventory()
  readonly keys: KeyRing
  /** Lists with more entries than this are published anew once a day, and what changes meanwhile as a delta list. */
  deltaAbove = 50_000
  readonly #description: ReplacedFile<CaDescription>
  readonly #profiles: ReplacedFile<Profiles>
  readonly #journal: Journal
  readonly #issuers = new Map<string, Issuer>()
  /** One change at a time, in this process too. */
  #queue: Promise<unknown> = Promise.resolve()

  /**
   * Reads the directory; asks for no passphrase before a key is needed.
   *
   * @throws PkiFileError
   */
  constructor(dir: string, askPassphrase?: AskPassphrase) {
    this.files = caFiles(dir)
    this.#description = new ReplacedFile(this.files.description, () => readDescription(this.files))
    this.#profiles = new ReplacedFile(this.files.profiles, () => readProfiles(this.files))
    // Before the journal: this tells best when the directory is none of ours.
    this.#description.get()
    this.#journal = new Journal(this.files.journal)
    this.keys = new KeyRing(this, askPassphrase)
    this.refresh()
  }

  /** Takes in what other processes wrote meanwhile. */
  refresh(): void {
    this.#journal.read(event => this.inventory.apply(event))
    this.keys.refresh()
  }

  /** What ca.json says now. */
  get description(): CaDescription {
    return this.#description.get()
  }

  /** @throws PkiError when there is none of that name */
  profile(name: string): LeafProfile {
    return this.#profiles.get().get(name) ?? this.#unknownProfile(name)
  }

  /** One that a person or a device may ask for: all but the authority's own. @returns its name @throws PkiError */
  openProfile(name: string): string {
    return this.#profiles.get().has(name) && name !== ownProfile ? name : this.#unknownProfile(name)
  }

  #unknownProfile(name: string): never {
    const known = [...this.#profiles.get().keys()].filter(key => key !== ownProfile).join(', ')
    throw new PkiError(`unknown profile '${escapeText(name, 40)}'; it is one of ${known}`)
  }

  /** @throws PkiNotFoundError */
  issuer(id: string): Issuer {
    const known = this.#issuers.get(id)
    if (known !== undefined) return known
    if (!this.description.authorities.some(authority => authority.id === id)) {
      throw new PkiNotFoundError(`there is no authority '${escapeText(id, 64)}' here`)
    }
    const issuer = readIssuer(this.files, id)
    this.#issuers.set(id, issuer)
    return issuer
  }

  /**
   * A certificate of a profile for a subject, recorded before anybody gets it.
   *
   * @throws PkiError when a rule is broken, PkiKeyError when the authority stays locked, PkiConflictError when the name has a
   * living certificate
   */
  async issue(
    profile: string,
    subject: SubjectRequest | undefined,
    proof: Proof,
    options: IssueOptions,
  ): Promise<IssuedCertificate> {
    const [issued] = await this.issueMany([{ profile, subject, proof, options }])
    return issued!
  }

  /**
   * As `issue`, all of them or none, with one write.
   *
   * @param beforeRecord puts them where they survive a crash, unseen: only what is recorded may be handed out
   */
  issueMany(
    requests: readonly CertificateOrder[],
    beforeRecord?: (issued: readonly IssuedCertificate[]) => Promise<void>,
  ): Promise<IssuedCertificate[]> {
    return this.exclusive(async () => {
      const issued: IssuedCertificate[] = []
      const names = new Set<string>()
      for (const { profile, subject, proof, options } of requests) {
        const one = await this.#sign(profile, subject, proof, options)
        const isNew = !names.has(lookAlikeKey(one.record.name)) || this.profile(profile).overlap
        if (!isNew) throw new PkiConflictError(`'${escapeText(one.record.name, 80)}' is asked for twice`)
        names.add(lookAlikeKey(one.record.name))
        issued.push(one)
      }
      await beforeRecord?.(issued)
      this.record(
        issued.map(({ record }) => record),
        requests[0]?.options.now ?? 0,
      )
      return issued
    })
  }

  /** A certificate like this one, with a new key or a new request; the old one stays valid until it is revoked or ends. */
  renew(record: CertificateRecord, proof: Proof, options: IssueOptions): Promise<IssuedCertificate> {
    if (record.keyOrigin === 'imported') {
      throw new PkiError(`'${escapeText(record.name, 80)}' was issued elsewhere, without a profile; issue a new one`)
    }
    const own = ownNames(this.profile(record.profile), record.name).map(nameValue)
    const alternatives = record.alternatives.filter(name => !own.includes(name))
    return this.issue(record.profile, { name: record.name, alternatives }, proof, { ...options, overlap: true })
  }

  /**
   * Revokes, and publishes the lists that say so.
   *
   * @returns those that were not revoked before
   */
  revoke(records: readonly CertificateRecord[], reason: RevocationReason, now: number): Promise<Revocation> {
    if (reason === 'removeFromCRL')
      throw new PkiError("reason 'removeFromCRL' ends a hold; release the certificate instead")
    return this.exclusive(async () => {
      const due = records.filter(({ issuer, serial }) => {
        const { revocation } = this.inventory.find(issuer, serial) ?? {}
        return revocation === undefined || (revocation.reason === 'certificateHold' && reason !== 'certificateHold')
      })
      const events = due.map(
        ({ issuer, serial }) => ({ event: 'revoked', issuer, serial, reason, at: seconds(now) }) as const,
      )
      return this.#change(events, now)
    })
  }

  /** Ends the hold of each. @throws PkiError when one is revoked for good */
  release(records: readonly CertificateRecord[], now: number): Promise<Revocation> {
    return this.exclusive(async () => {
      for (const { issuer, serial, name } of records) {
        const { revocation } = this.inventory.find(issuer, serial) ?? {}
        if (revocation?.reason === 'certificateHold') continue
        const state = revocation === undefined ? 'is not on hold' : `is revoked for good (${revocation.reason})`
        throw new PkiError(`'${escapeText(name, 80)}' ${state}; only a hold can be released`)
      }
      const events = records.map(({ issuer, serial }) => ({ event: 'released', issuer, serial }) as const)
      return this.#change(events, now)
    })
  }

  /**
   * Signs every list that is due: after a third of its life, or a day, or when it is gone. For a timer to call; what stays
   * locked is said, and is an error for nobody.
   */
  async resignCrls(now: number, force = false): Promise<CrlOutcome[]> {
    this.refresh()
    const fresh = force ? undefined : freshCrls(this, now)
    if (fresh !== undefined) return fresh
    return this.exclusive(() => signCrls(this, now, () => (force ? 'complete' : 'when due')))
  }

  /**
   * Gives every issuing authority a delegate that answers OCSP requests in its name for two weeks, so that its own key can stay
   * locked; a delegate is replaced after half of that. For the same timer as `resignCrls`.
   *
   * @throws PkiKeyError when one is due, and the authority stays locked
   */
  async renewOcspSigners(now: number): Promise<void> {
    for (const { id, issues } of this.description.authorities) {
      if (issues.length === 0 || this.issuer(id).notAfter <= now) continue
      if (isSignerDue(this.files, id, now)) await this.#renewOcspSigner(id, now)
    }
  }

  async #renewOcspSigner(id: string, now: number): Promise<void> {
    const name = `${[...this.issuer(id).name].slice(0, 50).join('').trim()} OCSP`
    const options = { now, by: 'castellan', issuer: id }
    const { certificate, privateKey = '' } = await this.issue(ownProfile, { name }, { kind: 'generate' }, options)
    // In the clear, as of everybody who has to answer at any hour: it signs answers, for two weeks, and nothing else.
    writeWhole(this.files.ocspKey(id), privateKey, secretMode)
    writeWhole(this.files.ocspCertificate(id), certificate, publicMode)
  }

  /** The authority that signs certificates of this kind. @throws PkiNotFoundError */
  authorityFor(kind: IssuerKind): AuthorityDescription {
    const found = this.description.authorities.find(
      ({ issues, replacedBy }) => issues.includes(kind) && replacedBy === undefined,
    )
    if (found === undefined) throw new PkiNotFoundError(`no authority here issues certificates of kind '${kind}'`)
    return found
  }

  /** Authorities from the one that signed up to the root, without it. */
  chain(id: string): string {
    const { parent } = this.description.authorities.find(authority => authority.id === id) ?? {}
    return parent === undefined ? '' : formatPem('CERTIFICATE', this.issuer(id).der) + this.chain(parent)
  }

  /** PEM. */
  root(id: string): string {
    const { parent } = this.description.authorities.find(authority => authority.id === id) ?? {}
    return parent === undefined ? formatPem('CERTIFICATE', this.issuer(id).der) : this.root(parent)
  }

  /** SHA-256 of an authority's certificate, hex: what people compare. */
  fingerprint(id: string): string {
    return hash('sha256', this.issuer(id).der, 'hex')
  }

  /** Runs alone, of all processes, on what the directory says now. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const run = () =>
      withLock(this.files.lock, () => {
        this.refresh()
        return work()
      })
    const result = this.#queue.then(run, run)
    this.#queue = result.catch(() => undefined)
    return result
  }

  /** Writes events down, inside `exclusive`. */
  record(events: readonly JournalEvent[], now: number): void {
    this.#journal.append(events, now)
    for (const event of events) this.inventory.apply(event)
  }

  async #change(events: readonly Exclude<JournalEvent, IssuedEvent>[], now: number): Promise<Revocation> {
    if (events.length > 0) this.record(events, now)
    const touched = new Set(events.map(({ issuer }) => issuer))
    const crls = await signCrls(this, now, id => (touched.has(id) ? 'changes' : 'when due'))
    return { changed: events.length, crls }
  }

  async #sign(
    profileName: string,
    subject: SubjectRequest | undefined,
    proof: Proof,
    options: IssueOptions,
  ): Promise<IssuedCertificate> {
    const profile = this.profile(profileName)
    const id = options.issuer ?? this.authorityFor(profile.issuer).id
    const issuer = this.issuer(id)
    const holder = proof.kind === 'request' ? readRequest(proof.request) : undefined
    const names = this.#names(profile, subject ?? subjectOf(holder))
    this.#refuseTaken(profile, id, names.commonName, options)
    const validity = validityOf(profile, options, issuer)
    const signingKey = await this.keys.unlock(id)
    const keys = holder ?? (await generateKeys(keyTypeOf(proof, profile)))
    const key = hash('sha256', keys.publicKey.export({ type: 'spki', format: 'der' }), 'hex')
    if (this.inventory.isCompromised(key)) throw new PkiError('the key was revoked as compromised; make a new one')
    const serial = randomSerialNumber()
    const { publicKey } = keys
    const pointers = pointersOf(this.description.url, id)
    const der = await signLeaf(
      { profile, serialNumber: serial, ...names, validity, publicKey, pointers },
      issuer,
      signingKey,
    )
    // What a faulty processor or library signs wrongly is not handed out.
    if (!new X509Certificate(der).verify(issuer.publicKey))
      throw new PkiError('the signature that was made does not verify')
    const record: CertificateRecord = {
      event: 'issued',
      issuer: id,
      serial,
      profile: profileName,
      name: names.commonName,
      alternatives: names.alternatives.map(nameValue),
      ...validity,
      fingerprint: hash('sha256', der, 'hex'),
      key,
      keyOrigin: proof.kind === 'request' ? 'request' : 'generated',
      by: options.by,
      der: der.toString('base64'),
    }
    return {
      record,
      certificate: formatPem('CERTIFICATE', der),
      chain: this.chain(id),
      root: this.root(id),
      ...('privateKey' in keys
        ? { privateKey: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
        : {}),
    }
  }

  #names(profile: LeafProfile, { name, alternatives = [] }: SubjectRequest) {
    // First: what follows takes the name apart.
    if (profile.ownName !== 'host') checkCommonName(name)
    const asked = alternatives.map(alternativeName)
    const own = ownNames(profile, name)
    const all = [...own, ...asked.filter(({ value }) => !own.some(known => known.value === value))]
    const commonName = profile.ownName === 'host' ? hostCommonName(all, name) : name
    checkCommonName(commonName)
    this.#checkDomain(profile, all)
    return { commonName, alternatives: all }
  }

  /** Says before signing what the constraint in the authority's certificate would make everybody refuse later. */
  #checkDomain(profile: LeafProfile, names: readonly JsonGeneralName[]): void {
    const { domain } = this.description
    if (domain === undefined || profile.issuer !== 'device') return
    for (const { type, value } of names) {
      const isInside = value.toLowerCase() === domain || value.toLowerCase().endsWith(`.${domain}`)
      if (type === 'ip' || (type === 'dns' && !isInside)) {
        throw new PkiError(
          `'${escapeText(value, 80)}' is outside the domain '${domain}' that this authority is bound to`,
        )
      }
    }
  }

  /** An authority and the one that replaced it speak of the same people. */
  #issueAlike(one: string, other: string): boolean {
    const { authorities } = this.description
    const issuesOf = (id: string) => authorities.find(authority => authority.id === id)?.issues ?? []
    return one === other || issuesOf(one).some(kind => issuesOf(other).includes(kind))
  }

  #refuseTaken(profile: LeafProfile, issuer: string, name: string, { now, overlap }: IssueOptions): void {
    if (profile.ownName === 'host') return
    for (const other of this.inventory.lookingLike(name)) {
      if (!this.#issueAlike(other.issuer, issuer) || !['valid', 'held'].includes(stateOf(other, now))) continue
      const shown = escapeText(other.name, 80)
      if (other.name !== name) {
        throw new PkiConflictError(
          `'${escapeText(name, 80)}' looks like '${shown}', which has a certificate; choose another name`,
        )
      }
      if (!profile.overlap && overlap !== true) {
        throw new PkiConflictError(
          `'${shown}' has a certificate already (serial number ${other.serial}); renew it, or revoke it first`,
        )
      }
    }
  }
}

export interface Revocation {
  /** How many certificates changed. */
  readonly changed: number
  readonly crls: readonly CrlOutcome[]
}

function isSignerDue({ ocspCertificate, ocspKey }: CaFiles, id: string, now: number): boolean {
  if (!existsSync(ocspCertificate(id)) || !existsSync(ocspKey(id))) return true
  const { validFromDate, validToDate } = new X509Certificate(readWhole(ocspCertificate(id), 1 << 16))
  return now >= (validFromDate.getTime() + validToDate.getTime()) / 2
}

function subjectOf(holder: RequestNames | undefined): SubjectRequest {
  if (holder?.name === undefined) throw new PkiError('a name is missing: neither given nor in the request')
  return { name: holder.name, alternatives: holder.alternatives }
}

function keyTypeOf(proof: Proof, profile: LeafProfile): KeyType {
  return (proof.kind === 'generate' ? proof.keyType : undefined) ?? profile.keyType
}
