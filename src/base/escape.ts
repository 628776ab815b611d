// Untrusted text on its way to a person: logs, errors, terminals.

const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\\]/gu

/**
 * Makes untrusted text (topics, client ids, certificate fields) safe to show: control, bidirectional, invisible and
 * unassigned characters and the backslash become `\xHH` or `\u{H…}`, so no value can forge a log line or steer a terminal.
 *
 * @param text any string
 * @param limit most characters shown, 256 by default; what is cut is marked with `…`
 */
export function escapeText(text: string, limit = 256): string {
  const shown = text.length > limit ? `${text.slice(0, limit)}…` : text
  return shown.replace(unsafe, character => {
    const code = character.codePointAt(0) as number
    if (character === '\\') return '\\\\'
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}
