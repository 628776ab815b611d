// Answers OCSP requests about what the authorities here issued (RFC 6960, RFC 9654): bytes in, bytes out, signed by delegates.

import { createHash, createPrivateKey, hash, webcrypto } from 'node:crypto'
import { statSync } from 'node:fs'
import * as asn1 from 'asn1js'
import * as pkijs from 'pkijs'
import { TokenBucket } from '../base/token-bucket.ts'
import { type CaDescription, seconds } from './ca-directory.ts'
import type { CertificateEngine } from './engine.ts'
import { PkiError } from './errors.ts'
import { readWhole } from './files.ts'
import { wholeBytes } from './import/openssl-database.ts'
import type { CertificateRecord } from './inventory.ts'
import { keyBits } from './issuer.ts'
import { pemBlocks } from './pem.ts'
import { revocationReasons } from './revocation-reasons.ts'

/** A request for one certificate has some hundred bytes. */
export const maxOcspRequestBytes = 8 * 1024
const maxCertificatesPerRequest = 16
/** RFC 9654 §2.1. */
const maxNonceBytes = 128
export const ocspAnswerLifeMs = 12 * 60 * 60 * 1000
/**
 * A signature costs some 2 ms, and a broker may run in the same process: it keeps half of a processor. One address may ask
 * for fewer (`requestsPerAddress`), so nobody uses all of them up alone.
 */
export const maxOcspSignaturesPerSecond = 250
/** Answers without a nonce are given out again for this long, unless what they say has changed meanwhile. */
const cacheMs = 60 * 60 * 1000
const maxCachedAnswers = 10_000

const ids = {
  basic: '1.3.6.1.5.5.7.48.1.1',
  nonce: '1.3.6.1.5.5.7.48.1.2',
  extendedRevoke: '1.3.6.1.5.5.7.48.1.9',
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
} as const

const status = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const

interface Signer {
  readonly key: webcrypto.CryptoKey
  readonly certificate: pkijs.Certificate
  /** When the file was written. */
  readonly modified: number
}

interface Question {
  /** Of the authority. */
  readonly issuer: string
  readonly certificateId: pkijs.CertID
  /** undefined for what was never issued. */
  readonly record: CertificateRecord | undefined
}

interface KeptAnswer extends OcspAnswer {
  readonly madeAt: number
  /** What it tells of, in the order of its questions: another object where something has changed. */
  readonly records: readonly (CertificateRecord | undefined)[]
}

export interface OcspAnswer {
  readonly der: Buffer
  /** Until when others may keep it; 0 for an error or an answer to a nonce. Milliseconds since the epoch. */
  readonly cacheUntil: number
}

export class OcspResponder {
  readonly #engine: CertificateEngine
  readonly #signers = new Map<string, Signer>()
  /** By what is asked about, as it is asked. */
  readonly #cache = new Map<string, KeptAnswer>()
  readonly #signaturesPerSecond: number
  readonly #signatures = new TokenBucket()
  /** Hashes of name and key, as requests name an authority: to its name here. */
  #authorities = new Map<string, string>()
  /** From which these were made: another one when authorities came along. */
  #description: CaDescription | undefined
  readonly #crypto = new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto })

  /** @param signaturesPerSecond beyond them whoever asks is told to try later */
  constructor(engine: CertificateEngine, signaturesPerSecond = maxOcspSignaturesPerSecond) {
    this.#engine = engine
    this.#signaturesPerSecond = signaturesPerSecond
  }

