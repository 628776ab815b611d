// What the program itself subscribes to: each subscription has a client of its own, so that one that is slow holds up no other. A
// message of QoS 1 or 2 is acknowledged when the program is done with it, and the broker waits with more; of QoS 0, which nobody
// waits with, those are dropped that there is no room for.

import type { AppError } from '../base/errors.ts'
import { noProperties, type Packet, PacketType, type Publish } from '../mqtt/packet.ts'
import { Fifo } from '../session/fifo.ts'
import { parseTopicFilter } from '../topic/shared.ts'
import { MessageError, RefusedError } from './errors.ts'
import { acknowledgement, InProcessClient, type InProcessUser, type TakeStream } from './in-process-client.ts'
import { checkedQoS, type Message, messageOf } from './message.ts'
import type { MessageHandler, SubscribeOptions, Subscription } from './own-messages.ts'

const defaultWaiting = 100
const mostWaiting = 65_535
/** There is one exchange of this kind. */
const subscribePacketId = 1

export class InProcessSubscription implements Subscription {
  readonly topicFilter: string
  /** Called once, when it has ended. */
  onEnd: (() => void) | undefined = undefined
  readonly #maxWaiting: number
  readonly #waiting = new Fifo<{ readonly packet: Publish; readonly message: Message }>()
  readonly #suback = Promise.withResolvers<void>()
  #client: InProcessClient | undefined = undefined
  /** The one that the program is at. */
  #current: Publish | undefined = undefined
  #wake: (() => void) | undefined = undefined
  #ending: AppError | 'closed' | undefined = undefined
  #dropped = 0
  readonly #user: InProcessUser = { received: packet => this.#received(packet), lost: error => this.#lost(error) }

  private constructor(topicFilter: string, maxWaiting: number) {
    this.topicFilter = topicFilter
    this.#maxWaiting = maxWaiting
  }

  /**
   * @throws MessageError for a filter that is none, RefusedError where a limit keeps it out, ClosedError
   */
  static async open(
    take: TakeStream,
    topicFilter: string,
    options: SubscribeOptions = {},
  ): Promise<InProcessSubscription> {
    const { qos = 0, maxWaiting = defaultWaiting, retainAsPublished = false } = options
    const request = { topicFilter: checkedFilter(topicFilter), qos: checkedQoS(qos), retainAsPublished }
    if (!Number.isInteger(maxWaiting) || maxWaiting < 1 || maxWaiting > mostWaiting) {
      throw new MessageError(`maxWaiting is no number from 1 to ${mostWaiting}`)
    }
    const subscription = new InProcessSubscription(topicFilter, maxWaiting)
    const { client } = await InProcessClient.open(take, subscription.#user, maxWaiting)
    subscription.#client = client
    client.send({
      type: PacketType.subscribe,
      packetId: subscribePacketId,
      subscriptions: [{ ...request, noLocal: false, retainHandling: 0 }],
      properties: noProperties,
    })
    await subscription.#suback.promise
    return subscription
  }

  get dropped(): number {
    return this.#dropped
  }

  close(): void {
    this.#end('closed')
    this.#client?.close()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Message, undefined>> {
    this.#acknowledge()
    while (this.#waiting.length === 0 && this.#ending === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
    const next = this.#ending === 'closed' ? undefined : this.#waiting.shift()
    if (next !== undefined) {
      this.#current = next.packet
      return { done: false, value: next.message }
    }
    if (this.#ending !== 'closed' && this.#ending !== undefined) throw this.#ending
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#acknowledge()
    this.close()
    return { done: true, value: undefined }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /**
   * Hands each message to a function, and goes on when its promise has settled.
   *
   * @param failed is told when it throws, which ends nothing
   */
  async deliver(handler: MessageHandler, failed: (error: unknown) => void): Promise<void> {
    for await (const message of this) {
      try {
        await handler(message)
      } catch (error) {
        failed(error)
      }
    }
  }

  #received(packet: Packet): void {
    switch (packet.type) {
      case PacketType.suback:
        this.#subscribed(packet.reasonCodes[0] ?? 0x80)
        return
      case PacketType.publish:
        this.#receivePublish(packet)
        return
      case PacketType.pubrel:
        this.#client?.send(acknowledgement(PacketType.pubcomp, packet.packetId))
        return
      default:
    }
  }

  #lost(error: AppError): void {
    this.#suback.reject(error)
    this.#end(error)
  }

  #subscribed(reasonCode: number): void {
    if (reasonCode < 0x80) {
      this.#suback.resolve()
      return
    }
    this.#suback.reject(new RefusedError('a subscription', reasonCode))
    this.close()
  }

  /** Of QoS 1 and 2 the broker sends no more than it was told. */
  #receivePublish(packet: Publish): void {
    if (packet.qos === 0 && this.#waiting.length >= this.#maxWaiting) {
      this.#dropped++
      return
    }
    this.#waiting.push({ packet, message: messageOf(packet, packet.topicName) })
    this.#resume()
  }

  #acknowledge(): void {
    const packet = this.#current
    this.#current = undefined
    if (packet === undefined || packet.qos === 0) return
    const type = packet.qos === 1 ? PacketType.puback : PacketType.pubrec
    this.#client?.send(acknowledgement(type, packet.packetId))
  }

  #end(ending: AppError | 'closed'): void {
    if (this.#ending === undefined) this.onEnd?.()
    this.#ending ??= ending
    if (this.#ending === 'closed') this.#waiting.clear()
    this.#resume()
  }

  #resume(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

function checkedFilter(value: unknown): string {
  if (typeof value !== 'string' || !value.isWellFormed()) throw new MessageError('a topic filter is no text')
  const parsed = parseTopicFilter(value)
  if ('fault' in parsed) throw new MessageError(parsed.fault)
  return value
}
