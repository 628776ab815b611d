// The values of `log_dest` and `log_type`, which gather over several lines.

import { escapeText } from '../base/escape.ts'
import type { LogType } from '../base/log.ts'
import { firstToken, OptionValueError, type Value } from '../config/value.ts'

export type LogDestination =
  | { readonly kind: 'stdout' | 'stderr' | 'topic' | 'syslog' | 'dlt' | 'android' }
  | { readonly kind: 'file'; readonly path: string }

/** The types that `-v` and `log_type all` switch on. */
export const allLogTypes: readonly LogType[] = [
  'error',
  'warning',
  'notice',
  'information',
  'debug',
  'subscribe',
  'unsubscribe',
  'internal',
  'websockets',
]

const plainDestinations = ['stdout', 'stderr', 'topic', 'syslog', 'dlt', 'android'] as const

/** `log_dest`: each line adds one place; `none` forgets those before it. */
export function logDestinations(): Value<readonly LogDestination[]> {
  return {
    syntax: 'none | stdout | stderr | topic | file <path> | syslog',
    parse(text, name, previous = []) {
      const token = firstToken(text, name)
      if (token === 'none') return []
      if (token === 'file') return [...previous, fileDestination(text, previous)]
      const kind = plainDestinations.find(known => known === token)
      if (kind === undefined) throw new OptionValueError(`Error: Invalid '${name}' value (${escapeText(token)}).`)
      return previous.some(destination => destination.kind === kind) ? previous : [...previous, { kind }]
    },
  }
}

/** `log_type`: each line adds one type; `none` and `all` forget those before them. */
export function logTypes(): Value<readonly LogType[]> {
  return {
    syntax: `${allLogTypes.join(' | ')} | none | all`,
    parse(text, name, previous = []) {
      const token = firstToken(text, name)
      if (token === 'none') return []
      if (token === 'all') return allLogTypes
      const type = allLogTypes.find(known => known === token)
      if (type === undefined) throw new OptionValueError(`Error: Invalid '${name}' value (${escapeText(token)}).`)
      return previous.includes(type) ? previous : [...previous, type]
    },
  }
}

function fileDestination(text: string, previous: readonly LogDestination[]): LogDestination {
  if (previous.some(destination => destination.kind === 'file')) {
    throw new OptionValueError('Error: Duplicate "log_dest file" value.')
  }
  const path = text.replace(/^ *file ?/, '').replace(/^[ \t]+/, '')
  if (path === '') throw new OptionValueError('Error: Empty "log_dest file" value in configuration.')
  return { kind: 'file', path }
}
