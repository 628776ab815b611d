// The life of a CONNECT inside the broker, one idea: a list of steps, each of which lets the attempt go on or refuses it. Only
// `authenticate` and the slow-downs may take time; everything else is decided at once.

import type { Identity, Waiting } from '../auth/identity.ts'
import type { Principal } from '../auth/principal.ts'
import type { Authentication, Denial } from '../auth/realm.ts'
import { addressKey } from '../base/address-key.ts'
import { assert } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { Timer } from '../base/timer-wheel.ts'
import { ProtocolViolationError } from '../mqtt/errors.ts'
import { type Connect, noProperties, type Properties, type Will } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { PeerCredential } from '../net/connection-handler.ts'
import { neverExpiresInterval, type Session } from '../session/session.ts'
import { agree } from './agreement.ts'
import { noteLogin, noteRefusedConnect } from './audit-notes.ts'
import { checkBan, checkBannedAddress } from './ban-check.ts'
import type { Broker } from './broker.ts'
import type { ClientConnection } from './connection.ts'
import { CurrentAccess } from './current-access.ts'
import { startExchange } from './enhanced-authentication.ts'
import type { Journal } from './journal.ts'
import { PauseReason } from './pause-reason.ts'
import { denialReasonCode, endingText } from './reason-code.ts'
import { judgeAgain } from './reassess.ts'
import { acceptWill } from './will.ts'

/** A CONNECT that was refused: what the peer is told, and what only the log says. */
export interface Refusal {
  readonly reasonCode: number
  readonly rule: string
  /** The rule is a limit that a flood may reach: it is logged once for a burst. */
  readonly isLimit?: true
}

/** undefined lets the attempt go on; a promise pauses the connection meanwhile. */
export type StepOutcome = Refusal | undefined | Promise<Refusal | undefined>

/** What the steps gather about one CONNECT. */
export class ConnectAttempt implements Waiting {
  readonly broker: Broker
  readonly connection: ClientConnection
  readonly packet: Connect
  clientId: string
  /** The client left its id empty and got this one. */
  clientIdAssigned = false
  keepAlive: number
  will: Will | undefined
  principal: Principal | undefined
  #access: CurrentAccess | undefined
  session: Session | undefined
  resumed = false
  /** What a successful enhanced authentication leaves for CONNACK (§4.12). */
  authenticationData: Uint8Array | undefined
  /** Gives up what the attempt waits for. */
  #forget: (() => void) | undefined

  constructor(broker: Broker, connection: ClientConnection, packet: Connect) {
    this.broker = broker
    this.connection = connection
    this.packet = packet
    this.clientId = packet.clientId
    this.keepAlive = packet.keepAlive
  }

  /** What its client may do: only once that is proven, and has its client id. */
  get access(): CurrentAccess {
    assert(this.principal !== undefined, 'only a proven client has rights')
    this.#access ??= new CurrentAccess(this.connection.listener, this.principal, this.clientId)
    return this.#access
  }

  get claim(): Claim {
    return { clientId: this.packet.clientId, username: this.packet.username }
  }

  get identity(): Identity {
    const { username, password } = this.packet
    const { certificate, presharedKey, proxiedCommonName, address } = this.connection.peer
    const proven = { certificate, presharedKey, proxiedCommonName }
    return { clientId: this.clientId, username, password, ...proven, address, waiting: this }
  }

  /**
   * Holds the attempt back for a while, without holding anybody else.
   *
   * @param done called once, when the time has passed or the client has gone
   */
  wait(delayMs: number, done: () => void): Promise<undefined> {
    return new Promise(resolve => {
      const delay = new Timer(() => {
        this.#forget = undefined
        done()
        resolve(undefined)
      })
      this.whenGone(() => {
        this.broker.wheel.clear(delay)
        done()
        resolve(undefined)
      })
      this.broker.wheel.set(delay, this.broker.clock.now() + delayMs)
      this.connection.postponeTimeOut(delayMs)
    })
  }

