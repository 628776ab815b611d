// Base64 as password files hold it, read strictly: exactly one text per value, so that a truncated or mistyped hash is
// refused instead of quietly decoding to other bytes as `Buffer.from` would.

/** Bytes of padded base64 (RFC 4648 §4); undefined unless `text` is its canonical form. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/** Bytes of base64 without padding, the form inside `$argon2id$` texts; undefined unless canonical. */
export function decodeUnpaddedBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return encodeUnpaddedBase64(bytes) === text ? bytes : undefined
}

export function encodeUnpaddedBase64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
