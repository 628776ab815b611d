// Roles and groups of dynamic security that are given for what a certificate says (`certificate_role`, `certificate_group`).

import { escapeText } from '../base/escape.ts'
import { emptyValue, OptionValueError, type Value } from '../config/value.ts'
import type { CertificateIdentity } from '../x509/certificate-identity.ts'
import {
  type CertificateAttribute,
  certificateAttribute,
  certificateValues,
  isDeceptive,
} from '../x509/certificate-name.ts'

export interface CertificateGrant {
  /** Of the role or group. */
  readonly name: string
  readonly attribute: CertificateAttribute
  /** In which `*` stands for any number of characters, also none. */
  readonly pattern: string
}

/** Lines of one listener: each is looked at for each client that connects. */
const mostLines = 1000

const form = /^[ \t]*(\S+)[ \t]+([A-Za-z0-9.-]+)=(.*?)[ \t]*$/

/** Each line adds to those before it. */
export function certificateGrants(what: 'role' | 'group'): Value<readonly CertificateGrant[]> {
  return {
    syntax: `<${what}> <attribute>=<value>`,
    parse(text, name, previous = []) {
      if (text.trim() === '') throw emptyValue(name)
      if (previous.length >= mostLines) throw new OptionValueError(`Error: More than ${mostLines} lines of '${name}'.`)
      return [...previous, grantOf(text, name, what)]
    },
  }
}

/** The names that the lines give to whoever shows the certificate, in the order of the lines. */
export function namesGiven(grants: readonly CertificateGrant[], certificate: CertificateIdentity): readonly string[] {
  const names = grants.filter(grant =>
    certificateValues(certificate, grant.attribute).some(value => fits(grant.pattern, value)),
  )
  return [...new Set(names.map(({ name }) => name))]
}

function grantOf(text: string, option: string, what: string): CertificateGrant {
  const [, name = '', word = '', value = ''] = form.exec(text) ?? []
  const attribute = certificateAttribute(word)
  const isUsable = name !== '' && value !== '' && text.isWellFormed() && !isDeceptive(`${name}${value}`)
  if (attribute === undefined || !isUsable) {
    const wanted = `It has to be '<${what}> <attribute>=<value>', the attribute as in certificate_username, 'issuer' or 'issuer.<attribute>'.`
    throw new OptionValueError(`Error: Invalid '${option}' value (${escapeText(text)}). ${wanted}`)
  }
  return { name, attribute, pattern: asPrinted(attribute, value) }
}

/** Numbers in hexadecimal may be written as other programs print them. */
function asPrinted(attribute: CertificateAttribute, pattern: string): string {
  if (attribute === 'serial') return pattern.replaceAll(':', '').toUpperCase()
  return attribute === 'fingerprint' ? pattern.replaceAll(':', '').toLowerCase() : pattern
}

function fits(pattern: string, value: string): boolean {
  const [start = '', ...rest] = pattern.split('*')
  const end = rest.pop()
  if (end === undefined) return value === start
  if (!value.startsWith(start) || !value.endsWith(end)) return false
  let at = start.length
  for (const part of rest) {
    const found = value.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= value.length - end.length
}