  whenGone(forget: () => void): void {
    this.#forget = forget
  }

  /** The client has gone: whatever it waits for is given up. */
  cancel(): void {
    const forget = this.#forget
    this.#forget = undefined
    forget?.()
  }
}

type Step = (attempt: ConnectAttempt) => StepOutcome

export const connectSteps: readonly Step[] = [
  checkProtocol,
  checkAudit,
  checkRate,
  checkBannedAddress,
  checkCertificate,
  identify,
  checkWill,
  slowDown,
  authenticate,
  nameByUser,
  checkAdmission,
  checkOwner,
  slowTakeovers,
  checkBan,
  claimClientId,
  acknowledge,
]

export function beginConnect(broker: Broker, connection: ClientConnection, packet: Connect): void {
  const attempt = new ConnectAttempt(broker, connection, packet)
  connection.attempt = attempt
  if (broker.log.enabled('debug')) {
    broker.log.write('debug', `Received CONNECT from ${connection.address} as ${escapeText(packet.clientId)}`)
  }
  run(attempt, 0)
}

/** Runs the steps from `index` on; a step that takes time pauses the connection until it is done. */
function run(attempt: ConnectAttempt, index: number): void {
  const { connection } = attempt
  for (let i = index; i < connectSteps.length; i++) {
    const outcome = (connectSteps[i] as Step)(attempt)
    if (outcome instanceof Promise) {
      resumeLater(attempt, outcome, i + 1)
      return
    }
    if (outcome !== undefined) {
      refuse(attempt, outcome)
      return
    }
    if (connection.state === 'ended') return
  }
}

function resumeLater(attempt: ConnectAttempt, outcome: Promise<Refusal | undefined>, next: number): void {
  const { connection, broker } = attempt
  // An enhanced exchange needs the client's AUTH packets; anything else lets it wait.
  const pause = connection.exchange === undefined
  if (pause) connection.pause(PauseReason.judging)
  outcome.then(
    refusal => {
      if (connection.state === 'ended') return
      // Before the next step, which may pause it again; the transport hands nothing over within this call.
      if (pause) connection.resume(PauseReason.judging)
      if (refusal === undefined) run(attempt, next)
      else refuse(attempt, refusal)
    },
    (error: Error) => {
      // Fail closed: whatever went wrong while judging, nobody gets in by it.
      broker.log.write('error', `Error: Unable to judge a CONNECT: ${escapeText(error.message)}`)
      refuse(attempt, { reasonCode: ReasonCode.serverUnavailable, rule: 'internal error' })
    },
  )
}

function refuse(attempt: ConnectAttempt, refusal: Refusal): void {
  const { connection } = attempt
  if (connection.state === 'ended') return
  const reason = endingText(refusal.reasonCode)
  attempt.broker.counters.connectsRefused.add(reason)
  noteRefusal(attempt, refusal)
  noteRefusedConnect(attempt, refusal.rule, refusal.reasonCode)
  connection.sendConnack(false, refusal.reasonCode, noProperties)
  connection.refuse(reason)
}

function overLimit(rule: string, reasonCode: number): Refusal {
  return { reasonCode, rule, isLimit: true }
}

function noteRefusal(attempt: ConnectAttempt, { rule, isLimit }: Refusal): void {
  const { broker, connection, clientId } = attempt
  if (isLimit === true) {
    broker.limitWatch.reached(rule, `${connection.address} as ${escapeText(clientId)}`)
    return
  }
  if (rule.startsWith('max_')) broker.counters.limitsReached.add(rule)
  logRefused(attempt, rule)
}

