// Why a certificate is revoked: the names of RFC 5280, and their codes.

/** RFC 5280 §5.3.1; 7 is not used, and 8 is the release of a hold, which takes an entry off a full list. */
export const revocationReasons = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const

export type RevocationReason = keyof typeof revocationReasons
