// Judges one JSON Web Token (RFC 7519, RFC 8725): signature, dates, issuer, audience, whom it names, and what it gives. The library checks
// what is cryptography and the registered claims; which key and which algorithm may be used is decided before it is asked.

import type { errors, JWTPayload } from 'jose'
import { isDeceptive } from '../x509/certificate-name.ts'
import { type TokenAlgorithm, tokenAlgorithm } from './jwt-algorithms.ts'
import { type ClaimedRights, type ClaimRules, claimedRights } from './jwt-claims.ts'
import type { TokenKeySource } from './jwt-key-source.ts'
import type { TokenKey } from './jwt-keys.ts'

export interface TokenRules extends ClaimRules {
  readonly algorithms: readonly TokenAlgorithm[]
  /** undefined: any. */
  readonly issuer: string | undefined
  /** undefined: any. */
  readonly audience: string | undefined
  /** Seconds by which clocks may differ. */
  readonly skewSeconds: number
  readonly usernameClaim: string
  /** undefined: the token does not say which client id its owner has. */
  readonly clientIdClaim: string | undefined
}

export type TokenVerdict =
  | {
      readonly kind: 'valid'
      readonly username: string
      /** Of the key that has signed it. */
      readonly fingerprint: string
      /** Milliseconds since the epoch, skew included. */
      readonly expiresAt: number
      readonly rights: ClaimedRights
    }
  /** `rule` says why, and holds nothing of the token. */
  | { readonly kind: 'refused'; readonly rule: string }
  /** It cannot be judged now. */
  | { readonly kind: 'unknown'; readonly rule: string }

export interface TokenVerifierParts {
  readonly rules: TokenRules
  readonly keys: readonly TokenKeySource[]
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number
}

export class TokenVerifier {
  readonly rules: TokenRules
  readonly #keys: readonly TokenKeySource[]
  readonly #wallClock: () => number

  constructor({ rules, keys, wallClock }: TokenVerifierParts) {
    this.rules = rules
    this.#keys = keys
    this.#wallClock = wallClock
  }

  /** Milliseconds until then. */
  msUntil(expiresAt: number): number {
    return expiresAt - this.#wallClock()
  }

  /** Whether a key that has once verified a token still would. */
  holds(fingerprint: string): boolean {
    return this.#keys.some(source => source.holds(fingerprint))
  }

  /** @param clientId of the client that shows the token */
  async verify(token: string, clientId: string): Promise<TokenVerdict> {
    // Most brokers see no token; the library costs a start some milliseconds.
    const { decodeProtectedHeader } = await import('jose')
    let header: ReturnType<typeof decodeProtectedHeader>
    try {
      header = decodeProtectedHeader(token)
    } catch {
      return refused('token cannot be read')
    }
    const algorithm = tokenAlgorithm(header.alg)
    if (algorithm === undefined || !this.rules.algorithms.includes(algorithm)) {
      return refused('token with an algorithm that is not in jwt_algorithms')
    }
    const id = typeof header.kid === 'string' ? header.kid : undefined
    let keys: readonly TokenKey[]
    try {
      keys = await this.#find(id, algorithm)
    } catch (error) {
      return { kind: 'unknown', rule: (error as Error).message }
    }
    return this.#verifyWith(keys, algorithm, token, clientId)
  }

  /** The first source that has any; one that has to be fetched stands last. */
  async #find(id: string | undefined, algorithm: TokenAlgorithm): Promise<readonly TokenKey[]> {
    for (const source of this.#keys) {
      const keys = await source.find(id, algorithm)
      if (keys.length > 0) return keys
    }
    return []
  }

  async #verifyWith(
    keys: readonly TokenKey[],
    algorithm: TokenAlgorithm,
    token: string,
    clientId: string,
  ): Promise<TokenVerdict> {
    const { errors: kinds, jwtVerify } = await import('jose')
    let fault = 'token whose key is not known'
    for (const { key, fingerprint } of keys) {
      try {
        const { payload } = await jwtVerify(token, key, this.#options(algorithm))
        return this.#judge(payload, fingerprint, clientId)
      } catch (error) {
        fault = faultOf(error, kinds)
        // Which of several keys without a name it was, only trying tells.
        if (fault !== wrongSignature) break
      }
    }
    return refused(fault)
  }

  #options(algorithm: TokenAlgorithm) {
    const { issuer, audience, skewSeconds } = this.rules
    return {
      algorithms: [algorithm],
      currentDate: new Date(this.#wallClock()),
      clockTolerance: skewSeconds,
      requiredClaims: ['exp'],
      ...(issuer !== undefined && { issuer }),
      ...(audience !== undefined && { audience }),
    }
  }

  #judge(payload: JWTPayload, fingerprint: string, clientId: string): TokenVerdict {
    const { usernameClaim, clientIdClaim, skewSeconds } = this.rules
    const username = payload[usernameClaim]
    if (typeof username !== 'string' || username === '') return refused('token without the claim of jwt_username_claim')
    if (isDeceptive(username) || !username.isWellFormed()) return refused('token with invisible characters in its name')
    if (clientIdClaim !== undefined && payload[clientIdClaim] !== clientId) {
      return refused('token of another client id (jwt_clientid_claim)')
    }
    const rights = claimedRights(payload, this.rules)
    if ('fault' in rights) return refused(rights.fault)
    const expiresAt = ((payload.exp as number) + skewSeconds) * 1000
    return { kind: 'valid', username, fingerprint, expiresAt, rights }
  }
}

const wrongSignature = 'token with a wrong signature'

/** In our words: those of the library may show what is in the token. */
function faultOf(error: unknown, kinds: typeof errors): string {
  if (error instanceof kinds.JWSSignatureVerificationFailed) return wrongSignature
  if (error instanceof kinds.JWTExpired) return 'token has expired'
  if (!(error instanceof kinds.JWTClaimValidationFailed)) return 'token cannot be read'
  const { claim, reason } = error
  if (claim === 'iss') return 'token of another issuer (jwt_issuer)'
  if (claim === 'aud') return 'token for another audience (jwt_audience)'
  if (claim === 'nbf' && reason === 'check_failed') return 'token is not valid yet'
  return claim === 'exp' ? 'token without an end (exp)' : 'token with a claim that cannot be read'
}

function refused(rule: string): TokenVerdict {
  return { kind: 'refused', rule }
}
