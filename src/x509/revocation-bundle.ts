// A file of revocation lists: one after the other as PEM, or a single one as DER.

import { DerError, derTag } from './der.ts'
import { type RevocationList, readRevocationList } from './revocation-list.ts'

const begin = '-----BEGIN X509 CRL-----'
const finish = '-----END X509 CRL-----'
/** Bytes of text that are decoded in one turn; two milliseconds. */
const slice = 1024 * 1024

/**
 * @param bytes the whole file; text around PEM blocks, such as `openssl crl -text` prints, is passed over
 * @param pause awaited between portions of the work
 * @throws DerError that names the list at fault; also when there is none
 */
export async function readRevocationBundle(
  bytes: Buffer,
  pause: () => Promise<unknown>,
): Promise<readonly RevocationList[]> {
  if (bytes[0] === derTag.sequence) return [await readRevocationList(bytes, pause)]
  const lists: RevocationList[] = []
  for (let at = bytes.indexOf(begin); at !== -1; at = bytes.indexOf(begin, at)) {
    const start = at + begin.length
    at = bytes.indexOf(finish, start)
    try {
      if (at === -1) throw new DerError('its end is missing')
      lists.push(await readRevocationList(await decode(bytes.subarray(start, at), pause), pause))
    } catch (error) {
      if (!(error instanceof DerError)) throw error
      throw new DerError(`revocation list ${lists.length + 1} in it: ${error.message}`)
    }
  }
  if (lists.length === 0) throw new DerError('it holds no revocation list')
  return lists
}

async function decode(text: Buffer, pause: () => Promise<unknown>): Promise<Buffer> {
  const parts: Buffer[] = []
  let carried = ''
  for (let from = 0; from < text.length; from += slice) {
    const digits = carried + text.toString('latin1', from, from + slice).replace(/\s+/g, '')
    const whole = digits.length - (digits.length % 4)
    parts.push(Buffer.from(digits.slice(0, whole), 'base64'))
    carried = digits.slice(whole)
    if (from + slice < text.length) await pause()
  }
  if (carried !== '') throw new DerError('its base64 is cut short')
  return Buffer.concat(parts)
}
