// Names in the order of their UTF-8 bytes, as C compares them; JavaScript's own order differs beyond U+FFFF.

/** @returns below 0 when `a` comes first, above 0 when `b` does */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const one = a.charCodeAt(at)
    const other = b.charCodeAt(at)
    if (one !== other) return rank(one) - rank(other)
  }
  return a.length - b.length
}

const firstSurrogate = 0xd800
const firstAfterSurrogates = 0xe000

/** Surrogates stand for the characters that come last. */
function rank(codeUnit: number): number {
  if (codeUnit >= firstAfterSurrogates) return codeUnit - (firstAfterSurrogates - firstSurrogate)
  return codeUnit >= firstSurrogate ? codeUnit + (0x1_0000 - firstAfterSurrogates) : codeUnit
}
