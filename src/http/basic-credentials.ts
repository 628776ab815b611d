// Who asks, as HTTP says it: the Authorization field of the Basic scheme (RFC 7617).

export interface BasicCredentials {
  readonly username: string
  readonly password: Uint8Array
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const colon = 0x3a

/**
 * @param field undefined when the request has none
 * @returns undefined for what is none, or of another scheme
 */
export function basicCredentials(field: string | undefined): BasicCredentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(field ?? '')?.[1]
  if (encoded === undefined) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  const end = bytes.indexOf(colon)
  const username = end === -1 ? undefined : decode(bytes.subarray(0, end))
  // As a user name of MQTT: no control characters (MQTT 5, §1.5.4).
  if (username === undefined || username === '' || /\p{Cc}/u.test(username)) return undefined
  return { username, password: bytes.subarray(end + 1) }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}
