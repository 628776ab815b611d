// Which web pages may open WebSocket connections here: the values of `websockets_origin`, and the judgement of a browser's Origin
// header (RFC 6455 §10.2). Programs that are no browsers send none, and are not held up: they could send any.

import { escapeText } from '../base/escape.ts'
import { OptionValueError, text, type Value } from '../config/value.ts'

/** Every page, also where certificates are asked for. */
export const anyOrigin = '*'

const originForm = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s,]+$/i

/** One origin a line, `scheme://host` with a port where it is not the scheme's own, or `*`. */
export function originList(): Value<readonly string[]> {
  const word = text()
  return {
    syntax: '<scheme://host[:port]> | *',
    parse(rest, name, previous = [], warn) {
      const value = word.parse(rest, name, undefined, warn)
      const origin = value === anyOrigin ? anyOrigin : normalOrigin(value)
      if (origin === undefined) {
        throw new OptionValueError(
          `Error: Invalid '${name}' value (${escapeText(value)}): an origin is scheme://host[:port], as browsers send it, or *.`,
        )
      }
      return [...previous, origin]
    },
  }
}

/**
 * @param header `Origin`, undefined when the client sent none
 * @param allowed as `originList` gives them; undefined when the option is not set
 * @param hasAmbientProof whether browsers prove their user to us without the page's doing, by a certificate: then a page of
 *   anybody could act for that user, and none may unless it is listed
 */
export function admitsOrigin(
  header: string | undefined,
  allowed: readonly string[] | undefined,
  hasAmbientProof: boolean,
): boolean {
  if (header === undefined) return true
  if (allowed === undefined) return !hasAmbientProof
  if (allowed.includes(anyOrigin)) return true
  const origin = normalOrigin(header)
  return origin !== undefined && allowed.includes(origin)
}

/** Lower case, no default port; undefined for what is no origin, `null` among it. */
function normalOrigin(value: string): string | undefined {
  if (!originForm.test(value)) return undefined
  try {
    const { origin } = new URL(value)
    // Schemes that are not the web's, such as those of apps, have no such origin: they are compared as they are.
    return origin === 'null' ? value.toLowerCase() : origin
  } catch {
    return undefined
  }
}
