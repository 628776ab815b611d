// The transport's limits for one connection, from the options that name them. Mosquitto has none of them: a peer that
// says nothing, or takes nothing, keeps its socket there for as long as it likes.

import type { NetSettings } from './options.ts'

export interface TransportLimits {
  /** `packet_timeout`: from the first byte of a packet to its last, while we are reading. */
  readonly packetTimeoutMs: number
  /** `write_timeout`: queued bytes must make progress (64 KiB, or all there is) in this time. */
  readonly writeTimeoutMs: number
  /** `max_packet_size`, in bytes; the announced length is refused before anything of it is held. */
  readonly maximumPacketSize: number
  /** The same while the peer is a stranger: until its CONNECT is accepted. */
  readonly maximumStrangerPacketSize: number
  /** Twice `max_buffered_bytes`: from here on the peer is not heard until it has taken half of what waits for it. */
  readonly maximumQueueWeight: number
}

/** Room for a CONNECT with each of its five fields at 64 KiB, and properties of a sensible size. */
const maximumStrangerPacketSize = 352 * 1024

export function transportLimits(settings: NetSettings): TransportLimits {
  const { max_packet_size: maximumPacketSize } = settings
  return {
    packetTimeoutMs: settings.packet_timeout * 1000,
    writeTimeoutMs: settings.write_timeout * 1000,
    maximumPacketSize,
    maximumStrangerPacketSize: Math.min(maximumPacketSize, maximumStrangerPacketSize),
    maximumQueueWeight: 2 * settings.max_buffered_bytes,
  }
}
