// All sessions by client id: opened, resumed, taken over, closed and expired here and nowhere else (§4.1). A client id
// belongs to the identity that opened its session (features H4).

import type { Principal } from '../auth/principal.ts'
import { Timer, type TimerWheel } from '../base/timer-wheel.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { OutboundLimits } from '../session/outbound.ts'
import { neverExpiresInterval, Session, type SessionAccess } from '../session/session.ts'
import type { Journal } from './journal.ts'
import type { Router } from './router.ts'

/** What the registry needs of the broker around it. */
export interface RegistryHost {
  readonly wheel: TimerWheel
  readonly router: Router
  /** Where sessions that outlive their connection are written down. */
  readonly journal: Journal | undefined
  readonly counters: { sessionsExpired: number }
  publishWill(session: Session): void
  /** Is told of each session that ends; undefined where nobody wants to know. */
  readonly sessionEnded?: ((session: Session) => void) | undefined
  /** What bounds the outbound half of a client's sessions. */
  limitsOf(principal: Principal, access: SessionAccess): OutboundLimits
  /** Longest life of a session without a connection, in seconds; 0 is no limit (`persistent_client_expiration`). */
  readonly longestExpiry: number
  readonly publishWillOnTakeover: boolean
}

export class Registry {
  readonly #host: RegistryHost
  readonly #sessions = new Map<string, Session>()
  /** How many sessions each owner has; undefined until somebody asks. */
  #byOwner: Map<string, number> | undefined = undefined

  constructor(host: RegistryHost) {
    this.#host = host
  }

  get size(): number {
    return this.#sessions.size
  }

  get(clientId: string): Session | undefined {
    return this.#sessions.get(clientId)
  }

  /** How many sessions an owner has: with the first question all are counted, and from then on as they come and go. */
  sessionsOf(owner: string): number {
    if (this.#byOwner === undefined) {
      this.#byOwner = new Map()
      for (const session of this.#sessions.values()) this.#count(session, 1)
    }
    return this.#byOwner.get(owner) ?? 0
  }

  #count(session: Session, change: 1 | -1): void {
    if (this.#byOwner === undefined) return
    const { owner } = session
    const count = (this.#byOwner.get(owner) ?? 0) + change
    if (count > 0) this.#byOwner.set(owner, count)
    else this.#byOwner.delete(owner)
  }

  values(): Iterable<Session> {
    return this.#sessions.values()
  }

  /**
   * Gives the client id's session to a newly proven principal (whether it may have it was decided before): the existing
   * one, or a new one when there is none or `cleanStart` asks for it [MQTT-3.1.2-4]. An earlier connection is told 0x8E
   * and closed [MQTT-3.1.4-3].
   */
  claim(
    clientId: string,
    cleanStart: boolean,
    principal: Principal,
    access: SessionAccess,
  ): { readonly session: Session; readonly resumed: boolean } {
    const existing = this.#sessions.get(clientId)
    if (existing !== undefined) {
      this.#takeOver(existing, cleanStart)
      if (!cleanStart && this.#sessions.get(clientId) === existing) {
        this.#resume(existing, principal, access)
        return { session: existing, resumed: true }
      }
      this.close(existing)
    }
    const session = new Session(clientId, principal, access, this.#host.limitsOf(principal, access))
    this.#sessions.set(clientId, session)
    this.#count(session, 1)
    return { session, resumed: false }
  }

  /** The connection is gone: the session waits for its expiry, or ends now (§3.1.2.11.2). */
  release(session: Session, now: number): void {
    session.connection = undefined
    session.disconnectedAt = now
    session.outbound.disconnect()
    if (this.#expirySeconds(session) === 0) {
      this.close(session)
      return
    }
    this.#scheduleEnd(session, now)
    this.#host.journal?.recordSession(session)
  }

  /** Writes down what its connection has changed of a session. */
  recordConnected(session: Session): void {
    this.#host.journal?.recordSession(session)
  }

  /**
   * Takes in a session that an earlier run of the broker has left. Its will and its end are due when they would have been;
   * whoever was connected when that run ended has been away since now. Nobody has been since the future, which is what a
   * clock that was set back makes of the past.
   */
  restore(session: Session, now: number): void {
    this.#sessions.set(session.clientId, session)
    this.#count(session, 1)
    session.outbound.disconnect()
    const { will, disconnectedAt } = session
    session.disconnectedAt = Math.min(disconnectedAt ?? now, now)
    this.#scheduleEnd(session, session.disconnectedAt)
    // Otherwise the next run would publish its will again, and take it for connected until then.
    if (disconnectedAt === undefined || session.will !== will) this.#host.journal?.recordSession(session)
  }

  /** Ends a session: its will, if still due, goes out now, and nothing of it is left [MQTT-3.1.2-8]. */
  close(session: Session): void {
    if (this.#sessions.get(session.clientId) !== session) return
    this.#sessions.delete(session.clientId)
    this.#count(session, -1)
    this.#host.wheel.clear(session.expiryTimer)
    this.#host.wheel.clear(session.willTimer)
    for (const subscription of session.subscriptions.values()) {
      this.#host.router.unsubscribe(subscription)
      session.removeSubscription(subscription)
    }
    this.#host.journal?.forgetSession(session)
    session.outbound.clear()
    session.inbound.clear()
    if (session.will !== undefined) this.#host.publishWill(session)
    this.#host.sessionEnded?.(session)
  }

  #expire(session: Session): void {
    this.#host.counters.sessionsExpired++
    this.close(session)
  }

  #takeOver(session: Session, cleanStart: boolean): void {
    const { connection } = session
    if (connection === undefined) return
    const survives = !cleanStart && !session.endsWithConnection
    // Mosquitto drops the will of a session that lives on (features H3); the standards publish it (§3.1.4).
    if (survives && !this.#host.publishWillOnTakeover) session.will = undefined
    connection.end(ReasonCode.sessionTakenOver)
  }

  #resume(session: Session, principal: Principal, access: SessionAccess): void {
    this.#host.wheel.clear(session.expiryTimer)
    this.#host.wheel.clear(session.willTimer)
    session.disconnectedAt = undefined
    session.will = undefined
    this.#count(session, -1)
    session.principal = principal
    this.#count(session, 1)
    session.access = access
    session.outbound.limits = this.#host.limitsOf(principal, access)
    session.outbound.prune(topicName => access.receive(topicName))
  }

  #expirySeconds(session: Session): number {
    const longest = this.#host.longestExpiry
    return longest === 0 ? session.expiryInterval : Math.min(session.expiryInterval, longest)
  }

  #scheduleEnd(session: Session, disconnectedAt: number): void {
    const seconds = this.#expirySeconds(session)
    this.#scheduleWill(session, seconds, disconnectedAt)
    if (seconds !== neverExpiresInterval) this.#scheduleExpiry(session, disconnectedAt + seconds * 1000)
  }

  #scheduleWill(session: Session, expirySeconds: number, disconnectedAt: number): void {
    if (session.will === undefined) return
    const delay = session.will.properties.willDelayInterval ?? 0
    if (delay === 0) {
      this.#host.publishWill(session)
      return
    }
    session.willTimer ??= new Timer(() => this.#publishWill(session))
    this.#host.wheel.set(session.willTimer, disconnectedAt + Math.min(delay, expirySeconds) * 1000)
  }

  #publishWill(session: Session): void {
    this.#host.publishWill(session)
    this.#host.journal?.recordSession(session)
  }

  #scheduleExpiry(session: Session, at: number): void {
    session.expiryTimer ??= new Timer(() => this.#expire(session))
    this.#host.wheel.set(session.expiryTimer, at)
  }
}
