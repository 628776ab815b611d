// The realm of one listener as mosquitto.conf describes it: anonymous clients, the chain of those who know passwords, names
// from certificates, an ACL file, a prefix for client ids, and a directory of users that changes by itself. All else stays
// as it was made; a reload makes another realm.

import { escapeText } from '../base/escape.ts'
import { type Log, silentLog } from '../base/log.ts'
import { type CertificateField, certificateName, isDeceptive } from '../x509/certificate-name.ts'
import { type ExplainedAccess, explainAccess } from './access.ts'
import type { AclRules } from './acl-rules.ts'
import {
  askInOrder,
  type Deferral,
  describeTrail,
  inOrder,
  type SourceName,
  type SourceVerdict,
  sourceNames,
} from './auth-chain.ts'
import { accessBy, directoryAdmits } from './directory-access.ts'
import type { AccessQuestion, Explanation } from './explanation.ts'
import type { ExternalSource } from './external-source.ts'
import type { Identity, ProvenKey } from './identity.ts'
import { LocalSource } from './local-source.ts'
import type { PasswordFile } from './password-file.ts'
import type { PasswordVerifier } from './password-verifier.ts'
import { type Principal, provePrincipal } from './principal.ts'
import type { PresharedKey, PresharedKeys } from './psk-file.ts'
import { type Access, type Authentication, type Candidate, deny, type EnhancedExchange, type Realm } from './realm.ts'
import { createScramExchange, scramMethod } from './scram.ts'
import { createGrantedAccess } from './topic-grants.ts'
import type { UserDirectory } from './user-directory.ts'

/**
 * What of the TLS handshake becomes a client's user name: `common-name` of its certificate for `use_identity_as_username`,
 * which wins over `subject` for `use_subject_as_username`; `preshared-key` for the former where there are such keys instead,
 * `proxied-common-name` where a load balancer has looked at the certificate.
 * With `none` a certificate or key only opens the door (features C7).
 */
export type CertificateMapping = 'none' | 'preshared-key' | 'proxied-common-name' | CertificateField

export interface FileRealmOptions {
  readonly allowAnonymous: boolean
  /** undefined without `password_file`. */
  readonly passwords: PasswordFile | undefined
  /** undefined without `acl_file`: everything is allowed (features F6), but with a directory nothing. */
  readonly acl: AclRules | undefined
  /** Dynamic security, where the listener has it. */
  readonly directory?: UserDirectory | undefined
  /** Lets in certificates and keys whose name the directory does not know (`allow_certificates_without_client`). */
  readonly admitsUnknownNames?: boolean
  /** `clientid_prefixes`, one prefix in spite of its name (features H1). */
  readonly clientIdPrefixes: string | undefined
  readonly certificateIdentity: CertificateMapping
  /** `request_certificate`: who shows no certificate is judged as if none had been asked for. */
  readonly certificateIsOptional?: boolean
  /** `certificate_username_match`: what of the certificate the user name of CONNECT has to be. */
  readonly certificateMatch?: CertificateField | undefined
  /** Services outside that are asked about passwords. */
  readonly external?: readonly ExternalSource[]
  /** `auth_order`; without it that of `sourceNames`. */
  readonly order?: readonly SourceName[] | undefined
  /** undefined without `psk_hint` and `psk_file`. */
  readonly presharedKeys?: PresharedKeys | undefined
  /** Shared by all realms of the process. */
  readonly verifier: PasswordVerifier
  readonly log: Log
}

export function createFileRealm(options: FileRealmOptions): Realm {
  return new FileRealm(options)
}

class FileRealm implements Realm {
  readonly #options: FileRealmOptions
  /** In the order in which they are asked; empty where nobody has a password. */
  readonly #sources: readonly (LocalSource | ExternalSource)[]
  /** Those of them whose passwords are kept here. */
  readonly #local: readonly LocalSource[]
  readonly #external: readonly ExternalSource[]

  constructor(options: FileRealmOptions) {
    this.#options = options
    const { directory, passwords, verifier, external = [], order = sourceNames } = options
    const local = [
      ...(directory === undefined ? [] : [LocalSource.ofDirectory(directory, verifier)]),
      ...(passwords === undefined ? [] : [LocalSource.ofFile(passwords, verifier)]),
    ]
    this.#sources = inOrder([...local, ...external], order)
    this.#local = inOrder(local, order)
    this.#external = external
  }

