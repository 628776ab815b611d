// What stands in patterns for the attributes of a certificate: a level `%{cert.<attribute>}` for the first value of the attribute, by the
// words of `certificate_role`.

import type { CertificateIdentity } from '../x509/certificate-identity.ts'
import { type CertificateAttribute, certificateAttribute, certificateValues } from '../x509/certificate-name.ts'

const start = '%{cert.'
const end = '}'

/** Whether the level is meant to be one; no topic of Mosquitto's files is. */
export function isCertificateVariable(level: string): boolean {
  return level.startsWith(start)
}

/** @returns undefined for a level that is none, or names no attribute */
export function variableAttribute(level: string): CertificateAttribute | undefined {
  if (!isCertificateVariable(level) || !level.endsWith(end)) return undefined
  return certificateAttribute(level.slice(start.length, -end.length))
}

/** The values of one certificate, each looked up once. */
export class CertificateValues {
  readonly #certificate: CertificateIdentity
  readonly #isFit: (value: string) => boolean
  readonly #known = new Map<string, string | undefined>()

  /** @param isFit for values that may stand in the pattern at all */
  constructor(certificate: CertificateIdentity, isFit: (value: string) => boolean) {
    this.#certificate = certificate
    this.#isFit = isFit
  }

  /** @returns undefined where the certificate has no such value, and then the pattern matches nothing */
  get(variable: string): string | undefined {
    const known = this.#known.get(variable)
    if (known !== undefined || this.#known.has(variable)) return known
    const value = this.#find(variable)
    this.#known.set(variable, value)
    return value
  }

  #find(variable: string): string | undefined {
    const attribute = variableAttribute(variable)
    if (attribute === undefined) return undefined
    const [first] = certificateValues(this.#certificate, attribute)
    return first !== undefined && this.#isFit(first) ? first : undefined
  }
}