function checkProtocol(attempt: ConnectAttempt): StepOutcome {
  const { connection, packet, broker } = attempt
  const { accept_protocol_versions: accepted } = connection.listener.settings
  if (!accepted.includes(packet.protocolVersion)) {
    return { reasonCode: ReasonCode.unsupportedProtocolVersion, rule: 'accept_protocol_versions' }
  }
  if (broker.isStopping) return { reasonCode: ReasonCode.serverUnavailable, rule: 'the broker is stopping' }
  const { max_keepalive: longest } = broker.settings
  if (longest > 0 && (packet.keepAlive === 0 || packet.keepAlive > longest)) {
    // Only MQTT 5 can be told another keep alive (§3.2.2.3.14).
    if (packet.protocolVersion < 5) return { reasonCode: ReasonCode.clientIdentifierNotValid, rule: 'max_keepalive' }
    attempt.keepAlive = longest
  }
  return undefined
}

/** `audit_failure refuse`: nobody comes in untold. */
function checkAudit({ broker }: ConnectAttempt): StepOutcome {
  return broker.audit?.isRefusing === true ? overLimit('audit_failure', ReasonCode.serverUnavailable) : undefined
}

/** Above the rates nothing is looked up for anybody. */
function checkRate({ broker, connection }: ConnectAttempt): StepOutcome {
  const { max_connect_rate_per_address: ofAddress } = broker.settings
  const { max_connect_rate: ofListener } = connection.listener.settings
  const now = broker.clock.now()
  // The address first: one that asks too often must not use up what is there for all.
  if (!broker.connectRate.admits(placeKey(connection), ofAddress, now)) {
    return overLimit('max_connect_rate_per_address', ReasonCode.connectionRateExceeded)
  }
  if (ofListener === 0 || connection.listener.connectRate.take(ofListener, now)) return undefined
  return overLimit('max_connect_rate', ReasonCode.connectionRateExceeded)
}

/** Again, after the handshake: it may be long ago, or have resumed a session from before a revocation (decision 14). */
function checkCertificate({ connection }: ConnectAttempt): StepOutcome {
  const { credential } = connection.peer
  if (credential === undefined) return undefined
  const settling = credential.settle()
  return settling === undefined ? certificateRefusal(credential) : settling.then(() => certificateRefusal(credential))
}

function certificateRefusal(credential: PeerCredential): Refusal | undefined {
  const fault = credential.fault()
  return fault === undefined
    ? undefined
    : { reasonCode: ReasonCode.notAuthorized, rule: `${fault} (${credential.description})` }
}

/** The client id, given or made up (§3.1.3.1), and whether this listener takes it. */
function identify(attempt: ConnectAttempt): StepOutcome {
  const { connection, packet, broker } = attempt
  const { settings } = connection.listener
  // Named once its user is proven.
  if (settings.use_username_as_clientid) return undefined
  if (attempt.clientId === '') {
    const refused = packet.protocolVersion === 3 || (packet.protocolVersion === 4 && !packet.cleanStart)
    if (refused || !settings.allow_zero_length_clientid) {
      return { reasonCode: ReasonCode.clientIdentifierNotValid, rule: 'empty client id' }
    }
    attempt.clientId = settings.auto_id_prefix + broker.newClientId()
    attempt.clientIdAssigned = true
  }
  return checkClientId(attempt)
}

function checkClientId(attempt: ConnectAttempt): StepOutcome {
  const { broker, connection } = attempt
  if (Buffer.byteLength(attempt.clientId) > broker.settings.max_client_id_length) {
    return { reasonCode: ReasonCode.clientIdentifierNotValid, rule: 'max_client_id_length' }
  }
  if (!connection.listener.realm.admitsClientId(attempt.clientId)) {
    return { reasonCode: ReasonCode.notAuthorized, rule: 'clientid_prefixes' }
  }
  return undefined
}

function checkWill(attempt: ConnectAttempt): StepOutcome {
  const { will } = attempt.packet
  if (will === undefined) return undefined
  try {
    attempt.will = acceptWill(attempt.broker, attempt.connection.listener, will)
    return undefined
  } catch (error) {
    if (!(error instanceof ProtocolViolationError)) throw error
    if (error.clause === 'max_will_bytes') return overLimit(error.clause, error.reasonCode)
    return { reasonCode: error.reasonCode, rule: `will: ${error.message}` }
  }
}

