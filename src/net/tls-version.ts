// The value of `tls_version`: the oldest version that a listener accepts.

import { escapeText } from '../base/escape.ts'
import { OptionValueError, text, type Value } from '../config/value.ts'

export type TlsVersion = 'tlsv1.1' | 'tlsv1.2' | 'tlsv1.3'

const versions: readonly TlsVersion[] = ['tlsv1.1', 'tlsv1.2', 'tlsv1.3']

export function tlsVersion(): Value<TlsVersion> {
  const word = text()
  return {
    syntax: 'tlsv1.2 | tlsv1.3',
    parse(rest, name, previous, warn) {
      const value = word.parse(rest, name, previous, warn)
      const version = versions.find(known => known === value)
      if (version === undefined) throw new OptionValueError(`Error: Unsupported tls_version "${escapeText(value)}".`)
      return version
    },
  }
}
