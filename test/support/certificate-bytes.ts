// Certificates and OCSP answers by hand: such as no tool writes, and many at once.

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { element } from './list-bytes.ts'

/** Whoever has a name and a key. */
export interface Party {
  /** DER of the distinguished name. */
  readonly name: Buffer
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export function party(commonName: string): Party {
  const attribute = element(0x30, Buffer.from('0603550403', 'hex'), element(0x0c, Buffer.from(commonName)))
  return { name: element(0x30, element(0x31, attribute)), ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) }
}

export interface CertificateBytes {
  readonly subject: Party
  readonly issuer: Party
  /** The content of the INTEGER. */
  readonly serial?: Uint8Array
  /** `YYMMDDHHMMSSZ`; 2049 without it. All are valid from 2020 on. */
  readonly notAfter?: string
  /** `extensionBytes`, one after the other. */
  readonly extensions?: readonly Uint8Array[]
  /** SubjectPublicKeyInfo, instead of the subject's. */
  readonly key?: Uint8Array
}

const ecdsaWithSha256 = Buffer.from('300a06082a8648ce3d040302', 'hex')
const utcTime = (text: string) => element(0x17, Buffer.from(text))
const spkiOf = ({ publicKey }: Party) => publicKey.export({ type: 'spki', format: 'der' })

/** @returns DER */
export function certificateBytes({ subject, issuer, extensions = [], ...more }: CertificateBytes): Buffer {
  const { serial = Buffer.of(1), notAfter = '490101000000Z', key = spkiOf(subject) } = more
  const signed = element(
    0x30,
    element(0xa0, Buffer.from('020102', 'hex')),
    element(0x02, serial),
    ecdsaWithSha256,
    issuer.name,
    element(0x30, utcTime('200101000000Z'), utcTime(notAfter)),
    subject.name,
    key,
    ...(extensions.length === 0 ? [] : [element(0xa3, element(0x30, ...extensions))]),
  )
  return signedBy(issuer, signed)
}

export function pemOf(certificate: Buffer): string {
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

export interface AnswerBytes {
  readonly issuer: Party
  /** As of `CertificateBytes`. */
  readonly serial: Uint8Array
  readonly status: 'good' | 'revoked'
  /** `YYYYMMDDHHMMSSZ`, both. */
  readonly thisUpdate: string
  readonly nextUpdate: string
  /** That it brings along. */
  readonly certificates?: readonly Uint8Array[]
  /** The issuer without it. */
  readonly signer?: Party
}

/** A whole OCSPResponse (RFC 6960 §4.2.1), DER. */
export function answerBytes({ issuer, serial, status, certificates = [], ...more }: AnswerBytes): Buffer {
  const { thisUpdate, nextUpdate, signer = issuer } = more
  const time = (text: string) => element(0x18, Buffer.from(text))
  const sha1 = (bytes: Uint8Array) => element(0x04, createHash('sha1').update(bytes).digest())
  // The point is what comes last in the key of P-256.
  const keyHash = (of: Party) => sha1(spkiOf(of).subarray(-65))
  const about = element(
    0x30,
    Buffer.from('300906052b0e03021a0500', 'hex'),
    sha1(issuer.name),
    keyHash(issuer),
    element(0x02, serial),
  )
  const verdict = status === 'good' ? element(0x80) : element(0xa1, time(thisUpdate))
  const single = element(0x30, about, verdict, time(thisUpdate), element(0xa0, time(nextUpdate)))
  const data = element(0x30, element(0xa2, keyHash(signer)), time(thisUpdate), element(0x30, single))
  const shown = certificates.length === 0 ? [] : [element(0xa0, element(0x30, ...certificates))]
  const basic = element(0x04, signedBy(signer, data, ...shown))
  const bytes = element(0x30, Buffer.from('06092b0601050507300101', 'hex'), basic)
  return element(0x30, Buffer.from('0a0100', 'hex'), element(0xa0, bytes))
}

function signedBy({ privateKey }: Party, signed: Buffer, ...more: readonly Uint8Array[]): Buffer {
  return element(
    0x30,
    signed,
    ecdsaWithSha256,
    element(0x03, Buffer.of(0), sign('sha256', signed, privateKey)),
    ...more,
  )
}
