// Finds who is to get a message that another broker had taken over and not passed on yet: the subscriptions of its file, by the
// same rules as the router's. It is asked rarely, and looks at each.

import type { QoS } from '../mqtt/packet.ts'
import type { ForeignMessage } from '../store/import/foreign-state.ts'
import { matchesFilter } from '../topic/name.ts'
import { noLocalBit, retainAsPublishedBit } from './journal.ts'

interface ForeignRoute {
  readonly sessionNumber: number
  readonly clientId: string
  readonly topicFilter: string
  readonly shareName: string | undefined
  readonly options: number
  readonly identifier: number
}

/** What one session gets of a message. */
export interface ForeignTarget {
  readonly sessionNumber: number
  readonly qos: QoS
  readonly retain: boolean
  readonly subscriptionIdentifiers: readonly number[] | undefined
}

export class ForeignRouter {
  readonly #routes: ForeignRoute[] = []

  subscribe(route: ForeignRoute): void {
    this.#routes.push(route)
  }

  /** @param publisher the client id, for no local */
  route({ topicName, qos, retain }: ForeignMessage, publisher: string): readonly ForeignTarget[] {
    const targets = new Map<string, ForeignTarget>()
    for (const route of this.#routes) {
      const { sessionNumber, clientId, topicFilter, shareName, options, identifier } = route
      if (!matchesFilter(topicFilter, topicName)) continue
      if ((options & noLocalBit) !== 0 && clientId === publisher) continue
      // One member of a shared group gets it, the first; everybody else once, whatever of theirs matches (§3.3.4).
      const key = shareName === undefined ? `${sessionNumber}` : `${shareName}/${topicFilter}`
      const earlier = targets.get(key)
      if (earlier !== undefined && shareName !== undefined) continue
      const identifiers = [...(earlier?.subscriptionIdentifiers ?? []), ...(identifier > 0 ? [identifier] : [])]
      targets.set(key, {
        sessionNumber,
        qos: Math.max(earlier?.qos ?? 0, Math.min(qos, options & 3)) as QoS,
        retain: earlier?.retain === true || (retain && (options & retainAsPublishedBit) !== 0),
        subscriptionIdentifiers: identifiers.length > 0 ? identifiers : undefined,
      })
    }
    return [...targets.values()]
  }
}
