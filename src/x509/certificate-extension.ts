// Finds an extension of a certificate in its DER (RFC 5280 §4.1), for what is asked at handshakes: the library takes whole
// certificates apart.

import { DerCursor, derTag } from './der.ts'

/** TBSCertificate, `[3]`. */
const extensions = 0xa3

/**
 * @param der the certificate
 * @param oid the content of the extension's OBJECT IDENTIFIER
 * @returns a cursor at what holds the extension's value; undefined when it has none
 * @throws DerError
 */
export function extensionOf(der: Uint8Array, oid: Uint8Array): DerCursor | undefined {
  const cursor = new DerCursor(der)
  const end = readToIssuer(cursor)
  while (cursor.end < end && cursor.tag !== extensions) cursor.read(cursor.end, end)
  return cursor.tag === extensions && find(cursor, oid) ? cursor : undefined
}

/** The DER of its issuer's name. @throws DerError */
export function issuerNameOf(der: Uint8Array): Uint8Array {
  const cursor = new DerCursor(der)
  readToIssuer(cursor)
  return der.subarray(cursor.head, cursor.end)
}

/**
 * version? serialNumber signature issuer …, and the extensions last.
 *
 * @returns where what is signed ends
 */
function readToIssuer(cursor: DerCursor): number {
  cursor.expect(derTag.sequence, 0, cursor.bytes.length, 'a certificate')
  cursor.expect(derTag.sequence, cursor.start, cursor.end, 'what is signed')
  const { end } = cursor
  cursor.read(cursor.start, end)
  if (cursor.tag !== derTag.integer) cursor.read(cursor.end, end)
  cursor.expect(derTag.sequence, cursor.end, end, 'the signature algorithm')
  cursor.expect(derTag.sequence, cursor.end, end, 'the issuer')
  return end
}

function find(cursor: DerCursor, oid: Uint8Array): boolean {
  cursor.expect(derTag.sequence, cursor.start, cursor.end, 'the extensions')
  const { end } = cursor
  for (let at = cursor.start; at < end; ) {
    cursor.expect(derTag.sequence, at, end, 'an extension')
    at = cursor.end
    cursor.expect(derTag.oid, cursor.start, at, 'the name of an extension')
    if (Buffer.compare(cursor.bytes.subarray(cursor.start, cursor.end), oid) !== 0) continue
    while (cursor.end < at) cursor.read(cursor.end, at)
    return cursor.tag === derTag.octetString
  }
  return false
}
