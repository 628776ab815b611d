// Clients whose certificate does not count any more: revoked, not trusted, or at its end while they are connected. What
// certificates are judged by is not known here; a client's credential is asked.

import { Timer } from '../base/timer-wheel.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { PeerCredential } from '../net/connection-handler.ts'
import type { ClientConnection } from './connection.ts'

/** The wall clock may be set: it is looked at once an hour, at least. */
const longestWaitMs = 60 * 60 * 1000

/**
 * Ends a connection whose certificate was revoked or is not trusted any more. Nothing more is done in the client's name, its
 * will included: whoever has the key may be somebody else.
 *
 * @returns whether it had to go
 */
export function excludeByCertificate(connection: ClientConnection): boolean {
  const fault = connection.peer.credential?.faultToStay()
  if (fault === undefined) return false
  if (connection.state === 'connected') connection.session.will = undefined
  end(connection, fault)
  return true
}

/** @returns undefined where there is nothing to watch */
export function watchCertificate(connection: ClientConnection): CertificateWatch | undefined {
  return connection.peer.credential && new CertificateWatch(connection)
}

/** Ends the connection when the time of its certificate is over; its will is published, since nobody has said goodbye. */
export class CertificateWatch {
  readonly #connection: ClientConnection
  readonly #timer = new Timer(now => this.#look(now))

  constructor(connection: ClientConnection) {
    this.#connection = connection
    this.#wait(connection.broker.clock.now(), connection.peer.credential)
  }

  end(): void {
    this.#connection.broker.wheel.clear(this.#timer)
  }

  #look(now: number): void {
    const { credential } = this.#connection.peer
    if ((credential?.msLeft ?? 0) < 0) {
      end(this.#connection, 'certificate has expired')
      return
    }
    // An answer that says "revoked" ends the connection by `excludeByCertificate`.
    credential?.settle()
    this.#wait(now, credential)
  }

  #wait(now: number, credential: PeerCredential | undefined): void {
    const left = (credential?.msLeft ?? longestWaitMs) + 1
    const wait = Math.min(left, credential?.askAgainMs ?? longestWaitMs, longestWaitMs)
    this.#connection.broker.wheel.set(this.#timer, now + wait)
  }
}

function end(connection: ClientConnection, fault: string): void {
  const { broker, peer } = connection
  broker.counters.certificatesEnded.add(fault)
  const whose = peer.credential === undefined ? '' : ` (${peer.credential.description})`
  broker.log.write('notice', `Client ${connection.label} [${connection.address}] has to go: ${fault}${whose}.`)
  connection.expel(ReasonCode.notAuthorized, fault)
}
