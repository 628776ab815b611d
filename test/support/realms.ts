// Realms for tests, and who asks to be let in by them: the fields that a test says nothing of have these values.

import { byDefault, explained } from '../../src/auth/explanation.ts'
import { createFileRealm, type FileRealmOptions } from '../../src/auth/file-realm.ts'
import type { Identity } from '../../src/auth/identity.ts'
import { PasswordVerifier, passwordVerifierDefaults } from '../../src/auth/password-verifier.ts'
import type { Realm } from '../../src/auth/realm.ts'
import { silentLog } from '../../src/base/log.ts'
import type { CertificateIdentity } from '../../src/x509/certificate-identity.ts'
import { fakeClock } from './fake-clock.ts'

/** A password as its file has it: "pw". */
export const hashOfPw =
  '$6$D9Nz427RJ08cR3rn$NZdnllRUHPv+LRMv28neP2lzFxOjeMiXycwv75EtSCYesaC48DvYfvGimp0wS7u9j6cl14+B3EDF3CUMKB2SVw=='

/** The real one; without options it lets nobody in. */
export function fileRealm(options: Partial<FileRealmOptions> = {}): Realm {
  return createFileRealm({
    allowAnonymous: false,
    passwords: undefined,
    acl: undefined,
    clientIdPrefixes: undefined,
    certificateIdentity: 'none',
    verifier: new PasswordVerifier(passwordVerifierDefaults, fakeClock()),
    log: silentLog,
    ...options,
  })
}

/** One that has nothing against anybody but in what the test decides. */
export function lenientRealm(
  decided: Pick<Realm, 'authenticate' | 'beginExchange' | 'access'> & Partial<Realm>,
): Realm {
  return {
    stillAdmits: () => true,
    knows: () => true,
    presharedKey: () => undefined,
    admitsKey: () => true,
    admitsCertificate: () => true,
    provesNames: true,
    recall: () => undefined,
    admitsClientId: () => true,
    explain: (_holder, _clientId, question) => explained(question, [byDefault(true, 'nothing against anybody')]),
    ...decided,
  }
}

export const deviceCertificate: CertificateIdentity = {
  subject: 'CN=device 7,O=Example',
  commonName: 'device 7',
  printedSubject: 'O=Example\nCN=device 7',
  alternativeNames: '',
  issuer: 'CN=Example CA',
  printedIssuer: 'CN=Example CA',
  serialNumber: '01',
  fingerprint: 'ab'.repeat(32),
  notBefore: 0,
  notAfter: 1,
}

export function identity(username?: string, password?: string, certificate?: CertificateIdentity): Identity {
  const bytes = password === undefined ? undefined : Buffer.from(password)
  return { clientId: 'c', username, password: bytes, certificate, address: '192.0.2.1' }
}
