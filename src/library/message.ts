// Messages as the program around the broker sees and makes them. What it makes is checked before any of it reaches the engine.

import { escapeText } from '../base/escape.ts'
import { PacketType, type Properties, type QoS, type UserProperty } from '../mqtt/packet.ts'
import { propertiesLength } from '../mqtt/properties.ts'
import { topicNameFault } from '../topic/name.ts'
import { MessageError } from './errors.ts'

/** What goes with a message in MQTT 5 (§3.3.2.3). */
export interface MessageProperties {
  /** 1: the payload is UTF-8. */
  readonly payloadFormatIndicator?: 0 | 1
  /** Seconds; in a message that was delivered, those that are left. */
  readonly messageExpiryInterval?: number
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlationData?: Uint8Array
  /** In order; names may repeat. */
  readonly userProperties?: readonly (readonly [name: string, value: string])[]
}

export interface Message {
  readonly topicName: string
  /** A copy: it may be kept. */
  readonly payload: Buffer
  readonly qos: QoS
  readonly retain: boolean
  readonly properties: MessageProperties
}

/** Most bytes of a string or of binary data (§1.5.4, §1.5.6). */
const longestField = 65_535
/** Beside them there is room for a topic name in the 268,435,455 bytes of a packet (§2.1.4). */
const longestPayload = 256_000_000
const mostPropertyBytes = 1024 * 1024
/** Seconds that four bytes can say. */
const longestExpiry = 0xffff_ffff

/** The copy of a packet or of a delivery that a program gets. */
export function messageOf(
  { payload, qos, retain, properties }: Omit<Message, 'payload' | 'topicName'> & { readonly payload: Uint8Array },
  topicName: string,
): Message {
  return { topicName, payload: Buffer.from(payload), qos, retain, properties: propertiesOf(properties) }
}

/** Those of a message, without what belongs to one hop. */
function propertiesOf(properties: Properties): MessageProperties {
  const { payloadFormatIndicator, messageExpiryInterval, contentType, responseTopic } = properties
  const { correlationData, userProperties } = properties
  return {
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
    ...(messageExpiryInterval !== undefined && { messageExpiryInterval }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData) }),
    ...(userProperties !== undefined && { userProperties }),
  }
}

/** @throws MessageError for a name on which nobody may publish, or only the broker itself */
export function checkedTopicName(value: unknown): string {
  if (typeof value !== 'string' || !value.isWellFormed()) throw new MessageError('a topic name is no text')
  const fault = topicNameFault(value)
  if (fault !== undefined) throw new MessageError(fault)
  if (!/^\$(SYS|CONTROL)(\/|$)/.test(value)) return value
  throw new MessageError(`topic name "${escapeText(value)}" belongs to the broker itself`)
}

/** @returns a copy; @throws MessageError */
export function checkedPayload(value: unknown): Buffer {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw new MessageError('a payload is neither a string nor bytes')
  }
  const payload = Buffer.from(value as Uint8Array)
  if (payload.length <= longestPayload) return payload
  throw new MessageError(`a payload has ${payload.length} bytes, at most ${longestPayload} are possible`)
}

/** @throws MessageError */
export function checkedQoS(value: unknown): QoS {
  if (value === 0 || value === 1 || value === 2) return value
  throw new MessageError('qos is none of 0, 1 and 2')
}

/** @throws MessageError */
export function checkedProperties(value: unknown): MessageProperties {
  if (typeof value !== 'object' || value === null) throw new MessageError('properties are no object')
  const checked = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => [name, checkedProperty(name, field)])
  const properties = Object.fromEntries(checked) as MessageProperties
  const bytes = propertiesLength(properties, PacketType.publish)
  if (bytes <= mostPropertyBytes) return properties
  throw new MessageError(`properties have ${bytes} bytes, at most ${mostPropertyBytes} are possible`)
}

function checkedProperty(name: string, field: unknown): unknown {
  switch (name) {
    case 'payloadFormatIndicator':
      if (field === 0 || field === 1) return field
      break
    case 'messageExpiryInterval':
      if (Number.isInteger(field) && (field as number) >= 0 && (field as number) <= longestExpiry) return field
      break
    case 'contentType':
      if (isText(field)) return field
      break
    case 'responseTopic':
      if (isText(field) && topicNameFault(field) === undefined) return field
      break
    case 'correlationData':
      if (field instanceof Uint8Array && field.length <= longestField) return Buffer.from(field)
      break
    case 'userProperties':
      if (Array.isArray(field) && field.every(isUserProperty)) return field.map(([key, text]) => [key, text])
      break
    default:
      throw new MessageError(`there is no property "${escapeText(name)}" of a message`)
  }
  throw new MessageError(`property "${name}" has a value that cannot be sent`)
}

function isUserProperty(value: unknown): value is UserProperty {
  return Array.isArray(value) && value.length === 2 && value.every(isText)
}

function isText(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.isWellFormed() &&
    !value.includes('\0') &&
    Buffer.byteLength(value) <= longestField
  )
}
