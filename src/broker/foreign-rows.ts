// Makes rows of our own store of what another broker has left. Nothing is judged by rules here: whose it is goes along
// (`foreign-source.ts`), and whether they may have it is asked when it is loaded and delivered.

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { noProperties, PacketType, type Properties, type QoS } from '../mqtt/packet.ts'
import { decodeProperties } from '../mqtt/properties.ts'
import { Reader } from '../mqtt/reader.ts'
import { forwardedProperties } from '../session/forwarded-properties.ts'
import { neverExpiresInterval } from '../session/session.ts'
import type {
  ForeignClient,
  ForeignDelivery,
  ForeignMessage,
  ForeignState,
  ForeignSubscription,
  ForeignUser,
} from '../store/import/foreign-state.ts'
import type { PutRetained } from '../store/retained-store.ts'
import type { SessionRow } from '../store/session-store.ts'
import { topicNameFault } from '../topic/name.ts'
import { parseTopicFilter } from '../topic/shared.ts'
import { ForeignRouter } from './foreign-router.ts'
import { recordForeign } from './foreign-source.ts'
import { encodeForwarded, encodeRetainedExtras, encodeWill } from './stored-form.ts'

export interface ForeignRows {
  readonly sessions: readonly SessionRow[]
  readonly retained: readonly PutRetained[]
  readonly counts: ForeignCounts
}

export interface ForeignCounts {
  sessions: number
  subscriptions: number
  /** Messages that wait, counted once for each client that they wait for. */
  waiting: number
  retained: number
  /** What had expired, or whose session or message is not in the file. */
  leftOut: number
  /** Clients whose name in the file was recognised as wrong; they count as anonymous. */
  wrongNames: number
}

/** The file says what no broker could have been told. */
class ForeignFault extends AppError {
  constructor(where: string, why: string) {
    super('ERR_BROKER_IMPORT', `${where}: ${why}`)
  }
}

/**
 * @param now milliseconds on the wall clock
 * @throws AppError `ERR_BROKER_IMPORT` for a topic, a filter or properties that are none
 */
export function foreignRows(state: ForeignState, now: number): ForeignRows {
  return new Conversion(state, now).run()
}

