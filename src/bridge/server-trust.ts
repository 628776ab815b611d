// What a bridge judges the other broker's certificate by, beyond what the TLS library has verified: the revocation lists of
// `bridge_crlfile`, and the stapled answer that `bridge_require_ocsp` demands. What is not proven good is refused.

import type { X509Certificate } from 'node:crypto'
import type { RevocationFile } from '../net/revocation-files.ts'
import { DerError } from '../x509/der.ts'
import { listNames } from '../x509/distribution-points.ts'
import { type Issuer, IssuerStore } from '../x509/issuer.ts'
import { readOcspAnswer } from '../x509/ocsp.ts'
import { RevocationIndex, reasonText } from '../x509/revocation-index.ts'
import type { RevocationList } from '../x509/revocation-list.ts'
import { serialBytes } from '../x509/serial-table.ts'

/** What the other broker has shown in the handshake. */
export interface ShownProof {
  readonly certificate: X509Certificate
  /** Further certificates, from its issuer up. */
  readonly chain: readonly X509Certificate[]
  /** The stapled OCSP answer (RFC 6066 §8), DER; undefined when there was none. */
  readonly staple: Buffer | undefined
}

export interface ServerRules {
  /** PEM: the authorities that are trusted. */
  readonly authorities: readonly string[]
  /** undefined without `bridge_crlfile`. */
  readonly revocations: RevocationFile | undefined
  readonly requiresOcsp: boolean
}

/** For how long a list is used after its end: what `crl_expired` is for clients when nobody sets it. */
const graceMs = 7 * 24 * 60 * 60 * 1000

export class ServerTrust {
  readonly rules: ServerRules
  readonly #store: IssuerStore
  #index: RevocationIndex | undefined

  /** @param earlier whose lists are in force until now; needs the X.509 library */
  constructor(rules: ServerRules, earlier?: ServerTrust) {
    this.rules = rules
    this.#store = new IssuerStore(rules.authorities)
    if (earlier !== undefined) this.#index = earlier.#index
  }

  /**
   * Why a certificate whose chain the TLS library has verified is refused all the same.
   *
   * @param now milliseconds since the epoch, by the wall clock
   */
  async fault(proof: ShownProof, now: number): Promise<string | undefined> {
    const issuer = this.#store.issuerOf(proof.certificate, proof.chain)
    if (issuer === undefined) return 'issued by an unknown authority'
    return (await this.#listFault(proof.certificate, issuer, now)) ?? (await this.#answerFault(proof, issuer, now))
  }

  /** As `fault`, of a broker that is connected: it goes for what the lists say, not because they say nothing any more. */
  async revocation({ certificate, chain }: ShownProof): Promise<string | undefined> {
    const issuer = this.#store.issuerOf(certificate, chain)
    if (issuer === undefined) return undefined
    return this.#revocation(await this.#adoptLists(), certificate, issuer)
  }

  async #listFault(certificate: X509Certificate, issuer: Issuer, now: number): Promise<string | undefined> {
    const index = await this.#adoptLists()
    if (index === undefined) return undefined
    const revoked = this.#revocation(index, certificate, issuer)
    if (revoked !== undefined) return revoked
    const own = index.find(issuer.keyId, listed(certificate), false, now, graceMs)
    if (own.kind === 'unlisted') return 'there is no revocation list of its authority'
    if (own.kind === 'expired') return 'the revocation list of its authority has expired'
    for (let at = issuer; at.parent !== undefined; at = at.parent) {
      if (index.find(at.parent.keyId, at, true, now, graceMs).kind === 'expired')
        return 'the revocation list of an authority above it has expired'
    }
    return undefined
  }

  #revocation(index: RevocationIndex | undefined, certificate: X509Certificate, issuer: Issuer): string | undefined {
    if (index === undefined) return undefined
    const own = index.find(issuer.keyId, listed(certificate), false, 0, graceMs)
    if (own.kind === 'revoked') return `certificate was revoked (${reasonText(own.reason)})`
    for (let at = issuer; at.parent !== undefined; at = at.parent) {
      const finding = index.find(at.parent.keyId, at, true, 0, graceMs)
      if (finding.kind === 'revoked') return `an authority above it was revoked (${reasonText(finding.reason)})`
    }
    return undefined
  }

  /** Verifies the lists that are not yet, which may be those of an authority that was just shown, and judges by them. */
  async #adoptLists(): Promise<RevocationIndex | undefined> {
    const { revocations } = this.rules
    if (revocations === undefined) return undefined
    const { lists } = revocations
    for (const list of lists) await this.#verify(list)
    const known = new Set(this.#store.all.map(({ keyId }) => keyId))
    const inForce = this.#index?.lists.filter(({ signer }) => signer !== undefined && known.has(signer))
    this.#index = new RevocationIndex(lists, inForce)
    return this.#index
  }

  async #verify(list: RevocationList): Promise<void> {
    if (list.signer !== undefined) return
    for (const issuer of this.#store.all) {
      if (issuer.name !== list.issuer || !issuer.maySignLists) continue
      if (await list.verify(issuer.publicKey, issuer.keyId)) return
    }
  }

  async #answerFault({ certificate, staple }: ShownProof, issuer: Issuer, now: number): Promise<string | undefined> {
    if (!this.rules.requiresOcsp) return undefined
    if (staple === undefined) return 'it came without the OCSP answer that bridge_require_ocsp demands'
    try {
      const answer = await readOcspAnswer(staple, serialBytes(certificate.serialNumber), issuer, now)
      if (answer.status === 'good') return undefined
      return answer.status === 'revoked'
        ? `certificate was revoked (${reasonText(answer.reason)}, by OCSP)`
        : 'the OCSP responder does not know the certificate'
    } catch (error) {
      if (!(error instanceof DerError)) throw error
      return `its OCSP answer does not count: ${error.message}`
    }
  }
}

function listed(certificate: X509Certificate) {
  return { serial: serialBytes(certificate.serialNumber), listNames: listNames(certificate.raw) }
}
