// Revocation lists by hand: of any size, and with faults that no tool writes.

import { createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { CertificateFiles } from './authority.ts'

export interface ListBytes {
  /** The content of revokedCertificates; `entryBytes` makes it. */
  readonly entries: Uint8Array
  /** `extensionBytes`, one after the other. */
  readonly extensions?: Uint8Array
  /** Of what is signed; ecdsa-with-SHA256 without it. */
  readonly algorithm?: string
}

const ecdsaWithSha256 = '300a06082a8648ce3d040302'
const utcTime = (text: string) => element(0x17, Buffer.from(text))

/** Signed with the key of a throwaway authority, of the years from 2026 to 2049. */
export function listBytes(
  ca: CertificateFiles,
  { entries, extensions, algorithm = ecdsaWithSha256 }: ListBytes,
): Buffer {
  const signed = element(
    0x30,
    Buffer.from('020101', 'hex'),
    Buffer.from(algorithm, 'hex'),
    subjectOf(new X509Certificate(readFileSync(ca.cert)).raw),
    utcTime('260101000000Z'),
    utcTime('490101000000Z'),
    element(0x30, entries),
    ...(extensions === undefined ? [] : [element(0xa0, element(0x30, extensions))]),
  )
  const signature = sign('sha256', signed, createPrivateKey(readFileSync(ca.key)))
  return element(0x30, signed, Buffer.from(ecdsaWithSha256, 'hex'), element(0x03, Buffer.of(0), signature))
}

/** @param serial hex of a DER INTEGER's content; @param more hex behind the date */
export function entryBytes(serial: string, more = ''): Buffer {
  return element(0x30, element(0x02, Buffer.from(serial, 'hex')), utcTime('260101000000Z'), Buffer.from(more, 'hex'))
}

/** @param oid hex; @param value hex */
export function extensionBytes(oid: string, value: string, isCritical = true): Buffer {
  const critical = Buffer.from(isCritical ? '0101ff' : '', 'hex')
  return element(0x30, element(0x06, Buffer.from(oid, 'hex')), critical, element(0x04, Buffer.from(value, 'hex')))
}

/** cRLNumber. */
export function numberBytes(number: number): Buffer {
  const hex = number.toString(16).padStart(8, '0')
  return extensionBytes('551d14', element(0x02, Buffer.from(`00${hex}`, 'hex')).toString('hex'), false)
}

/** One element of DER. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const size = parts.reduce((sum, { length }) => sum + length, 0)
  const digits: number[] = []
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256)
  const length = size < 0x80 ? [size] : [0x80 | digits.length, ...digits]
  return Buffer.concat([Buffer.of(tag, ...length), ...parts])
}

/** version serialNumber signature issuer validity subject: the sixth of what is signed in a certificate. */
function subjectOf(certificate: Buffer): Buffer {
  const content = (bytes: Buffer) => bytes.subarray(headSize(bytes))
  let rest = content(content(certificate))
  if (rest[0] !== 0xa0) throw new Error('a certificate of version 3 is needed')
  for (let skipped = 0; skipped < 5; skipped++) rest = rest.subarray(wholeSize(rest))
  return rest.subarray(0, wholeSize(rest))
}

function headSize(bytes: Buffer): number {
  const first = bytes[1] as number
  return first < 0x80 ? 2 : 2 + (first & 0x7f)
}

function wholeSize(bytes: Buffer): number {
  const first = bytes[1] as number
  return headSize(bytes) + (first < 0x80 ? first : bytes.readUIntBE(2, first & 0x7f))
}
