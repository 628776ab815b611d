// `auth_order`: in which order those who know passwords are asked.

import { escapeText } from '../base/escape.ts'
import { option } from '../config/option.ts'
import { emptyValue, OptionValueError, type Value } from '../config/value.ts'
import { type SourceName, sourceNames } from './auth-chain.ts'

export const authOrderOptions = {
  auth_order: option({
    scope: 'listener',
    value: sourceOrder(),
    default: sourceNames,
    reload: 'live',
    doc: 'The order in which those who know passwords are asked, of `dynamic-security`, `password-file`, `http` and `ldap`; the first that knows the user decides. Tokens are always judged before, so that nobody else is told one, and anonymous clients after.',
    own: true,
  }),
}

/**
 * @param has those that the listener has
 * @returns why it cannot be; undefined where it can
 */
export function orderFault(order: readonly SourceName[], has: readonly SourceName[]): string | undefined {
  const missing = has.find(name => !order.includes(name))
  if (missing === undefined) return undefined
  return `Error: auth_order leaves out ${missing}, which the listener has: nobody would ask it.`
}

/** Names with blanks or commas between them; a later line replaces an earlier one. */
function sourceOrder(): Value<readonly SourceName[]> {
  return {
    syntax: '<source> …',
    parse(text, name) {
      const words = text.split(/[\s,]+/).filter(word => word !== '')
      if (words.length === 0) throw emptyValue(name)
      const order = words.map(word => {
        const source = sourceNames.find(known => known === word)
        if (source !== undefined) return source
        throw new OptionValueError(
          `Error: Invalid '${name}' value (${escapeText(word)}). It may be ${sourceNames.join(', ')}.`,
        )
      })
      const twice = order.find((source, index) => order.indexOf(source) !== index)
      if (twice !== undefined) throw new OptionValueError(`Error: '${name}' names ${twice} twice.`)
      return order
    },
  }
}
