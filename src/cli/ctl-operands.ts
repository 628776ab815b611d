// What follows a command of `castellan ctl`: words by position, made into the members of the command.

import { escapeText } from '../base/escape.ts'
import type { JsonObject } from '../dynsec/json.ts'
import { CtlUsageError, oldCodes } from './ctl-error.ts'

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
    return [name, readers[name]?.(word) ?? word] as const
  })
  return Object.fromEntries(members)
}

export function wrongOperands(syntax: string): CtlUsageError {
  const shown = syntax.split(' ').map(name => (name.endsWith('?') ? `[${name.slice(0, -1)}]` : `<${name}>`))
  const right = syntax === '' ? 'nothing follows it' : `it takes ${shown.join(' ')}`
  return new CtlUsageError(`Error: Invalid function arguments provided; ${right}.`, oldCodes.operands)
}

const roleAclTypes = [
  'publishClientSend',
  'publishClientReceive',
  'subscribeLiteral',
  'subscribePattern',
  'unsubscribeLiteral',
  'unsubscribePattern',
]
const defaultAclTypes = ['publishClientSend', 'publishClientReceive', 'subscribe', 'unsubscribe']

const readers: Readonly<Record<string, ((word: string) => unknown) | undefined>> = {
  priority: integer,
  count: integer,
  offset: integer,
  access: allows,
  acltype: word => oneOf(word, roleAclTypes),
  defaultacltype: word => oneOf(word, defaultAclTypes),
  boolean: word => oneOf(word, ['true', 'false']) === 'true',
}

function integer(word: string): number {
  if (/^-?\d{1,9}$/.test(word)) return Number(word)
  throw new CtlUsageError(`Error: '${escapeText(word, 32)}' is not a number.`, oldCodes.operands)
}

function allows(word: string): boolean {
  const access = word.toLowerCase()
  if (access === 'allow' || access === 'deny') return access === 'allow'
  throw new CtlUsageError('Error: access must be "allow" or "deny".', oldCodes.operands)
}

function oneOf(word: string, known: readonly string[]): string {
  const found = known.find(one => one.toLowerCase() === word.toLowerCase())
  if (found !== undefined) return found
  throw new CtlUsageError(`Error: '${escapeText(word, 64)}' is none of ${known.join(', ')}.`, oldCodes.operands)
}
