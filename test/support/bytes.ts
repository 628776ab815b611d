// Bytes written and shown by hand, so that no test needs the product's codec to say what is on the wire.

/**
 * Reads bytes as a person writes them: `10 0C (CONNECT) 00 04 'MQTT'`. Pairs of hexadecimal digits are bytes, text in
 * single quotes is UTF-8, text in round brackets is a comment, white space is free.
 *
 * @throws Error naming the place that is none of these
 */
export function parseHex(text: string): Uint8Array {
  const parts: Uint8Array[] = []
  const token = /\s+|\(([^)]*)\)|'([^']*)'|([0-9a-fA-F]{2})/y
  while (token.lastIndex < text.length) {
    const at = token.lastIndex
    const match = token.exec(text)
    if (match === null)
      throw new Error(`no bytes at '${text.slice(at, at + 20)}'; expected hex pairs, 'text' or (label)`)
    if (match[2] !== undefined) parts.push(Buffer.from(match[2], 'utf8'))
    if (match[3] !== undefined) parts.push(Uint8Array.of(Number.parseInt(match[3], 16)))
  }
  return concat(...parts)
}

/** {@link parseHex} as a template; an interpolated number is one byte, an interpolated array stands for itself. */
export function hex(strings: TemplateStringsArray, ...values: readonly (number | Uint8Array)[]): Uint8Array {
  const parts = strings.flatMap((text, index) => {
    const value = values[index]
    const before = parseHex(text)
    if (value === undefined) return [before]
    return [before, typeof value === 'number' ? Uint8Array.of(value) : value]
  })
  return concat(...parts)
}

/** Bytes as upper-case hex pairs; more than `limit` of them are cut and counted. */
export function showHex(bytes: Uint8Array, limit = 256): string {
  const pairs = [...bytes.subarray(0, limit)].map(byte => byte.toString(16).padStart(2, '0').toUpperCase())
  return pairs.join(' ') + (bytes.length > limit ? ` … (${bytes.length} bytes)` : '')
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts)
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of((value >> 8) & 0xff, value & 0xff)
}

export function u32(value: number): Uint8Array {
  return concat(u16(value >>> 16), u16(value & 0xffff))
}

/** A Variable Byte Integer (MQTT 5 §1.5.5) in the fewest bytes. */
export function variableByteInteger(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest > 0 ? low | 0x80 : low)
  } while (rest > 0)
  return Uint8Array.from(bytes)
}

/** Text or raw bytes behind their two-byte length: a UTF-8 Encoded String or Binary Data (MQTT 5 §1.5.4, §1.5.6). */
export function lengthPrefixed(value: string | Uint8Array): Uint8Array {
  const bytes = raw(value)
  return concat(u16(bytes.length), bytes)
}

/** Text as UTF-8 without a length; bytes as they are. */
export function raw(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value
}