  /** @param now milliseconds since the epoch */
  async answer(request: Uint8Array, now: number): Promise<OcspAnswer> {
    this.#engine.refresh()
    this.#knowAuthorities()
    try {
      const parsed = parseRequest(request)
      const nonce = nonceOf(parsed)
      const questions = parsed.tbsRequest.requestList.map(({ reqCert }) => this.#question(reqCert))
      return nonce === undefined ? await this.#answerAll(questions, now) : await this.#sign(questions, nonce, now)
    } catch (error) {
      const isRefusal = error instanceof Refusal
      return { der: refusal(isRefusal ? error.status : status.internalError), cacheUntil: 0 }
    }
  }

  /** As it was signed before, where it still says what is so. */
  async #answerAll(questions: readonly Question[], now: number): Promise<OcspAnswer> {
    // Byte for byte: what is sent back is what one asker has chosen, and goes to no other.
    const key = questions
      .map(({ certificateId }) => Buffer.from(certificateId.toSchema().toBER()).toString('hex'))
      .join()
    const records = questions.map(({ record }) => record)
    const known = this.#cache.get(key)
    const isSame = known?.records.every((record, index) => record === records[index]) === true
    if (known !== undefined && isSame && now - known.madeAt < cacheMs) return known
    const made = await this.#sign(questions, undefined, now)
    this.#remember(key, { ...made, madeAt: now, records })
    return made
  }

  #knowAuthorities(): void {
    const { description } = this.#engine
    if (description === this.#description) return
    this.#authorities = new Map()
    for (const { id, issues } of description.authorities) {
      if (issues.length === 0) continue
      for (const algorithm of ['sha1', 'sha256'] as const) this.#authorities.set(this.#hashesOf(id, algorithm), id)
    }
    this.#description = description
  }

  #remember(key: string, answer: KeptAnswer): void {
    this.#cache.delete(key)
    if (this.#cache.size >= maxCachedAnswers) {
      const [oldest] = this.#cache.keys()
      if (oldest !== undefined) this.#cache.delete(oldest)
    }
    this.#cache.set(key, answer)
  }

  async #sign(questions: readonly Question[], nonce: pkijs.Extension | undefined, now: number): Promise<OcspAnswer> {
    const [first] = questions
    // Each authority has a delegate of its own, and an answer one signature.
    if (first === undefined || questions.some(({ issuer }) => issuer !== first.issuer))
      throw new Refusal('unauthorized')
    if (!this.#signatures.take(this.#signaturesPerSecond, now)) throw new Refusal('tryLater')
    const signer = await this.#signer(first.issuer)
    const basic = new pkijs.BasicOCSPResponse()
    const data = basic.tbsResponseData
    const keyHash = createHash('sha1').update(
      Buffer.from(signer.certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView),
    )
    data.responderID = new asn1.OctetString({ valueHex: Uint8Array.from(keyHash.digest()).buffer })
    data.producedAt = new Date(seconds(now))
    data.responses = questions.map(question => this.#single(question, now))
    const extensions = [...(nonce === undefined ? [] : [nonce]), extendedRevoke()]
    data.responseExtensions = extensions
    basic.certs = [signer.certificate]
    await basic.sign(signer.key, 'SHA-256', this.#crypto)
    const response = new pkijs.OCSPResponse({
      responseStatus: new asn1.Enumerated({ value: 0 }),
      responseBytes: new pkijs.ResponseBytes({
        responseType: ids.basic,
        response: new asn1.OctetString({ valueHex: basic.toSchema().toBER() }),
      }),
    })
    const der = Buffer.from(response.toSchema().toBER())
    return { der, cacheUntil: nonce === undefined ? now + cacheMs : 0 }
  }

  #question(certificateId: pkijs.CertID): Question {
    const { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber } = certificateId
    const hex = ({ valueBlock }: asn1.OctetString | asn1.Integer) =>
      Buffer.from(valueBlock.valueHexView).toString('hex')
    const issuer = this.#authorities.get(`${hashAlgorithm.algorithmId} ${hex(issuerNameHash)} ${hex(issuerKeyHash)}`)
    if (issuer === undefined) throw new Refusal('unauthorized')
    const record = this.#engine.inventory.find(issuer, wholeBytes(hex(serialNumber)))
    return { issuer, certificateId, record }
  }

  #single({ certificateId, record }: Question, now: number): pkijs.SingleResponse {
    const single = new pkijs.SingleResponse({ certID: certificateId })
    single.certStatus =
      record === undefined
        ? // Signed by our key and never issued by us, or invented: it must not read as good (RFC 6960 §2.2).
          revoked(0, revocationReasons.certificateHold)
        : record.revocation === undefined
          ? contextPrimitive(0)
          : revoked(record.revocation.at, revocationReasons[record.revocation.reason])
    single.thisUpdate = new Date(seconds(now))
    single.nextUpdate = new Date(seconds(now + ocspAnswerLifeMs))
    return single
  }

  /** Read again when it was replaced. */
  async #signer(id: string): Promise<Signer> {
    const { files } = this.#engine
    const modified = statSync(files.ocspCertificate(id)).mtimeMs
    const known = this.#signers.get(id)
    if (known?.modified === modified) return known
    const [der] = pemBlocks(readWhole(files.ocspCertificate(id)).toString('latin1'), ['CERTIFICATE'])
    const certificate = pkijs.Certificate.fromBER(Uint8Array.from(der ?? Buffer.alloc(0)).buffer)
    const pkcs8 = createPrivateKey(readWhole(files.ocspKey(id))).export({ type: 'pkcs8', format: 'der' })
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    const key = await webcrypto.subtle.importKey('pkcs8', Uint8Array.from(pkcs8), algorithm, false, ['sign'])
    const signer = { key, certificate, modified }
    this.#signers.set(id, signer)
    return signer
  }

  #hashesOf(id: string, algorithm: 'sha1' | 'sha256'): string {
    const { subject, certificate } = this.#engine.issuer(id)
    return `${ids[algorithm]} ${hash(algorithm, subject, 'hex')} ${hash(algorithm, keyBits(certificate), 'hex')}`
  }
}

