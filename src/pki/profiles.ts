// What the built-in authority's certificates may contain and how long they live. A profile is the only way to say it.

/** An algorithm for keys and signatures: P-256 and SHA-256 throughout, quick on the smallest devices. */
export const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

export const extendedKeyUsage = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const

export interface LeafProfile {
  readonly lifetimeDays: number
  /** One purpose only: a stolen server key must not log in as a client. */
  readonly purpose: (typeof extendedKeyUsage)[keyof typeof extendedKeyUsage]
}

export const profiles = {
  server: { lifetimeDays: 90, purpose: extendedKeyUsage.serverAuth },
  device: { lifetimeDays: 397, purpose: extendedKeyUsage.clientAuth },
} as const satisfies Record<string, LeafProfile>

export const authorityLifetimeDays = 3653

/** Devices boot with clocks a few seconds behind. */
export const backdateMs = 5 * 60 * 1000

/** RFC 5280 upper bound `ub-common-name`. */
export const maxCommonNameLength = 64
