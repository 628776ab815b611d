// The life of one bridge: when it connects, to which of its addresses, when it tries again, and what it tells of itself.

import { isDeepStrictEqual } from 'node:util'
import { escapeText } from '../base/escape.ts'
import { Timer } from '../base/timer-wheel.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { PacketIdSet } from '../session/packet-id-set.ts'
import { Backoff } from './backoff.ts'
import type { Dial } from './dial.ts'
import type { BridgeHost } from './host.ts'
import { type BridgeIdentity, identityOf } from './identity.ts'
import { Link } from './link.ts'
import { type Dialect, humblerDialect, preferredDialect } from './login.ts'
import type { BridgeAddress } from './option-values.ts'
import type { BridgeSettings } from './options.ts'
import { prepareSession } from './prepare.ts'
import type { RelayMemory } from './relay.ts'
import { TopicMap } from './topic-map.ts'

/** Milliseconds for the byte stream to an address, TLS included. */
const dialMs = 20_000
/** Milliseconds between two looks at a lazy bridge's queue, and at a connection that may be idle. */
const lookMs = 200
/** Milliseconds between two attempts to come back to the first address. */
const returnMs = 5000

/**
 * - `idle`: nothing is under way: not started, a lazy bridge that waits for messages, or one that ran once.
 * - `waiting`: for the next attempt.
 * - `dialing` → `linked`: on the way to the other broker, and there.
 * - `stopped`: for good.
 */
type State = 'idle' | 'waiting' | 'dialing' | 'linked' | 'stopped'

export class Bridge {
  readonly #host: BridgeHost
  readonly #dial: Dial
  #settings: BridgeSettings
  #identity: BridgeIdentity
  #dialect: Dialect
  #backoff: Backoff
  #state: State = 'idle'
  #link: Link | undefined
  /** Of what is dialed at present. */
  #giveUp: AbortController | undefined
  /** Since when both brokers have let it in, in milliseconds on the clock; undefined while they have not. */
  #connectedAt: number | undefined
  /** Which address is next, or in use. */
  #place = 0
  #returnAt = 0
  /** Settings that count from the next connection on. */
  #next: BridgeSettings | undefined
  #memory: RelayMemory = { released: undefined }
  #obsolete: readonly string[] = []
  readonly #timer = new Timer(now => this.#due(now))

  constructor(host: BridgeHost, settings: BridgeSettings, dial: Dial) {
    this.#host = host
    this.#dial = dial
    this.#settings = settings
    this.#identity = identityOf(settings)
    this.#dialect = preferredDialect(settings)
    this.#backoff = new Backoff(settings.restart_timeout)
  }

  get localClientId(): string {
    return this.#identity.localClientId
  }

  get isConnected(): boolean {
    return this.#connectedAt !== undefined
  }

  /** How many wait in its session here, or are under way from it. */
  get messagesWaiting(): number {
    return this.#host.waiting(this.localClientId)
  }

