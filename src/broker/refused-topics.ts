// The topics that are refused to one connection, as the audit is told of them: each once, a few of them, the others as a
// number at the end. Whoever publishes in vain a thousand times a second costs a comparison each time.

import type { Audit } from '../audit/event.ts'
import { noteConnected } from './audit-notes.ts'
import type { ClientConnection } from './connection.ts'

export type RefusedAction = 'publish' | 'subscribe' | 'unsubscribe'

export class RefusedTopics {
  readonly #connection: ClientConnection
  readonly #audit: Audit
  /** Action and topic. */
  readonly #told = new Set<string>()
  #lastAction: RefusedAction | undefined = undefined
  #lastTopic = ''
  #more = 0

  constructor(connection: ClientConnection, audit: Audit) {
    this.#connection = connection
    this.#audit = audit
  }

  /** @param times at once */
  add(action: RefusedAction, topic: string, times: number): void {
    if (action === this.#lastAction && topic === this.#lastTopic) {
      this.#more += times
      return
    }
    this.#lastAction = action
    this.#lastTopic = topic
    const name = `${action} ${topic}`
    if (this.#told.has(name) || this.#told.size >= this.#audit.mostRefusedTopics) {
      this.#more += times
      return
    }
    this.#told.add(name)
    this.#more += times - 1
    noteConnected(this.#connection, 'permission', { action, topic })
  }

  /** The connection has ended: tells of the others. */
  end(): void {
    if (this.#more > 0) noteConnected(this.#connection, 'permission', { more: this.#more })
    this.#more = 0
  }
}
