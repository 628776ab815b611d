// PUBACK, PUBREC, PUBREL and PUBCOMP from a client (§4.3), also straight from the receive buffer: most say success and are
// four bytes long, and come many at once.

import { type Acknowledgement, PacketType } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { ClientConnection } from './connection.ts'
import { traceReceivedAcknowledgement } from './trace.ts'

export function receiveAcknowledgement(connection: ClientConnection, packet: Acknowledgement, now: number): void {
  traceReceivedAcknowledgement(connection, packet)
  acknowledged(connection, packet.type, packet.packetId, packet.reasonCode, now)
}

/**
 * Takes the acknowledgements of one type that say success in four bytes. The caller has seen the first one's type.
 *
 * @returns where they end in `buffer`, or `start` when the packet there has to be decoded
 */
export function receiveShortAcknowledgements(
  connection: ClientConnection,
  buffer: Buffer,
  start: number,
  now: number,
): number {
  const { broker } = connection
  if (broker.log.enabled('debug')) return start
  const header = buffer[start] as number
  const type = (header >> 4) as Acknowledgement['type']
  let at = start
  while (at + 4 <= buffer.length && buffer[at] === header && buffer[at + 1] === 2) {
    const packetId = ((buffer[at + 2] as number) << 8) | (buffer[at + 3] as number)
    // No packet may have the id 0: the decoder says so.
    if (packetId === 0 || connection.state !== 'connected') break
    broker.counters.packetsReceived++
    acknowledged(connection, type, packetId, ReasonCode.success, now)
    at += 4
  }
  return at
}

function acknowledged(
  connection: ClientConnection,
  type: Acknowledgement['type'],
  packetId: number,
  reasonCode: number,
  now: number,
): void {
  const { outbound } = connection.session
  if (type === PacketType.pubrel) {
    receivePubrel(connection, packetId)
    return
  }
  if (type === PacketType.puback) outbound.puback(packetId, now)
  else if (type === PacketType.pubrec) outbound.pubrec(packetId, reasonCode, now)
  else outbound.pubcomp(packetId, now)
  connection.retainedBacklog?.pump(now)
}

function receivePubrel(connection: ClientConnection, packetId: number): void {
  const known = connection.session.inbound.release(packetId)
  connection.agreement.receiveQuota.giveBack()
  const reasonCode = known || connection.protocolVersion < 5 ? ReasonCode.success : ReasonCode.packetIdentifierNotFound
  connection.acknowledge(PacketType.pubcomp, packetId, reasonCode)
}
