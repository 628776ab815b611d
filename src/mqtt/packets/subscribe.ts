// SUBSCRIBE (§3.8): filters, each with its options.

import { MalformedPacketError, ProtocolViolationError } from '../errors.ts'
import {
  noProperties,
  PacketType,
  type ProtocolVersion,
  type QoS,
  type RetainHandling,
  type Subscribe,
  type SubscriptionRequest,
} from '../packet.ts'
import { decodeProperties, encodeProperties, propertiesLength, propertyBlockSize } from '../properties.ts'
import type { Reader } from '../reader.ts'
import { ReasonCode } from '../reason-code.ts'
import { utf8Size, Writer } from '../writer.ts'

/**
 * Most topic filters of one SUBSCRIBE or UNSUBSCRIBE. All are judged in one go, a microsecond or two each: half a million of
 * them, which fit into 2 MB, kept everybody else waiting for a second.
 */
export const maximumFilters = 10_000

const qosBits = 0x03
const noLocalFlag = 0x04
const retainAsPublishedFlag = 0x08
const reservedBits = 0xc0

export function decodeSubscribe(reader: Reader, version: ProtocolVersion): Subscribe {
  const packetId = reader.packetId()
  const properties = version === 5 ? decodeProperties(reader, PacketType.subscribe) : noProperties
  if (reader.remaining === 0) throw new ProtocolViolationError('MQTT-3.8.3-2', 'SUBSCRIBE has no topic filter')
  const subscriptions: SubscriptionRequest[] = []
  while (reader.remaining > 0) {
    if (subscriptions.length === maximumFilters) throw tooManyFilters('SUBSCRIBE')
    subscriptions.push(decodeRequest(reader, version))
  }
  return { type: PacketType.subscribe, packetId, subscriptions, properties }
}

/** For UNSUBSCRIBE, too. */
export function tooManyFilters(packet: 'SUBSCRIBE' | 'UNSUBSCRIBE'): ProtocolViolationError {
  const text = `${packet} has more than ${maximumFilters} topic filters`
  return new ProtocolViolationError('maximumFilters', text, ReasonCode.quotaExceeded)
}

function decodeRequest(reader: Reader, version: ProtocolVersion): SubscriptionRequest {
  const topicFilter = reader.utf8('topic filter')
  if (topicFilter === '') throw new MalformedPacketError('MQTT-4.7.3-1', 'topic filter is empty')
  const options = reader.byte('subscription options')
  checkOptions(options, version)
  return {
    topicFilter,
    qos: (options & qosBits) as QoS,
    noLocal: (options & noLocalFlag) !== 0,
    retainAsPublished: (options & retainAsPublishedFlag) !== 0,
    retainHandling: (options >> 4) as RetainHandling,
  }
}

function checkOptions(options: number, version: ProtocolVersion): void {
  if (version < 5) {
    if (options > 2) throw new MalformedPacketError('MQTT-3-8.3-4', `requested QoS is ${options}, expected 0, 1 or 2`)
    return
  }
  if ((options & reservedBits) !== 0) {
    throw new MalformedPacketError('MQTT-3.8.3-5', 'reserved bits of the subscription options are set')
  }
  if ((options & qosBits) === 3) throw new ProtocolViolationError('§3.8.3.1', 'requested QoS is 3, expected 0, 1 or 2')
  if (options >> 4 === 3) throw new ProtocolViolationError('§3.8.3.1', 'retain handling is 3, expected 0, 1 or 2')
}

export function encodeSubscribe(packet: Subscribe, version: ProtocolVersion): Buffer {
  const length = version === 5 ? propertiesLength(packet.properties, PacketType.subscribe) : 0
  let size = 2 + (version === 5 ? propertyBlockSize(length) : 0)
  for (const { topicFilter } of packet.subscriptions) size += utf8Size(topicFilter) + 1
  const writer = new Writer((PacketType.subscribe << 4) | 0b0010, size)
  writer.uint16(packet.packetId)
  if (version === 5) encodeProperties(writer, packet.properties, PacketType.subscribe, length)
  for (const request of packet.subscriptions) {
    writer.utf8(request.topicFilter)
    writer.byte(version === 5 ? optionsOf(request) : request.qos)
  }
  return writer.finish()
}

function optionsOf({ qos, noLocal, retainAsPublished, retainHandling }: SubscriptionRequest): number {
  return qos | (noLocal ? noLocalFlag : 0) | (retainAsPublished ? retainAsPublishedFlag : 0) | (retainHandling << 4)
}
