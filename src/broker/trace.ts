// The log lines about one connection, in Mosquitto's words: what came, what went, and how it ended.

import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { type Acknowledgement, PacketType, type Publish, type QoS } from '../mqtt/packet.ts'
import type { Delivery } from '../session/outbound.ts'

/** Whom a line is about. */
export interface Traced {
  readonly broker: { readonly log: Log }
  /** The client id, escaped, or `<unknown>`. */
  readonly label: string
  readonly address: string
}

export function traceReceived(who: Traced, packetName: string): void {
  const { log } = who.broker
  if (log.enabled('debug')) log.write('debug', `Received ${packetName} from ${who.label}`)
}

export function traceSending(who: Traced, packetName: string, details = ''): void {
  const { log } = who.broker
  if (log.enabled('debug')) log.write('debug', `Sending ${packetName} to ${who.label}${details}`)
}

export function traceReceivedPublish(
  who: Traced,
  verb: 'Received' | 'Denied',
  packet: Publish,
  topicName: string,
): void {
  const { log } = who.broker
  if (!log.enabled('debug')) return
  const { dup, qos, retain, packetId, payload } = packet
  log.write(
    'debug',
    `${verb} PUBLISH from ${who.label} ${publishText(dup, qos, retain, packetId, topicName, payload.length)}`,
  )
}

export function traceSendingPublish(who: Traced, delivery: Delivery, packetId: number, dup: boolean): void {
  const { log } = who.broker
  if (!log.enabled('debug')) return
  const { message, qos, retain } = delivery
  const { topicName, payload } = message
  log.write(
    'debug',
    `Sending PUBLISH to ${who.label} ${publishText(dup, qos, retain, packetId, topicName, payload.length)}`,
  )
}

export function traceReceivedAcknowledgement(who: Traced, packet: Acknowledgement): void {
  const { log } = who.broker
  if (!log.enabled('debug')) return
  const name = acknowledgementNames[packet.type]
  log.write('debug', `Received ${name} from ${who.label} (Mid: ${packet.packetId}, RC:${packet.reasonCode})`)
}

export function traceSendingAcknowledgement(
  who: Traced,
  type: Acknowledgement['type'],
  packetId: number,
  reasonCode: number,
): void {
  const { log } = who.broker
  if (!log.enabled('debug')) return
  log.write('debug', `Sending ${acknowledgementNames[type]} to ${who.label} (m${packetId}, rc${reasonCode})`)
}

export function logSubscribe(who: Traced, fullFilter: string, qos: QoS): void {
  const { log } = who.broker
  if (log.enabled('debug')) log.write('debug', `\t${escapeText(fullFilter)} (QoS ${qos})`)
  if (log.enabled('subscribe')) log.write('subscribe', `${who.label} ${qos} ${escapeText(fullFilter)}`)
}

export function logUnsubscribe(who: Traced, fullFilter: string): void {
  const { log } = who.broker
  if (log.enabled('debug')) log.write('debug', `\t${escapeText(fullFilter)}`)
  if (log.enabled('unsubscribe')) log.write('unsubscribe', `${who.label} ${escapeText(fullFilter)}`)
}

/** @param cause why, or the empty text after a DISCONNECT */
export function logDisconnected(who: Traced, cause: string | undefined): void {
  if (!who.broker.log.enabled('notice')) return
  const because = cause === '' ? '' : `: ${cause}`
  who.broker.log.write('notice', `Client ${who.label} [${who.address}] disconnected${because}.`)
}

function publishText(
  dup: boolean,
  qos: QoS,
  retain: boolean,
  packetId: number,
  topicName: string,
  payloadBytes: number,
): string {
  const flags = `d${Number(dup)}, q${qos}, r${Number(retain)}, m${packetId}`
  return `(${flags}, '${escapeText(topicName)}', ... (${payloadBytes} bytes))`
}

const acknowledgementNames: Record<Acknowledgement['type'], string> = {
  [PacketType.puback]: 'PUBACK',
  [PacketType.pubrec]: 'PUBREC',
  [PacketType.pubrel]: 'PUBREL',
  [PacketType.pubcomp]: 'PUBCOMP',
}
