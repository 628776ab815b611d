// The value of the options that name a part of a certificate.

import { escapeText } from '../base/escape.ts'
import { firstToken, OptionValueError, type Value } from '../config/value.ts'
import { type CertificateField, certificateField } from '../x509/certificate-name.ts'

const syntax = 'cn | subject | serial | fingerprint | san.dns | san.uri | san.email | san.ip | subject.<attribute>'

export function certificateUsername(): Value<CertificateField> {
  return {
    syntax,
    parse(text, name) {
      const token = firstToken(text, name)
      const field = certificateField(token)
      if (field === undefined) throw new OptionValueError(`Error: Invalid '${name}' value (${escapeText(token)}).`)
      return field
    },
  }
}
