// Options that were pasted from a formatted page, where a hyphen became a dash and quotes became curly: they look right and
// are not. The answer names the character instead of saying "unknown option".

const dashNames = new Map([
  ['\u2010', 'a typographic hyphen'],
  ['\u2011', 'a non-breaking hyphen'],
  ['\u2012', 'a figure dash'],
  ['\u2013', 'an en dash'],
  ['\u2014', 'an em dash'],
  ['\u2015', 'a horizontal bar'],
  ['\u2212', 'a minus sign'],
])
const dashes = [...dashNames.keys()].join('')
const shortOption = new RegExp(`^-?([${dashes}])([A-Za-z?])$`, 'u')
const longOption = new RegExp(`^-?([${dashes}])-?([A-Za-z][A-Za-z0-9.-]*)$`, 'u')
const curlyQuote = /^[\u201c\u201d\u201e\u2018\u2019\u00ab]/u

/**
 * What is wrong with the first argument that was pasted, or undefined.
 *
 * @param takesSecrets an argument may be a password: only a dash with one letter is taken for an option, and quoted
 */
export function pasteTrap(args: readonly string[], takesSecrets: boolean): string | undefined {
  for (const argument of args) {
    const [, dash, letter] = shortOption.exec(argument) ?? []
    if (dash !== undefined) return trapText(argument, dash, `-${letter}`)
    if (takesSecrets) continue
    const [, longDash, word] = longOption.exec(argument) ?? []
    if (longDash !== undefined) return trapText(argument, longDash, `--${word}`)
    const quote = curlyQuote.exec(argument)?.[0]
    if (quote !== undefined)
      return `an argument begins with the curly quote '${quote}' (${codePoint(quote)}): type " or '`
  }
  return undefined
}

function trapText(argument: string, dash: string, option: string): string {
  const typed = option.startsWith('--') ? 'two hyphens' : 'a hyphen'
  return `'${argument}' begins with ${dashNames.get(dash)} (${codePoint(dash)}), not with ${typed}: type '${option}'`
}

function codePoint(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
}
