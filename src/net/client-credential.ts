// The certificate of one client, for as long as it is connected: judged by what its listener trusts at the time.

import { escapeText } from '../base/escape.ts'
import type { ClientTrust, ProvenCertificate } from './client-trust.ts'
import type { PeerCredential } from './connection-handler.ts'

export class ClientCredential implements PeerCredential {
  readonly #certificate: ProvenCertificate
  readonly #trust: () => ClientTrust | undefined
  readonly #wallClock: () => number

  /** @param trust what the listener trusts now; undefined when it asks for no certificates any more */
  constructor(certificate: ProvenCertificate, trust: () => ClientTrust | undefined, wallClock: () => number) {
    this.#certificate = certificate
    this.#trust = trust
    this.#wallClock = wallClock
  }

  get description(): string {
    const { subject, serialNumber } = this.#certificate.content.identity
    return `subject '${escapeText(subject)}', serial ${escapeText(serialNumber)}`
  }

  get msLeft(): number | undefined {
    if (this.#trust()?.rules.checksDates !== true) return undefined
    return this.#certificate.content.identity.notAfter - this.#wallClock()
  }

  get askAgainMs(): number | undefined {
    return this.#trust()?.rules.ocsp?.askAgainMs(this.#certificate)
  }

  settle(): Promise<void> | undefined {
    return this.#trust()?.settle(this.#certificate)
  }

  fault(): string | undefined {
    return this.#trust()?.fault(this.#certificate, this.#wallClock())
  }

  faultToStay(): string | undefined {
    return this.#trust()?.faultToStay(this.#certificate, this.#wallClock())
  }
}
