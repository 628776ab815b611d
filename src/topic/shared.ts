// Shared subscriptions: taking `$share/<share name>/<topic filter>` apart (MQTT 5 §4.8.2). Mosquitto offers them to
// clients of every protocol version, and so do we.

import { escapeText } from '../base/escape.ts'
import { levelEnd } from './levels.ts'
import { topicFilterFault } from './name.ts'

export interface ParsedTopicFilter {
  /** undefined for an ordinary subscription. */
  readonly shareName: string | undefined
  /** Valid by §4.7.1, and without the `$share` prefix. */
  readonly topicFilter: string
}

const prefix = '$share/'

/**
 * Parses the topic filter of a SUBSCRIBE or UNSUBSCRIBE. The share name needs a character and has no `/`, `+` or `#`
 * [MQTT-4.8.2-1]; a `/` and a filter follow it [MQTT-4.8.2-2].
 */
export function parseTopicFilter(filter: string): ParsedTopicFilter | { readonly fault: string } {
  if (!filter.startsWith(prefix)) return parsed(undefined, filter)
  const end = levelEnd(filter, prefix.length)
  const shareName = filter.slice(prefix.length, end)
  if (shareName === '') return { fault: `shared subscription "${escapeText(filter)}" has an empty share name` }
  if (shareName.includes('+') || shareName.includes('#')) {
    return { fault: `share name "${escapeText(shareName)}" contains a wildcard` }
  }
  if (end === filter.length) {
    return {
      fault: `shared subscription "${escapeText(filter)}" has no topic filter, "$share/<name>/<filter>" is needed`,
    }
  }
  return parsed(shareName, filter.slice(end + 1))
}

function parsed(shareName: string | undefined, topicFilter: string): ParsedTopicFilter | { readonly fault: string } {
  const fault = topicFilterFault(topicFilter)
  return fault === undefined ? { shareName, topicFilter } : { fault }
}
