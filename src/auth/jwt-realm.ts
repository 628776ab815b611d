// A realm before which tokens count: as the password of CONNECT, or in enhanced authentication (§4.12) by the method `JWT`.
// What looks like a token is judged as one and as nothing else; everything else is the inner realm's.

import { createHash } from 'node:crypto'
import { directoryAdmits } from './directory-access.ts'
import type { Identity } from './identity.ts'
import type { TokenVerdict, TokenVerifier } from './jwt-verifier.ts'
import { type Principal, provePrincipal } from './principal.ts'
import { type Authentication, deny, type EnhancedExchange, type Realm } from './realm.ts'
import { RealmAround } from './realm-around.ts'
import type { UserDirectory } from './user-directory.ts'

export const tokenMethod = 'JWT'

/** Longer ones are not looked at. */
export const maximumTokenBytes = 16_384

export interface TokenRealmOptions {
  /** Judges whoever has no token, and what everybody may do; takes no name from a certificate or key. */
  readonly inner: Realm
  readonly verifier: TokenVerifier
  /** Dynamic security, where the listener has it. */
  readonly directory: UserDirectory | undefined
  /** Most tokens that are judged at once. */
  readonly mostPending: number
}

export function createTokenRealm(options: TokenRealmOptions): Realm {
  return new TokenRealm(options)
}

class TokenRealm extends RealmAround {
  readonly #verifier: TokenVerifier
  readonly #directory: UserDirectory | undefined
  readonly #mostPending: number
  /** Of what says whom a token names and what it gives: other rules, other people. */
  readonly #rules: string
  #pending = 0

  constructor({ inner, verifier, directory, mostPending }: TokenRealmOptions) {
    super(inner)
    this.#verifier = verifier
    this.#directory = directory
    this.#mostPending = mostPending
    const { issuer, audience, usernameClaim, clientIdClaim, rolesClaim, groupsClaim, aclClaim } = verifier.rules
    const rights = [rolesClaim, groupsClaim, aclClaim].map(claim => claim ?? null)
    const rules = JSON.stringify([
      issuer ?? null,
      audience ?? null,
      usernameClaim,
      clientIdClaim ?? null,
      // As it was before tokens gave rights, where they give none.
      ...(rights.some(claim => claim !== null) ? rights : []),
    ])
    this.#rules = createHash('sha256').update(rules).digest('base64url')
  }

  authenticate(identity: Identity): Authentication | Promise<Authentication> {
    const token = tokenIn(identity.password)
    if (token !== undefined) return this.#byToken(token, identity)
    if (identity.username !== undefined && !this.inner.provesNames) {
      return deny('not-authorized', 'the password is no token, and there is no password_file')
    }
    return this.inner.authenticate(identity)
  }

  beginExchange(method: string, identity: Identity): EnhancedExchange | undefined {
    if (method !== tokenMethod) return this.inner.beginExchange(method, identity)
    return {
      method,
      step: async data => {
        const token = tokenIn(data)
        const outcome =
          token === undefined
            ? deny('not-authorized', 'no token in the authentication data')
            : await this.#byToken(token, identity)
        if (!outcome.allowed) return { kind: 'denied', denial: outcome }
        return { kind: 'success', data: undefined, principal: outcome.principal }
      },
    }
  }

  /** That a token comes to its end is for whoever has the connection: a session may wait for the next one. */
  stillAdmits(principal: Principal, clientId: string): boolean {
    if (principal.method !== 'token') return !this.#isUnproven(principal) && this.inner.stillAdmits(principal, clientId)
    const [rules, fingerprint = ''] = principal.evidence.split(':')
    if (rules !== this.#rules || !this.#verifier.holds(fingerprint)) return false
    return this.#directory === undefined || directoryAdmits(this.#directory, principal.username, clientId)
  }

  override get provesNames(): boolean {
    return true
  }

  /** Nobody here can ask the issuer. */
  override knows(principal: Principal): boolean {
    return principal.method === 'token' || (!this.#isUnproven(principal) && this.inner.knows(principal))
  }

  override recall(username: string | undefined): Principal | undefined {
    return username !== undefined && !this.inner.provesNames ? undefined : this.inner.recall(username)
  }

  /** Whoever gave a name while nobody had to prove it. */
  #isUnproven({ method, username }: Principal): boolean {
    return method === 'anonymous' && username !== undefined
  }

  async #byToken(token: string, identity: Identity): Promise<Authentication> {
    const { presharedKey } = identity
    if (presharedKey !== undefined && !this.inner.admitsKey(presharedKey)) {
      return deny('not-authorized', 'psk_file changed since the handshake')
    }
    if (this.#pending >= this.#mostPending) return deny('busy', 'max_pending_authentications')
    this.#pending++
    try {
      return this.#judged(await this.#verifier.verify(token, identity.clientId), identity)
    } finally {
      this.#pending--
    }
  }

  #judged(verdict: TokenVerdict, { username: claimed, certificate }: Identity): Authentication {
    if (verdict.kind === 'unknown') return deny('busy', verdict.rule)
    if (verdict.kind === 'refused') return deny('not-authorized', verdict.rule)
    const { username, fingerprint, expiresAt, rights } = verdict
    // Before MQTT 5 there is no password without a user name; an empty one claims nothing.
    if (claimed !== undefined && claimed !== '' && claimed !== username) {
      return deny('not-authorized', 'token of another user')
    }
    if (!this.inner.admitsCertificate({ certificate, username })) {
      return deny('not-authorized', 'certificate_username_match')
    }
    const msLeft = () => this.#verifier.msUntil(expiresAt)
    return {
      allowed: true,
      principal: provePrincipal(username, 'token', `${this.#rules}:${fingerprint}`, { ...rights, msLeft }),
    }
  }
}

/** A JSON Web Signature in its compact form (RFC 7515 §7.1): its header begins with `{"`. */
const compactForm = /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/

function tokenIn(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined || bytes.length > maximumTokenBytes) return undefined
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  return compactForm.test(text) ? text : undefined
}
