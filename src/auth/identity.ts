// What a client claims, before anything of it is proven.

import type { CertificateIdentity } from '../x509/certificate-identity.ts'

export interface Identity {
  readonly clientId: string
  readonly username: string | undefined
  readonly password: Uint8Array | undefined
  /** Present when the TLS layer verified a chain up to this listener's trust anchors. */
  readonly certificate: CertificateIdentity | undefined
  /** Textual IP address, or `''` on a unix socket. */
  readonly address: string
}
