// Distinguished names from the text that Node gives for them: one RDN a line in certificate order, ` + ` between the parts of
// a multi-valued one, RFC 2253 escapes inside values (newline is `\0A`, NUL `\00`, `+` is `\+`), so no value can
// look like two. `getPeerCertificate()` gives them raw and is never used.

const nonAscii = /[^\x00-\x7f]+/g
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

/** The first CN, as `attributeOf`. */
export function commonNameOf(printed: string): string | undefined {
  return attributeOf(printed, 'CN')
}

/**
 * The first attribute of a type in certificate order, unescaped; undefined when there is none, or it is empty or holds NUL.
 *
 * @param type `CN`, `OU`, `UID`, … as OpenSSL calls it, or an OID that it has no name for
 */
export function attributeOf(printed: string, type: string): string | undefined {
  const [first] = partsOf(printed, type)
  return first === undefined ? undefined : unescaped(first)
}

/** All attributes of a type, as `attributeOf`, without those that are empty or hold NUL. */
export function attributesOf(printed: string, type: string): readonly string[] {
  return partsOf(printed, type).flatMap(part => unescaped(part) ?? [])
}

function partsOf(printed: string, type: string): readonly string[] {
  const prefix = `${type}=`
  const parts = printed.split('\n').flatMap(rdn => rdn.split(' + '))
  return parts.filter(part => part.startsWith(prefix)).map(part => part.slice(prefix.length))
}

function unescaped(value: string): string | undefined {
  const name = value.replace(escapes, (_, escaped: string) =>
    escaped.length === 2 ? String.fromCharCode(Number.parseInt(escaped, 16)) : escaped,
  )
  return name === '' || name.includes('\0') || name.includes('\ufffd') ? undefined : name
}

function escapedBytes(text: string): string {
  let escaped = ''
  for (const byte of Buffer.from(text)) escaped += `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`
  return escaped
}
