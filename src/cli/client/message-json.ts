// A message as one JSON object, `%j` and `%J` of `mosquitto_sub -F`, in the form that cJSON prints: members in their order, bytes
// that are no control characters as they came.

import { propertyName } from '../../client/property-words.ts'
import type { Properties } from '../../mqtt/packet.ts'
import { type JsonValue, parseJson, printJson } from './json-bytes.ts'
import { localTime, nanoseconds, strftime } from './message-time.ts'
import { type Bytes, bytesOf, type ReceivedMessage, untilNul } from './received-message.ts'

/**
 * @param isEscaped the payload as a string (`%j`); otherwise it has to be JSON itself and becomes part of the object (`%J`)
 * @param isPretty over several lines
 * @returns undefined where the payload has to be JSON and is not
 */
export function messageJson(message: ReceivedMessage, isEscaped: boolean, isPretty: boolean): Bytes | undefined {
  const payload = isEscaped ? textPayload(message.payload) : jsonPayload(message.payload)
  if (payload === undefined) return undefined
  const members: [Bytes, JsonValue][] = [
    ['tst', timestamp(message.time)],
    ['topic', message.topic],
    ['qos', message.qos],
    ['retain', Number(message.retain)],
    ['payloadlen', message.payload.length],
  ]
  if (message.qos > 0) members.push(['mid', message.packetId])
  const properties = propertyMembers(message.properties)
  if (properties.length > 0) members.push(['properties', { members: properties }])
  members.push(['payload', payload])
  return printJson({ members }, isPretty)
}

function textPayload(payload: Bytes): JsonValue {
  return payload === '' ? null : untilNul(payload)
}

function jsonPayload(payload: Bytes): JsonValue | undefined {
  return payload === '' ? null : parseJson(payload)
}

function timestamp(time: bigint): Bytes {
  const date = localTime(time)
  return `${strftime('F', date)}T${strftime('T', date)}.${nanoseconds(time).slice(0, 6)}Z${strftime('z', date)}`
}

/** In the order in which they arrived. */
function propertyMembers(properties: Properties): [Bytes, JsonValue][] {
  return (Object.keys(properties) as (keyof Properties)[]).flatMap((key): [Bytes, JsonValue][] => {
    const name = propertyName(key)
    if (key === 'subscriptionIdentifiers') return (properties[key] ?? []).map(value => [name, value])
    if (key !== 'userProperties') return [[name, propertyValue(properties[key])]]
    const members = (properties.userProperties ?? []).map(pair => pair.map(bytesOf) as [Bytes, Bytes])
    return [['user-properties', { members }]]
  })
}

/** The kinds of property that a message has. */
function propertyValue(value: Properties[keyof Properties]): JsonValue {
  if (typeof value === 'string') return bytesOf(value)
  return value instanceof Uint8Array ? untilNul(Buffer.from(value).toString('latin1')) : Number(value)
}
