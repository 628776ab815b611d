// Bytes to packets and back, for MQTT 3.1, 3.1.1 and 5.0 and for both sides of a connection.

import { never } from '../base/errors.ts'
import { checkFixedHeader } from './fixed-header.ts'
import { type Packet, PacketType, type ProtocolVersion } from './packet.ts'
import { decodeAcknowledgement, encodeAcknowledgement } from './packets/acknowledgement.ts'
import { decodeAuth, encodeAuth } from './packets/auth.ts'
import { decodeConnack, encodeConnack } from './packets/connack.ts'
import { decodeConnect, encodeConnect } from './packets/connect.ts'
import { decodeDisconnect, encodeDisconnect } from './packets/disconnect.ts'
import { encodePing, pingreq, pingresp } from './packets/ping.ts'
import { decodePublish, encodePublish } from './packets/publish.ts'
import { decodeSuback, encodeSuback } from './packets/suback.ts'
import { decodeSubscribe, encodeSubscribe } from './packets/subscribe.ts'
import { decodeUnsuback, encodeUnsuback } from './packets/unsuback.ts'
import { decodeUnsubscribe, encodeUnsubscribe } from './packets/unsubscribe.ts'
import { Reader } from './reader.ts'
import type { TopicCache } from './topic-cache.ts'

/** Serves every call: decoding is synchronous and does not call itself. */
const reader = new Reader()

/**
 * Decodes one packet whose body is `buffer[start, end)`; see `Framer`.
 *
 * @param header the packet's first byte
 * @param version what the connection's CONNECT said; a CONNECT itself is decoded by what it says
 * @param topics the connection's memory of its last topic name, where it has one
 * @returns the packet; a PUBLISH's payload is a view into `buffer`, everything else is copied
 * @throws ProtocolError with reason code and clause, whatever the bytes are
 */
export function decodePacket(
  buffer: Buffer,
  header: number,
  start: number,
  end: number,
  version: ProtocolVersion,
  topics?: TopicCache<unknown>,
): Packet {
  checkFixedHeader(header, version)
  reader.reset(buffer, start, end)
  const packet = decodeBody(header, version, topics)
  reader.finish()
  return packet
}

function decodeBody(header: number, version: ProtocolVersion, topics: TopicCache<unknown> | undefined): Packet {
  const type = (header >> 4) as PacketType
  switch (type) {
    case PacketType.publish:
      return decodePublish(reader, header, version, topics)
    case PacketType.puback:
    case PacketType.pubrec:
    case PacketType.pubrel:
    case PacketType.pubcomp:
      return decodeAcknowledgement(reader, type, version)
    case PacketType.pingreq:
      return pingreq
    case PacketType.pingresp:
      return pingresp
    case PacketType.subscribe:
      return decodeSubscribe(reader, version)
    case PacketType.suback:
      return decodeSuback(reader, version)
    case PacketType.unsubscribe:
      return decodeUnsubscribe(reader, version)
    case PacketType.unsuback:
      return decodeUnsuback(reader, version)
    case PacketType.connect:
      return decodeConnect(reader)
    case PacketType.connack:
      return decodeConnack(reader, version)
    case PacketType.disconnect:
      return decodeDisconnect(reader, version)
    case PacketType.auth:
      return decodeAuth(reader, version)
    default:
      return never(type)
  }
}

/**
 * Encodes a packet as `version` knows it: what an older version cannot say is translated or left out. Strings and binary
 * data must fit into 65,535 bytes each, the packet into 268,435,455.
 *
 * @returns a buffer of exactly the packet's size
 */
export function encodePacket(packet: Packet, version: ProtocolVersion): Buffer {
  switch (packet.type) {
    case PacketType.publish:
      return encodePublish(
        packet.topicName,
        packet.payload,
        packet.qos,
        packet.retain,
        packet.dup,
        packet.packetId,
        packet.properties,
        version,
      )
    case PacketType.puback:
    case PacketType.pubrec:
    case PacketType.pubrel:
    case PacketType.pubcomp:
      return encodeAcknowledgement(packet, version)
    case PacketType.pingreq:
    case PacketType.pingresp:
      return encodePing(packet)
    case PacketType.subscribe:
      return encodeSubscribe(packet, version)
    case PacketType.suback:
      return encodeSuback(packet, version)
    case PacketType.unsubscribe:
      return encodeUnsubscribe(packet, version)
    case PacketType.unsuback:
      return encodeUnsuback(packet, version)
    case PacketType.connect:
      return encodeConnect(packet)
    case PacketType.connack:
      return encodeConnack(packet, version)
    case PacketType.disconnect:
      return encodeDisconnect(packet, version)
    case PacketType.auth:
      return encodeAuth(packet, version)
    default:
      return never(packet)
  }
}
