// A client's connection as the object that the program around the broker is given for it.

import type { ClientConnection } from '../broker/connection.ts'
import type { ProtocolVersion } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { Client } from './client.ts'
import type { ProvenCertificate } from './hooks.ts'

export class ConnectedClient implements Client {
  readonly clientId: string
  readonly username: string | undefined
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
