// A client's connection in a program that embeds the broker, one idea: the engine's own connection, with the hooks in front of what it
// receives and sends, and told of as events. A packet that a hook has to be asked about waits as one does that has to wait for
// its subscribers: the connection is paused, and the same packet is handed over again.

import type { Agreement } from '../broker/agreement.ts'
import { ClientConnection } from '../broker/connection.ts'
import { isForBroker } from '../broker/control.ts'
import { PauseReason } from '../broker/pause-reason.ts'
import { discardPublish, isTooDeep, mounted } from '../broker/publish.ts'
import { ProtocolError } from '../mqtt/errors.ts'
import {
  type Acknowledgement,
  noProperties,
  type Packet,
  PacketType,
  type Properties,
  type Publish,
  type Subscribe,
  type Unsubscribe,
} from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { TransportEnd } from '../net/connection-handler.ts'
import { forwardedProperties } from '../session/forwarded-properties.ts'
import { Message as RoutedMessage } from '../session/message.ts'
import type { Delivery } from '../session/outbound.ts'
import { longestTopicBytes } from '../topic/name.ts'
import { parseTopicFilter } from '../topic/shared.ts'
import type { Client } from './client.ts'
import { ConnectedClient } from './connected-client.ts'
import { MessageError } from './errors.ts'
import { messageOf } from './message.ts'
import type { Changed, IncomingVerdict, Program } from './program.ts'

/** A PUBLISH whose topic is known and which the program has judged. */
interface JudgedPublish {
  readonly packet: Publish
  readonly verdict: IncomingVerdict
  readonly topicName: string
}

interface JudgedSubscribe {
  readonly packet: Subscribe
  /** Of each filter. */
  readonly isAllowed: readonly boolean[]
}

export class HookedConnection extends ClientConnection {
  readonly #program: Program
  #client: Client | undefined
  /** What the program has said of the packet that comes next. */
  #publish: JudgedPublish | undefined
  #subscribe: JudgedSubscribe | undefined
  /** The SUBSCRIBE or UNSUBSCRIBE that is being answered. */
  #answering: Subscribe | Unsubscribe | undefined
  #lastReasonCode: number = ReasonCode.success
  #endedFor: number | undefined
  /** Topics of what is under way to the client, by packet id; only where somebody wants to know of acknowledgements. */
  #underWay: Map<number, string> | undefined

  constructor(program: Program, ...parts: ConstructorParameters<typeof ClientConnection>) {
    super(...parts)
    this.#program = program
  }

  /** undefined before it is let in. */
  get client(): Client | undefined {
    return this.#client
  }

  override receive(packet: Packet, now: number): boolean {
    if (this.state !== 'connected') return super.receive(packet, now)
    switch (packet.type) {
      case PacketType.publish:
        return this.#receivePublish(packet, now)
      case PacketType.subscribe:
        return this.#receiveSubscribe(packet, now)
      case PacketType.unsubscribe:
        this.#answering = packet
        return super.receive(packet, now)
      case PacketType.puback:
      case PacketType.pubcomp:
        this.#receiveAcknowledgement(packet)
        return super.receive(packet, now)
      default:
        return super.receive(packet, now)
    }
  }

  /** Where each packet is looked at, none goes the short way. */
  override receiveBytes(
    buffer: Buffer,
    start: number,
    maximumPacketSize: number,
    now: number,
    isLent: boolean,
  ): number {
    const { hooks, events } = this.#program
    if (hooks.incoming !== undefined || events.isAwaited('published') || events.isAwaited('acknowledged')) return start
    return super.receiveBytes(buffer, start, maximumPacketSize, now, isLent)
  }

