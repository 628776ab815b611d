// The program around the broker as the engine's side of the library sees it: its hooks, asked safely, and its listeners for events.

import type { ApplicationVerdict } from '../auth/application-realm.ts'
import type { Identity } from '../auth/identity.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { QoS } from '../mqtt/packet.ts'
import { topicFilterFault } from '../topic/name.ts'
import type { Client } from './client.ts'
import { provenCertificate } from './connected-client.ts'
import { Events } from './events.ts'
import { HookCalls } from './hook-calls.ts'
import type { Hooks, Subject } from './hooks.ts'
import { checkedPayload, checkedProperties, checkedTopicName, type Message, type MessageProperties } from './message.ts'

/** What a hook has made of a message; 'refuse' and 'drop' as `IncomingAnswer` has them. */
export type IncomingVerdict = 'refuse' | 'drop' | 'pass' | Changed

export interface Changed {
  readonly topicName?: string
  readonly payload?: Uint8Array
  readonly retain?: boolean
  readonly properties?: MessageProperties
}

export class Program {
  readonly hooks: Hooks
  readonly events: Events
  readonly calls: HookCalls
  /** Counts how often what hooks have answered was to be forgotten. */
  answersVersion = 0

  /** @param limitMs how long a hook may take */
  constructor(hooks: Hooks, limitMs: number, log: Log, clock: Clock) {
    this.hooks = hooks
    this.calls = new HookCalls(log, clock, limitMs)
    this.events = new Events((name, error) => this.calls.complain(`A listener of '${name}'`, error))
  }

  /** The hook `authenticate`; undefined where there is none. */
  get authenticate(): ((identity: Identity) => ApplicationVerdict | Promise<ApplicationVerdict>) | undefined {
    const { authenticate } = this.hooks
    if (authenticate === undefined) return undefined
    return identity => {
      const { clientId, username, address } = identity
      const password = identity.password && Buffer.from(identity.password)
      const certificate = provenCertificate(identity.certificate)
      return this.calls.soon<ApplicationVerdict>({
        hook: 'authenticate',
        call: () => authenticate({ clientId, username, password, address, certificate }),
        read: answer => readAdmission(answer, username),
        denial: { kind: 'deny', rule: "no usable answer of the hook 'authenticate'" },
      })
    }
  }

  /** The hooks that say at once what a client may do with a topic; where there is none, nothing is in the way. */
  permits(hook: 'authorizePublish' | 'authorizeReceive', subject: Subject, topicName: string): boolean {
    const ask = this.hooks[hook]
    return ask === undefined || this.calls.now({ hook, call: () => ask(subject, topicName), ...yesOrNo })
  }

  permitsSubscription(client: Client, topicFilter: string, qos: QoS): boolean | Promise<boolean> {
    const { authorizeSubscribe: ask } = this.hooks
    if (ask === undefined) return true
    return this.calls.soon({ hook: 'authorizeSubscribe', call: () => ask(client, topicFilter, qos), ...yesOrNo })
  }

  judgeIncoming(client: Client, message: Message): IncomingVerdict | Promise<IncomingVerdict> {
    const { incoming } = this.hooks
    if (incoming === undefined) return 'pass'
    return this.calls.soon<IncomingVerdict>({
      hook: 'incoming',
      call: () => incoming(client, message),
      read: answer =>
        answer === 'drop' ? answer : readChange(answer, ['topicName', 'retain', 'payload', 'properties']),
      denial: 'refuse',
    })
  }

  judgeOutgoing(client: Client, message: Message): IncomingVerdict {
    const { outgoing } = this.hooks
    if (outgoing === undefined) return 'pass'
    return this.calls.now<IncomingVerdict>({
      hook: 'outgoing',
      call: () => outgoing(client, message),
      read: answer => readChange(answer, ['payload', 'properties']),
      denial: 'refuse',
    })
  }
}

const yesOrNo = {
  read: (answer: unknown) => (typeof answer === 'boolean' ? answer : undefined),
  denial: false,
} as const

function readAdmission(answer: unknown, claimed: string | undefined): ApplicationVerdict | undefined {
  if (answer === 'defer') return { kind: 'defer' }
  if (answer === false) return { kind: 'deny', rule: "the hook 'authenticate'" }
  if (answer === true) return { kind: 'allow', username: claimed, topics: undefined }
  if (!isRecord(answer)) return undefined
  const { username = claimed, publish, subscribe, ...others } = answer
  // What is misspelt may have been meant to keep somebody from something.
  if (Object.keys(others).length > 0 || !isName(username)) return undefined
  if (!areFilters(publish ?? []) || !areFilters(subscribe ?? [])) return undefined
  const isLimited = publish !== undefined || subscribe !== undefined
  const topics = { publish: (publish ?? []) as string[], subscribe: (subscribe ?? []) as string[] }
  return { kind: 'allow', username, topics: isLimited ? topics : undefined }
}

/** @throws MessageError */
function readChange(answer: unknown, changeable: readonly string[]): IncomingVerdict | undefined {
  if (answer === true) return 'pass'
  if (answer === false) return 'refuse'
  if (!isRecord(answer) || Object.keys(answer).some(name => !changeable.includes(name))) return undefined
  const { topicName, payload, retain, properties } = answer
  if (retain !== undefined && typeof retain !== 'boolean') return undefined
  return {
    ...(topicName !== undefined && { topicName: checkedTopicName(topicName) }),
    ...(payload !== undefined && { payload: checkedPayload(payload) }),
    ...(retain !== undefined && { retain }),
    ...(properties !== undefined && { properties: checkedProperties(properties) }),
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}

function isName(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && value.isWellFormed() && !value.includes('\0'))
}

function areFilters(value: unknown): boolean {
  return (
    Array.isArray(value) && value.every(filter => typeof filter === 'string' && topicFilterFault(filter) === undefined)
  )
}
