// The topic of an ACL that stands for many: `+` and `#` as in topic filters, `%c` and `%u` for the names of whoever asks,
// `%{cert.…}` for what is in its certificate.

import { isLevelEnd, isServerTopic, levelEnd } from '../topic/levels.ts'
import { topicFilterFault } from '../topic/name.ts'
import type { PatternValues } from './acl-rule-tree.ts'
import { isCertificateVariable } from './certificate-variables.ts'

const hash = 0x23
const percent = 0x25

export class TopicPattern {
  /** undefined for what is no topic filter, and matches nothing. */
  readonly #levels: readonly string[] | undefined
  readonly #isServers: boolean

  constructor(pattern: string) {
    this.#levels = topicFilterFault(pattern) === undefined ? pattern.split('/') : undefined
    this.#isServers = isServerTopic(pattern)
  }

  /**
   * Whether the pattern covers the topic: all of it, when that is a filter. One that does not begin with `$` covers nothing
   * that does, whatever a variable stands for.
   *
   * @param topic a valid topic name or topic filter
   */
  covers(topic: string, values: PatternValues): boolean {
    const levels = this.#levels
    if (levels === undefined || (isServerTopic(topic) && !this.#isServers)) return false
    let start = 0
    for (let i = 0; i < levels.length; i++) {
      const level = levels[i] as string
      // `#` also stands for the level above it.
      if (level === '#') return true
      if (start > topic.length) return false
      const end = level === '+' ? anyLevelEnd(topic, start) : namedLevelEnd(topic, start, level, values)
      if (end < 0) return false
      start = end + 1
    }
    return start > topic.length
  }
}

/** @returns below 0 for a `#`, which stands for more than one level */
function anyLevelEnd(topic: string, start: number): number {
  return topic.charCodeAt(start) === hash ? -1 : levelEnd(topic, start)
}

/** @returns where what the level stands for ends, which may be levels later; below 0 when the topic has something else */
function namedLevelEnd(topic: string, start: number, level: string, values: PatternValues): number {
  const expected = level.charCodeAt(0) === percent ? valueFor(level, values) : level
  if (expected === undefined || !topic.startsWith(expected, start)) return -1
  const end = start + expected.length
  return isLevelEnd(topic, end) ? end : -1
}

function valueFor(level: string, values: PatternValues): string | undefined {
  if (level === '%c') return values.clientId
  if (level === '%u') return values.username
  return isCertificateVariable(level) ? values.certificate?.get(level) : level
}
