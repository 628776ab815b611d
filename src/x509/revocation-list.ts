// One revocation list (CRL, RFC 5280 §5): its head is read by the X.509 library, its entries, of which there may be a million,
// are walked here in portions, so that nobody waits for it. Nothing in it counts before its signature was verified.

import { createVerify, type KeyObject, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { DerCursor, DerError, derHeader, derTag } from './der.ts'
import { loadX509Library } from './library.ts'
import { type ListHead, readListHead } from './revocation-list-head.ts'
import { maxSerialBytes, SerialTable } from './serial-table.ts'

/** RFC 5280 §5.3.1: in a delta list, the certificate is no longer revoked. */
export const removeFromList = 8

/** Entries that are walked in one turn; some two milliseconds. */
const portion = 10_000
/** Bytes that are hashed in one turn; some two milliseconds. */
const hashedAtOnce = 2 * 1024 * 1024

const reasonCode = Buffer.from([0x55, 0x1d, 0x15])
const certificateIssuer = Buffer.from([0x55, 0x1d, 0x1d])

const verifyLater = promisify(verify)

export class RevocationList implements ListHead {
  readonly issuer!: string
  readonly issuerText!: string
  readonly number!: bigint | undefined
  readonly deltaBase!: bigint | undefined
  readonly scope!: string
  readonly covers!: ListHead['covers']
  readonly names!: ListHead['names']
  readonly thisUpdate!: number
  readonly nextUpdate!: number | undefined
  readonly signatureAlgorithm!: ListHead['signatureAlgorithm']
  readonly entries: SerialTable
  /** What was signed, and by what; gone once that is verified: it is as large as the list. */
  #signed: Signed | undefined
  #signer: string | undefined

  constructor(head: ListHead, entries: SerialTable, signed: Signed) {
    Object.assign(this, head)
    this.entries = entries
    this.#signed = signed
  }

  /** SHA-256 of the public key that has signed the list; undefined until `verify` has found it. */
  get signer(): string | undefined {
    return this.#signer
  }

  /**
   * Whether this key has signed the list. What was signed goes through the hash in portions: Node would copy all of it first.
   *
   * @param keyId names the key
   */
  async verify(key: KeyObject, keyId: string): Promise<boolean> {
    if (this.#signed === undefined) return this.#signer === keyId
    const { data, signature, pause } = this.#signed
    const { hash, options } = this.signatureAlgorithm
    // Edwards curves take it whole.
    if (hash === null) {
      const isRight = await verifyLater(hash, data, { key, ...options }, signature).catch(() => false)
      return isRight && this.#verified(keyId)
    }
    const verifier = createVerify(hash)
    for (let at = 0; at < data.length; at += hashedAtOnce) {
      verifier.update(data.subarray(at, at + hashedAtOnce))
      if (data.length > hashedAtOnce) await pause()
    }
    try {
      return verifier.verify({ key, ...options }, signature) && this.#verified(keyId)
    } catch {
      return false
    }
  }

  /** As `verify`, at once: for a key that shows up with a client. A list of 30 MB takes some 20 to 60 ms. */
  verifyNow(key: KeyObject, keyId: string): boolean {
    if (this.#signed === undefined) return this.#signer === keyId
    const { data, signature } = this.#signed
    try {
      const { hash, options } = this.signatureAlgorithm
      return verify(hash, data, { key, ...options }, signature) && this.#verified(keyId)
    } catch {
      return false
    }
  }

  #verified(keyId: string): true {
    this.#signer = keyId
    this.#signed = undefined
    return true
  }
}

interface Signed {
  readonly data: Uint8Array
  readonly signature: Uint8Array
  /** Awaited between portions of the work. */
  readonly pause: () => Promise<unknown>
}

/**
 * @param der one CertificateList, and nothing after it; it must not change
 * @param pause awaited between portions of the walk
 * @throws DerError for anything that is not a list that can be judged by
 */
export async function readRevocationList(der: Uint8Array, pause: () => Promise<unknown>): Promise<RevocationList> {
  await loadX509Library()
  const parts = divide(der)
  const head = readListHead(withoutEntries(der, parts))
  const entries = await readEntries(der, parts, pause)
  return new RevocationList(head, entries, {
    data: der.subarray(parts.signed.head, parts.signed.end),
    signature: parts.signature,
    pause,
  })
}

/** Where something begins and ends. */
interface Span {
  readonly head: number
  readonly start: number
  readonly end: number
}

interface Parts {
  /** TBSCertList. */
  readonly signed: Span
  /** revokedCertificates; undefined when nothing is revoked. */
  readonly entries: Span | undefined
  readonly signature: Uint8Array
}

function divide(der: Uint8Array): Parts {
  const cursor = new DerCursor(der)
  cursor.expect(derTag.sequence, 0, der.length, 'a revocation list')
  if (cursor.end !== der.length) throw new DerError(`${der.length - cursor.end} bytes follow the revocation list`)
  cursor.expect(derTag.sequence, cursor.start, der.length, 'what is signed')
  const signed = spanOf(cursor)
  cursor.expect(derTag.sequence, signed.end, der.length, 'the signature algorithm')
  const outer = der.subarray(cursor.head, cursor.end)
  cursor.expect(derTag.bitString, cursor.end, der.length, 'the signature')
  if (cursor.end !== der.length || der[cursor.start] !== 0)
    throw new DerError('the signature is not whole bytes, or not last')
  const signature = der.subarray(cursor.start + 1, cursor.end)
  const { inner, entries } = divideSigned(cursor, signed)
  if (Buffer.compare(inner, outer) !== 0) throw new DerError('two signature algorithms are named')
  return { signed, entries, signature }
}

/** version? algorithm issuer thisUpdate nextUpdate? revokedCertificates? [0]?: of all but two, only where they end. */
function divideSigned(cursor: DerCursor, signed: Span): { inner: Uint8Array; entries: Span | undefined } {
  const { end } = signed
  cursor.read(signed.start, end)
  if (cursor.tag === derTag.integer) cursor.read(cursor.end, end)
  const inner = cursor.bytes.subarray(cursor.head, cursor.end)
  cursor.expect(derTag.sequence, cursor.end, end, 'the issuer')
  cursor.read(cursor.end, end)
  if (!isTime(cursor.tag)) throw new DerError('thisUpdate is no time')
  if (cursor.end < end) cursor.read(cursor.end, end)
  if (isTime(cursor.tag) && cursor.end < end) cursor.read(cursor.end, end)
  return { inner, entries: cursor.tag === derTag.sequence ? spanOf(cursor) : undefined }
}

/** The list as it would be if nothing were revoked: small, and all that there is to read in it is the head. */
function withoutEntries(der: Uint8Array, { signed, entries }: Parts): Uint8Array {
  if (entries === undefined) return der
  const before = der.subarray(signed.start, entries.head)
  const after = der.subarray(entries.end, signed.end)
  const rest = der.subarray(signed.end)
  const inner = derHeader(derTag.sequence, before.length + after.length)
  const outer = derHeader(derTag.sequence, inner.length + before.length + after.length + rest.length)
  return Buffer.concat([outer, inner, before, after, rest])
}

/** Walked twice: what is there is counted first, so that the table is made once and as large as it has to be. */
async function readEntries(der: Uint8Array, { entries }: Parts, pause: () => Promise<unknown>): Promise<SerialTable> {
  if (entries === undefined) return new SerialTable(0, 0)
  const walk = new EntryWalk(der, entries)
  let count = 0
  let bytes = 0
  while (walk.nextSerial()) {
    bytes += walk.serialEnd - walk.serialStart
    if (++count % portion === 0) await pause()
  }
  const table = new SerialTable(count, bytes)
  walk.restart()
  for (let left = count; walk.next(); left--) {
    table.add(der, walk.serialStart, walk.serialEnd, walk.reason)
    if (left % portion === 0) await pause()
  }
  return table
}

/** Entry by entry: userCertificate, revocationDate, crlEntryExtensions. */
class EntryWalk {
  serialStart = 0
  serialEnd = 0
  reason = 0
  readonly #cursor: DerCursor
  readonly #span: Span
  #at: number

  constructor(der: Uint8Array, span: Span) {
    this.#cursor = new DerCursor(der)
    this.#span = span
    this.#at = span.start
  }

  restart(): void {
    this.#at = this.#span.start
  }

  /** @returns false after the last entry */
  next(): boolean {
    if (!this.nextSerial()) return false
    const cursor = this.#cursor
    const entryEnd = this.#at
    cursor.read(cursor.end, entryEnd)
    if (!isTime(cursor.tag)) throw new DerError('an entry has no revocation date')
    this.reason = 0
    if (cursor.end < entryEnd) this.#readExtensions(cursor.end, entryEnd)
    return true
  }

  /** As `next`, but what is behind the serial number is not looked at. */
  nextSerial(): boolean {
    const { end } = this.#span
    if (this.#at === end) return false
    const cursor = this.#cursor
    cursor.expect(derTag.sequence, this.#at, end, 'an entry')
    const entryEnd = cursor.end
    cursor.expect(derTag.integer, cursor.start, entryEnd, 'a serial number')
    this.serialStart = cursor.start
    this.serialEnd = cursor.end
    const length = cursor.end - cursor.start
    if (length < 1 || length > maxSerialBytes) throw new DerError(`a serial number has ${length} bytes`)
    this.#at = entryEnd
    return true
  }

  #readExtensions(from: number, entryEnd: number): void {
    const cursor = this.#cursor
    cursor.expect(derTag.sequence, from, entryEnd, 'the extensions of an entry')
    if (cursor.end !== entryEnd) throw new DerError('something follows the extensions of an entry')
    for (let at = cursor.start; at < entryEnd; at = cursor.end) {
      cursor.expect(derTag.sequence, at, entryEnd, 'an extension')
      this.#readExtension(cursor.start, cursor.end)
      cursor.read(at, entryEnd)
    }
  }

  #readExtension(from: number, end: number): void {
    const cursor = this.#cursor
    cursor.expect(derTag.oid, from, end, 'the name of an extension')
    const { start, end: nameEnd } = cursor
    cursor.read(nameEnd, end)
    const isCritical = cursor.tag === derTag.boolean && cursor.bytes[cursor.start] !== 0
    if (cursor.tag === derTag.boolean) cursor.read(cursor.end, end)
    if (cursor.tag !== derTag.octetString || cursor.end !== end) throw new DerError('an extension has no value')
    if (this.#isNamed(reasonCode, start, nameEnd)) this.#readReason(cursor.start, end)
    else if (this.#isNamed(certificateIssuer, start, nameEnd)) throw new DerError('it is an indirect list')
    else if (isCritical) throw new DerError('an entry has a critical extension that is not known')
  }

  #readReason(from: number, end: number): void {
    const cursor = this.#cursor
    cursor.expect(derTag.enumerated, from, end, 'a reason')
    if (cursor.end !== end || end - cursor.start !== 1) throw new DerError('a reason is not one byte')
    this.reason = cursor.bytes[cursor.start] as number
  }

  #isNamed(name: Uint8Array, start: number, end: number): boolean {
    if (end - start !== name.length) return false
    for (let i = 0; i < name.length; i++) if (this.#cursor.bytes[start + i] !== name[i]) return false
    return true
  }
}

function spanOf({ head, start, end }: DerCursor): Span {
  return { head, start, end }
}

function isTime(tag: number): boolean {
  return tag === derTag.utcTime || tag === derTag.generalizedTime
}
