// Texts and bytes that were read lately, so that none is made twice: publishers, and mostly topics, are far fewer than messages.

const places = 1024
/** Bytes; what is longer is made anew each time. */
const longest = 256
/** Those that differ mostly do so at their ends. */
const lookedAt = 8
const empty: Uint8Array = new Uint8Array(0)
const { utf8Slice } = Buffer.prototype

export class RecentlyRead {
  readonly #texts: string[] = new Array<string>(places).fill('')
  readonly #bytes: Uint8Array[] = new Array<Uint8Array>(places).fill(empty)

  /** @returns the text of `bytes[start, end)`, which are UTF-8 and lie within `bytes` */
  text(bytes: Uint8Array, start: number, end: number): string {
    if (start === end) return ''
    // Not `toString`: its checks of what is certain here cost as much as the text.
    if (end - start > longest) return utf8Slice.call(bytes, start, end)
    const place = placeOf(bytes, start, end)
    const known = this.#texts[place] as string
    if (isText(known, bytes, start, end)) return known
    const text = utf8Slice.call(bytes, start, end)
    // Only where each character is one byte can the two be compared.
    if (text.length === end - start) this.#texts[place] = text
    return text
  }

  /** @returns a copy of `bytes[start, end)`, which nobody may write to: it may be the same as before */
  bytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
    if (start === end) return empty
    if (end - start > longest) return copyOf(bytes, start, end)
    const place = placeOf(bytes, start, end)
    const known = this.#bytes[place] as Uint8Array
    if (isCopy(known, bytes, start, end)) return known
    const copy = copyOf(bytes, start, end)
    this.#bytes[place] = copy
    return copy
  }
}

function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start)
  copy.set(bytes.subarray(start, end))
  return copy
}

function placeOf(bytes: Uint8Array, start: number, end: number): number {
  let place = end - start
  for (let index = Math.max(start, end - lookedAt); index < end; index++) {
    place = (Math.imul(place, 31) + bytes[index]!) | 0
  }
  return place & (places - 1)
}

function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) !== bytes[start + index]) return false
  return true
}

function isCopy(copy: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (copy.length !== end - start) return false
  for (let index = 0; index < copy.length; index++) if (copy[index] !== bytes[start + index]) return false
  return true
}
