// Finds the packets in received bytes, in place: the fixed header is read, the rest is jumped over.

/** Takes each packet: the first byte of its header, and where in `bytes` its body begins and ends. */
export interface PacketSink {
  packet(first: number, bytes: Uint8Array, at: number, end: number): void
}

/** What {@link scanPackets} answers when a length has a fifth byte [MQTT-1.5.5]: the peer does not speak MQTT. */
export const notMqtt = -1

/**
 * Hands all whole packets between `from` and `to` to the sink, and allocates nothing.
 *
 * @returns where the first packet begins that is not all there (`to` when there is none), or {@link notMqtt}
 */
export function scanPackets(bytes: Uint8Array, from: number, to: number, sink: PacketSink): number {
  let start = from
  while (to - start >= 2) {
    let at = start + 1
    let byte = bytes[at++]!
    let length = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 21) return notMqtt
      if (at >= to) return start
      byte = bytes[at++]!
      length |= (byte & 0x7f) << shift
    }
    const end = at + length
    if (end > to) return start
    sink.packet(bytes[start]!, bytes, at, end)
    start = end
  }
  return start
}