  /** Makes the session here, so that it keeps what is published from now on. Before `start`, or after other settings. */
  async prepare(): Promise<void> {
    const { local_cleansession, cleansession } = this.#settings
    if (local_cleansession ?? cleansession) return
    const isNew = await prepareSession(this.#host, this.#settings, this.#identity)
    if (isNew) this.#memory = { released: new PacketIdSet() }
  }

  /** Called once. */
  start(): void {
    this.#tellState('0')
    if (this.#settings.start_type === 'lazy') this.#rest()
    else this.#connect()
  }

  /** Settings that a reload has brought: they count at once, or from the next connection on (`bridge_reload_type`). */
  async change(settings: BridgeSettings): Promise<void> {
    if (isDeepStrictEqual(settings, this.#next ?? this.#settings)) return
    this.#next = settings
    const isUnderWay = this.#state === 'linked' || this.#state === 'dialing'
    if (isUnderWay && settings.bridge_reload_type === 'lazy') return
    this.#abandon('its configuration has changed')
    await this.#adopt()
    this.#restart()
  }

  #restart(): void {
    if (this.#state === 'stopped') return
    this.#place = 0
    if (this.#settings.start_type === 'lazy') this.#rest()
    else this.#connect()
  }

  /** Ends for good. @returns resolved when the connection to the other broker is closed */
  async stop(why: string): Promise<void> {
    const closed = this.#abandon(why)
    this.#state = 'stopped'
    this.#host.wheel.clear(this.#timer)
    await closed
  }

  /** Ends whatever is under way; nothing follows from it. */
  #abandon(why: string): Promise<void> | undefined {
    const link = this.#link
    this.#giveUp?.abort()
    this.#giveUp = undefined
    this.#host.wheel.clear(this.#timer)
    this.#link = undefined
    if (this.#state !== 'stopped') this.#state = 'idle'
    if (link === undefined) return undefined
    this.#noteEnd(why)
    return link.close(why)
  }

  /** The settings that came with a reload are in force. */
  async #adopt(): Promise<void> {
    const settings = this.#next
    if (settings === undefined) return
    this.#next = undefined
    const before = { identity: this.#identity, remote: new TopicMap(this.#settings.topic).remote }
    this.#settings = settings
    this.#identity = identityOf(settings)
    this.#dialect = preferredDialect(settings)
    this.#backoff = new Backoff(settings.restart_timeout)
    const wanted = new Set(new TopicMap(settings.topic).remote.map(({ topicFilter }) => topicFilter))
    this.#obsolete = before.remote.map(({ topicFilter }) => topicFilter).filter(filter => !wanted.has(filter))
    if (before.identity.localClientId !== this.#identity.localClientId) {
      this.#memory = { released: undefined }
      this.#host.endSession(before.identity.localClientId)
    }
    await this.prepare()
  }

  #due(now: number): void {
    if (this.#state === 'waiting') this.#restOrConnect()
    else if (this.#state === 'dialing') this.#giveUp?.abort()
    else if (this.#state === 'linked') this.#look(now)
    else if (this.#state === 'idle') this.#wakeIfWanted(now)
  }

  #restOrConnect(): void {
    if (this.#settings.start_type === 'lazy') this.#rest()
    else this.#connect()
  }

  /** A lazy bridge waits for messages. */
  #rest(): void {
    this.#state = 'idle'
    this.#host.wheel.set(this.#timer, this.#host.clock.now() + lookMs)
  }

  #wakeIfWanted(now: number): void {
    if (this.messagesWaiting >= this.#settings.threshold) this.#connect()
    else this.#host.wheel.set(this.#timer, now + lookMs)
  }

  #connect(): void {
    this.#state = 'dialing'
    const giveUp = new AbortController()
    this.#giveUp = giveUp
    this.#host.wheel.set(this.#timer, this.#host.clock.now() + dialMs)
    this.#adopt()
      .then(() => this.#reach(giveUp))
      .catch((error: Error) => this.#dialFailed(giveUp, error))
  }

  async #reach(giveUp: AbortController): Promise<void> {
    if (this.#giveUp !== giveUp) return
    const address = this.#address
    this.#host.log.write('notice', `Connecting bridge ${this.#name} (${show(address)})`)
    const stream = await this.#dial(address, this.#settings, giveUp.signal)
    if (this.#giveUp !== giveUp) {
      stream.destroy()
      return
    }
    this.#giveUp = undefined
    this.#state = 'linked'
    this.#host.wheel.clear(this.#timer)
    const terms = {
      settings: this.#settings,
      identity: this.#identity,
      dialect: this.#dialect,
      memory: this.#memory,
      obsolete: this.#obsolete,
    }
    const link: Link = new Link(this.#host, terms, stream, {
      connected: () => this.#connected(),
      ended: (why, refusal) => {
        if (this.#link === link) this.#ended(why, refusal)
      },
    })
    this.#link = link
    link.start()
  }

  #dialFailed(giveUp: AbortController, error: Error): void {
    if (this.#giveUp !== giveUp) return
    const why = giveUp.signal.aborted ? `no connection within ${dialMs / 1000} seconds` : error.message
    this.#giveUp = undefined
    this.#warn(`Unable to connect to bridge ${this.#name} (${show(this.#address)}): ${why}.`)
    this.#tryNext()
  }

  #connected(): void {
    const now = this.#host.clock.now()
    this.#connectedAt = now
    this.#returnAt = now + returnMs
    this.#obsolete = []
    this.#host.log.write('notice', `Bridge ${this.#name} is connected to ${show(this.#address)}.`)
    this.#tellState('1')
    this.#host.wheel.set(this.#timer, now + lookMs)
  }

  #ended(why: string, refusal: number | undefined): void {
    this.#link = undefined
    if (refusal === ReasonCode.unsupportedProtocolVersion && this.#speakHumbler()) return
    if (this.#connectedAt === undefined) {
      this.#warn(`Unable to connect to bridge ${this.#name} (${show(this.#address)}): ${why}.`)
      this.#tryNext()
      return
    }
    this.#noteEnd(why)
    if (!this.#settings.round_robin) this.#place = 0
    else this.#moveOn()
    this.#wait()
  }

  /** Tells that the bridge is not connected any more. */
  #noteEnd(why: string): void {
    if (this.#connectedAt === undefined) return
    this.#backoff.ended(this.#host.clock.now() - this.#connectedAt)
    this.#connectedAt = undefined
    this.#host.log.write('notice', `Bridge ${this.#name} is not connected any more: ${why}.`)
    this.#tellState('0')
  }

  #speakHumbler(): boolean {
    const dialect = humblerDialect(this.#dialect, this.#settings)
    if (dialect === undefined) return false
    if (dialect.version !== this.#dialect.version) {
      this.#warn(`Remote bridge ${this.#name} does not support MQTT v5.0, reconnecting using MQTT v3.1.1.`)
    }
    this.#dialect = dialect
    this.#connect()
    return true
  }

  #tryNext(): void {
    this.#moveOn()
    this.#wait()
  }

  #moveOn(): void {
    this.#place = (this.#place + 1) % this.#addresses.length
  }

  #wait(): void {
    if (this.#settings.start_type === 'once') {
      this.#state = 'idle'
      return
    }
    this.#state = 'waiting'
    this.#host.wheel.set(this.#timer, this.#host.clock.now() + this.#backoff.nextMs())
  }

  /** What a connection that lasts is looked at for. */
  #look(now: number): void {
    const link = this.#link
    if (link === undefined) return
    const { start_type, idle_timeout, round_robin } = this.#settings
    if (start_type === 'lazy' && now >= link.idleSince + idle_timeout * 1000 && this.messagesWaiting === 0) {
      this.#abandon(`Bridge connection ${this.#name} has exceeded idle timeout, disconnecting`)
      this.#rest()
      return
    }
    if (!round_robin && this.#place > 0 && now >= this.#returnAt) this.#probeFirst(link)
    this.#host.wheel.set(this.#timer, now + lookMs)
  }

  /** Whether the preferred broker is back: then the bridge moves there. */
  #probeFirst(link: Link): void {
    this.#returnAt = Number.POSITIVE_INFINITY
    const giveUp = new AbortController()
    const deadline = new Timer(() => giveUp.abort())
    const { wheel, clock } = this.#host
    wheel.set(deadline, clock.now() + dialMs)
    const over = () => {
      wheel.clear(deadline)
      this.#returnAt = clock.now() + returnMs
    }
    this.#dial(this.#addresses[0] as BridgeAddress, this.#settings, giveUp.signal).then(stream => {
      over()
      stream.destroy()
      if (this.#link !== link) return
      this.#abandon('its first address can be reached again')
      this.#restart()
    }, over)
  }

  get #addresses(): readonly BridgeAddress[] {
    return this.#settings.address as readonly BridgeAddress[]
  }

  get #address(): BridgeAddress {
    return this.#addresses[this.#place % this.#addresses.length] as BridgeAddress
  }

  get #name(): string {
    return escapeText(this.#settings.name)
  }

  #warn(what: string): void {
    this.#host.log.write('warning', `Warning: ${what}`)
  }

  #tellState(state: '0' | '1'): void {
    if (this.#settings.notifications) this.#host.publishState(this.#identity.stateTopic, state)
  }
}

function show({ host, port }: BridgeAddress): string {
  return `${escapeText(host)}:${port}`
}
