// The password, key and ACL files that the listeners name, read and turned into one realm per listener. All or nothing: a file
// that cannot be used throws, and whoever asked keeps the realms it had.

import { createCertificateRealm } from '../auth/certificate-realm.ts'
import { createFileRealm } from '../auth/file-realm.ts'
import { takesTokens } from '../auth/jwt-options.ts'
import { createTokenRealm } from '../auth/jwt-realm.ts'
import { loadPasswordFile, type PasswordFile } from '../auth/password-file.ts'
import type { PasswordVerifier } from '../auth/password-verifier.ts'
import { loadPskFile, type PresharedKeys } from '../auth/psk-file.ts'
import type { Realm } from '../auth/realm.ts'
import type { UserDirectory } from '../auth/user-directory.ts'
import { assert } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { AclFiles } from './acl-files.ts'
import type { ExternalAuth } from './external-auth.ts'
import type { GlobalSettings, ListenerSettings } from './options.ts'
import { aclPath, certificateMapping, passwordPath, securityPlugin } from './rule-sources.ts'
import { tokenVerifier } from './token-rules.ts'

/** Reads each file once, however many listeners name it. */
export class RulesLoader {
  readonly #log: Log
  readonly #verifier: PasswordVerifier
  readonly #directory: UserDirectory | undefined
  readonly #external: ExternalAuth
  readonly #passwords = new Map<string, PasswordFile>()
  readonly #keys = new Map<string, PresharedKeys>()
  readonly #acls: AclFiles

  /**
   * @param directory for the listeners that have dynamic security
   * @param external for those that ask services outside; the caller adopts what is prepared
   */
  constructor(log: Log, verifier: PasswordVerifier, directory: UserDirectory | undefined, external: ExternalAuth) {
    external.begin()
    this.#external = external
    this.#log = log
    this.#verifier = verifier
    this.#directory = directory
    this.#acls = new AclFiles(log)
  }

  /** @throws PasswordFileError, PskFileError, AclFileError, TokenKeyError, ServiceFileError or RulesFileError */
  realm(global: GlobalSettings, listener: ListenerSettings): Realm {
    const passwords = passwordPath(global, listener)
    const acl = aclPath(global, listener)
    const rules = acl === undefined ? undefined : this.#acls.get(acl)
    const directory = this.#directoryOf(global, listener)
    const files = createFileRealm({
      allowAnonymous: listener.allow_anonymous,
      passwords: passwords === undefined ? undefined : this.#passwordFile(passwords),
      acl: rules,
      directory,
      admitsUnknownNames: global.allow_certificates_without_client,
      clientIdPrefixes: global.clientid_prefixes,
      certificateIdentity: certificateMapping(listener),
      certificateIsOptional:
        listener.certfile !== undefined && listener.request_certificate && !listener.require_certificate,
      certificateMatch: listener.certificate_username_match,
      external: this.#external.sources(listener, global.max_pending_authentications, directory !== undefined),
      order: listener.auth_order,
      presharedKeys: this.#presharedKeys(listener),
      log: this.#log,
      verifier: this.#verifier,
    })
    return createCertificateRealm({
      inner: takesTokens(listener) ? this.#withTokens(files, global, listener) : files,
      roles: listener.certificate_role,
      groups: listener.certificate_group,
      keepsCertificates: directory !== undefined || rules?.asksForCertificates === true,
    })
  }

  #withTokens(inner: Realm, global: GlobalSettings, listener: ListenerSettings): Realm {
    const verifier = tokenVerifier(listener, this.#log)
    const directory = this.#directoryOf(global, listener)
    return createTokenRealm({ inner, verifier, directory, mostPending: global.max_pending_authentications })
  }

  #directoryOf(global: GlobalSettings, listener: ListenerSettings): UserDirectory | undefined {
    if (securityPlugin(global, listener) === undefined) return undefined
    assert(this.#directory !== undefined, 'dynamic security was opened for the listener that has it')
    return this.#directory
  }

  #passwordFile(path: string): PasswordFile {
    const known = this.#passwords.get(path)
    if (known !== undefined) return known
    const { file, warnings } = loadPasswordFile(path)
    for (const line of warnings) this.#log.write('warning', line)
    this.#passwords.set(path, file)
    return file
  }

  #presharedKeys({ psk_hint, psk_file }: ListenerSettings): PresharedKeys | undefined {
    if (psk_hint === undefined || psk_file === undefined) return undefined
    const known = this.#keys.get(psk_file)
    if (known !== undefined) return known
    const { keys, warnings } = loadPskFile(psk_file)
    for (const line of warnings) this.#log.write('warning', line)
    this.#keys.set(psk_file, keys)
    return keys
  }
}
