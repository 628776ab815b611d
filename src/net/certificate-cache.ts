// What client certificates say, read once while their holders come and go. It holds no verdict: trust and dates are judged
// at every handshake (`peer-certificate.ts`). Reading costs 17 to 25 µs, the fingerprint it is found by 2 to 4.

import type { X509Certificate } from 'node:crypto'
import { type CertificateIdentity, readCertificateIdentity } from '../x509/certificate-identity.ts'
import { listNames } from '../x509/distribution-points.ts'
import type { ListedCertificate } from '../x509/revocation-index.ts'
import { serialBytes } from '../x509/serial-table.ts'

/** What is said in a certificate, and never changes. */
export interface CertificateContent extends ListedCertificate {
  readonly identity: CertificateIdentity
  /** It names no purpose, or TLS clients among them (RFC 5280 §4.2.1.12). */
  readonly isForClients: boolean
  /** It may issue certificates itself (RFC 5280 §4.2.1.9). */
  readonly isAuthority: boolean
  /** The OCSP responder that it names (RFC 5280 §4.2.2.1). */
  readonly responder: string | undefined
}

/** One line each; what has anything special in it stands in quotes, and is no place to ask. */
const ocspPlace = /^OCSP - URI:(http:\/\/[\x21-\x7e]+)$/m
const clientAuth = '1.3.6.1.5.5.7.3.2'

/** Some 700 bytes each. */
const maxCertificates = 10_000

/** @throws when a part of it does not decode */
export function readCertificate(x509: X509Certificate): CertificateContent {
  // Node's `keyUsage` is the extended one.
  const purposes = x509.keyUsage as readonly string[] | undefined
  return {
    identity: readCertificateIdentity(x509),
    isForClients: purposes === undefined || purposes.includes(clientAuth),
    isAuthority: x509.ca,
    serial: serialBytes(x509.serialNumber),
    listNames: listNames(x509.raw),
    responder: responderOf(x509),
  }
}

/** The first OCSP responder that a certificate names, if it speaks http. */
export function responderOf(x509: X509Certificate): string | undefined {
  return ocspPlace.exec(x509.infoAccess ?? '')?.[1]
}

export class CertificateCache {
  readonly #maximum: number
  /** By SHA-256 over the whole certificate; who came longest ago first. */
  readonly #contents = new Map<string, CertificateContent>()

  /** @param maximum most certificates remembered */
  constructor(maximum = maxCertificates) {
    this.#maximum = maximum
  }

  /** @throws as `readCertificate`, each time */
  read(x509: X509Certificate): CertificateContent {
    const fingerprint = x509.fingerprint256
    const content = this.#contents.get(fingerprint) ?? readCertificate(x509)
    this.#contents.delete(fingerprint)
    this.#contents.set(fingerprint, content)
    if (this.#contents.size > this.#maximum) this.#forgetOldest()
    return content
  }

  #forgetOldest(): void {
    for (const oldest of this.#contents.keys()) {
      this.#contents.delete(oldest)
      return
    }
  }
}
