// The broker as one object: what all connections share, the passing of time, and reloads. It opens no socket and reads no
// file; `server/compose.ts` gives it its parts.

import type { Audit } from '../audit/event.ts'
import { type Principal, permitOwn } from '../auth/principal.ts'
import type { Throttle } from '../auth/throttle.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { TimerWheel } from '../base/timer-wheel.ts'
import { noProperties } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { TopicTable } from '../mqtt/topic-cache.ts'
import type { ConnectionHandler, Peer } from '../net/connection-handler.ts'
import type { Counters } from '../observe/counters.ts'
import { Message, neverExpires } from '../session/message.ts'
import type { Session, SessionAccess } from '../session/session.ts'
import type { Transport } from '../session/transport.ts'
import type { Bans } from './ban-check.ts'
import { excludeByCertificate } from './certificate-watch.ts'
import { ConnectRate } from './connect-rate.ts'
import { ClientConnection } from './connection.ts'
import type { ControlEndpoint } from './control.ts'
import { deliverMessage } from './deliver.ts'
import type { Journal } from './journal.ts'
import { LimitWatch } from './limit-watch.ts'
import type { ListenerContext } from './listener-context.ts'
import type { Shortage } from './memory-guard.ts'
import type { BrokerSettings as OwnSettings } from './options.ts'
import type { Rates } from './pace.ts'
import { PersonalLimits, type SessionLimits } from './personal-limits.ts'
import { judgeAgain, type RightsChange, reassess } from './reassess.ts'
import { Registry, type RegistryHost } from './registry.ts'
import { MemoryRetainedStore, Retained, type RetainedStore } from './retained.ts'
import type { Route } from './route.ts'
import { LocalRouter, type Router } from './router.ts'
import { publishWill } from './will.ts'

/** This room's options, and the bounds of a connection that it keeps for the transport below. */
export interface BrokerSettings extends OwnSettings {
  /** Seconds from the accepted byte stream to the accepted CONNECT. */
  readonly connect_timeout: number
  /** Bytes waiting for a slow client before messages wait in its session instead. */
  readonly max_buffered_bytes: number
}

export interface BrokerParts {
  readonly settings: BrokerSettings
  readonly log: Log
  readonly clock: Clock
  readonly counters: Counters
  /** Slows down repeated failures, per address and per client id. */
  readonly failures: Throttle
  /** Slows down repeated takeovers, per client id. */
  readonly takeovers: Throttle
  /** A new unguessable id for a client that has none, without the configured prefix. */
  readonly newClientId: () => string
}

export class Broker implements RegistryHost {
  settings: BrokerSettings
  readonly log: Log
  readonly clock: Clock
  readonly counters: Counters
  readonly failures: Throttle
  readonly takeovers: Throttle
  readonly newClientId: () => string
  readonly wheel: TimerWheel
  readonly router: Router
  readonly retained: RetainedStore
  readonly registry: Registry
  readonly limitWatch: LimitWatch
  readonly connectRate = new ConnectRate()
  /** How short memory is: the memory guard's to set. */
  shortage: Shortage = 0
  /** Writes down what has to survive; undefined without persistence. */
  journal: Journal | undefined = undefined
  /** Every connection that has not ended, whatever its state. */
  readonly connections = new Set<ClientConnection>()
  /** The topic names that clients have published on lately, each with its route once it was needed. */
  readonly topics = new TopicTable<Route>(131_072)
  /** Counts the changes of the rules. */
  rulesVersion = 0
  /** Is told who comes, and what happens to them; undefined where nobody wants to know. */
  audit: Audit | undefined = undefined
  sessionEnded: ((session: Session) => void) | undefined = undefined
  /** Who is kept out; undefined where nobody can be. */
  bans: Bans | undefined = undefined
  /** What answers below `$CONTROL/`, by topic. */
  readonly endpoints = new Map<string, ControlEndpoint>()
  #personalLimits: PersonalLimits
  #stopping = false

  constructor(parts: BrokerParts) {
    this.settings = parts.settings
    this.#personalLimits = personalLimitsOf(parts.settings)
    this.log = parts.log
    this.clock = parts.clock
    this.counters = parts.counters
    this.failures = parts.failures
    this.takeovers = parts.takeovers
    this.newClientId = parts.newClientId
    this.wheel = new TimerWheel(parts.clock.now())
    this.limitWatch = new LimitWatch(this)
    this.router = new LocalRouter()
    this.retained = new MemoryRetainedStore(this)
    this.registry = new Registry(this)
  }

