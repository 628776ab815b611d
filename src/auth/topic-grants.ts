// Topics that a token has granted: its client may do what is on the list, and nothing else. No ACL file and no role is asked.

import { parseTopicFilter } from '../topic/shared.ts'
import { type ExplainedAccess, isBrokersOwn } from './access.ts'
import { createDirectoryAccess } from './directory-access.ts'
import { byDefault, mostRules, type Source, type SpeakingRule } from './explanation.ts'
import type { Permitted, TopicGrants } from './principal.ts'
import { TopicPattern } from './topic-pattern.ts'
import type { DirectoryAction, RightsHolder, UserDirectory } from './user-directory.ts'

export interface GrantedTo {
  readonly candidate: RightsHolder
  readonly clientId: string
  /** Whom it keeps out may do nothing. */
  readonly directory: UserDirectory | undefined
}

export function createGrantedAccess(
  grants: TopicGrants,
  { candidate, clientId, directory }: GrantedTo,
): ExplainedAccess {
  const granted = new GrantedAccess(grants)
  return directory === undefined
    ? granted
    : createDirectoryAccess(withoutRights(directory), candidate, clientId, granted)
}

/** The directory, as far as it says who is let in. */
function withoutRights(directory: UserDirectory): UserDirectory {
  return {
    get version() {
      return directory.version
    },
    get decoy() {
      return directory.decoy
    },
    user: username => directory.user(username),
    rights: () => undefined,
  }
}

class GrantedAccess implements ExplainedAccess {
  readonly #publish: GrantedFilters
  readonly #subscribe: GrantedFilters

  constructor({ publish, subscribe }: TopicGrants) {
    this.#publish = new GrantedFilters(publish)
    this.#subscribe = new GrantedFilters(subscribe)
  }

  publish<T extends { readonly topicName: string }>(message: T): Permitted<T> | undefined {
    if (isBrokersOwn(message.topicName)) return undefined
    return this.#publish.cover(message.topicName) ? (message as Permitted<T>) : undefined
  }

  receive(topicName: string): boolean {
    return this.#subscribe.cover(topicName)
  }

  /** A shared subscription is one to its filter. */
  subscribe(fullFilter: string): boolean {
    const parsed = parseTopicFilter(fullFilter)
    return !('fault' in parsed) && this.#subscribe.cover(parsed.topicFilter)
  }

  unsubscribe(): boolean {
    return true
  }

  consult(action: DirectoryAction, topic: string): readonly Source[] {
    if (action === 'unsubscribe') return [byDefault(true, 'a client may give up what it has subscribed to')]
    const parsed = action === 'subscribe' ? parseTopicFilter(topic) : { topicFilter: topic }
    const filters = action === 'publish' ? this.#publish : this.#subscribe
    const rules = 'fault' in parsed ? [] : filters.rules(action, parsed.topicFilter)
    const token: Source = { name: 'token', looked: filters.size, rules, notes: [] }
    return [token, byDefault(false, 'the token does not list it')]
  }
}

class GrantedFilters {
  readonly #filters: readonly string[]
  readonly #patterns: readonly TopicPattern[]

  constructor(filters: readonly string[]) {
    this.#filters = filters
    this.#patterns = filters.map(filter => new TopicPattern(filter))
  }

  get size(): number {
    return this.#filters.length
  }

  /** @param topic a topic name, or a filter of which all has to be covered */
  cover(topic: string): boolean {
    const patterns = this.#patterns
    for (let i = 0; i < patterns.length; i++) {
      if ((patterns[i] as TopicPattern).covers(topic, noValues)) return true
    }
    return false
  }

  rules(action: DirectoryAction, topic: string): readonly SpeakingRule[] {
    const covering = this.#filters.filter((_, index) => this.#patterns[index]?.covers(topic, noValues))
    const list = action === 'publish' ? 'publish' : 'subscribe'
    return covering.slice(0, mostRules).map(filter => ({
      allows: true,
      text: `token  ${list} ${filter}`,
      details: { list, topic: filter },
    }))
  }
}

/** The issuer knows whom the token is for: `%c` and `%u` are nobody's names. */
const noValues = { clientId: undefined, username: undefined }