class Refusal extends PkiError {
  readonly status: number

  constructor(why: keyof typeof status) {
    super(`OCSP request refused: ${why}`)
    this.status = status[why]
  }
}

/** OCSPResponse with a status and nothing else (RFC 6960 §4.2.1). */
function refusal(code: number): Buffer {
  return Buffer.of(0x30, 0x03, 0x0a, 0x01, code)
}

function parseRequest(bytes: Uint8Array): pkijs.OCSPRequest {
  if (bytes.length === 0 || bytes.length > maxOcspRequestBytes) throw new Refusal('malformedRequest')
  let request: pkijs.OCSPRequest
  try {
    request = pkijs.OCSPRequest.fromBER(Uint8Array.from(bytes).buffer)
  } catch {
    throw new Refusal('malformedRequest')
  }
  const count = request.tbsRequest.requestList.length
  if (count === 0 || count > maxCertificatesPerRequest) throw new Refusal('malformedRequest')
  return request
}

/** To be sent back as it came. */
function nonceOf({ tbsRequest }: pkijs.OCSPRequest): pkijs.Extension | undefined {
  const extension = tbsRequest.requestExtensions?.find(({ extnID }) => extnID === ids.nonce)
  if (extension === undefined) return undefined
  const { result } = asn1.fromBER(extension.extnValue.valueBlock.valueHexView)
  const length = result instanceof asn1.OctetString ? result.valueBlock.valueHexView.length : 0
  if (length < 1 || length > maxNonceBytes) throw new Refusal('malformedRequest')
  return new pkijs.Extension({
    extnID: ids.nonce,
    extnValue: Uint8Array.from(extension.extnValue.valueBlock.valueHexView).buffer,
  })
}

/** RFC 6960 §4.4.8: `revoked` here also means never issued. */
function extendedRevoke(): pkijs.Extension {
  return new pkijs.Extension({ extnID: ids.extendedRevoke, extnValue: new asn1.Null().toBER() })
}

function contextPrimitive(tagNumber: number): asn1.Primitive {
  return new asn1.Primitive({ idBlock: { tagClass: 3, tagNumber } })
}

function revoked(at: number, reason: number): asn1.Constructed {
  const why = new asn1.Constructed({
    idBlock: { tagClass: 3, tagNumber: 0 },
    value: [new asn1.Enumerated({ value: reason })],
  })
  const when = new asn1.GeneralizedTime({ valueDate: new Date(at) })
  return new asn1.Constructed({ idBlock: { tagClass: 3, tagNumber: 1 }, value: reason === 0 ? [when] : [when, why] })
}
