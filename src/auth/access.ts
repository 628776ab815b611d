// One client's rights as the broker asks for them, on every publish and every delivery.

import type { Log } from '../base/log.ts'
import type { AclAction } from './acl-rule-tree.ts'
import { type AclRules, type AclSubject, isGrant } from './acl-rules.ts'
import type { Permitted, Principal } from './principal.ts'
import type { Access } from './realm.ts'

/**
 * Prepares the answers for one client. Subscriptions are always let through, and each delivery is judged instead: so a
 * `deny` below a broader grant holds (features F7).
 *
 * @param rules undefined without an ACL file, and then everything is allowed (features F6)
 */
export function createAccess(rules: AclRules | undefined, principal: Principal, clientId: string, log: Log): Access {
  if (rules === undefined) return openAccess
  return new AclFileAccess(rules.subject({ username: principal.username, clientId }), log)
}

/** Where nothing is said of topics, nobody may control the broker all the same: that has to be granted by name. */
const openAccess: Access = {
  publish: message =>
    isBrokersOwn(message.topicName) || isControlTopic(message.topicName)
      ? undefined
      : (message as Permitted<typeof message>),
  receive: topicName => !isControlTopic(topicName),
  subscribe: () => true,
  unsubscribe: () => true,
}

const bridgeState = { prefix: '$SYS/broker/connection/', suffix: '/state' } as const

/** Whether the topic belongs to those by which the broker is controlled. */
export function isControlTopic(topicName: string): boolean {
  return topicName.startsWith('$CONTROL')
}

/** Nobody speaks for the broker: of `$SYS` only the state of a bridge is a client's to write (features F8). */
export function isBrokersOwn(topicName: string): boolean {
  if (!topicName.startsWith('$SYS')) return false
  const { prefix, suffix } = bridgeState
  const isState = topicName.length > prefix.length + suffix.length && topicName.endsWith(suffix)
  return !(isState && topicName.startsWith(prefix))
}

class AclFileAccess implements Access {
  readonly #subject: AclSubject
  readonly #log: Log
  #refusalLogged = false

  constructor(subject: AclSubject, log: Log) {
    this.#subject = subject
    this.#log = log
  }

  publish<T extends { readonly topicName: string }>(message: T): Permitted<T> | undefined {
    if (isBrokersOwn(message.topicName)) return undefined
    return this.#allows('write', message.topicName) ? (message as Permitted<T>) : undefined
  }

  receive(topicName: string): boolean {
    return this.#allows('read', topicName)
  }

  subscribe(): boolean {
    return true
  }

  unsubscribe(): boolean {
    return true
  }

  #allows(action: AclAction, topicName: string): boolean {
    const rule = this.#subject.decidingRule(action, topicName)
    // Mosquitto says it on every check; once is enough to be found, and no way to flood the log.
    if (rule === undefined && this.#subject.refusal !== undefined && !this.#refusalLogged) {
      this.#refusalLogged = true
      this.#log.write('notice', this.#subject.refusal)
    }
    return isGrant(rule)
  }
}
