// Which topics of one broker go to the other, and how they are called there. Of several `topic` lines that fit, the first counts.

import type { QoS } from '../mqtt/packet.ts'
import { longestTopicBytes, matchesFilter } from '../topic/name.ts'
import type { TopicShare } from './option-values.ts'

export interface Wanted {
  readonly topicFilter: string
  readonly qos: QoS
}

/** One line, in one direction. */
interface Way {
  /** Of the broker that the message comes from. */
  readonly topicFilter: string
  readonly from: string
  readonly to: string
  readonly qos: QoS
}

export class TopicMap {
  readonly #out: readonly Way[]
  readonly #in: readonly Way[]

  constructor(shares: readonly TopicShare[]) {
    this.#out = shares.filter(({ direction }) => direction !== 'in').map(share => way(share, 'out'))
    this.#in = shares.filter(({ direction }) => direction !== 'out').map(share => way(share, 'in'))
  }

  /** What this broker is asked for. */
  get local(): readonly Wanted[] {
    return wanted(this.#out)
  }

  /** What the other broker is asked for. */
  get remote(): readonly Wanted[] {
    return wanted(this.#in)
  }

  /** What only goes out: an earlier configuration may have asked the other broker for it. */
  get notFromRemote(): readonly string[] {
    const asked = new Set(this.#in.map(({ topicFilter }) => topicFilter))
    const names = this.#out.map(({ from, to, topicFilter }) => to + topicFilter.slice(from.length))
    return [...new Set(names)].filter(topicFilter => !asked.has(topicFilter))
  }

  /** @returns the topic name on the other broker; undefined for one that is not shared, or too long there */
  toRemote(topicName: string): string | undefined {
    return mapped(this.#out, topicName)
  }

  /** @returns the topic name on this broker, in the same way */
  toLocal(topicName: string): string | undefined {
    return mapped(this.#in, topicName)
  }
}

function way({ pattern, localPrefix, remotePrefix, qos }: TopicShare, direction: 'in' | 'out'): Way {
  const [from, to] = direction === 'out' ? [localPrefix, remotePrefix] : [remotePrefix, localPrefix]
  return { topicFilter: from + pattern, from, to, qos }
}

/** Each filter once, at the highest QoS that a line has for it. */
function wanted(ways: readonly Way[]): readonly Wanted[] {
  const highest = new Map<string, QoS>()
  for (const { topicFilter, qos } of ways) highest.set(topicFilter, Math.max(qos, highest.get(topicFilter) ?? 0) as QoS)
  return [...highest].map(([topicFilter, qos]) => ({ topicFilter, qos }))
}

function mapped(ways: readonly Way[], topicName: string): string | undefined {
  for (let i = 0; i < ways.length; i++) {
    const one = ways[i] as Way
    if (matchesFilter(one.topicFilter, topicName)) return renamed(one, topicName)
  }
  return undefined
}

function renamed({ from, to }: Way, topicName: string): string | undefined {
  if (from === to) return topicName
  const name = topicName.startsWith(from) ? to + topicName.slice(from.length) : parentOf(to)
  return name === '' || Buffer.byteLength(name) > longestTopicBytes ? undefined : name
}

/** `a/#` matches `a` itself, which has nothing of the prefix `a/` but its levels. */
function parentOf(prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
}