/** After repeated failures from an address, for a client id or for a user, the next attempt waits before it is judged. */
function slowDown(attempt: ConnectAttempt): StepOutcome {
  const { broker, connection } = attempt
  const now = broker.clock.now()
  const place = placeKey(connection)
  // Guesses from elsewhere at a client id or a user do not hold back its owner, whose address has not failed.
  if (!broker.failures.hasFailed(place, now)) return undefined
  const delayMs = Math.max(...throttleKeys(connection, attempt.claim).map(key => broker.failures.delayMs(key, now)))
  if (delayMs === 0) return undefined
  if (!broker.failures.enter(place)) {
    return { reasonCode: ReasonCode.connectionRateExceeded, rule: 'max_authentication_failures' }
  }
  return attempt.wait(delayMs, () => broker.failures.leave(place))
}

function authenticate(attempt: ConnectAttempt): StepOutcome {
  const { packet, connection } = attempt
  if (packet.properties.authenticationMethod !== undefined) return startExchange(attempt)
  const outcome = connection.listener.realm.authenticate(attempt.identity)
  if (outcome instanceof Promise) return outcome.then(result => judged(attempt, result))
  return judged(attempt, outcome)
}

function judged(attempt: ConnectAttempt, outcome: Authentication): Refusal | undefined {
  const { broker, connection, claim } = attempt
  if (!outcome.allowed) return deny(broker, connection, claim, outcome)
  attempt.principal = outcome.principal
  noteSuccess(broker, connection, claim, outcome.principal)
  return undefined
}

/** What an attempt said about itself, as far as guesses are counted by it. */
export interface Claim {
  /** Empty when the client left it to the broker. */
  readonly clientId: string
  readonly username: string | undefined
}

/** Whoever was proven is slowed down less for earlier failures. */
export function noteSuccess(broker: Broker, connection: ClientConnection, claim: Claim, principal: Principal): void {
  // Whoever needs no secret must not wash off guesses at other people's.
  if (principal.method === 'anonymous' || broker.failures.isEmpty) return
  for (const key of throttleKeys(connection, claim)) broker.failures.succeed(key, broker.clock.now())
}

/** Counts a failure against the address, the client id and the user. */
export function deny(broker: Broker, connection: ClientConnection, claim: Claim, denial: Denial): Refusal {
  // Neither is a guess at a secret.
  if (denial.reason !== 'busy' && denial.reason !== 'bad-authentication-method') {
    for (const key of throttleKeys(connection, claim)) broker.failures.fail(key, broker.clock.now())
  }
  return { reasonCode: denialReasonCode(denial.reason), rule: denial.rule }
}

/** By address; on a unix socket all share one. */
function placeKey(connection: ClientConnection): string {
  return `address:${addressKey(connection.peer.address) ?? 'unix socket'}`
}

function throttleKeys(connection: ClientConnection, { clientId, username }: Claim): string[] {
  const keys = [placeKey(connection)]
  if (clientId !== '') keys.push(`client:${clientId}`)
  if (username !== undefined) keys.push(`user:${username}`)
  return keys
}

/** `use_username_as_clientid`: the name that was proven, never one that was only claimed. */
function nameByUser(attempt: ConnectAttempt): StepOutcome {
  if (!attempt.connection.listener.settings.use_username_as_clientid) return undefined
  const username = attempt.principal?.username
  if (username === undefined) return { reasonCode: ReasonCode.notAuthorized, rule: 'use_username_as_clientid' }
  attempt.clientId = username
  return checkClientId(attempt)
}

/** Who is proven may be disabled all the same, or bound to another client id (features G6). */
function checkAdmission({ connection, principal, clientId }: ConnectAttempt): StepOutcome {
  assert(principal !== undefined, 'only a proven client gets here')
  if (connection.listener.realm.stillAdmits(principal, clientId)) return undefined
  return { reasonCode: ReasonCode.notAuthorized, rule: 'the user is disabled, not known, or has another client id' }
}

/**
 * A session belongs to the identity that opened it: nobody else takes it over or inherits its queue (features H4). But for a
 * bridge, whose client id only the configuration can give away: that of a Mosquitto, whose file was imported, was nobody's.
 */
