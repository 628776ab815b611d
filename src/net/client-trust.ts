// What a listener judges client certificates by: its authorities, the revocation lists of `crlfile`, and how strictly. It holds
// for the handshake, for each CONNECT and for sessions that are there already (decision 14).

import type { X509Certificate } from 'node:crypto'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { constraintFault } from '../x509/constraints.ts'
import { listPlaces } from '../x509/distribution-points.ts'
import { type Issuer, IssuerStore } from '../x509/issuer.ts'
import { RevocationIndex, reasonText } from '../x509/revocation-index.ts'
import type { RevocationList } from '../x509/revocation-list.ts'
import { CertificateCache, type CertificateContent } from './certificate-cache.ts'
import type { OcspChecker } from './ocsp-checker.ts'
import type { RevocationDownloads } from './revocation-downloads.ts'
import type { RevocationFile } from './revocation-files.ts'

/** What an authority that the broker looks after remembers. */
export interface IssueRecords {
  /**
   * @param signerKey SHA-256 of the key that has verified the certificate's signature (SubjectPublicKeyInfo), hex
   * @param serialNumber hex
   * @param fingerprint SHA-256 over the DER, hex in lower case
   * @returns undefined where the key is none of that authority's
   */
  has(signerKey: string, serialNumber: string, fingerprint: string): boolean | undefined
}

export interface TrustRules {
  /** PEM: `cafile` and `capath`. */
  readonly certificates: readonly string[]
  /** undefined without `crlfile`. */
  readonly revocations: RevocationFile | undefined
  /** For how long a list is used after its end; `crl_expired`. */
  readonly graceMs: number
  /** undefined without `crl_fetch`. */
  readonly downloads: RevocationDownloads | undefined
  /** undefined with `ocsp off`. */
  readonly ocsp: OcspChecker | undefined
  /** Whether a certificate is refused when no list of its issuer is there; `crl_missing`. */
  readonly needsList: boolean
  /** False with `disable_client_cert_date_checks`. */
  readonly checksDates: boolean
  /** undefined without `ca_directory`. */
  readonly issued?: IssueRecords | undefined
}

/** A certificate that was accepted once. */
export interface ProvenCertificate {
  readonly content: CertificateContent
  readonly issuer: Issuer
  /** Where the lists are that speak of it and of the authorities above; none without `crl_fetch`. */
  readonly places: readonly string[]
}

export class ClientTrust {
  readonly rules: TrustRules
  readonly cache = new CertificateCache()
  readonly #log: Log
  readonly #store: IssuerStore
  readonly #issuers = new WeakMap<CertificateContent, Issuer>()
  readonly #placesOfContent = new WeakMap<CertificateContent, readonly string[]>()
  /** What `#chainOf` has found. */
  readonly #chains = new WeakMap<Issuer, readonly Issuer[] | 'unknown'>()
  readonly #alarms = new WeakMap<RevocationList, Alarm>()
  /** Of all certificates that were shown here. */
  #places = new Set<string>()
  #index: RevocationIndex | undefined

