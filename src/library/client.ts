// A connected client as the program around the broker sees it.

import type { ProtocolVersion } from '../mqtt/packet.ts'
import type { ProvenCertificate, Subject } from './hooks.ts'

export interface Client extends Subject {
  /** Textual IP address; empty for a stream that has none. */
  readonly address: string
  readonly port: number
  readonly protocolVersion: ProtocolVersion
  readonly certificate: ProvenCertificate | undefined
  readonly isConnected: boolean
  /** Ends the connection when the work at hand is done; an MQTT 5 client is told that it was administrative (0x98). */
  disconnect(): void
}
