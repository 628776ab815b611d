// The bridges of a running broker: each a client of it, within the process, by rules of its own.

import { createBridgeRealm } from '../auth/bridge-realm.ts'
import { wallClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { Bridges } from '../bridge/bridges.ts'
import { Dialer } from '../bridge/dial.ts'
import type { BridgeHost } from '../bridge/host.ts'
import { type BridgeSettings, bridgesOf } from '../bridge/options.ts'
import type { Broker } from '../broker/broker.ts'
import { ListenerContext } from '../broker/listener-context.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { SocketConnection } from '../net/connection.ts'
import type { Peer } from '../net/connection-handler.ts'
import { transportLimits } from '../net/limits.ts'
import { Outbox } from '../net/outbox.ts'
import { TurnQueue } from '../net/turn-queue.ts'
import type { BridgeFigures } from '../observe/metrics.ts'
import type { Config } from './options.ts'

/** Seconds for which a subscriber that is away finds out about a change of state; what is retained stays. */
const stateLifeSeconds = 86_400
const peer: Peer = { address: '', port: 0, certificate: undefined, tls: undefined }

export class BridgeService {
  readonly #log: Log
  readonly #contexts = new Map<string, ListenerContext>()
  readonly #bridges: Bridges
  readonly #dialer: Dialer
  readonly #first: ListenerContext
  #configured: readonly BridgeSettings[] = []
  /** One reload after the other. */
  #reloaded: Promise<void> = Promise.resolve()

  /** @param first listener, by whose rules `local_username` is understood */
  constructor(broker: Broker, config: Config, first: ListenerContext, settings: () => Config['global']) {
    this.#log = broker.log
    this.#first = first
    this.adopt(config)
    this.#dialer = new Dialer({ log: this.#log, wallClock })
    const deps = innerDeps(broker, settings)
    const hostOf = (name: string) => bridgeHost(broker, this.#contexts.get(name) as ListenerContext, deps)
    this.#bridges = new Bridges(hostOf, this.#dialer.dial)
  }

  /** By whose rules the sessions that an earlier run has left are judged. */
  get contexts(): readonly ListenerContext[] {
    return [...this.#contexts.values()]
  }

  get figures(): readonly BridgeFigures[] {
    return [...this.#bridges.all].map(([name, { isConnected, messagesWaiting }]) => ({
      name,
      isConnected,
      messagesWaiting,
    }))
  }

  /** Makes their sessions. Before anybody is let in. */
  prepare(): Promise<void> {
    return this.#bridges.prepare(this.#configured)
  }

  start(): void {
    this.#bridges.start()
  }

  /** Called several times a second. */
  advance(now: number): void {
    this.#dialer.advance(now)
  }

  /** Resolved when every other broker has been told. */
  stop(): Promise<void> {
    return this.#bridges.stop()
  }

  /** What a reload has brought, just before the broker judges everybody by it. */
  adopt({ global }: Config): void {
    const first = this.#first
    this.#configured = bridgesOf(global.connection)
    for (const { name, local_username: username } of this.#configured) {
      const realm = createBridgeRealm({ inner: first.realm, username, log: this.#log })
      const context = this.#contexts.get(name)
      if (context === undefined)
        this.#contexts.set(name, new ListenerContext(ownSettings(first.settings, name), realm, true))
      else context.realm = realm
    }
  }

  /** The bridges become those of the configuration. */
  reload(): void {
    this.#reloaded = this.#reloaded.then(() => this.#bridges.reload(this.#configured))
    this.#dialer.keep(this.#configured)
  }
}

/** What connections within the process share. */
export interface InnerDeps {
  readonly settings: () => Config['global']
  readonly outbox: Outbox
  readonly turns: TurnQueue
}

export function innerDeps({ clock }: Broker, settings: () => Config['global']): InnerDeps {
  const outbox = new Outbox()
  return { settings, outbox, turns: new TurnQueue(clock, outbox) }
}

/** The broker as one bridge may use it. @param context by whose rules it is let in */
export function bridgeHost(
  broker: Broker,
  context: ListenerContext,
  { settings, outbox, turns }: InnerDeps,
): BridgeHost {
  const { log, clock, wheel, registry } = broker
  return {
    log,
    clock,
    wheel,
    get limits() {
      return settings()
    },
    accept(stream) {
      const limits = transportLimits(settings())
      const deps = { clock, wheel, outbox, turns, traffic: noTraffic, limits, owner: nobody }
      const connection = new SocketConnection(stream, stream, deps)
      connection.start(broker.accept(peer, connection, context))
    },
    waiting(clientId) {
      const outbound = registry.get(clientId)?.outbound
      return outbound === undefined ? 0 : outbound.queuedMessages + outbound.inflightMessages
    },
    usesPacketId: (clientId, packetId) => registry.get(clientId)?.outbound.usesPacketId(packetId) === true,
    subscribed: clientId => [...(registry.get(clientId)?.subscriptions.keys() ?? [])],
    forgetReceived: clientId => registry.get(clientId)?.inbound.forgetAll(),
    endSession(clientId) {
      const session = registry.get(clientId)
      if (session === undefined) return
      // A connection that has not noticed yet would write down what is gone.
      session.connection?.end(ReasonCode.administrativeAction)
      registry.close(session)
    },
    publishState: (topicName, state) => broker.publishOwn(topicName, Buffer.from(state), true, stateLifeSeconds),
  }
}

/** Nothing passes a socket here. */
const noTraffic = { received: () => {}, sent: () => {} }
/** Nobody counts connections that come from within. */
const nobody = { established: () => {}, spokeTls: () => {} }

/** Those of a listener, without what a listener may keep from its clients. No listener has a path with a space in it. */
export function ownSettings(first: ListenerContext['settings'], name: string): ListenerContext['settings'] {
  return {
    ...first,
    port: 0,
    address: undefined,
    path: `bridge ${name}`,
    accept_protocol_versions: [3, 4, 5],
    mount_point: undefined,
    max_qos: 2,
    max_topic_alias: 0,
    max_topic_alias_broker: 0,
    max_connect_rate: 0,
    max_publish_rate: 0,
    max_publish_byte_rate: 0,
    max_subscribe_rate: 0,
    use_username_as_clientid: false,
  }
}