  /** Of the sessions of one client, by the settings in force. */
  limitsOf(principal: Principal, access: SessionAccess): SessionLimits {
    return this.#personalLimits.session(this.settings, principal, access)
  }

  /** @param rates of the client's listener, as they were at its CONNECT */
  ratesOf(rates: Rates, { principal, access }: Session): Rates {
    return this.#personalLimits.rates(rates, principal, access)
  }

  get longestExpiry(): number {
    return this.settings.persistent_client_expiration
  }

  get publishWillOnTakeover(): boolean {
    return this.settings.publish_will_on_takeover
  }

  get isStopping(): boolean {
    return this.#stopping
  }

  /** A byte stream was accepted; its CONNECT is due within `connect_timeout`. */
  accept(peer: Peer, transport: Transport, listener: ListenerContext): ConnectionHandler {
    return new ClientConnection(this, peer, transport, listener)
  }

  /** Fires what is due; the server calls it several times a second. */
  advance(now: number): void {
    this.wheel.advance(now)
  }

  publishWill(session: Session): void {
    publishWill(this, session)
  }

  /**
   * Publishes in the broker's own name (`$SYS`, the log topic), at QoS 2.
   *
   * @param lifeSeconds how long a copy may wait for its subscriber; what is retained has no end
   */
  publishOwn(topicName: string, payload: Uint8Array, retain: boolean, lifeSeconds: number): void {
    const now = this.clock.now()
    if (retain) {
      const message = permitOwn(new Message(topicName, payload, 2, true, ''))
      this.retained.set(topicName, new Retained(message, undefined, neverExpires))
    }
    // What nobody waits for is not kept for a store that is behind.
    if (this.journal?.isBehind === true) return
    const message = new Message(topicName, payload, 2, retain, '', noProperties, now + lifeSeconds * 1000)
    deliverMessage(this, permitOwn(message), this.router.route(topicName), now)
  }

  /** Publishes what an endpoint below `$CONTROL/` answers, at QoS 0: kept for nobody. */
  publishAnswer(topicName: string, payload: Uint8Array): void {
    const message = new Message(topicName, payload, 0, false, '')
    deliverMessage(this, permitOwn(message), this.router.route(topicName), this.clock.now())
  }

  /** The rights of some users are others now, which counts at once, for what waits for them too. */
  reassess(change: RightsChange): void {
    reassess(this, change)
  }

  /**
   * New settings and rules are in force: whoever they exclude is disconnected (0x98), everybody else, connected or away,
   * goes on under them.
   * The listeners' contexts have been replaced before.
   */
  reconfigure(settings: BrokerSettings): void {
    this.settings = settings
    this.#personalLimits = personalLimitsOf(settings)
    this.rulesVersion++
    this.router.outdate()
    for (const session of [...this.registry.values()]) judgeAgain(this, session)
    this.#excludeStaleProofs()
    this.recheckCertificates()
  }

  /**
   * What certificates are judged by has changed: whoever has one that is revoked, or not trusted any more, goes at once.
   *
   * @returns how many
   */
  recheckCertificates(): number {
    let gone = 0
    for (const connection of this.connections) if (excludeByCertificate(connection)) gone++
    return gone
  }

  /** Also where key or certificate only open the door and a password gives the name. */
  #excludeStaleProofs(): void {
    for (const connection of this.connections) {
      if (proofHolds(connection)) continue
      if (connection.state === 'connected') connection.session.will = undefined
      connection.end(ReasonCode.administrativeAction)
    }
  }

  /** Tells every client that the server shuts down and ends its connection. Nothing is accepted afterwards. */
  stop(): void {
    this.#stopping = true
    for (const connection of this.connections) connection.end(ReasonCode.serverShuttingDown)
  }
}

function personalLimitsOf({ client_limit: clients, role_limit: roles }: BrokerSettings): PersonalLimits {
  return new PersonalLimits(clients, roles)
}

/** Whether what the handshake has proven still lets a client in; who has sent no CONNECT yet has no name to compare. */
function proofHolds(connection: ClientConnection): boolean {
  const { presharedKey, certificate } = connection.peer
  const { realm } = connection.listener
  if (presharedKey !== undefined && !realm.admitsKey(presharedKey)) return false
  if (connection.state !== 'connected') return true
  const { username } = connection.session.principal
  return realm.admitsCertificate({ certificate, username })
}
