// Single values on the command line of `castellan pub`, `sub` and `rr`: numbers and topics.

import { escapeText } from '../../base/escape.ts'
import { topicFilterFault, topicNameFault } from '../../topic/name.ts'
import { ClientUsageError } from './error.ts'

/** @throws ClientUsageError with `fault` for what is no whole number between both limits */
export function wholeNumber(text: string, least: number, most: number, fault: string): number {
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : undefined
  if (value !== undefined && value >= least && value <= most) return value
  throw new ClientUsageError(`Error: ${fault}.`)
}

/** @throws ClientUsageError for what nothing can be published on */
export function publishTopic(topic: string, kind: 'publish' | 'response' | 'will', option: string): string {
  checkEncoding(topic, option)
  if (topic === '' && kind === 'publish') return topic
  if (topicNameFault(topic) === undefined) return topic
  throw new ClientUsageError(`Error: Invalid ${kind} topic '${escapeText(topic)}', does it contain '+' or '#'?`)
}

/** @throws ClientUsageError for what cannot be subscribed to */
export function subscribeTopic(
  filter: string,
  kind: 'subscription' | 'filter' | 'unsubscribe',
  option: string,
): string {
  checkEncoding(filter, option)
  if (topicFilterFault(filter) === undefined) return filter
  throw new ClientUsageError(
    `Error: Invalid ${kind} topic '${escapeText(filter)}', are all '+' and '#' wildcards correct?`,
  )
}

/** Node puts U+FFFD in the place of what is not UTF-8. */
function checkEncoding(text: string, option: string): void {
  if (text.includes('\ufffd')) throw new ClientUsageError(`Error: Malformed UTF-8 in ${option} argument.`)
}