  /** @param earlier whose lists are in force until now */
  constructor(rules: TrustRules, log: Log, earlier?: ClientTrust) {
    this.rules = rules
    this.#log = log
    // Clients that have shown an authority go on: what is revoked in its lists has to be known here too.
    const shown = earlier === undefined ? [] : earlier.#store.learned
    this.#store = new IssuerStore(rules.certificates, issuer => this.#learned(issuer), shown)
    if (earlier !== undefined && rules.downloads !== undefined) this.#places = new Set(earlier.#places)
    if (rules.revocations === undefined && rules.downloads === undefined) return
    for (const list of this.#lists) this.#verifyNow(list, this.#store.all)
    this.#index = this.#indexOf(this.#lists, earlier?.revocations)
  }

  /** undefined without `crlfile`. */
  get revocations(): RevocationIndex | undefined {
    return this.#index
  }

  /** The file has other lists: verifies them off the event loop, and judges by them from then on. */
  async update(): Promise<void> {
    if (this.#index === undefined) return
    const lists = this.#lists
    for (const list of lists) await this.#verify(list)
    this.#index = this.#indexOf(lists, this.#index)
  }

  get #lists(): readonly RevocationList[] {
    const { revocations, downloads } = this.rules
    return [...(revocations?.lists ?? []), ...(downloads?.lists(this.#places) ?? [])]
  }

  /**
   * @param presented further certificates that the client has shown
   * @returns undefined when not every signature up to a trust anchor is right
   */
  prove(
    content: CertificateContent,
    x509: X509Certificate,
    presented: readonly X509Certificate[],
  ): ProvenCertificate | undefined {
    const issuer = this.#issuers.get(content) ?? this.#store.issuerOf(x509, presented)
    if (issuer === undefined) return undefined
    this.#issuers.set(content, issuer)
    return { content, issuer, places: this.#placesOf(content, x509, issuer) }
  }

  /** @returns resolved when what others say of it is known, or will not be; undefined when nothing is asked now */
  settle(certificate: ProvenCertificate): Promise<void> | undefined {
    const { downloads, ocsp } = this.rules
    const waiting = [ocsp?.ask(certificate)]
    for (const place of certificate.places) {
      this.#admit(place)
      waiting.push(downloads?.want(place))
    }
    const asked = waiting.filter(question => question !== undefined)
    return asked.length === 0 ? undefined : Promise.all(asked).then(() => undefined)
  }

  /** Another listener may have its lists already. */
  #admit(place: string): void {
    if (this.#places.has(place)) return
    this.#places.add(place)
    const lists = this.rules.downloads?.lists([place]) ?? []
    if (lists.length === 0) return
    for (const list of lists) this.#verifyNow(list, this.#store.all)
    this.#index = this.#indexOf(this.#lists, this.#index)
  }

  #placesOf(content: CertificateContent, x509: X509Certificate, issuer: Issuer): readonly string[] {
    if (this.rules.downloads === undefined) return []
    const known = this.#placesOfContent.get(content)
    if (known !== undefined) return known
    const places = [...listPlaces(x509)]
    for (let at = issuer; at.parent !== undefined; at = at.parent) places.push(...listPlaces(at.certificate))
    this.#placesOfContent.set(content, places)
    return places
  }

  /** What only the TLS library checks otherwise, for when its verdict was about something that may be overlooked. */
  constraintFault(x509: X509Certificate, { issuer }: ProvenCertificate): string | undefined {
    return constraintFault(x509, issuer)
  }

  /**
   * Why a certificate is not, or no longer, accepted; by everything but its signatures, which do not change.
   *
   * @param now milliseconds since the epoch, by the wall clock
   */
  fault(certificate: ProvenCertificate, now: number): string | undefined {
    return this.#fault(certificate, now, true)
  }

  /** As `fault`, before the client's CONNECT: what others say of its certificate is not known yet. */
  faultAtHandshake(certificate: ProvenCertificate, now: number): string | undefined {
    const { downloads, ocsp } = this.rules
    return this.#fault(certificate, now, downloads === undefined && ocsp === undefined)
  }

  /** As `fault`, for a client that is connected: it does not go because nothing is known any more, only for what is known. */
  faultToStay(certificate: ProvenCertificate, now: number): string | undefined {
    return this.#fault(certificate, now, false)
  }

  #fault(certificate: ProvenCertificate, now: number, isNew: boolean): string | undefined {
    const { content, issuer } = certificate
    const chain = this.#chainOf(issuer)
    if (chain === 'unknown') return 'issued by an authority that is not trusted'
    return (
      this.#dateFault(content, chain, now) ??
      purposeFault(content) ??
      this.#revocationFault(content, issuer, now, isNew) ??
      this.#recordFault(content, issuer) ??
      this.#answerFault(certificate, isNew)
    )
  }

  #answerFault(certificate: ProvenCertificate, isNew: boolean): string | undefined {
    const { ocsp } = this.rules
    if (ocsp === undefined) return undefined
    const answer = ocsp.answer(certificate)
    if (answer?.wasIssued === false) return 'certificate was never issued by its authority (by OCSP)'
    if (answer?.status === 'revoked') return `certificate was revoked (${reasonText(answer.reason)}, by OCSP)`
    if (answer?.status === 'good' || !isNew || !ocsp.rules.isHard) return undefined
    return answer === undefined ? 'no OCSP responder has answered' : 'the OCSP responder does not know the certificate'
  }

  /** Tells in time that a list comes to its end. */
  advance(now: number): void {
    for (const { list, end } of this.#index?.ends ?? []) this.#watch(list, end, now)
  }

  #dateFault({ identity }: CertificateContent, chain: readonly Issuer[], now: number): string | undefined {
    if (!this.rules.checksDates) return undefined
    // `!(a && b)`, so that a date that does not parse refuses.
    if (!(identity.notBefore <= now)) return 'certificate is not yet valid'
    if (!(now <= identity.notAfter)) return 'certificate has expired'
    const isInTime = chain.every(({ notBefore, notAfter }) => notBefore <= now && now <= notAfter)
    return isInTime ? undefined : 'an authority above it has expired, or is not yet valid'
  }

  #revocationFault(content: CertificateContent, issuer: Issuer, now: number, isNew: boolean): string | undefined {
    if (this.#index === undefined) return undefined
    const { needsList } = this.rules
    const graceMs = isNew ? this.rules.graceMs : Number.POSITIVE_INFINITY
    const own = this.#index.find(issuer.keyId, content, false, now, graceMs)
    if (own.kind === 'revoked') return `certificate was revoked (${reasonText(own.reason)})`
    if (own.kind === 'expired') return 'the revocation list of its authority has expired'
    if (own.kind === 'unlisted' && needsList && isNew) return 'there is no revocation list of its authority'
    for (let at = issuer; at.parent !== undefined; at = at.parent) {
      const finding = this.#index.find(at.parent.keyId, at, true, now, graceMs)
      if (finding.kind === 'revoked') return `an authority above it was revoked (${reasonText(finding.reason)})`
      if (finding.kind === 'expired') return 'the revocation list of an authority above it has expired'
    }
    return undefined
  }

  /** Whoever has copied an authority's key can sign, but not have it recorded. */
  #recordFault({ identity }: CertificateContent, issuer: Issuer): string | undefined {
    const { issued } = this.rules
    if (issued === undefined) return undefined
    if (issued.has(issuer.keyId, identity.serialNumber, identity.fingerprint) === false)
      return 'certificate was never issued by its authority (by ca_directory)'
    for (let at = issuer; at.parent !== undefined; at = at.parent) {
      if (issued.has(at.parent.keyId, at.certificate.serialNumber, at.fingerprint) === false)
        return 'an authority above it was never issued by its own (by ca_directory)'
    }
    return undefined
  }

  /**
   * An issuer and those above it, each with the newest certificate that it has in these files. One that came from an earlier
   * trust stays known as long as all that was in its files is in these.
   */
  #chainOf(issuer: Issuer): readonly Issuer[] | 'unknown' {
    const known = this.#chains.get(issuer)
    if (known !== undefined) return known
    let chain: Issuer[] | 'unknown' = []
    for (let at: Issuer | undefined = issuer; at !== undefined && chain !== 'unknown'; at = at.parent) {
      const own = at.isStored ? this.#newestOf(at) : at
      chain = own === undefined ? 'unknown' : [...chain, own]
    }
    this.#chains.set(issuer, chain)
    return chain
  }

