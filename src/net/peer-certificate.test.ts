import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { throwawayPki } from '../../test/support/authority.ts'
import { certificateBytes, party, pemOf } from '../../test/support/certificate-bytes.ts'
import { extensionBytes } from '../../test/support/list-bytes.ts'
import { silentLog } from '../base/log.ts'
import { loadX509Library } from '../x509/library.ts'
import { ClientTrust, type TrustRules } from './client-trust.ts'
import { type HandshakeResult, judgePeerCertificate } from './peer-certificate.ts'
import { RevocationDownloads } from './revocation-downloads.ts'

const pki = await throwawayPki()
const read = ({ cert }: { readonly cert: string }) => new X509Certificate(readFileSync(cert))
const client = read(pki.client)
const now = client.validFromDate.getTime()

function handshake(changed: Partial<HandshakeResult> = {}): HandshakeResult {
  return { authorized: true, authorizationError: null, getPeerX509Certificate: () => client, ...changed }
}

const rules: TrustRules = {
  certificates: [readFileSync(pki.authority.ca.cert, 'latin1')],
  revocations: undefined,
  downloads: undefined,
  ocsp: undefined,
  graceMs: 0,
  needsList: true,
  checksDates: true,
}
const trusting = (changed: Partial<TrustRules> = {}) => new ClientTrust({ ...rules, ...changed }, silentLog)

const refusal = (result: HandshakeResult, at = now, trust = trusting()) => {
  const verdict = judgePeerCertificate(result, at, trust)
  return verdict.accepted ? 'accepted' : verdict.reason
}

test('a certificate that OpenSSL verified is accepted and read', () => {
  const verdict = judgePeerCertificate(handshake(), now, trusting())
  assert.ok(verdict.accepted)
  assert.equal(verdict.certificate.content.identity.commonName, 'user1')
})

test("features C3: no certificate is refused, in OpenSSL's word", () => {
  const verdict = judgePeerCertificate(handshake({ getPeerX509Certificate: () => undefined }), now, trusting())
  assert.ok(!verdict.accepted)
  assert.equal(verdict.openssl, 'error:0A0000C7:SSL routines::peer did not return a certificate')
})

test('features C4: whatever OpenSSL did not authorize is refused, a reason that nobody knows too', () => {
  const refused: readonly (readonly [unknown, string])[] = [
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'issued by an unknown authority'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed, and not among the trusted authorities'],
    ['PATH_LENGTH_EXCEEDED', 'its chain is longer than an authority allows'],
    ['INVALID_CA', 'issued by a certificate that may not issue any'],
    ['UNSPECIFIED', 'a name, a critical extension or an authority of its chain is not allowed there'],
    ['CERT_SIGNATURE_FAILURE', 'CERT_SIGNATURE_FAILURE'],
    [null, 'not verified'],
    [undefined, 'not verified'],
  ]
  for (const [authorizationError, reason] of refused) {
    assert.equal(refusal(handshake({ authorized: false, authorizationError })), reason)
  }
  const truthy = 'yes' as unknown as boolean
  assert.equal(refusal(handshake({ authorized: truthy })), 'not verified')
})

test('features C12: dates are judged by our own clock, also when a resumed session says it is authorized', () => {
  assert.equal(refusal(handshake(), client.validFromDate.getTime()), 'accepted')
  assert.equal(refusal(handshake(), client.validFromDate.getTime() - 1), 'certificate is not yet valid')
  assert.equal(refusal(handshake(), client.validToDate.getTime()), 'accepted')
  assert.equal(refusal(handshake(), client.validToDate.getTime() + 1), 'certificate has expired')
  assert.equal(refusal(handshake(), Number.NaN), 'certificate is not yet valid')
})

test('features C11: a stated purpose must include clientAuth; none stated is accepted', async () => {
  const verdictOn = async (...extensions: string[]) => {
    const certificate = read(await pki.authority.issue({ subject: 'x', extensions }))
    // Issued later than `client`, so judged in the first moment of its own validity.
    return refusal(handshake({ getPeerX509Certificate: () => certificate }), certificate.validFromDate.getTime())
  }
  assert.equal(await verdictOn('extendedKeyUsage=serverAuth'), 'certificate is not for clients')
  assert.equal(await verdictOn('extendedKeyUsage=serverAuth,clientAuth'), 'accepted')
  assert.equal(await verdictOn('subjectAltName=DNS:x'), 'accepted')
})

