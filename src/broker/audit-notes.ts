// What the broker tells the audit of its clients, where there is one: who they are, where they come from, what became of them.

import type { AuditKind, AuditPlace, AuditWho, Facts, NoteCommand } from '../audit/event.ts'
import type { Session } from '../session/session.ts'
import type { Broker } from './broker.ts'
import type { ConnectAttempt } from './connect.ts'
import type { ClientConnection } from './connection.ts'
import { endingText } from './reason-code.ts'

/** A client was let in. */
export function noteLogin({ broker, connection, clientId, principal, packet, resumed }: ConnectAttempt): void {
  broker.audit?.note({
    kind: 'login',
    outcome: 'done',
    who: { username: principal?.username, clientid: clientId, certificate: certificateOf(connection) },
    from: placeOf(connection),
    what: {
      method: principal?.method,
      protocol: packet.protocolVersion,
      session: resumed ? 'resumed' : 'new',
      roles: unlessEmpty(principal?.roles),
      groups: unlessEmpty(principal?.groups),
    },
  })
}

/** @param rule that decided */
export function noteRefusedConnect(attempt: ConnectAttempt, rule: string, reasonCode: number): void {
  const { broker, connection, clientId, packet, principal } = attempt
  broker.audit?.note({
    kind: 'refusal',
    outcome: 'refused',
    who: {
      username: principal?.username ?? packet.username,
      clientid: clientId,
      certificate: certificateOf(connection),
      proven: principal === undefined ? false : undefined,
    },
    from: placeOf(connection),
    what: { rule, reasonCode },
  })
}

/** A connected client has proven itself anew (§4.12.1), or could not. @param rule that decided against it */
export function noteReAuthentication(connection: ClientConnection, rule?: string): void {
  const kind = rule === undefined ? 'login' : 'refusal'
  noteConnected(connection, kind, { 're-authentication': true, rule })
}

/**
 * A client has to go.
 *
 * @param text why, where more is known than the reason code
 */
export function noteEnded(
  connection: ClientConnection,
  kind: 'disconnect' | 'revocation',
  reasonCode: number,
  text?: string,
): void {
  noteConnected(connection, kind, { reason: endingText(reasonCode), text })
}

/** A will is not published: its topic is refused to its client. */
export function noteRefusedWill({ audit }: Broker, { clientId, principal }: Session, topic: string): void {
  const who = { username: principal.username, clientid: clientId }
  audit?.note({ kind: 'permission', outcome: 'refused', who, what: { action: 'will', topic } })
}

/** @returns undefined where nobody wants to know */
export function commandNotes(connection: ClientConnection, endpoint: string): NoteCommand | undefined {
  const { audit } = connection.broker
  if (audit?.takes('command') !== true) return undefined
  const [who, from] = [whoOf(connection), placeOf(connection)]
  return ({ command, given, error, outcome, before, after }) => {
    const what = { endpoint, command, given: { ...given, command: undefined }, error }
    audit.note({ kind: 'command', outcome, who, from, what, before, after })
  }
}

/** Only while `connected`, and at the end of it. */
export function noteConnected(connection: ClientConnection, kind: AuditKind, what: Facts): void {
  const outcome = kind === 'refusal' || kind === 'permission' ? 'refused' : 'done'
  connection.broker.audit?.note({ kind, outcome, who: whoOf(connection), from: placeOf(connection), what })
}

function whoOf(connection: ClientConnection): AuditWho {
  const { clientId, principal } = connection.session
  return { username: principal.username, clientid: clientId, certificate: certificateOf(connection) }
}

function placeOf({ peer, listener }: ClientConnection): AuditPlace {
  return { address: peer.address, port: peer.port, listener: listener.name }
}

function unlessEmpty(names: readonly string[] = []): readonly string[] | undefined {
  return names.length === 0 ? undefined : names
}

function certificateOf({ peer: { certificate } }: ClientConnection): AuditWho['certificate'] {
  return certificate && { serial: certificate.serialNumber, fingerprint: certificate.fingerprint }
}
