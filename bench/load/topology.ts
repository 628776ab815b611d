// Who publishes to which topics, and who hears it, in each scenario with messages.

import type { LoadRequest, Scenario, Subscriptions } from './request.ts'

/** The scenarios in which publishers send and subscribers count. */
export type TrafficScenario = Exclude<Scenario, { kind: 'retained' | 'connects' | 'idle' }>

export interface Topology {
  readonly publishers: readonly PublisherPlan[]
  /** Filters of each subscriber. */
  readonly subscribers: readonly (readonly string[])[]
  /** No subscriber hears all messages of a publisher: each goes to one of several. */
  readonly shared: boolean
  /** A subscriber and a publisher by number give the number of their track: `s * subscriberStride + p * publisherStride`. */
  readonly subscriberStride: number
  readonly publisherStride: number
}

export interface PublisherPlan {
  readonly topics: readonly string[]
  /** Subscribers that each of its messages reaches. */
  readonly fan: number
}

/** Every topic begins with the request's prefix. */
export function topologyOf({ scenario, topicPrefix }: LoadRequest): Topology {
  switch (scenario.kind) {
    case 'pairs':
    case 'paced':
      return pairs(topicPrefix, scenario.pairs)
    case 'fan-in':
      return heardByOne(topicPrefix, scenario.publishers, [[`${topicPrefix}/+/+/data`]], false)
    case 'shared': {
      const filters = [`$share/g/${topicPrefix}/+/+/data`]
      return heardByOne(topicPrefix, scenario.publishers, Array(scenario.consumers).fill(filters), true)
    }
    case 'fan-out':
      return dealt(topicPrefix, 1, scenario.subscribers)
    case 'flood':
      return dealt(topicPrefix, scenario.publishers, scenario.subscribers)
    case 'durable':
      return durable(topicPrefix, scenario.publishers, scenario.sessions)
    case 'scatter':
      return scatter(topicPrefix, scenario.publishers, Math.floor(scenario.topics / scenario.publishers))
    case 'subscriptions':
      return subscriptions(topicPrefix, scenario)
    default:
      throw new TypeError(`'${scenario.kind}' has no topology`)
  }
}

/** One subscriber hears each publisher, so the publisher's number is the track's. */
const byPublisher = { shared: false, subscriberStride: 0, publisherStride: 1 } as const

function pairs(prefix: string, count: number): Topology {
  const topics = numbers(count).map(index => [deviceTopic(prefix, index)])
  return { ...byPublisher, publishers: topics.map(own => ({ topics: own, fan: 1 })), subscribers: topics }
}

function heardByOne(prefix: string, publishers: number, subscribers: readonly string[][], shared: boolean): Topology {
  return {
    publishers: numbers(publishers).map(index => ({ topics: [deviceTopic(prefix, index)], fan: 1 })),
    subscribers,
    ...(shared ? byBoth(publishers) : byPublisher),
  }
}

/** Each publisher and each subscriber has one of as many topics as the smaller of the two numbers. */
function dealt(prefix: string, publishers: number, subscribers: number): Topology {
  const topics = Math.min(publishers, subscribers)
  const fanOf = (topic: number) => Math.floor((subscribers - 1 - topic) / topics) + 1
  return {
    publishers: numbers(publishers).map(index => ({
      topics: [deviceTopic(prefix, index % topics)],
      fan: fanOf(index % topics),
    })),
    subscribers: numbers(subscribers).map(index => [deviceTopic(prefix, index % topics)]),
    shared: false,
    subscriberStride: publishers,
    publisherStride: 1,
  }
}

/** Each session hears its part of the publishers. */
function durable(prefix: string, publishers: number, sessions: number): Topology {
  return {
    ...byPublisher,
    publishers: numbers(publishers).map(index => ({
      topics: [`${prefix}/session${index % sessions}/unit${padded(index)}`],
      fan: 1,
    })),
    subscribers: numbers(sessions).map(index => [`${prefix}/session${index}/+`]),
  }
}

function scatter(prefix: string, publishers: number, topics: number): Topology {
  return {
    ...byPublisher,
    publishers: numbers(publishers).map(index => ({
      topics: numbers(topics).map(topic => `${prefix}/scatter${index}/unit${padded(topic)}/data`),
      fan: 1,
    })),
    subscribers: numbers(publishers).map(index => [`${prefix}/scatter${index}/+/data`]),
  }
}

function subscriptions(prefix: string, scenario: Subscriptions): Topology {
  const { filters, topics, publishers, subscribers } = scenario
  const all = numbers(filters).map(index => filterAndTopic(prefix, index))
  const order = shuffled(filters).slice(0, topics)
  return {
    publishers: numbers(publishers).map(index => ({
      topics: order.filter((_, at) => at % publishers === index).map(at => all[at]!.topic),
      fan: 1,
    })),
    subscribers: numbers(subscribers).map(index =>
      all.filter((_, at) => at % subscribers === index).map(({ filter }) => filter),
    ),
    ...byBoth(publishers),
  }
}

function byBoth(publishers: number): Pick<Topology, 'shared' | 'subscriberStride' | 'publisherStride'> {
  return { shared: true, subscriberStride: publishers, publisherStride: 1 }
}

/** A third each without a wildcard, with `+`, with `#`; a hundred to a branch. */
function filterAndTopic(prefix: string, index: number): { readonly filter: string; readonly topic: string } {
  const branch = `group${Math.floor(index / 100)}`
  switch (index % 3) {
    case 0: {
      const topic = `${prefix}/exact/${branch}/unit${index}/heat`
      return { filter: topic, topic }
    }
    case 1:
      return {
        filter: `${prefix}/plus/${branch}/+/unit${index}`,
        topic: `${prefix}/plus/${branch}/room${index % 7}/unit${index}`,
      }
    default:
      return {
        filter: `${prefix}/hash/${branch}/unit${index}/#`,
        topic: `${prefix}/hash/${branch}/unit${index}/heat/now`,
      }
  }
}

function deviceTopic(prefix: string, index: number): string {
  return `${prefix}/hall${index % 16}/unit${padded(index)}/data`
}

function padded(index: number): string {
  return String(index).padStart(5, '0')
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

/** All numbers below `count` without visible order, the same in every run. */
function shuffled(count: number): number[] {
  const order = numbers(count)
  let state = 0x9e3779b9
  for (let at = count - 1; at > 0; at -= 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    const other = (state >>> 0) % (at + 1)
    const kept = order[at]!
    order[at] = order[other]!
    order[other] = kept
  }
  return order
}