  authenticate(identity: Identity): Authentication | Promise<Authentication> {
    const { certificateIdentity } = this.#options
    if (!this.#keyHolds(identity)) return deny('not-authorized', 'psk_file changed since the handshake')
    if (certificateIdentity === 'preshared-key') return this.#byPresharedKey(identity)
    if (certificateIdentity === 'proxied-common-name') return this.#byProxiedName(identity)
    if (certificateIdentity !== 'none' && !this.#mayDoWithout(identity)) {
      return this.#byCertificate(identity, certificateIdentity)
    }
    if (!this.#matches(identity)) return deny('not-authorized', 'certificate_username_match')
    if (identity.username === undefined || !this.#hasPasswords) return this.#anonymous(identity.username)
    return this.#byPassword(identity.username, identity)
  }

  /** SCRAM is offered when the password file has entries for it, and the name is not for the certificate or a service to judge. */
  beginExchange(method: string, identity: Identity): EnhancedExchange | undefined {
    const { certificateIdentity, passwords } = this.#options
    if (method !== scramMethod || passwords?.scramDecoy === undefined || this.#hasServiceBeforeFile) return undefined
    if (certificateIdentity !== 'none' && !this.#mayDoWithout(identity)) return undefined
    if (!this.#keyHolds(identity) || !this.#matches(identity)) return undefined
    const { users, scramDecoy: decoy } = passwords
    return createScramExchange({ users, decoy, connectUsername: identity.username })
  }

  stillAdmits(principal: Principal, clientId: string): boolean {
    return this.#holds(principal) && this.#directoryAdmits(principal, clientId)
  }

  /** Whether what proved the principal still would. */
  #holds(principal: Principal): boolean {
    const { method, username, evidence } = principal
    const { allowAnonymous, certificateIdentity } = this.#options
    if (method === 'certificate') return evidence.startsWith(`${certificateIdentity}:`)
    if (method === 'preshared-key')
      return (
        certificateIdentity === 'preshared-key' && this.admitsKey({ identity: username ?? '', fingerprint: evidence })
      )
    if (certificateIdentity !== 'none' && this.#options.certificateIsOptional !== true) return false
    // Who gave a name while there was no password file has to prove it now that there is one.
    if (method === 'anonymous') return allowAnonymous && (username === undefined || !this.#hasPasswords)
    const external = this.#externalOf(principal)
    if (external !== undefined) return external.holds(principal)
    return username !== undefined && this.#keeperOf(username)?.entry(username)?.fingerprint === evidence
  }

  /** A service is asked with the password, which SCRAM does not show: it would be passed by. */
  get #hasServiceBeforeFile(): boolean {
    const [first] = this.#sources.filter(({ name }) => name === 'password-file' || name === 'http' || name === 'ldap')
    return first !== undefined && first.name !== 'password-file'
  }

  get #hasPasswords(): boolean {
    return this.#sources.length > 0
  }

  /** Who keeps the password of a user here. */
  #keeperOf(username: string): LocalSource | undefined {
    return this.#local.find(source => source.knows(username))
  }

  /** The service that has let the principal in. */
  #externalOf(principal: Principal): ExternalSource | undefined {
    return this.#external.find(source => source.concerns(principal))
  }

  #directoryAdmits(principal: Principal, clientId: string): boolean {
    const { method, username } = principal
    const { directory, admitsUnknownNames } = this.#options
    if (directory === undefined || username === undefined) return true
    if (directory.user(username) !== undefined) return directoryAdmits(directory, username, clientId)
    if (admitsUnknownNames === true || (method !== 'certificate' && method !== 'preshared-key')) return true
    // Nobody has to be known who was given a role that is.
    return directory.rights(principal) !== undefined
  }

  knows(principal: Principal): boolean {
    const { method, username } = principal
    if (username !== undefined && this.#options.directory?.user(username) !== undefined) return true
    // Nobody here can say whether the service would still know the user by this name.
    if (this.#externalOf(principal) !== undefined) return true
    if (method === 'password' || method === 'SCRAM-SHA-256')
      return username !== undefined && this.#options.passwords?.users.has(username) === true
    // A role that was given and is gone may come back, and what waits in the session is kept for it.
    const wasGiven = principal.roles.length > 0 || principal.groups.length > 0
    if (!wasGiven && !this.#directoryAdmits(principal, '')) return false
    if (method === 'preshared-key') return this.#options.presharedKeys?.has(username ?? '') === true
    return this.#holds(principal)
  }

  get provesNames(): boolean {
    return this.#options.certificateIdentity !== 'none' || this.#hasPasswords
  }

  recall(username: string | undefined): Principal | undefined {
    const { allowAnonymous, certificateIdentity } = this.#options
    if (certificateIdentity === 'preshared-key') {
      const key = this.presharedKey(username ?? '')
      return key && provePrincipal(username, 'preshared-key', key.fingerprint)
    }
    if (certificateIdentity !== 'none') {
      return username === undefined ? undefined : provePrincipal(username, 'certificate', `${certificateIdentity}:`)
    }
    if (username === undefined || !this.#hasPasswords) {
      return allowAnonymous ? provePrincipal(username, 'anonymous', '') : undefined
    }
    const entry = this.#keeperOf(username)?.entry(username)
    return entry && provePrincipal(username, 'password', entry.fingerprint)
  }

  presharedKey(identity: string): PresharedKey | undefined {
    return this.#options.presharedKeys?.get(identity)
  }

  admitsKey({ identity, fingerprint }: ProvenKey): boolean {
    return this.presharedKey(identity)?.fingerprint === fingerprint
  }

  admitsCertificate(who: Pick<Identity, 'certificate' | 'username'>): boolean {
    const isAskedForItsName = this.#options.certificateIdentity !== 'none' && !this.#mayDoWithout(who)
    return isAskedForItsName || this.#matches(who)
  }

  admitsClientId(clientId: string): boolean {
    return clientId.startsWith(this.#options.clientIdPrefixes ?? '')
  }

  access(principal: Principal, clientId: string): Access {
    return this.#accessOf(principal, clientId, this.#options.log)
  }

  explain(candidate: Candidate, clientId: string, question: AccessQuestion): Explanation {
    return explainAccess(this.#accessOf(candidate, clientId, silentLog), question)
  }

  #accessOf(candidate: Candidate, clientId: string, log: Log): ExplainedAccess {
    const { acl, directory } = this.#options
    const { topics } = candidate
    if (topics !== undefined) return createGrantedAccess(topics, { candidate, clientId, directory })
    return accessBy({ acl, directory, log }, candidate, clientId)
  }

  /** Nobody can ask for a certificate that is only requested. */
  #mayDoWithout({ certificate }: Pick<Identity, 'certificate'>): boolean {
    return certificate === undefined && this.#options.certificateIsOptional === true
  }

  /** Features C7: certificate and password together, both of one user. */
  #matches({ certificate, username }: Pick<Identity, 'certificate' | 'username'>): boolean {
    const { certificateMatch } = this.#options
    if (certificateMatch === undefined) return true
    return (
      certificate !== undefined && username !== undefined && certificateName(certificate, certificateMatch) === username
    )
  }

  #keyHolds({ presharedKey }: Identity): boolean {
    return presharedKey === undefined || this.admitsKey(presharedKey)
  }

  /** The user name and password of CONNECT count for nothing here. */
  #byPresharedKey({ presharedKey }: Identity): Authentication {
    if (presharedKey === undefined) return deny('bad-user-name-or-password', 'no pre-shared key to take the name from')
    return admit(provePrincipal(presharedKey.identity, 'preshared-key', presharedKey.fingerprint))
  }

  #byProxiedName({ proxiedCommonName }: Identity): Authentication {
    if (proxiedCommonName === undefined)
      return deny('bad-user-name-or-password', 'no common name from the load balancer to take the name from')
    if (isDeceptive(proxiedCommonName))
      return deny('bad-user-name-or-password', 'common name from the load balancer with invisible characters')
    return admit(provePrincipal(proxiedCommonName, 'certificate', 'proxied-common-name:'))
  }

  /** Features C5, C6: the user name and password of CONNECT count for nothing here. */
  #byCertificate({ certificate }: Identity, mapping: CertificateField): Authentication {
    if (certificate === undefined)
      return deny('bad-user-name-or-password', 'no client certificate to take the name from')
    const username = certificateName(certificate, mapping)
    if (username === undefined || username === '')
      return deny('bad-user-name-or-password', `client certificate without ${mapping}`)
    if (isDeceptive(username))
      return deny('bad-user-name-or-password', `client certificate with invisible characters in its ${mapping}`)
    return admit(provePrincipal(username, 'certificate', `${mapping}:${certificate.fingerprint}`))
  }

