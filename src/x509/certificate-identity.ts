// What a verified client certificate says about its holder, read once at the handshake.

/** Names and dates of one end-entity certificate; text is as in the certificate, escape it before showing it. */
export interface CertificateIdentity {
  /** RFC 2253 form, `CN=test client,O=Example,C=GB`: what `use_subject_as_username` takes. */
  readonly subject: string
  /** The first CN; undefined when there is none or it is not clean UTF-8 without NUL: what `use_identity_as_username` takes. */
  readonly commonName: string | undefined
  /** RFC 2253 form. */
  readonly issuer: string
  /** Upper-case hex without separators. */
  readonly serialNumber: string
  /** SHA-256 over the DER, lower-case hex. */
  readonly fingerprint: string
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
}
