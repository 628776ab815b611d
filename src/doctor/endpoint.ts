// What a running broker shows to whoever asks it from outside.

import type { Certificate } from './certificates.ts'
import type { Place } from './finding.ts'

/** How the broker answered a CONNECT without a user name. */
export interface AnonymousAnswer {
  readonly isAccepted: boolean
  /** In words, with the reason code; for a connection that was closed, that. */
  readonly answer: string
  /** Topic filters that it was allowed to subscribe to. */
  readonly granted: readonly string[]
}

export interface TlsAnswer {
  /** `TLSv1.2`: what it accepts, of those that could be asked for. */
  readonly versions: readonly string[]
  /** Leaf first. */
  readonly chain: readonly Certificate[]
  /** Why the certificate is not one for the host that was asked for. */
  readonly nameFault: string | undefined
  /** Why the chain is not trusted here. */
  readonly trustFault: string | undefined
  readonly hasStaple: boolean
  /** Whether it asks clients for a certificate; undefined where that cannot be seen. */
  readonly asksForCertificate: boolean | undefined
}

export interface Endpoint {
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly place: Place
  /** Whether it is on the loopback address. */
  readonly isLocal: boolean
  readonly isTls: boolean
  readonly tls: TlsAnswer | undefined
  /** undefined where not even a connection came about. */
  readonly anonymous: AnonymousAnswer | undefined
}
