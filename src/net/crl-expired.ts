// The value of `crl_expired`: what becomes of a revocation list whose time is over.

import { OptionValueError, type Value } from '../config/value.ts'

const dayMs = 24 * 60 * 60 * 1000
const grace = /^grace ([1-9]\d{0,3})d$/

/** `reject`, `warn-and-use`, or `grace` and a number of days. */
export function crlExpired(): Value<string> {
  return {
    syntax: 'reject | grace <days>d | warn-and-use',
    parse(text, name) {
      const value = text.trim().replace(/ +/g, ' ')
      if (value === 'reject' || value === 'warn-and-use' || grace.test(value)) return value
      throw new OptionValueError(`Error: '${name}' must be reject, warn-and-use, or grace and days, as in 'grace 7d'.`)
    },
  }
}

/** For how long a list is used after its end, in milliseconds. */
export function graceMs(value: string): number {
  if (value === 'warn-and-use') return Number.POSITIVE_INFINITY
  return Number(grace.exec(value)?.[1] ?? 0) * dayMs
}
