// Questions to an OCSP responder, and what its answers are worth (RFC 6960): an answer counts when it is about the certificate
// that was asked about, is signed by its issuer or by a responder that the issuer has appointed, and is not out of date.

import { createHash, verify, X509Certificate } from 'node:crypto'
import type { BasicOCSPResponse, SingleResponse } from 'pkijs'
import { DerError } from './der.ts'
import type { Issuer } from './issuer.ts'

export interface OcspAnswer {
  readonly status: 'good' | 'revoked' | 'unknown'
  /** RFC 5280 §5.3.1; 0 when the responder does not say. */
  readonly reason: number
  /** False when the responder says that the authority has never issued such a certificate: its key is in other hands. */
  readonly wasIssued: boolean
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number
  /** undefined when newer information is always to be had. */
  readonly nextUpdate: number | undefined
}

/** A clock that is a little wrong must not make an answer one of the future. */
const skewMs = 5 * 60 * 1000
/** An answer that does not say until when it holds is not taken when it is older. */
const longestMs = 24 * 60 * 60 * 1000
/** What every responder knows: nothing is proven by it, it only names the issuer. */
const sha1 = '1.3.14.3.2.26'
const sha1Algorithm = Buffer.from('300906052b0e03021a0500', 'hex')
/** That an answer may bring along. */
const maxCertificates = 4
const basicResponse = '1.3.6.1.5.5.7.48.1.1'
const extendedRevoke = '1.3.6.1.5.5.7.48.1.9'
const onHold = 6
const ocspSigning = '1.3.6.1.5.5.7.3.9'

/** Loaded where something asks for it. */
const library = () => import('pkijs')

/** A request about one certificate, DER; without a nonce, so that a responder may answer from what it has signed before. */
export async function ocspRequest(serial: Uint8Array, issuer: Issuer): Promise<Buffer> {
  const pkijs = await library()
  const { nameHash, keyHash } = await hashesOf(issuer)
  const certId = new pkijs.CertID({ hashAlgorithm: pkijs.AlgorithmIdentifier.fromBER(sha1Algorithm) })
  certId.issuerNameHash.valueBlock.valueHexView = nameHash
  certId.issuerKeyHash.valueBlock.valueHexView = keyHash
  certId.serialNumber.valueBlock.valueHexView = serial
  const request = new pkijs.OCSPRequest()
  request.tbsRequest.requestList = [new pkijs.Request({ reqCert: certId })]
  return Buffer.from(request.toSchema(true).toBER())
}

/**
 * @param der what the responder has sent
 * @param now milliseconds since the epoch
 * @throws DerError for an answer that is worth nothing
 */
export async function readOcspAnswer(
  der: Uint8Array,
  serial: Uint8Array,
  issuer: Issuer,
  now: number,
): Promise<OcspAnswer> {
  try {
    return await judge(await parse(der), serial, issuer, now)
  } catch (error) {
    if (error instanceof DerError) throw error
    // Nothing of it was proven when it was taken apart, and what two libraries throw for it is theirs.
    throw new DerError('it does not decode')
  }
}

async function judge(basic: BasicOCSPResponse, serial: Uint8Array, issuer: Issuer, now: number): Promise<OcspAnswer> {
  const signer = signerOf(basic, issuer, now)
  if (signer === undefined)
    throw new DerError('it is not signed by the issuer, nor by a responder that the issuer appointed')
  const single = await answerAbout(basic, serial, issuer)
  if (single === undefined) throw new DerError('it is not about the certificate that was asked about')
  const answer = readSingle(single, basic)
  if (!(answer.thisUpdate <= now + skewMs)) throw new DerError('it is from the future')
  if (!(now - skewMs <= (answer.nextUpdate ?? answer.thisUpdate + longestMs))) throw new DerError('it is out of date')
  return answer
}

async function parse(der: Uint8Array): Promise<BasicOCSPResponse> {
  const pkijs = await library()
  const response = pkijs.OCSPResponse.fromBER(Uint8Array.from(der).buffer)
  const status = response.responseStatus.valueBlock.valueDec
  if (status !== 0) throw new DerError(`the responder answers ${statuses[status] ?? status}`)
  const { responseBytes } = response
  if (responseBytes?.responseType !== basicResponse) throw new DerError('it is of a kind that is not known')
  return pkijs.BasicOCSPResponse.fromBER(responseBytes.response.valueBlock.valueHexView)
}

/** RFC 6960 §2.3. */
const statuses: Readonly<Record<number, string>> = {
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized',
}

/** The issuer itself, or whom it gave a certificate for this purpose (RFC 6960 §4.2.2.2). */
function signerOf(basic: BasicOCSPResponse, issuer: Issuer, now: number): X509Certificate | undefined {
  if (hasSigned(issuer.certificate, basic)) return issuer.certificate
  return (basic.certs ?? [])
    .slice(0, maxCertificates)
    .map(certificate => new X509Certificate(Buffer.from(certificate.toSchema().toBER())))
    .find(certificate => isAppointed(certificate, issuer, now) && hasSigned(certificate, basic))
}

