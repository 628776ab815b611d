// MQTT 5 enhanced authentication (§4.12): AUTH rounds before CONNACK, and re-authentication of a connected client.

import type { Principal } from '../auth/principal.ts'
import type { Denial, EnhancedExchange, ExchangeStep } from '../auth/realm.ts'
import { ProtocolViolationError } from '../mqtt/errors.ts'
import { type Auth, PacketType } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { noteReAuthentication } from './audit-notes.ts'
import { type Claim, type ConnectAttempt, deny, noteSuccess, type Refusal, type StepOutcome } from './connect.ts'
import type { ClientConnection } from './connection.ts'
import { judgeAgain } from './reassess.ts'

const nothing = new Uint8Array(0)

/** An exchange that waits for the client's next AUTH, and how it ends. */
export interface PendingExchange {
  readonly exchange: EnhancedExchange
  /** A round is being computed: the client must not send the next one yet. */
  busy: boolean
  /** Whose failure it is if it fails. */
  readonly claim: Claim
  readonly succeed: (principal: Principal, data: Uint8Array | undefined) => void
  readonly refuse: (refusal: Refusal) => void
}

/** CONNECT named an Authentication Method: the rounds begin with its data. */
export function startExchange(attempt: ConnectAttempt): StepOutcome {
  const { broker, connection, packet } = attempt
  const method = packet.properties.authenticationMethod as string
  const exchange = connection.listener.realm.beginExchange(method, attempt.identity)
  if (exchange === undefined) return deny(broker, connection, attempt.claim, unknownMethod)
  return new Promise(resolve => {
    connection.exchange = {
      exchange,
      busy: false,
      claim: attempt.claim,
      succeed: (principal, data) => {
        attempt.principal = principal
        attempt.authenticationData = data
        noteSuccess(broker, connection, attempt.claim, principal)
        resolve(undefined)
      },
      refuse: resolve,
    }
    advance(connection, connection.exchange, packet.properties.authenticationData ?? nothing)
  })
}

/** AUTH from a client: the next round of what is under way, or the beginning of a re-authentication. */
export function receiveAuth(connection: ClientConnection, packet: Auth): void {
  const { exchange: pending } = connection
  if (pending === undefined) {
    if (connection.state !== 'connected') throw new ProtocolViolationError('MQTT-3.1.0-1', 'AUTH before CONNECT')
    reAuthenticate(connection, packet)
    return
  }
  if (pending.busy) throw new ProtocolViolationError('§4.12', 'AUTH before the last one was answered')
  if (packet.reasonCode !== ReasonCode.continueAuthentication) {
    throw new ProtocolViolationError('MQTT-4.12.0-3', 'AUTH that does not continue the exchange')
  }
  if (packet.properties.authenticationMethod !== pending.exchange.method) {
    throw new ProtocolViolationError('MQTT-4.12.0-5', 'AUTH with another authentication method than CONNECT')
  }
  advance(connection, pending, packet.properties.authenticationData ?? nothing)
}

/** AUTH 0x19 (§4.12.1): same method, same identity, or the connection ends. */
function reAuthenticate(connection: ClientConnection, packet: Auth): void {
  const { authenticationMethod: method, session } = connection.agreement
  if (packet.reasonCode !== ReasonCode.reAuthenticate || method === undefined) {
    throw new ProtocolViolationError('MQTT-4.12.1-1', 'AUTH from a client that did not connect with a method')
  }
  if (packet.properties.authenticationMethod !== method) {
    throw new ProtocolViolationError('MQTT-4.12.1-1', 're-authentication with another method')
  }
  const { certificate, presharedKey, address } = connection.peer
  const { username } = session.principal
  const identity = { clientId: session.clientId, username, password: undefined, certificate, presharedKey, address }
  const exchange = connection.listener.realm.beginExchange(method, identity)
  if (exchange === undefined) {
    noteReAuthentication(connection, unknownMethod.rule)
    connection.end(ReasonCode.badAuthenticationMethod)
    return
  }
  connection.exchange = {
    exchange,
    busy: false,
    claim: identity,
    succeed: (principal, data) => finishReAuthentication(connection, method, principal, data),
    refuse: refusal => refuseReAuthentication(connection, refusal),
  }
  advance(connection, connection.exchange, packet.properties.authenticationData ?? nothing)
}

/** Not every reason code of CONNACK exists for DISCONNECT; the log tells the reason. */
function refuseReAuthentication(connection: ClientConnection, { rule }: Refusal): void {
  connection.broker.log.write(
    'notice',
    `Refused re-authentication of ${connection.label} [${connection.address}]: ${rule}.`,
  )
  noteReAuthentication(connection, rule)
  connection.end(ReasonCode.notAuthorized)
}

function finishReAuthentication(
  connection: ClientConnection,
  method: string,
  principal: Principal,
  data: Uint8Array | undefined,
): void {
  if (!connection.listener.realm.stillAdmits(principal, connection.session.clientId)) {
    refuseReAuthentication(connection, {
      reasonCode: ReasonCode.notAuthorized,
      rule: 'the rules have changed meanwhile',
    })
    return
  }
  if (principal.owner !== connection.session.owner) {
    refuseReAuthentication(connection, { reasonCode: ReasonCode.notAuthorized, rule: 'another identity' })
    return
  }
  connection.prove(principal)
  noteReAuthentication(connection)
  // A proof may bring other rights than the one before, which hold from here on.
  judgeAgain(connection.broker, connection.session)
  sendAuth(connection, ReasonCode.success, method, data)
}

function advance(connection: ClientConnection, pending: PendingExchange, data: Uint8Array): void {
  const outcome = pending.exchange.step(data)
  if (!(outcome instanceof Promise)) {
    act(connection, pending, outcome)
    return
  }
  pending.busy = true
  outcome.then(
    step => {
      pending.busy = false
      if (connection.state !== 'ended') act(connection, pending, step)
    },
    () => {
      connection.exchange = undefined
      pending.refuse({ reasonCode: ReasonCode.serverUnavailable, rule: 'internal error' })
    },
  )
}

function act(connection: ClientConnection, pending: PendingExchange, step: ExchangeStep): void {
  if (step.kind === 'continue') {
    sendAuth(connection, ReasonCode.continueAuthentication, pending.exchange.method, step.data)
    return
  }
  connection.exchange = undefined
  if (step.kind === 'success') pending.succeed(step.principal, step.data)
  else pending.refuse(deny(connection.broker, connection, pending.claim, step.denial))
}

function sendAuth(
  connection: ClientConnection,
  reasonCode: number,
  authenticationMethod: string,
  data: Uint8Array | undefined,
): void {
  connection.send({
    type: PacketType.auth,
    reasonCode,
    properties: { authenticationMethod, ...(data !== undefined && { authenticationData: data }) },
  })
}

const unknownMethod: Denial = {
  allowed: false,
  reason: 'bad-authentication-method',
  rule: 'unknown authentication method',
}
