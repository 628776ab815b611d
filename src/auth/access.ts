// One client's rights as the broker asks for them, on every publish and every delivery.

import type { Log } from '../base/log.ts'
import type { AclAction, AclRule } from './acl-rule-tree.ts'
import { type AclRules, type AclSubject, isGrant } from './acl-rules.ts'
import {
  type AccessQuestion,
  byDefault,
  type Explanation,
  explained,
  mostRules,
  type Source,
  type SpeakingRule,
} from './explanation.ts'
import type { Permitted } from './principal.ts'
import type { Access } from './realm.ts'
import type { DirectoryAction, RightsHolder } from './user-directory.ts'

/** One that can tell why it answers as it does. */
export interface ExplainedAccess extends Access {
  /**
   * What the sources behind it say, but for the broker's own rules; the first rule of all is what the other methods answer by, and
   * there is one for everything.
   */
  consult(action: DirectoryAction, topic: string): readonly Source[]
}

/** How the rules decide, and why. */
export function explainAccess(access: ExplainedAccess, question: AccessQuestion): Explanation {
  return explained(question, [brokersRules(question), ...access.consult(question.action, question.topic)])
}

/**
 * Prepares the answers for one client. Subscriptions are always let through, and each delivery is judged instead: so a
 * `deny` below a broader grant holds (features F7).
 *
 * @param rules undefined without an ACL file, and then everything is allowed (features F6)
 */
export function createAccess(
  rules: AclRules | undefined,
  holder: Pick<RightsHolder, 'username' | 'certificate'>,
  clientId: string,
  log: Log,
): ExplainedAccess {
  return rules === undefined ? openAccess : new AclFileAccess(rules, holder, clientId, log)
}

/** Where nothing is said of topics, nobody may control the broker all the same: that has to be granted by name. */
const openAccess: ExplainedAccess = {
  publish: message =>
    isBrokersOwn(message.topicName) || isControlTopic(message.topicName)
      ? undefined
      : (message as Permitted<typeof message>),
  receive: topicName => !isControlTopic(topicName),
  subscribe: () => true,
  unsubscribe: () => true,
  consult: (action, topic) => [
    (action === 'publish' || action === 'receive') && isControlTopic(topic)
      ? byDefault(false, 'there is no acl_file, and $CONTROL is granted by name or not at all')
      : byDefault(true, 'there is no acl_file: everything is allowed'),
  ],
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

/** What no file of rules can change. */
function brokersRules({ action, topic, isWill, isRetained }: AccessQuestion): Source {
  const rules: SpeakingRule[] = []
  const notes: string[] = []
  if (action === 'publish') {
    if (isWill && topic.startsWith('$CONTROL/')) rules.push(fixed('no will goes to $CONTROL: its CONNECT is refused'))
    if (isBrokersOwn(topic)) rules.push(fixed('nobody publishes below $SYS, but the state of a bridge'))
    if (isWill) notes.push('a will is judged when it is sent, by the rules of that time')
    if (isRetained) notes.push('whoever a retained message is sent to later is judged then (ask: receive)')
  }
  return { name: 'broker', looked: rules.length, rules, notes }
}

function fixed(text: string): SpeakingRule {
  return { allows: false, text, details: {}, isFixed: true }
}

class AclFileAccess implements ExplainedAccess {
  readonly #rules: AclRules
  readonly #subject: AclSubject
  readonly #log: Log
  readonly #isNamed: boolean
  #refusalLogged = false

  constructor(
    rules: AclRules,
    { username, certificate }: Pick<RightsHolder, 'username' | 'certificate'>,
    clientId: string,
    log: Log,
  ) {
    this.#rules = rules
    this.#subject = rules.subject({ username, clientId, certificate: certificate?.identity })
    this.#log = log
    this.#isNamed = username !== undefined
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

  consult(action: DirectoryAction, topic: string): readonly Source[] {
    if (action === 'subscribe' || action === 'unsubscribe') return [everyFilter]
    const aclAction = action === 'publish' ? 'write' : 'read'
    const matching = this.#subject.matchingRules(aclAction, topic, mostRules)
    const rules = matching.map(rule => speaking(rule, this.#rules.origin))
    const notes = matching.some(isGrant) ? [] : this.#misunderstandings(aclAction, topic)
    return [
      { name: 'acl_file', looked: this.#subject.size, rules, notes },
      byDefault(false, `no line of '${this.#rules.origin}' allows it`),
    ]
  }

  /** Why nothing grants what the file seems to grant. */
  #misunderstandings(action: AclAction, topicName: string): readonly string[] {
    const notes = this.#subject.refusal === undefined ? [] : [this.#subject.refusal]
    const line = this.#isNamed ? this.#rules.anonymousGrant(action, topicName) : undefined
    if (line !== undefined) {
      const { text } = speaking(line, this.#rules.origin)
      notes.push(`${text} is above the first user line, and so only for clients without a username`)
    }
    return notes
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

/** Features F7. */
const everyFilter: Source = {
  name: 'acl_file',
  looked: 0,
  rules: [
    {
      allows: true,
      text: 'an ACL file lets every subscription through, and judges each message that it brings (ask: receive)',
      details: {},
      isFixed: true,
    },
  ],
  notes: [],
}

function speaking(rule: AclRule, origin: string): SpeakingRule {
  const { line, kind, access, topicFilter, username } = rule
  const whose = username === undefined ? '' : `  of user '${username}'`
  const text = `${origin}:${line}  ${kind} ${access} ${topicFilter}${whose}`
  return { allows: isGrant(rule), text, details: { file: origin, line, kind, access, topic: topicFilter, username } }
}
