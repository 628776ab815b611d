// What is a legal Topic Name and Topic Filter, and which filter matches which name (MQTT 5 §4.7).

import { escapeText } from '../base/escape.ts'
import { isServerTopic, levelEnd } from './levels.ts'

/** Longest topic in UTF-8 bytes: what the two length bytes of a string can say [MQTT-4.7.3-3]. */
export const longestTopicBytes = 65535

const slash = 0x2f
const plus = 0x2b
const hash = 0x23
const mostBytesPerCodeUnit = 3

/**
 * Why a message cannot be published on this topic, or undefined when it can: it has to have at least one character,
 * no wildcard, no U+0000 and at most 65,535 bytes [MQTT-3.3.2-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3].
 */
export function topicNameFault(topicName: string): string | undefined {
  const fault = commonFault('topic name', topicName)
  if (fault !== undefined) return fault
  if (!topicName.includes('+') && !topicName.includes('#')) return undefined
  return `topic name "${escapeText(topicName)}" contains a wildcard, only topic filters may`
}

/**
 * Why this cannot be subscribed to, or undefined when it can: as a topic name, but `+` may stand for a whole level and
 * `#` for the whole last level [MQTT-4.7.1-1] [MQTT-4.7.1-2]. A `$share/…` prefix is no part of it, see `shared.ts`.
 */
export function topicFilterFault(topicFilter: string): string | undefined {
  const fault = commonFault('topic filter', topicFilter)
  if (fault !== undefined) return fault
  for (let at = 0; at < topicFilter.length; at++) {
    const character = topicFilter.charCodeAt(at)
    if (character !== plus && character !== hash) continue
    const startsLevel = at === 0 || topicFilter.charCodeAt(at - 1) === slash
    const next = at + 1
    if (!startsLevel || (next < topicFilter.length && topicFilter.charCodeAt(next) !== slash)) {
      return `topic filter "${escapeText(topicFilter)}" has "${topicFilter.charAt(at)}" beside other characters, a wildcard fills a whole level`
    }
    if (character === hash && next < topicFilter.length) {
      return `topic filter "${escapeText(topicFilter)}" goes on after "#", which has to be its last level`
    }
  }
  return undefined
}

function commonFault(what: string, topic: string): string | undefined {
  if (topic === '') return `${what} is empty, it needs at least one character`
  if (topic.includes('\0')) return `${what} "${escapeText(topic)}" contains U+0000`
  if (topic.length * mostBytesPerCodeUnit <= longestTopicBytes) return undefined
  const bytes = Buffer.byteLength(topic)
  if (bytes <= longestTopicBytes) return undefined
  return `${what} "${escapeText(topic, 32)}" has ${bytes} bytes, at most ${longestTopicBytes} are possible`
}

/** Whether a valid topic filter stands for more than one topic. */
export function hasWildcard(topicFilter: string): boolean {
  return topicFilter.includes('+') || topicFilter.endsWith('#')
}

/** How many levels a topic name or filter has: one more than it has `/`. */
export function levelCount(topic: string): number {
  let levels = 1
  for (let at = topic.indexOf('/'); at !== -1; at = topic.indexOf('/', at + 1)) levels++
  return levels
}

/**
 * Whether a valid filter matches a valid name, by §4.7.1 and §4.7.2: `+` is any one level, a last `#` is its parent and
 * everything below, and a filter that begins with a wildcard matches no topic that begins with `$`.
 */
export function matchesFilter(topicFilter: string, topicName: string): boolean {
  const first = topicFilter.charCodeAt(0)
  if ((first === plus || first === hash) && isServerTopic(topicName)) return false
  let filterAt = 0
  let nameAt = 0
  while (filterAt < topicFilter.length) {
    const expected = topicFilter.charCodeAt(filterAt)
    if (expected === hash) return true
    if (expected === plus) {
      nameAt = levelEnd(topicName, nameAt)
    } else if (nameAt < topicName.length && topicName.charCodeAt(nameAt) === expected) {
      nameAt++
    } else {
      // `a/#` also matches `a` itself.
      return nameAt === topicName.length && filterAt + 2 === topicFilter.length && topicFilter.endsWith('/#')
    }
    filterAt++
  }
  return nameAt === topicName.length
}