class Conversion {
  readonly #state: ForeignState
  readonly #now: number
  readonly #rows: SessionRow[] = []
  readonly #retained = new Map<string, PutRetained>()
  readonly #numbers = new Map<string, number>()
  readonly #messageIds = new Map<bigint, number>()
  /** Packet ids under way, as `session/packet id`. */
  readonly #underWay = new Set<string>()
  readonly #router = new ForeignRouter()
  readonly #counts: ForeignCounts = {
    sessions: 0,
    subscriptions: 0,
    waiting: 0,
    retained: 0,
    leftOut: 0,
    wrongNames: 0,
  }
  #sequence = 0

  constructor(state: ForeignState, now: number) {
    this.#state = state
    this.#now = now
  }

  run(): ForeignRows {
    const { clients, subscriptions, deliveries, retained, messages } = this.#state
    for (const message of messages.values()) checkTopic(message)
    for (const client of clients) this.#takeClient(client)
    for (const subscription of subscriptions) this.#takeSubscription(subscription)
    for (const id of retained) this.#retain(this.#message(id))
    // What was not passed on yet comes behind what was.
    for (const delivery of deliveries) if (delivery.direction === 'out') this.#takeOutbound(delivery)
    for (const delivery of deliveries) if (delivery.direction === 'in') this.#takeInbound(delivery)
    return { sessions: this.#rows, retained: [...this.#retained.values()], counts: this.#counts }
  }

  #takeClient(client: ForeignClient): void {
    const { where, clientId, user, listenerPort, expiryInterval, expiresAt, will } = client
    if (clientId === '' || this.#numbers.has(clientId)) {
      throw new ForeignFault(where, `client id '${escapeText(clientId, 64)}' is empty, or there already`)
    }
    if (expiryInterval === 0 || (expiresAt !== undefined && expiresAt <= this.#now)) {
      this.#counts.leftOut++
      return
    }
    const sessionNumber = this.#numbers.size + 1
    this.#numbers.set(clientId, sessionNumber)
    const isAway = expiresAt !== undefined && expiryInterval !== neverExpiresInterval
    if (will !== undefined) checkTopic(will)
    this.#rows.push({
      kind: 'put-session',
      sessionNumber,
      clientId,
      owner: ownerOf(user),
      principal: recordForeign(user, listenerPort),
      expiryInterval,
      disconnectedAt: isAway ? expiresAt - expiryInterval * 1000 : undefined,
      will: will && { delay: will.delay, record: encodeWill({ ...will, properties: forwarded(will) }) },
    })
    this.#counts.sessions++
    if (client.hasWrongName) this.#counts.wrongNames++
  }

  #takeSubscription({ where, clientId, fullFilter, options, identifier }: ForeignSubscription): void {
    const sessionNumber = this.#numbers.get(clientId)
    if (sessionNumber === undefined) return
    const parsed = parseTopicFilter(fullFilter)
    if ('fault' in parsed) throw new ForeignFault(where, parsed.fault)
    this.#router.subscribe({ sessionNumber, clientId, options, identifier, ...parsed })
    this.#rows.push({
      kind: 'put-subscription',
      sessionNumber,
      fullFilter,
      options: options & keptOptions,
      subscriptionIdentifier: identifier,
    })
    this.#counts.subscriptions++
  }

  /** @returns undefined when it has expired, or is not there: Mosquitto leaves it out then, too */
  #message(id: bigint): (ForeignMessage & { readonly id: bigint }) | undefined {
    const message = this.#state.messages.get(id)
    if (message !== undefined && (message.expiresAt ?? Number.POSITIVE_INFINITY) > this.#now) return { ...message, id }
    this.#counts.leftOut++
    return undefined
  }

  #retain(message: ForeignMessage | undefined): void {
    if (message === undefined || message.payload.length === 0) return
    const source = recordForeign(message.user, message.listenerPort)
    this.#retained.set(message.topicName, {
      kind: 'put-retained',
      ...content(message),
      retain: true,
      properties: encodeRetainedExtras(source, { properties: forwarded(message) }),
      keptUntil: undefined,
    })
    this.#counts.retained = this.#retained.size
  }

  #takeOutbound(delivery: ForeignDelivery): void {
    const sessionNumber = this.#numbers.get(delivery.clientId)
    const message = this.#message(delivery.messageId)
    if (sessionNumber === undefined || message === undefined) return
    const { qos, retain, state, packetId } = delivery
    if (state !== 'queued') this.#occupy(delivery, sessionNumber)
    this.#enqueue(message, {
      sessionNumber,
      qos,
      retain,
      subscriptionIdentifiers: identifiersOf(delivery),
      packetId: state === 'queued' ? 0 : packetId,
      state,
    })
  }

  /**
   * Its PUBLISH came and was taken over, but Mosquitto passes on only after PUBREL. We pass on at once, and remember the
   * packet id, so that it is not passed on again (§4.3.3, method B).
   */
  #takeInbound({ packetId, clientId, messageId }: ForeignDelivery): void {
    const sessionNumber = this.#numbers.get(clientId)
    const message = this.#message(messageId)
    if (sessionNumber === undefined || message === undefined || packetId === 0) return
    this.#rows.push({ kind: 'put-inbound', sessionNumber, packetId })
    for (const { sessionNumber: to, qos, retain, subscriptionIdentifiers } of this.#router.route(message, clientId)) {
      if (qos === 0) continue
      this.#enqueue(message, { sessionNumber: to, qos, retain, subscriptionIdentifiers, packetId: 0, state: 'queued' })
    }
    if (!message.retain) return
    if (message.payload.length > 0) this.#retain(message)
    else this.#retained.delete(message.topicName)
  }

  #occupy({ where, clientId, packetId }: ForeignDelivery, sessionNumber: number): void {
    const key = `${sessionNumber}/${packetId}`
    if (this.#underWay.has(key)) {
      throw new ForeignFault(where, `packet id ${packetId} of '${escapeText(clientId, 64)}' is under way already`)
    }
    this.#underWay.add(key)
  }

  #enqueue(message: ForeignMessage & { readonly id: bigint }, row: WaitingRow): void {
    let messageId = this.#messageIds.get(message.id)
    if (messageId === undefined) {
      messageId = this.#messageIds.size + 1
      this.#messageIds.set(message.id, messageId)
      const properties = encodeForwarded({ properties: forwarded(message) })
      this.#rows.push({ kind: 'put-message', messageId, ...content(message), properties })
    }
    this.#rows.push({ kind: 'put-queued', sequence: ++this.#sequence, messageId, message: undefined, ...row })
    this.#counts.waiting++
  }
}

/** For people who look into the store; what counts is asked of the rules when it is loaded. */
function ownerOf(user: ForeignUser | undefined): string {
  if (user === undefined) return 'unknown'
  return user.username === undefined ? 'anonymous' : `user:${user.username}`
}

type WaitingRow = Omit<Extract<SessionRow, { kind: 'put-queued' }>, 'kind' | 'sequence' | 'messageId' | 'message'>

/** QoS, no local and retain as published; how retained messages are handled counts only when it is made. */
const keptOptions = 0x0f

function content({ topicName, payload, qos, retain, publisher, expiresAt }: ForeignMessage) {
  return { topicName, payload, qos: qos as QoS, retain, publisher, expiresAt }
}

function checkTopic({ where, topicName }: { readonly where: string; readonly topicName: string }): void {
  const fault = topicNameFault(topicName)
  if (fault !== undefined) throw new ForeignFault(where, fault)
}

function forwarded(message: { readonly where: string; readonly properties: Uint8Array }): Properties {
  const properties = decoded(message)
  if (properties === noProperties) return noProperties
  const copy = forwardedProperties(properties)
  return Object.keys(copy).length === 0 ? noProperties : copy
}

function identifiersOf(delivery: ForeignDelivery): readonly number[] | undefined {
  const found = decoded(delivery).subscriptionIdentifiers
  return found ?? (delivery.subscriptionIdentifier > 0 ? [delivery.subscriptionIdentifier] : undefined)
}

function decoded({ where, properties }: { readonly where: string; readonly properties: Uint8Array }): Properties {
  if (properties.length === 0) return noProperties
  const reader = new Reader()
  reader.reset(Buffer.from(properties), 0, properties.length)
  try {
    const found = decodeProperties(reader, PacketType.publish)
    if (reader.remaining > 0) throw new ForeignFault(where, `${reader.remaining} bytes follow its properties`)
    return found
  } catch (error) {
    if (error instanceof ForeignFault || !(error instanceof AppError)) throw error
    throw new ForeignFault(where, error.message)
  }
}
