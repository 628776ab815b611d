// User names where LDAP reads a syntax: in distinguished names and in filters. What a client calls itself is always a value
// there, and never a part of the syntax.

/** Longer names, in characters, are nobody's. */
export const longestLdapName = 256

/** As a value of a distinguished name (RFC 4514 §2.4): whatever could be syntax as `\XX`. */
export function escapeDnValue(value: string): string {
  return value.replace(/[\p{Cc}"#+,;<=>\\]|^ | $/gu, hexadecimal)
}

/** As a value of a filter (RFC 4515 §3). */
export function escapeFilterValue(value: string): string {
  return value.replace(/[\p{Cc}()*\\]/gu, hexadecimal)
}

function hexadecimal(character: string): string {
  return [...Buffer.from(character)].map(byte => `\\${byte.toString(16).padStart(2, '0')}`).join('')
}

/**
 * @param template with `%u` for the name, and `%d` for the distinguished name where there is one
 * @param values escaped for where they will stand
 */
export function fillTemplate(template: string, values: Readonly<Partial<Record<'u' | 'd', string>>>): string {
  return template.replace(/%([ud])/g, (whole, letter: 'u' | 'd') => values[letter] ?? whole)
}

/** @returns why a template cannot be; undefined where it can */
export function templateFault(template: string, variables: readonly ('u' | 'd')[]): string | undefined {
  const used = [...template.matchAll(/%(.?)/gs)].map(([, letter]) => letter)
  const names = variables.map(letter => `%${letter}`).join(' or ')
  if (used.length === 0) return `there is no ${names} in it`
  return used.every(letter => variables.some(known => known === letter)) ? undefined : `only ${names} can be in it`
}

/**
 * Distinguished names that only differ in case, or in blanks beside separators, are one; other spellings of one name are taken
 * for others, which then give nothing.
 */
export function comparableDn(dn: string): string {
  return dn
    .trim()
    .replace(/\s*([,=+])\s*/g, '$1')
    .toLowerCase()
}