function checkOwner(attempt: ConnectAttempt): StepOutcome {
  const { broker, principal, connection } = attempt
  assert(principal !== undefined, 'only a proven client gets here')
  const session = broker.registry.get(attempt.clientId)
  if (session === undefined) {
    const { global_max_clients: most } = broker.settings
    if (most >= 0 && broker.registry.size >= most) {
      return overLimit('global_max_clients', ReasonCode.serverBusy)
    }
    if (hasAllSessions(attempt, principal)) return overLimit('max_sessions_per_user', ReasonCode.quotaExceeded)
    return broker.shortage > 0 ? overLimit('memory_limit', ReasonCode.serverBusy) : undefined
  }
  const isGuarded = broker.settings.session_owner_check && !connection.listener.isForBridge
  if (isGuarded && session.owner !== principal.owner) {
    return {
      reasonCode: ReasonCode.clientIdentifierNotValid,
      rule: 'session_owner_check: the session belongs to another identity',
    }
  }
  // Whoever comes for what waits, or ends a session in which something waits, makes room.
  if (broker.shortage < 2 || session.outbound.waitingBytes > 0) return undefined
  return overLimit('memory_limit', ReasonCode.serverBusy)
}

/** Those that are away count, too. All anonymous clients are one owner, who has no limit of this kind. */
function hasAllSessions({ broker, access }: ConnectAttempt, principal: Principal): boolean {
  const { max_sessions_per_user: most } = broker.limitsOf(principal, access)
  const isSomebody = principal.username !== undefined && principal.method !== 'anonymous'
  return most > 0 && isSomebody && broker.registry.sessionsOf(principal.owner) >= most
}

/** Two clients that keep throwing each other off the same id are slowed down. */
function slowTakeovers(attempt: ConnectAttempt): StepOutcome {
  const { broker, clientId } = attempt
  if (broker.registry.get(clientId)?.connection === undefined) return undefined
  const now = broker.clock.now()
  const delayMs = broker.takeovers.delayMs(clientId, now)
  broker.takeovers.fail(clientId, now)
  if (delayMs === 0) return undefined
  const place = `client:${clientId}`
  if (!broker.takeovers.enter(place)) {
    return { reasonCode: ReasonCode.connectionRateExceeded, rule: 'max_takeovers' }
  }
  return attempt.wait(delayMs, () => broker.takeovers.leave(place))
}

function claimClientId(attempt: ConnectAttempt): StepOutcome {
  const { broker, connection, packet, principal, clientId } = attempt
  assert(principal !== undefined, 'only a proven client gets here')
  // While the attempt was judged or slowed down, a reload may have changed the rules, or somebody opened the session.
  const { realm } = connection.listener
  if (!realm.stillAdmits(principal, clientId) || !realm.admitsClientId(clientId)) {
    return { reasonCode: ReasonCode.notAuthorized, rule: 'the rules have changed meanwhile' }
  }
  if ((principal.msLeft ?? 1) <= 0) return { reasonCode: ReasonCode.notAuthorized, rule: 'token has expired' }
  const refusal = checkOwner(attempt)
  if (refusal !== undefined) return refusal
  if (broker.journal?.isFailing === true && needsStore(attempt, broker.journal)) {
    return { reasonCode: ReasonCode.serverUnavailable, rule: 'the store cannot be written' }
  }
  connection.markRecord()
  const earlier = broker.registry.get(clientId)?.access.source
  const { session, resumed } = broker.registry.claim(clientId, packet.cleanStart, principal, attempt.access)
  session.expiryInterval = sessionExpiry(packet)
  session.will = attempt.will
  // Who comes back with another proof may have other rights than the one who subscribed.
  if (resumed && earlier !== undefined && Buffer.compare(earlier, session.access.source) !== 0)
    judgeAgain(broker, session)
  broker.registry.recordConnected(session)
  attempt.session = session
  attempt.resumed = resumed
  return undefined
}

