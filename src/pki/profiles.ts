// What certificates may contain and how long they live. A profile is the only way to say it.

import type { KeyType } from './private-key.ts'

export const extendedKeyUsage = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  /** Ours, from a UUID (X.667): the holder of this certificate may ask for another one, and for nothing else. */
  mayEnrol: '2.25.329800735698586629295641978511506172918',
} as const

/** Which of the two issuing authorities signs. */
export type IssuerKind = 'server' | 'device'

export interface LeafProfile {
  readonly lifetimeDays: number
  /** Longer than this is refused, whoever asks. */
  readonly maxLifetimeDays: number
  /** One purpose only: a stolen server key must not log in as a client. */
  readonly purpose: (typeof extendedKeyUsage)[keyof typeof extendedKeyUsage]
  readonly furtherPurposes: readonly string[]
  readonly issuer: IssuerKind
  readonly keyType: KeyType
  /** The alternative name that is there unasked: `urn:device:NAME`, the common name as a host name, or none. */
  readonly ownName: 'urn' | 'host' | 'none'
  /** Where revocation is published; certificates of a few days say instead that nobody revokes them (RFC 9608). */
  readonly revocation: 'pointers' | 'none'
  /** Whether a name may have a second living certificate: for rotation without a gap. */
  readonly overlap: boolean
}

const client = {
  purpose: extendedKeyUsage.clientAuth,
  furtherPurposes: [],
  issuer: 'device',
  keyType: 'ec-p256',
  ownName: 'urn',
  revocation: 'pointers',
  overlap: false,
} as const

const server = { ...client, purpose: extendedKeyUsage.serverAuth, issuer: 'server', ownName: 'host' } as const

export const profiles = {
  server: { ...server, lifetimeDays: 90, maxLifetimeDays: 397, overlap: true },
  device: { ...client, lifetimeDays: 397, maxLifetimeDays: 3653 },
  'device-short': { ...client, lifetimeDays: 1, maxLifetimeDays: 7, revocation: 'none', overlap: true },
  claim: { ...client, lifetimeDays: 90, maxLifetimeDays: 397, furtherPurposes: [extendedKeyUsage.mayEnrol] },
  user: { ...client, lifetimeDays: 30, maxLifetimeDays: 397, ownName: 'none' },
  'legacy-easyca': { ...client, lifetimeDays: 730, maxLifetimeDays: 3653, keyType: 'rsa-4096', ownName: 'none' },
  'legacy-easyca-server': { ...server, lifetimeDays: 730, maxLifetimeDays: 3653, keyType: 'rsa-4096', overlap: true },
  ocsp: {
    ...client,
    lifetimeDays: 14,
    maxLifetimeDays: 31,
    purpose: extendedKeyUsage.ocspSigning,
    ownName: 'none',
    revocation: 'none',
    overlap: true,
  },
} as const satisfies Record<string, LeafProfile>

export type ProfileName = keyof typeof profiles

export const profileNames = Object.keys(profiles) as readonly ProfileName[]

/** Those that a person or a device may ask for; the other is the authority's own. */
export const openProfileNames = profileNames.filter(name => name !== 'ocsp')

/** Ten years, of the root. */
export const authorityLifetimeDays = 3653
/** Five years. */
export const issuingLifetimeDays = 1826

/** Devices boot with clocks a few seconds behind. */
export const backdateMs = 5 * 60 * 1000
/** A day and a half: for fleets without a clock of their own. */
export const maxBackdateMs = 36 * 60 * 60 * 1000

/** RFC 5280 upper bound `ub-common-name`. */
export const maxCommonNameLength = 64
