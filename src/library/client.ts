// A connected client as the program around the broker sees it.

import type { ClientConnection } from '../broker/connection.ts'
import type { ProtocolVersion } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { ProvenCertificate, Subject } from './hooks.ts'

export class Client implements Subject {
  readonly clientId: string
  readonly username: string | undefined
  /** Textual IP address; empty for a stream that has none. */
  readonly address: string
  readonly port: number
  readonly protocolVersion: ProtocolVersion
  readonly certificate: ProvenCertificate | undefined
  readonly #connection: ClientConnection

  constructor(connection: ClientConnection) {
    const { session, peer, protocolVersion } = connection
    this.clientId = session.clientId
    this.username = session.principal.username
    this.address = peer.address
    this.port = peer.port
    this.protocolVersion = protocolVersion
    this.certificate = provenCertificate(peer.certificate)
    this.#connection = connection
  }

  get isConnected(): boolean {
    return this.#connection.state === 'connected'
  }

  /** Ends the connection when the work at hand is done; an MQTT 5 client is told that it was administrative (0x98). */
  disconnect(): void {
    setImmediate(() => this.#connection.end(ReasonCode.administrativeAction))
  }
}

/** What is told of a certificate; its objects are the engine's own. */
export function provenCertificate(certificate: ProvenCertificate | undefined): ProvenCertificate | undefined {
  if (certificate === undefined) return undefined
  const { subject, issuer, serialNumber, fingerprint } = certificate
  return { subject, issuer, serialNumber, fingerprint }
}