test('a remembered certificate is not read again, and judged again: dates, trust and purpose as of now', () => {
  const trust = trusting()
  const judge = (changed: Partial<HandshakeResult>, at = now) => judgePeerCertificate(handshake(changed), at, trust)
  const first = judge({})
  const again = judge({ getPeerX509Certificate: () => read(pki.client) })
  assert.ok(first.accepted && again.accepted)
  assert.equal(again.certificate.content, first.certificate.content)
  assert.deepEqual(judge({}, client.validToDate.getTime() + 1), {
    accepted: false,
    openssl: 'error:0A000086:SSL routines::certificate verify failed',
    reason: 'certificate has expired',
    certificate: first.certificate.content.identity,
  })
  assert.equal(judge({ authorized: false }).accepted, false)
  assert.equal(judge({ getPeerX509Certificate: () => undefined }).accepted, false)
})

test('a certificate that nobody vouches for is not remembered', () => {
  const trust = trusting()
  const refused = judgePeerCertificate(handshake({ authorized: false }), now, trust)
  const accepted = judgePeerCertificate(handshake(), now, trust)
  assert.ok(!refused.accepted && accepted.accepted)
  assert.deepEqual(refused.certificate, accepted.certificate.content.identity)
  assert.notEqual(refused.certificate, accepted.certificate.content.identity)
})

test('an authority is no client, whatever its certificate is for', async () => {
  const extensions = ['basicConstraints=critical,CA:TRUE', 'extendedKeyUsage=clientAuth']
  const certificate = read(await pki.authority.issue({ subject: 'x', extensions }))
  const shown = handshake({ getPeerX509Certificate: () => certificate })
  assert.equal(refusal(shown, certificate.validFromDate.getTime()), "certificate is an authority's")
})

test('the signature counts, whatever OpenSSL is said to have found', () => {
  const shown = handshake({ getPeerX509Certificate: () => read(pki.strangersClient) })
  assert.equal(refusal(shown), 'issued by an unknown authority')
})

test('disable_client_cert_date_checks: dates are overlooked, and nothing that they may hide', async () => {
  await loadX509Library()
  const expired = read(pki.expiredClient)
  const shown = (certificate: X509Certificate) =>
    handshake({
      authorized: false,
      authorizationError: 'CERT_HAS_EXPIRED',
      getPeerX509Certificate: () => certificate,
    })
  const lenient = trusting({ checksDates: false })
  assert.equal(refusal(shown(expired), now, lenient), 'accepted')
  assert.equal(refusal(shown(expired), now), 'certificate has expired')
  assert.equal(refusal(shown(read(pki.strangersClient)), now, lenient), 'issued by an unknown authority')
  const strange = await pki.authority.issue({ subject: 'x', extensions: ['1.2.3.4=critical,ASN1:UTF8String:x'] })
  assert.match(refusal(shown(read(strange)), now, lenient), /critical extension that is not known/)
})

test('a certificate that OpenSSL accepts and the library does not understand is refused, and brings nothing down', async () => {
  await loadX509Library()
  const authority = party('Authority')
  const ca = certificateBytes({ subject: authority, issuer: authority })
  // cRLDistributionPoints with an ediPartyName, of which the two have different notions.
  const points = extensionBytes('551d1f', '300f300da00ba009a507a1050c03613a62', false)
  const odd = certificateBytes({ subject: party('odd'), issuer: authority, extensions: [points] })
  const certificates = [pemOf(ca)]
  const shown = handshake({ getPeerX509Certificate: () => new X509Certificate(odd) })
  const fetching = trusting({ certificates, downloads: new RevocationDownloads(silentLog, 1_048_576) })
  assert.equal(refusal(shown, now, fetching), 'certificate does not decode')
  assert.equal(refusal(shown, now, trusting({ certificates })), 'accepted')
})
