// Which names a certificate may carry: none that a person or a broker could take for another.

import { isIP } from 'node:net'
import type { JsonGeneralName } from '@peculiar/x509'
import { escapeText } from '../base/escape.ts'
import { PkiError } from './errors.ts'
import { maxCommonNameLength } from './profiles.ts'

/** @throws PkiError */
export function checkCommonName(name: string): void {
  const length = [...name].length
  if (length > maxCommonNameLength) {
    throw new PkiError(
      `name '${escapeText(name, 80)}' has ${length} characters, at most ${maxCommonNameLength} fit a CN`,
    )
  }
  // A backslash is what escapeText changes too, and it is visible; but RFC 2253 would have to escape it everywhere.
  if (name === '' || name !== name.trim() || escapeText(name) !== name || name !== name.normalize('NFC')) {
    throw new PkiError(
      `name '${escapeText(name, 80)}' is empty or has blanks at an end or invisible characters; use visible ones`,
    )
  }
}

/**
 * A subject alternative name from what a person writes: an IP address, a host name, `urn:…` and other URIs, or an email address.
 *
 * @throws PkiError
 */
export function alternativeName(name: string): JsonGeneralName {
  if (isIP(name) !== 0) return { type: 'ip', value: name }
  if (isHostName(name)) return { type: 'dns', value: name }
  if (
    name.length <= maxUriLength &&
    /^[a-z][a-z0-9+.-]{0,30}:[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+$/i.test(name)
  ) {
    return { type: 'url', value: name }
  }
  if (name.length <= 254 && /^[a-z0-9._%+-]+@[a-z0-9.-]+$/i.test(name)) return { type: 'email', value: name }
  throw new PkiError(`name '${escapeText(name, 80)}' is neither a host name nor an IP address`)
}

export function isHostName(name: string): boolean {
  return hostName.test(name) && name.length <= 253 && !/\.\d+$/.test(name)
}

const maxUriLength = 512
const hostName = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?)*$/i

/**
 * What two names have in common that look alike: case, width, accents and the letters of other scripts that are drawn as
 * Latin ones are taken away. Not the whole of Unicode's table of confusables (UTS #39), but its Cyrillic and Greek letters.
 */
export function lookAlikeKey(name: string): string {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  return Array.from(plain, character => lookAlikes.get(character) ?? character).join('')
}

const lookAlikes = new Map(
  Object.entries({
    ...{
      а: 'a',
      в: 'b',
      с: 'c',
      ԁ: 'd',
      е: 'e',
      һ: 'h',
      і: 'i',
      ј: 'j',
      к: 'k',
      м: 'm',
      н: 'h',
      о: 'o',
      р: 'p',
      ѕ: 's',
    },
    ...{ т: 't', у: 'y', х: 'x', ԛ: 'q', ԝ: 'w', г: 'r', ӏ: 'l' },
    ...{
      α: 'a',
      β: 'b',
      ε: 'e',
      η: 'n',
      ι: 'i',
      κ: 'k',
      ν: 'v',
      ο: 'o',
      ρ: 'p',
      τ: 't',
      υ: 'u',
      χ: 'x',
      ω: 'w',
      γ: 'y',
    },
    ...{ ı: 'i', ɡ: 'g', ɑ: 'a', '0': 'o', '1': 'l', '|': 'l', '‐': '-', '‑': '-', '–': '-', '—': '-', '−': '-' },
  }),
)