  /**
   * Features B1. Without a password file a user name is only a word: as with Mosquitto it is kept, for the log and for the
   * ACL's `user` and `%u`, but nothing was proven, and the method says so to whoever asks who owns a session.
   */
  #anonymous(username: string | undefined): Authentication {
    if (this.#options.allowAnonymous) return admit(provePrincipal(username, 'anonymous', ''))
    const rule = username === undefined ? 'allow_anonymous false' : 'allow_anonymous false and no password_file'
    return deny('not-authorized', rule)
  }

  #byPassword(username: string, identity: Identity): Authentication | Promise<Authentication> {
    const verdict = askInOrder(this.#sources, username, identity)
    const conclude = (said: SourceVerdict) => {
      this.#tell(username, identity.clientId, said)
      return said.allowed === undefined ? this.#byNobody(username, identity, said) : said
    }
    return verdict instanceof Promise ? verdict.then(conclude) : conclude(verdict)
  }

  /** Features B11: whom nobody knows costs as much as a wrong password, and gets the same answer. */
  #byNobody(username: string, identity: Identity, { trail }: Deferral): Authentication | Promise<Authentication> {
    const verdict = this.#local[0]?.check(username, identity) ?? deny('not-authorized', 'no source knows the user')
    const conclude = (said: Authentication) => (trail === undefined ? said : { ...said, trail })
    return verdict instanceof Promise ? verdict.then(conclude) : conclude(verdict)
  }

  #tell(username: string, clientId: string, { trail }: SourceVerdict): void {
    const { log } = this.#options
    if (trail === undefined || !log.enabled('debug')) return
    const who = `u'${escapeText(username)}' as ${escapeText(clientId)}`
    log.write('debug', `Authentication of ${who}: ${describeTrail(trail)}.`)
  }
}

function admit(principal: Principal): Authentication {
  return { allowed: true, principal }
}
