// Reason codes in words: what a broker that refuses has said, for people and for scripts that read them.

import type { ProtocolVersion } from '../../mqtt/packet.ts'

/** MQTT 3.1 and 3.1.1: the return codes of CONNACK. */
const returnCodes: readonly string[] = [
  'Connection Accepted.',
  'Connection Refused: unacceptable protocol version.',
  'Connection Refused: identifier rejected.',
  'Connection Refused: broker unavailable.',
  'Connection Refused: bad user name or password.',
  'Connection Refused: not authorised.',
]

const unsupportedVersion = 0x84

const reasons: ReadonlyMap<number, string> = new Map([
  [0x80, 'Unspecified error'],
  [0x81, 'Malformed packet'],
  [0x82, 'Protocol error'],
  [0x83, 'Implementation specific error'],
  [unsupportedVersion, 'Unsupported protocol version'],
  [0x85, 'Client ID not valid'],
  [0x86, 'Bad username or password'],
  [0x87, 'Not authorized'],
  [0x88, 'Server unavailable'],
  [0x89, 'Server busy'],
  [0x8a, 'Banned'],
  [0x8b, 'Server shutting down'],
  [0x8c, 'Bad authentication method'],
  [0x8d, 'Keep alive timeout'],
  [0x8e, 'Session taken over'],
  [0x8f, 'Topic filter invalid'],
  [0x90, 'Topic name invalid'],
  [0x91, 'Packet identifier in use'],
  [0x92, 'Packet identifier not found'],
  [0x93, 'Receive maximum exceeded'],
  [0x94, 'Topic alias invalid'],
  [0x95, 'Packet too large'],
  [0x96, 'Message rate too high'],
  [0x97, 'Quota exceeded'],
  [0x98, 'Administrative action'],
  [0x99, 'Payload format invalid'],
  [0x9a, 'Retain not supported'],
  [0x9b, 'QoS not supported'],
  [0x9c, 'Use another server'],
  [0x9d, 'Server moved'],
  [0x9e, 'Shared subscriptions not supported'],
  [0x9f, 'Connection rate exceeded'],
  [0xa0, 'Maximum connect time'],
  [0xa1, 'Subscription identifiers not supported'],
  [0xa2, 'Wildcard subscriptions not supported'],
])

/** A reason code of MQTT 5 (§2.4) that says that something failed. */
export function reasonText(code: number): string {
  return reasons.get(code) ?? 'Unknown reason'
}

/** @param code as this version of MQTT has it */
export function connackText(code: number, version: ProtocolVersion): string {
  if (version < 5) return returnCodes[code] ?? 'Connection Refused: unknown reason.'
  const text = reasonText(code)
  return code === unsupportedVersion ? `${text}. Try connecting to an MQTT v5 broker, or use MQTT v3.x mode.` : text
}
