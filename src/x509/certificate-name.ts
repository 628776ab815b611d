// What a certificate says in one place: the name that becomes a user name, from wherever in it the configuration says, and the
// values of an attribute that something is given for.

import type { CertificateIdentity } from './certificate-identity.ts'
import { attributeOf, attributesOf } from './distinguished-name.ts'

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

/** What something can be given for: a field of which all values count, the issuer (RFC 2253), or an attribute of the issuer (`issuer.O`). */
export type CertificateAttribute = CertificateField | 'issuer' | `issuer.${string}`

/** As Node prints them. */
const alternativeKinds = { dns: 'DNS', uri: 'URI', email: 'email', ip: 'IP Address' } as const

const partOfName = /^(?:subject|issuer)\.(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)$/
const plainText = /^[\x21-\x7e]+$/

/**
 * Controls, ends of lines, and what turns the direction of text or is not seen: a name that has them looks like another one. Joiners of
 * letters, and what says how the character before is drawn, belong to scripts and are seen.
 */
const deceptive =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufff9-\ufffb]|(?!\u200c|\u200d|[\ufe00-\ufe0f])\p{Default_Ignorable_Code_Point}/u

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
  return word.startsWith('subject.') && partOfName.test(word) ? (word as CertificateField) : undefined
}

/** @returns undefined for a word that names none */
export function certificateAttribute(word: string): CertificateAttribute | undefined {
  if (word === 'issuer' || (word.startsWith('issuer.') && partOfName.test(word))) return word as CertificateAttribute
  return certificateField(word)
}

/** All values in the certificate's order, without those that could be mistaken for others. */
export function certificateValues(identity: CertificateIdentity, attribute: CertificateAttribute): readonly string[] {
  return allValues(identity, attribute).filter(value => !isDeceptive(value))
}

function allValues(identity: CertificateIdentity, attribute: CertificateAttribute): readonly string[] {
  if (attribute === 'issuer') return identity.issuer === '' ? [] : [identity.issuer]
  if (attribute === 'common-name') return attributesOf(identity.printedSubject, 'CN')
  if (attribute === 'subject' || attribute === 'serial' || attribute === 'fingerprint') {
    return [certificateName(identity, attribute)].flatMap(only => only ?? [])
  }
  const [place, what] = splitOnce(attribute)
  if (place === 'san') return printedNames(identity.alternativeNames, kindOf(what)).filter(isPlain)
  return attributesOf(place === 'subject' ? identity.printedSubject : identity.printedIssuer, what)
}

/** @returns undefined when the certificate has no such name, or one that could be mistaken for another */
export function certificateName(identity: CertificateIdentity, field: CertificateField): string | undefined {
  if (field === 'common-name') return identity.commonName
  if (field === 'subject') return identity.subject === '' ? undefined : identity.subject
  if (field === 'serial') return identity.serialNumber
  if (field === 'fingerprint') return identity.fingerprint
  const [place, what] = splitOnce(field)
  if (place === 'subject') return attributeOf(identity.printedSubject, what)
  const [first] = printedNames(identity.alternativeNames, kindOf(what))
  return first !== undefined && isPlain(first) ? first : undefined
}

function kindOf(word: string): string {
  return alternativeKinds[word as keyof typeof alternativeKinds]
}

function splitOnce(field: string): readonly [place: string, what: string] {
  const at = field.indexOf('.')
  return [field.slice(0, at), field.slice(at + 1)]
}

/** `DNS:a, URI:"b, c"`: Node writes a name with anything special in it as a JSON string, and such a one names nobody. */
function printedNames(printed: string, kind: string): readonly string[] {
  const names: string[] = []
  for (let rest = printed; rest !== ''; ) {
    const [, type = '', value = ''] = /^([^:,"]+):("(?:[^"\\]|\\.)*"|[^,]*)/.exec(rest) ?? []
    if (type === '') break
    if (type === kind) names.push(value)
    rest = rest.slice(type.length + 1 + value.length).replace(/^, /, '')
  }
  return names
}

function isPlain(value: string): boolean {
  return plainText.test(value) && !value.startsWith('"')
}