  #receivePublish(packet: Publish, now: number): boolean {
    const { hooks, events } = this.#program
    if (hooks.incoming === undefined && !events.isAwaited('published')) return super.receive(packet, now)
    const judged = this.#publish?.packet === packet ? this.#publish : this.#judgePublish(packet)
    if (judged === undefined) return this.state === 'ended'
    const isDone = this.#takePublish(judged, now)
    this.#publish = isDone ? undefined : judged
    return isDone
  }

  /** @returns undefined while the program is asked, or when the packet has ended the connection */
  #judgePublish(packet: Publish): JudgedPublish | undefined {
    const topicName = this.#topicOf(packet)
    if (topicName === undefined) return undefined
    const isRepeated = packet.qos === 2 && this.session.inbound.has(packet.packetId)
    // Commands to the broker are no messages, and what came before was judged then.
    if (this.#client === undefined || isRepeated || isForBroker(topicName)) {
      return { packet, verdict: 'pass', topicName }
    }
    const verdict = this.#program.judgeIncoming(this.#client, messageOf(packet, topicName))
    if (!(verdict instanceof Promise)) return { packet, verdict, topicName }
    this.pause(PauseReason.application)
    verdict.then(said => {
      this.#publish = { packet, verdict: said, topicName }
      this.resume(PauseReason.application)
    })
    return undefined
  }

  /** @returns undefined when it has none, which ends the connection */
  #topicOf(packet: Publish): string | undefined {
    try {
      return this.agreement.aliases.resolve(packet)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.fail(error)
      return undefined
    }
  }

  /** @returns false when it has to wait for its subscribers */
  #takePublish({ packet, verdict: said, topicName }: JudgedPublish, now: number): boolean {
    const verdict = typeof said === 'string' || this.#couldBeSent(said, topicName) ? said : 'refuse'
    if (verdict === 'refuse' || verdict === 'drop') {
      this.#discard(packet, topicName, verdict, now)
      return true
    }
    const isNews = packet.qos < 2 || !this.session.inbound.has(packet.packetId)
    const next = verdict === 'pass' ? packet : changed(packet, verdict, topicName)
    this.#lastReasonCode = ReasonCode.success
    if (!super.receive(next, now)) return false
    if (isNews) this.#tellPublished(next, next.topicName === '' ? topicName : next.topicName)
    return true
  }

  /** What the client itself may not send would end its connection, for what is not its fault. */
  #couldBeSent({ topicName, retain }: Changed, sent: string): boolean {
    const { broker, agreement } = this
    const { mountPoint = '', retainAvailable } = agreement
    const routed = mountPoint + (topicName ?? sent)
    const isTooLong = Buffer.byteLength(routed) > longestTopicBytes || isTooDeep(broker, topicName ?? sent)
    if (!isTooLong && (retainAvailable || retain !== true)) return true
    const why = isTooLong ? 'its topic name is longer or deeper than the broker takes' : 'retain_available is false'
    this.#program.calls.complain("The hook 'incoming'", new MessageError(why))
    return false
  }

  /** It counts as any other: against the keep alive, and against the rates. */
  #discard(packet: Publish, topicName: string, verdict: 'refuse' | 'drop', now: number): void {
    const { counters } = this.broker
    this.heard(now)
    counters.packetsReceived++
    counters.publishReceived++
    counters.publishBytesReceived += packet.payload.length
    this.pace.published(topicName.length + packet.payload.length, now)
    if (verdict === 'refuse') this.refusedTopic('publish', topicName)
    try {
      discardPublish(this, packet, topicName, verdict === 'drop' ? ReasonCode.success : ReasonCode.notAuthorized)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.fail(error)
    }
  }

  #tellPublished(packet: Publish, topicName: string): void {
    const { events } = this.#program
    if (this.#client === undefined || this.state === 'ended' || !events.isAwaited('published')) return
    if (isForBroker(topicName) || this.#lastReasonCode >= 0x80 || this.#isTooLarge(packet)) return
    const routed = mounted(this.agreement.mountPoint, topicName)
    if (this.session.access.publish({ topicName: routed }) === undefined) return
    events.emit('published', { client: this.#client, message: messageOf(packet, topicName) })
  }

  #isTooLarge({ payload }: Publish): boolean {
    const { message_size_limit: limit } = this.broker.settings
    return limit > 0 && payload.length > limit
  }

  #receiveSubscribe(packet: Subscribe, now: number): boolean {
    const { hooks } = this.#program
    const isJudged = this.#subscribe?.packet === packet
    if (hooks.authorizeSubscribe !== undefined && !isJudged && hasOnlyFilters(packet)) {
      this.pause(PauseReason.application)
      void this.#judgeSubscribe(packet).then(isAllowed => {
        this.#subscribe = { packet, isAllowed }
        this.resume(PauseReason.application)
      })
      return false
    }
    this.#answering = packet
    if (this.#subscribe === undefined) return super.receive(packet, now)
    const allowed = packet.subscriptions.filter((_, index) => this.#subscribe?.isAllowed[index] !== false)
    // The engine counts the others.
    this.pace.subscribed(packet.subscriptions.length - allowed.length, now)
    return super.receive({ ...packet, subscriptions: allowed }, now)
  }

  /** One after the other: a packet may have thousands. */
  async #judgeSubscribe({ subscriptions }: Subscribe): Promise<readonly boolean[]> {
    const client = this.#client
    const isAllowed: boolean[] = []
    for (const { topicFilter, qos } of subscriptions) {
      const isGone = client === undefined || this.state !== 'connected'
      isAllowed.push(!isGone && (await this.#program.permitsSubscription(client, topicFilter, qos)))
    }
    return isAllowed
  }

  override sendSuback(packetId: number, reasonCodes: readonly number[]): void {
    const packet = this.#answering
    if (packet?.type !== PacketType.subscribe) {
      super.sendSuback(packetId, reasonCodes)
      return
    }
    const all = this.#withRefused(packet, reasonCodes)
    this.#subscribe = undefined
    super.sendSuback(packetId, all)
    const { events } = this.#program
    if (this.#client === undefined || !events.isAwaited('subscribe')) return
    const subscriptions = packet.subscriptions.map(({ topicFilter }, index) => ({
      topicFilter,
      reasonCode: all[index] ?? ReasonCode.unspecifiedError,
    }))
    events.emit('subscribe', { client: this.#client, subscriptions })
  }

  /** The reason codes of all filters of the packet, from those that the engine was given. */
  #withRefused({ subscriptions }: Subscribe, reasonCodes: readonly number[]): readonly number[] {
    let next = 0
    return subscriptions.map(({ topicFilter }, index) => {
      if (this.#subscribe?.isAllowed[index] !== false) return reasonCodes[next++] ?? ReasonCode.unspecifiedError
      this.broker.counters.subscriptionsRefused.add('not authorised')
      this.refusedTopic('subscribe', topicFilter)
      return ReasonCode.notAuthorized
    })
  }

  override sendUnsuback(packetId: number, reasonCodes: readonly number[]): void {
    super.sendUnsuback(packetId, reasonCodes)
    const packet = this.#answering
    if (this.#client === undefined || packet?.type !== PacketType.unsubscribe) return
    const topicFilters = packet.topicFilters.filter((_, index) => (reasonCodes[index] ?? 0) < 0x80)
    this.#program.events.emit('unsubscribe', { client: this.#client, topicFilters })
  }

  #receiveAcknowledgement({ packetId, type }: Acknowledgement): void {
    const topicName = this.#underWay?.get(packetId)
    if (topicName === undefined || this.#client === undefined) return
    this.#underWay?.delete(packetId)
    const qos = type === PacketType.puback ? 1 : 2
    this.#program.events.emit('acknowledged', { client: this.#client, topicName, qos })
  }

  override takesPlain(size: number): boolean {
    return this.#program.hooks.outgoing === undefined && super.takesPlain(size)
  }

  override sendPublish(delivery: Delivery, packetId: number, dup: boolean, now: number): boolean {
    const sent = this.#program.hooks.outgoing === undefined ? delivery : this.#judgeOutgoing(delivery, now)
    if (sent === undefined || !super.sendPublish(sent, packetId, dup, now)) return false
    if (delivery.qos > 0 && this.#program.events.isAwaited('acknowledged')) {
      this.#underWay ??= new Map()
      this.#underWay.set(packetId, delivery.message.topicName)
    }
    return true
  }

  /** @returns what is sent; undefined for what this client does not get */
  #judgeOutgoing(delivery: Delivery, now: number): Delivery | undefined {
    if (this.#client === undefined) return undefined
    const { message, qos, retain } = delivery
    const { topicName, payload, publisher, expiresAt } = message
    const secondsLeft = message.secondsLeft(now)
    const properties = {
      ...message.properties,
      ...(secondsLeft !== undefined && { messageExpiryInterval: secondsLeft }),
    }
    const verdict = this.#program.judgeOutgoing(
      this.#client,
      messageOf({ payload, qos, retain, properties }, topicName),
    )
    if (verdict === 'pass') return delivery
    if (verdict === 'refuse' || verdict === 'drop') return undefined
    const kept = verdict.properties === undefined ? message.properties : forwardedProperties(verdict.properties)
    const next = new RoutedMessage(
      topicName,
      verdict.payload ?? payload,
      message.qos,
      message.retain,
      publisher,
      kept,
      expiresAt,
    )
    return { ...delivery, message: next }
  }

  override acknowledge(type: Acknowledgement['type'], packetId: number, reasonCode: number): void {
    this.#lastReasonCode = reasonCode
    super.acknowledge(type, packetId, reasonCode)
  }

  override become(agreement: Agreement): void {
    super.become(agreement)
    this.#client = new ConnectedClient(this)
  }

  override sendConnack(sessionPresent: boolean, reasonCode: number, properties: Properties): void {
    super.sendConnack(sessionPresent, reasonCode, properties)
    const { events } = this.#program
    if (reasonCode >= 0x80) {
      const { protocolVersion, attempt, peer } = this
      const { username } = attempt?.packet ?? {}
      const who = { clientId: this.clientId ?? '', username, address: peer.address }
      events.emit('clientRefused', { ...who, protocolVersion, reasonCode })
    } else if (this.#client !== undefined) {
      events.emit('clientConnect', { client: this.#client, sessionPresent })
    }
  }

  override fail(error: ProtocolError): void {
    if (this.state !== 'ended') {
      this.#program.events.emit('clientError', { client: this.#client, address: this.peer.address, error })
    }
    super.fail(error)
  }

  override end(reasonCode: number, text?: string): void {
    if (this.state !== 'ended') this.#endedFor = reasonCode
    super.end(reasonCode, text)
  }

  override expel(reasonCode: number, text: string): void {
    if (this.state !== 'ended') this.#endedFor = reasonCode
    super.expel(reasonCode, text)
  }

  override ended(end: TransportEnd): void {
    super.ended(end)
    if (this.#client === undefined) return
    this.#program.events.emit('clientDisconnect', { client: this.#client, reasonCode: this.#endedFor })
  }
}

/** What goes on in place of a packet: its topic stands in it, as the alias may be another one's now. */
function changed(packet: Publish, change: Changed, topicName: string): Publish {
  const { messageExpiryInterval, ...properties } = change.properties ?? forwardedOf(packet.properties)
  const hasProperties = messageExpiryInterval !== undefined || Object.keys(properties).length > 0
  return {
    ...packet,
    topicName: change.topicName ?? topicName,
    payload: change.payload ?? packet.payload,
    retain: change.retain ?? packet.retain,
    properties: hasProperties
      ? { ...properties, ...(messageExpiryInterval !== undefined && { messageExpiryInterval }) }
      : noProperties,
  }
}

function forwardedOf({ topicAlias: _, ...properties }: Properties): Properties {
  return properties
}

/** A packet with something else in it is for the engine to refuse. */
function hasOnlyFilters({ subscriptions }: Subscribe): boolean {
  return subscriptions.every(({ topicFilter }) => !('fault' in parseTopicFilter(topicFilter)))
}
