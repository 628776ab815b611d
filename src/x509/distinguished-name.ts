// Distinguished names from the text that Node gives for them: one RDN a line in certificate order, ` + ` between the parts of
// a multi-valued one, RFC 2253 escapes inside values (newline is `\0A`, NUL `\00`, `+` is `\+`), so no value can
// look like two. `getPeerCertificate()` gives them raw and is never used.

const nonAscii = /[^\x00-\x7f]+/g
const commonName = /^CN=(.*)$/s
const escapes = /\\([0-9A-F]{2}|.)/gs

/**
 * The name as OpenSSL's `-nameopt RFC2253` and Mosquitto print it: last RDN first, and within a multi-valued RDN last
 * part first; non-ASCII as escaped UTF-8 bytes. Attribute types that OpenSSL has no name for keep their text here, where
 * OpenSSL dumps DER.
 *
 * @param printed `X509Certificate.subject` or `.issuer`
 */
export function rfc2253(printed: string): string {
  if (printed === '') return ''
  const rdns = printed.split('\n').map(rdn => rdn.split(' + ').reverse().join('+'))
  return rdns.reverse().join(',').replace(nonAscii, escapedBytes)
}

/** The first CN in certificate order, unescaped; undefined when there is none, or it is empty or holds NUL. */
export function commonNameOf(printed: string): string | undefined {
  for (const rdn of printed.split('\n')) {
    for (const part of rdn.split(' + ')) {
      const value = commonName.exec(part)?.[1]
      if (value === undefined) continue
      const name = value.replace(escapes, (_, escaped: string) =>
        escaped.length === 2 ? String.fromCharCode(Number.parseInt(escaped, 16)) : escaped,
      )
      return name === '' || name.includes('\0') || name.includes('\ufffd') ? undefined : name
    }
  }
  return undefined
}

function escapedBytes(text: string): string {
  let escaped = ''
  for (const byte of Buffer.from(text)) escaped += `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`
  return escaped
}