/** Whether a session that outlives its connection begins, goes on, ends, or has ended just now. */
function needsStore({ broker, packet, clientId }: ConnectAttempt, journal: Journal): boolean {
  if (sessionExpiry(packet) > 0 || journal.isForgetting(clientId)) return true
  return broker.registry.get(clientId)?.record !== undefined
}

function sessionExpiry(packet: Connect): number {
  if (packet.protocolVersion === 5) return packet.properties.sessionExpiryInterval ?? 0
  return packet.cleanStart ? 0 : neverExpiresInterval
}

function acknowledge(attempt: ConnectAttempt): StepOutcome {
  const { broker, connection, session, packet } = attempt
  assert(session !== undefined, 'a session was claimed')
  logConnected(attempt)
  noteLogin(attempt)
  const properties = packet.protocolVersion === 5 ? connackProperties(attempt, session) : noProperties
  const agreement = agree(attempt, session)
  connection.become(agreement)
  // It says whether there is a session: that the one before has ended, however, is safe first.
  if (broker.journal?.isForgetting(session.clientId) === true) connection.awaitRecord()
  connection.sendConnack(attempt.resumed, ReasonCode.success, properties)
  if (connection.state === 'ended') return undefined
  session.outbound.connect(connection, agreement.clientReceiveMaximum, broker.clock.now())
  return undefined
}

/** What MQTT 5 clients are told (§3.2.2.3); what is at the standard's default is left out. */
function connackProperties(attempt: ConnectAttempt, session: Session): Properties {
  const { connection, broker, packet } = attempt
  const { settings } = connection.listener
  const limits = broker.limitsOf(session.principal, session.access)
  const { max_inflight_messages: inflight, max_packet_size: maximumPacketSize } = limits
  const { persistent_client_expiration: longest } = broker.settings
  const { authenticationMethod } = packet.properties
  return {
    ...(settings.max_topic_alias > 0 && { topicAliasMaximum: settings.max_topic_alias }),
    ...(attempt.clientIdAssigned && { assignedClientIdentifier: attempt.clientId }),
    ...(longest > 0 && sessionExpiry(packet) > longest && { sessionExpiryInterval: longest }),
    ...(attempt.keepAlive !== packet.keepAlive && { serverKeepAlive: attempt.keepAlive }),
    ...(authenticationMethod !== undefined && { authenticationMethod }),
    ...(attempt.authenticationData !== undefined && { authenticationData: attempt.authenticationData }),
    ...(settings.max_qos < 2 && { maximumQoS: settings.max_qos as 0 | 1 }),
    ...(!broker.settings.retain_available && { retainAvailable: false }),
    maximumPacketSize,
    ...(inflight > 0 && inflight < 65_535 && { receiveMaximum: inflight }),
  }
}

function logRefused({ broker, connection, packet, clientId }: ConnectAttempt, rule: string): void {
  if (!broker.log.enabled('notice')) return
  const user = packet.username === undefined ? '' : `, u'${escapeText(packet.username)}'`
  broker.log.write('notice', `Refused CONNECT from ${connection.address} as ${escapeText(clientId)}${user}: ${rule}.`)
}

function logConnected(attempt: ConnectAttempt): void {
  const { broker, connection, packet, principal, keepAlive } = attempt
  if (!broker.settings.connection_messages || !broker.log.enabled('notice')) return
  const user = principal?.username === undefined ? '' : `, u'${escapeText(principal.username)}'`
  const version = `p${packet.protocolVersion}, c${Number(packet.cleanStart)}, k${keepAlive}${user}`
  const clientId = escapeText(attempt.clientId)
  const kind = packet.bridge ? 'bridge' : 'client'
  broker.log.write('notice', `New ${kind} connected from ${connection.address} as ${clientId} (${version}).`)
  const { tls } = connection.peer
  if (tls !== undefined) {
    broker.log.write('notice', `Client ${clientId} negotiated ${tls.protocol} cipher ${tls.cipher}`)
  }
}
