// A configuration file as lines: an option's name and what follows it.

export interface Line {
  readonly number: number
  /** The first word. */
  readonly name: string
  /** What follows the name and one space; CR and LF at the end are gone, blanks are not. */
  readonly rest: string
}

/** The lines that say something: neither empty, nor blank, nor a comment (`#` as the very first byte). */
export function* readLines(bytes: Uint8Array): Generator<Line> {
  let number = 0
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, start)
    const end = newline === -1 ? bytes.length : newline
    const line = parseLine(bytes.subarray(start, end), ++number)
    if (line !== undefined) yield line
    start = end + 1
  }
}

function parseLine(bytes: Uint8Array, number: number): Line | undefined {
  const text = decodeLine(bytes).replace(/\r+$/, '')
  if (text.startsWith('#')) return undefined
  const words = text.replace(/^ +/, '')
  if (words === '') return undefined
  const space = words.indexOf(' ')
  return space === -1
    ? { number, name: words, rest: '' }
    : { number, name: words.slice(0, space), rest: words.slice(space + 1) }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lenient = new TextDecoder('utf-8', { ignoreBOM: true })

// Bytes that do not decode become lone surrogates: no text contains those, so a value that holds one is known as malformed.
function decodeLine(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    return lenient.decode(bytes).replaceAll('\ufffd', '\udcff')
  }
}
