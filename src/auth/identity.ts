// What a client claims, before anything of it is proven.

import type { CertificateIdentity } from '../x509/certificate-identity.ts'

/** A pre-shared key (`psk_file`) that the other side has. */
export interface ProvenKey {
  readonly identity: string
  /** Of the key it was proven with: the file may have another one by now. */
  readonly fingerprint: string
}

export interface Identity {
  readonly clientId: string
  readonly username: string | undefined
  readonly password: Uint8Array | undefined
  /** Present when the TLS layer verified a chain up to this listener's trust anchors. */
  readonly certificate: CertificateIdentity | undefined
  /** Present when the TLS handshake proved that the client has the key. */
  readonly presharedKey?: ProvenKey | undefined
  /** CN of a certificate that a load balancer has verified and vouches for. */
  readonly proxiedCommonName?: string | undefined
  /** Textual IP address, or `''` on a unix socket. */
  readonly address: string
  /** Who waits for the answer; left out when it does not matter whether somebody still does. */
  readonly waiting?: Waiting
}

/** Somebody who may leave before the answer is there, so that work which has not begun is not done for nobody. */
export interface Waiting {
  /** @param forget called at most once, when the one who asked has gone; a later call replaces an earlier one */
  whenGone(forget: () => void): void
}
