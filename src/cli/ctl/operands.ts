// What follows a command of `castellan ctl`: words by position, made into the members of the command.

import { accessActions } from '../../auth/explanation.ts'
import { wallClock } from '../../base/clock.ts'
import { escapeText } from '../../base/escape.ts'
import type { JsonObject } from '../../dynsec/json.ts'
import { aclTypes, defaultAclTypes } from '../../dynsec/model.ts'
import { CtlUsageError, oldCodes } from './error.ts'

/**
 * Reads words by a list of names such as `username rolename priority?`; what has a `?` may be left out. What a name means
 * is in `readers`; any other is a text.
 *
 * @throws CtlUsageError
 */
export function readOperands(syntax: string, words: readonly string[]): JsonObject {
  const names = syntax === '' ? [] : syntax.split(' ')
  const least = names.filter(name => !name.endsWith('?')).length
  if (words.length < least || words.length > names.length) throw wrongOperands(syntax)
  const members = words.map((word, index) => {
    const name = (names[index] as string).replace('?', '')
    const read = readers[name]
    return [name, read === undefined ? word : read(word)] as const
  })
  return Object.fromEntries(members)
}

export function wrongOperands(syntax: string): CtlUsageError {
  const right = syntax === '' ? 'nothing follows it' : `it takes ${shownSyntax(syntax)}`
  return new CtlUsageError(`Error: Invalid function arguments provided; ${right}.`, oldCodes.operands)
}

/** As pages of help write it: `<username> [priority]`. */
export function shownSyntax(syntax: string): string {
  return syntax
    .split(' ')
    .map(name => (name.endsWith('?') ? `[${name.slice(0, -1)}]` : `<${name}>`))
    .join(' ')
}

/** The words that an operand can be, where these are few. */
export const choices: Readonly<Record<string, readonly string[]>> = {
  access: ['allow', 'deny'],
  acltype: aclTypes,
  action: accessActions,
  bankind: ['clientid', 'username', 'address'],
  boolean: ['true', 'false'],
  defaultacltype: defaultAclTypes,
  field: ['textName', 'textDescription'],
  rolefield: ['allowWildcardSubs', 'textName', 'textDescription'],
}

const readers: Readonly<Record<string, ((word: string) => unknown) | undefined>> = {
  priority: integer,
  count: integer,
  offset: integer,
  access: allows,
  acltype: word => oneOf(word, 'acltype'),
  defaultacltype: word => oneOf(word, 'defaultacltype'),
  bankind: word => oneOf(word, 'bankind'),
  until: endOf,
  boolean: word => oneOf(word, 'boolean') === 'true',
}

function integer(word: string): number {
  if (/^-?\d{1,9}$/.test(word)) return Number(word)
  throw new CtlUsageError(`Error: '${escapeText(word, 32)}' is not a number.`, oldCodes.operands)
}

const spans: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A span from now, a time, or `never`. @returns the time in RFC 3339; undefined for `never` */
function endOf(word: string): string | undefined {
  if (word === 'never') return undefined
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(word) ?? []
  const end = count === undefined ? momentOf(word) : wallClock() + Number(count) * (spans[unit] ?? 0)
  if (Number.isFinite(end)) return new Date(end).toISOString()
  throw new CtlUsageError(
    `Error: '${escapeText(word, 64)}' is no time; write 30m, 12h, 7d, never or 2030-01-31T12:00Z.`,
    oldCodes.operands,
  )
}

/** `Date.parse` alone takes 45, which somebody meant as minutes, for the year 2045. @returns NaN for what is no date */
function momentOf(word: string): number {
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(word)
  return isDate ? Date.parse(word) : Number.NaN
}

function allows(word: string): boolean {
  const access = word.toLowerCase()
  if (access === 'allow' || access === 'deny') return access === 'allow'
  throw new CtlUsageError('Error: access must be "allow" or "deny".', oldCodes.operands)
}

function oneOf(word: string, operand: string): string {
  const known = choices[operand] ?? []
  const found = known.find(one => one.toLowerCase() === word.toLowerCase())
  if (found !== undefined) return found
  throw new CtlUsageError(`Error: '${escapeText(word, 64)}' is none of ${known.join(', ')}.`, oldCodes.operands)
}