function isAppointed(certificate: X509Certificate, issuer: Issuer, now: number): boolean {
  const purposes = certificate.keyUsage as readonly string[] | undefined
  return (
    purposes?.includes(ocspSigning) === true &&
    certificate.checkIssued(issuer.certificate) &&
    certificate.verify(issuer.publicKey) &&
    certificate.validFromDate.getTime() <= now &&
    now <= certificate.validToDate.getTime()
  )
}

function hasSigned({ publicKey }: X509Certificate, basic: BasicOCSPResponse): boolean {
  const algorithm = algorithms[basic.signatureAlgorithm.algorithmId]
  if (algorithm === undefined || !algorithm.keys.includes(publicKey.asymmetricKeyType ?? '')) return false
  try {
    const data = basic.tbsResponseData.tbsView
    return verify(algorithm.hash, data, publicKey, basic.signature.valueBlock.valueHexView)
  } catch {
    return false
  }
}

interface Algorithm {
  readonly hash: string | null
  readonly keys: readonly string[]
}

const rsa = (hash: string): Algorithm => ({ hash, keys: ['rsa'] })
const ecdsa = (hash: string): Algorithm => ({ hash, keys: ['ec'] })

const algorithms: Readonly<Record<string, Algorithm>> = {
  '1.2.840.113549.1.1.11': rsa('sha256'),
  '1.2.840.113549.1.1.12': rsa('sha384'),
  '1.2.840.113549.1.1.13': rsa('sha512'),
  '1.2.840.10045.4.3.2': ecdsa('sha256'),
  '1.2.840.10045.4.3.3': ecdsa('sha384'),
  '1.2.840.10045.4.3.4': ecdsa('sha512'),
  '1.3.101.112': { hash: null, keys: ['ed25519'] },
  '1.3.101.113': { hash: null, keys: ['ed448'] },
}

async function answerAbout(
  basic: BasicOCSPResponse,
  serial: Uint8Array,
  issuer: Issuer,
): Promise<SingleResponse | undefined> {
  const { nameHash, keyHash } = await hashesOf(issuer)
  return basic.tbsResponseData.responses.find(({ certID }) => {
    return (
      certID.hashAlgorithm.algorithmId === sha1 &&
      isSame(certID.serialNumber.valueBlock.valueHexView, serial) &&
      isSame(certID.issuerNameHash.valueBlock.valueHexView, nameHash) &&
      isSame(certID.issuerKeyHash.valueBlock.valueHexView, keyHash)
    )
  })
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** CertStatus: good [0], revoked [1] { revocationTime, [0] reason? }, unknown [2]. */
function readSingle({ certStatus, thisUpdate, nextUpdate }: SingleResponse, basic: BasicOCSPResponse): OcspAnswer {
  const { tagNumber } = certStatus.idBlock as { readonly tagNumber: number }
  const status = (['good', 'revoked', 'unknown'] as const)[tagNumber]
  if (status === undefined) throw new DerError('its status is not known')
  return {
    status,
    reason: status === 'revoked' ? reasonOf(certStatus) : 0,
    wasIssued: !(status === 'revoked' && meansNeverIssued(certStatus, basic)),
    thisUpdate: thisUpdate.getTime(),
    nextUpdate: nextUpdate?.getTime(),
  }
}

interface Tagged {
  readonly valueBlock: { readonly value?: readonly Tagged[]; readonly valueDec?: number }
  /** Of a time. */
  toDate?(): Date
}

/** RFC 6960 §2.2: on hold since 1970, by a responder that says that it answers so (§4.4.8). */
function meansNeverIssued(certStatus: Tagged, { tbsResponseData }: BasicOCSPResponse): boolean {
  const isExtended = tbsResponseData.responseExtensions?.some(({ extnID }) => extnID === extendedRevoke) === true
  return isExtended && reasonOf(certStatus) === onHold && certStatus.valueBlock.value?.[0]?.toDate?.().getTime() === 0
}

function reasonOf(certStatus: Tagged): number {
  return certStatus.valueBlock.value?.[1]?.valueBlock.value?.[0]?.valueBlock.valueDec ?? 0
}

async function hashesOf({ certificate }: Issuer): Promise<{ nameHash: Uint8Array; keyHash: Uint8Array }> {
  const pkijs = await library()
  const parsed = pkijs.Certificate.fromBER(Uint8Array.from(certificate.raw).buffer)
  // Not a Buffer: the library takes the memory below it for all of it.
  const hash = (bytes: Uint8Array) => Uint8Array.from(createHash('sha1').update(bytes).digest())
  return {
    nameHash: hash(new Uint8Array(parsed.subject.valueBeforeDecode)),
    keyHash: hash(parsed.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView),
  }
}
