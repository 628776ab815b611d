// The signatures that a JSON Web Token may have (RFC 7518 §3.1, RFC 8037), and which of them a key can make: the key decides,
// never the token.

import type { KeyObject } from 'node:crypto'
import { escapeText } from '../base/escape.ts'
import { emptyValue, OptionValueError, type Value } from '../config/value.ts'

const hmac = ['HS256', 'HS384', 'HS512'] as const
const rsa = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const
const edwards = ['EdDSA', 'Ed25519'] as const

/** All that are known; `none` is not among them. */
export const tokenAlgorithms = [...hmac, ...rsa, 'ES256', 'ES384', 'ES512', ...edwards] as const

export type TokenAlgorithm = (typeof tokenAlgorithms)[number]

/** RFC 7518 §3.3. */
const leastRsaBits = 2048

/** RFC 7518 §3.2: a secret is as long as the hash, at least. */
const hmacBytes = { HS256: 32, HS384: 48, HS512: 64 } as const

/** RFC 7518 §3.4, by OpenSSL's names of the curves. */
const byCurve: Readonly<Record<string, readonly TokenAlgorithm[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
}

/** @returns none for a key that is too short, or of a kind that signs no tokens */
export function algorithmsOf(key: KeyObject): readonly TokenAlgorithm[] {
  if (key.type === 'secret') return hmac.filter(name => (key.symmetricKeySize ?? 0) >= hmacBytes[name])
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'rsa') return modulusLength >= leastRsaBits ? rsa : []
  if (key.asymmetricKeyType === 'ec') return byCurve[namedCurve] ?? []
  return key.asymmetricKeyType === 'ed25519' ? edwards : []
}

/** Whether both sides know the key. */
export function isShared(algorithm: TokenAlgorithm): boolean {
  return hmac.some(name => name === algorithm)
}

/** @returns undefined for anything that is not exactly the name of one */
export function tokenAlgorithm(name: unknown): TokenAlgorithm | undefined {
  return tokenAlgorithms.find(known => known === name)
}

/** Names with blanks or commas between them; a later line replaces an earlier one. */
export function algorithmList(): Value<readonly TokenAlgorithm[]> {
  return {
    syntax: '<algorithm> …',
    parse(text, name) {
      const words = text.split(/[\s,]+/).filter(word => word !== '')
      if (words.length === 0) throw emptyValue(name)
      return words.map(word => {
        const algorithm = tokenAlgorithm(word)
        if (algorithm !== undefined) return algorithm
        const known = tokenAlgorithms.join(', ')
        throw new OptionValueError(`Error: Invalid '${name}' value (${escapeText(word)}). It may be ${known}.`)
      })
    },
  }
}
