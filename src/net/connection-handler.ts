// What `net` needs of the rooms above it; the broker's connection implements it, `server/compose.ts` puts them together.

import type { ProtocolError } from '../mqtt/errors.ts'
import type { Packet, ProtocolVersion } from '../mqtt/packet.ts'
import type { TopicCache } from '../mqtt/topic-cache.ts'
import type { CertificateIdentity } from '../x509/certificate-identity.ts'

export interface Peer {
  /** Textual IP address, or the socket path's `''` for unix sockets. */
  readonly address: string
  readonly port: number
  readonly certificate: CertificateIdentity | undefined
  /** Present with a certificate: says whether it still counts. */
  readonly credential?: PeerCredential | undefined
  /** The identity of `psk_file` whose key the client has, as the handshake proved; the fingerprint is the key's. */
  readonly presharedKey?: { readonly identity: string; readonly fingerprint: string } | undefined
  /** CN of a certificate that a load balancer has verified and vouches for (`enable_proxy_protocol 2`). */
  readonly proxiedCommonName?: string | undefined
  /** Negotiated TLS, for the log: `TLSv1.3` and the cipher's name. */
  readonly tls: { readonly protocol: string; readonly cipher: string } | undefined
}

/** A client certificate that was accepted at the handshake, judged by what the listener trusts when it is asked. */
export interface PeerCredential {
  /** Subject and serial number, for the log; escaped. */
  readonly description: string
  /** Milliseconds until its time is over; undefined where dates do not count. */
  readonly msLeft: number | undefined
  /** How often it is worth to ask again whether it still counts, in milliseconds; undefined where nobody is asked. */
  readonly askAgainMs: number | undefined
  /** Asks others where that is configured. @returns resolved when their answer counts; undefined when nothing is asked now */
  settle(): Promise<void> | undefined
  /** Why its holder is not let in; undefined when nothing is wrong. */
  fault(): string | undefined
  /** Why its holder, connected already, has to go: what is missing, as a list that has ended, is no such reason. */
  faultToStay(): string | undefined
}

/** Why the byte stream ended without the broker asking for it. */
export type TransportEnd =
  | { readonly kind: 'closed-by-peer' }
  | { readonly kind: 'failed'; readonly message: string }
  /** A named limit of the transport was reached: `write_timeout`, `packet_timeout`, … */
  | { readonly kind: 'limit'; readonly limit: string }

export interface ConnectionHandler {
  /** 4 until CONNECT was decoded. */
  readonly protocolVersion: ProtocolVersion
  /** The topic names that clients have used lately; undefined until the client is let in. */
  readonly topics: TopicCache<unknown> | undefined
  /**
   * Never throws. Packets are handed over one by one, in order, and not while the transport is paused.
   *
   * @param now milliseconds on the clock, read lately
   * @returns false when the packet cannot be taken yet: the transport was paused, and the same one is handed over first
   *   when it is resumed
   */
  receive(packet: Packet, now: number): boolean
  /**
   * Takes packets as bytes where that is cheaper: whole ones from `start` on. What is lent
   * is written to again after this call: what is kept of it has to be copied.
   *
   * @param maximumPacketSize bytes; longer packets are not taken
   * @param now as for `receive`
   * @param isLent whether the buffer will be written to again
   * @returns where they end, or `start` when the packet there has to be decoded
   */
  receiveBytes(buffer: Buffer, start: number, maximumPacketSize: number, now: number, isLent: boolean): number
  /** The bytes do not decode or break a limit; nothing more will be received. */
  fail(error: ProtocolError): void
  /** The bytes that the broker sent earlier have left: there is room again. */
  drained(): void
  /** The turn that the transport was asked for. @param now milliseconds on the clock */
  takeTurn(now: number): void
  /** Called exactly once, last, however the connection ended. */
  ended(end: TransportEnd): void
}
