// The one name of a certificate that becomes a user name, from wherever in it the configuration says.

import type { CertificateIdentity } from './certificate-identity.ts'
import { attributeOf } from './distinguished-name.ts'

/**
 * `common-name`, `subject` (RFC 2253), `serial`, `fingerprint` (SHA-256), an attribute of the subject (`subject.OU`), or the
 * first alternative name of a kind.
 */
export type CertificateField =
  | 'common-name'
  | 'subject'
  | 'serial'
  | 'fingerprint'
  | `san.${keyof typeof alternativeKinds}`
  | `subject.${string}`

/** As Node prints them. */
const alternativeKinds = { dns: 'DNS', uri: 'URI', email: 'email', ip: 'IP Address' } as const

const attribute = /^subject\.(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)$/
const plainText = /^[\x21-\x7e]+$/

/** Controls, and what turns the direction of text or takes no room: a name that has them looks like another one. */
const deceptive = /[\p{Cc}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/u

/** Whether somebody could take the name for another one. */
export function isDeceptive(name: string): boolean {
  return deceptive.test(name)
}

/** @returns undefined for a word that names no field */
export function certificateField(word: string): CertificateField | undefined {
  if (word === 'cn') return 'common-name'
  if (word === 'subject' || word === 'serial' || word === 'fingerprint') return word
  const kind = /^san\.(dns|uri|email|ip)$/.exec(word)
  if (kind !== null) return word as CertificateField
  return attribute.test(word) ? (word as CertificateField) : undefined
}

/** @returns undefined when the certificate has no such name, or one that could be mistaken for another */
export function certificateName(identity: CertificateIdentity, field: CertificateField): string | undefined {
  if (field === 'common-name') return identity.commonName
  if (field === 'subject') return identity.subject === '' ? undefined : identity.subject
  if (field === 'serial') return identity.serialNumber
  if (field === 'fingerprint') return identity.fingerprint
  const [place, what = ''] = splitOnce(field)
  if (place === 'subject') return attributeOf(identity.printedSubject, what)
  return alternativeName(identity.alternativeNames, alternativeKinds[what as keyof typeof alternativeKinds])
}

function splitOnce(field: string): readonly [string, string] {
  const at = field.indexOf('.')
  return [field.slice(0, at), field.slice(at + 1)]
}

/** `DNS:a, URI:"b, c"`: Node writes a name with anything special in it as a JSON string, and such a one names nobody. */
function alternativeName(printed: string, kind: string): string | undefined {
  for (let rest = printed; rest !== ''; ) {
    const [, type = '', value = ''] = /^([^:,"]+):("(?:[^"\\]|\\.)*"|[^,]*)/.exec(rest) ?? []
    if (type === kind) return plainText.test(value) && !value.startsWith('"') ? value : undefined
    rest = rest.slice(type.length + 1 + value.length).replace(/^, /, '')
    if (type === '') return undefined
  }
  return undefined
}