  #newestOf(wanted: Issuer): Issuer | undefined {
    return this.#store.stored
      .filter(own => own.isSameAs(wanted) && (own.parent === undefined) === (wanted.parent === undefined))
      .reduce<Issuer | undefined>((newest, own) => (own.notAfter > (newest?.notAfter ?? 0) ? own : newest), undefined)
  }

  #learned(issuer: Issuer): void {
    // Called by the constructor of the store, too.
    if (this.#index === undefined) return
    const lists = this.#lists
    const unsigned = lists.filter(({ signer }) => signer === undefined)
    for (const list of unsigned) this.#verifyNow(list, [issuer])
    if (unsigned.some(({ signer }) => signer !== undefined)) this.#index = this.#indexOf(lists, this.#index)
  }

  #verifyNow(list: RevocationList, issuers: readonly Issuer[]): void {
    for (const { publicKey, keyId } of this.#candidates(list, issuers)) if (list.verifyNow(publicKey, keyId)) return
  }

  async #verify(list: RevocationList): Promise<void> {
    for (const { publicKey, keyId } of this.#candidates(list, this.#store.all))
      if (await list.verify(publicKey, keyId)) return
  }

  #candidates(list: RevocationList, issuers: readonly Issuer[]): readonly Issuer[] {
    if (list.signer !== undefined) return []
    return issuers.filter(issuer => issuer.name === list.issuer && issuer.maySignLists)
  }

  #indexOf(lists: readonly RevocationList[], earlier: RevocationIndex | undefined): RevocationIndex {
    const known = new Set(this.#store.all.map(({ keyId }) => keyId))
    const inForce = earlier?.lists.filter(({ signer }) => signer !== undefined && known.has(signer))
    const index = new RevocationIndex(lists, inForce)
    const where = `"${escapeText(this.rules.revocations?.path ?? 'crl_fetch', 4096)}"`
    for (const remark of index.remarks) this.#log.write('warning', `Warning: ${where}: ${escapeText(remark)}.`)
    const isComplete = this.#store.stored.every(({ keyId }) => index.knows(keyId))
    for (const { signer, issuer, issuerText } of lists) {
      if (signer !== undefined) continue
      const whose = `${where}: the revocation list of '${escapeText(issuerText)}'`
      // One file may hold the lists of several listeners' authorities, as an authority of ours makes it: its list of servers is for clients.
      if (isComplete && !this.#store.stored.some(({ name }) => name === issuer))
        this.#log.write('debug', `${whose} is of none of this listener's authorities, and not used.`)
      else
        this.#log.write('warning', `Warning: ${whose} is not signed by an authority that is known here, and not used.`)
    }
    return index
  }

  #watch(list: RevocationList, end: number, now: number): void {
    const alarm = alarmOf(list.thisUpdate, end, this.rules.graceMs, now)
    if (alarm <= (this.#alarms.get(list) ?? Alarm.none)) return
    this.#alarms.set(list, alarm)
    const whose = `Revocation list of '${escapeText(list.issuerText)}'`
    const until = new Date(end).toISOString()
    switch (alarm) {
      case Alarm.half:
        this.#log.write('notice', `${whose}: half of its time is over; the next one is due by ${until}.`)
        return
      case Alarm.late:
        this.#log.write('warning', `Warning: ${whose} ends soon, at ${until}, and there is no newer one.`)
        return
      case Alarm.ended:
        this.#log.write('error', `Error: ${whose} has ended at ${until}; ${this.#consequence(end)}.`)
        return
      default:
        this.#log.write(
          'error',
          `Error: ${whose} has ended at ${until}: every certificate of its authority is refused.`,
        )
    }
  }

  #consequence(end: number): string {
    const { graceMs } = this.rules
    if (graceMs === Number.POSITIVE_INFINITY) return 'it is used all the same (crl_expired warn-and-use)'
    return `it is used until ${new Date(end + graceMs).toISOString()} (crl_expired), and then refuses every certificate of its authority`
  }
}

const Alarm = { none: 0, half: 1, late: 2, ended: 3, refusing: 4 } as const
type Alarm = (typeof Alarm)[keyof typeof Alarm]

function alarmOf(start: number, end: number, graceMs: number, now: number): Alarm {
  if (now > end + graceMs) return Alarm.refusing
  if (now > end) return Alarm.ended
  const share = (now - start) / (end - start)
  if (share >= 0.8) return Alarm.late
  return share >= 0.5 ? Alarm.half : Alarm.none
}

function purposeFault({ isForClients, isAuthority }: CertificateContent): string | undefined {
  if (!isForClients) return 'certificate is not for clients'
  return isAuthority ? "certificate is an authority's" : undefined
}
