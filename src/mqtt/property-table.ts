// The properties of MQTT 5 (§2.2.2) as one table: identifier, type, who may carry it, and which values are legal.

import { PacketType, type Properties } from './packet.ts'
import { ReasonCode } from './reason-code.ts'

/** Stands beside the packet types as what may carry properties: the will within a CONNECT. */
export const willOwner = 0
export type PropertyOwner = PacketType | typeof willOwner

type WireType = 'byte' | 'boolean' | 'uint16' | 'uint32' | 'variableByteInteger' | 'utf8' | 'binary' | 'utf8Pair'

export interface PropertyRow {
  readonly id: number
  readonly key: keyof Properties
  readonly type: WireType
  /** Who may carry it. */
  readonly owners: readonly PropertyOwner[]
  /** Where it may stand more than once. */
  readonly repeatableIn?: readonly PropertyOwner[]
  readonly minimum?: number
  readonly maximum?: number
  /** Answers a value outside minimum and maximum; protocol error unless given. */
  readonly outOfRange?: number
  readonly clause: string
}

const { connect, connack, publish, puback, pubrec, pubrel, pubcomp } = PacketType
const { subscribe, suback, unsubscribe, unsuback, disconnect, auth } = PacketType
const message: readonly PropertyOwner[] = [publish, willOwner]
const answers: readonly PropertyOwner[] = [connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth]
const everywhere: readonly PropertyOwner[] = [willOwner, connect, publish, subscribe, unsubscribe, ...answers]

/** In the order in which they are encoded: CONNACK's is the one that Mosquitto's clients see. */
export const propertyTable: readonly PropertyRow[] = [
  { id: 0x22, key: 'topicAliasMaximum', type: 'uint16', owners: [connect, connack], clause: '§3.1.2.11.5' },
  {
    id: 0x11,
    key: 'sessionExpiryInterval',
    type: 'uint32',
    owners: [connect, connack, disconnect],
    clause: '§3.1.2.11.2',
  },
  { id: 0x12, key: 'assignedClientIdentifier', type: 'utf8', owners: [connack], clause: '§3.2.2.3.7' },
  { id: 0x13, key: 'serverKeepAlive', type: 'uint16', owners: [connack], clause: '§3.2.2.3.14' },
  { id: 0x24, key: 'maximumQoS', type: 'byte', maximum: 1, owners: [connack], clause: '§3.2.2.3.4' },
  { id: 0x25, key: 'retainAvailable', type: 'boolean', owners: [connack], clause: '§3.2.2.3.5' },
  { id: 0x28, key: 'wildcardSubscriptionAvailable', type: 'boolean', owners: [connack], clause: '§3.2.2.3.11' },
  { id: 0x29, key: 'subscriptionIdentifiersAvailable', type: 'boolean', owners: [connack], clause: '§3.2.2.3.12' },
  { id: 0x2a, key: 'sharedSubscriptionAvailable', type: 'boolean', owners: [connack], clause: '§3.2.2.3.13' },
  { id: 0x19, key: 'requestResponseInformation', type: 'boolean', owners: [connect], clause: '§3.1.2.11.6' },
  { id: 0x17, key: 'requestProblemInformation', type: 'boolean', owners: [connect], clause: '§3.1.2.11.7' },
  { id: 0x1a, key: 'responseInformation', type: 'utf8', owners: [connack], clause: '§3.2.2.3.15' },
  { id: 0x1c, key: 'serverReference', type: 'utf8', owners: [connack, disconnect], clause: '§3.2.2.3.16' },
  { id: 0x15, key: 'authenticationMethod', type: 'utf8', owners: [connect, connack, auth], clause: '§3.1.2.11.9' },
  { id: 0x16, key: 'authenticationData', type: 'binary', owners: [connect, connack, auth], clause: '§3.1.2.11.10' },
  { id: 0x18, key: 'willDelayInterval', type: 'uint32', owners: [willOwner], clause: '§3.1.3.2.2' },
  { id: 0x01, key: 'payloadFormatIndicator', type: 'byte', maximum: 1, owners: message, clause: '§3.3.2.3.2' },
  { id: 0x02, key: 'messageExpiryInterval', type: 'uint32', owners: message, clause: '§3.3.2.3.3' },
  {
    id: 0x23,
    key: 'topicAlias',
    type: 'uint16',
    minimum: 1,
    outOfRange: ReasonCode.topicAliasInvalid,
    owners: [publish],
    clause: 'MQTT-3.3.2-8',
  },
  { id: 0x03, key: 'contentType', type: 'utf8', owners: message, clause: '§3.3.2.3.9' },
  { id: 0x08, key: 'responseTopic', type: 'utf8', owners: message, clause: '§3.3.2.3.5' },
  { id: 0x09, key: 'correlationData', type: 'binary', owners: message, clause: '§3.3.2.3.6' },
  {
    id: 0x0b,
    key: 'subscriptionIdentifiers',
    type: 'variableByteInteger',
    minimum: 1,
    owners: [publish, subscribe],
    repeatableIn: [publish],
    clause: '§3.8.2.1.2',
  },
  { id: 0x1f, key: 'reasonString', type: 'utf8', owners: answers, clause: '§3.2.2.3.9' },
  {
    id: 0x26,
    key: 'userProperties',
    type: 'utf8Pair',
    owners: everywhere,
    repeatableIn: everywhere,
    clause: '§3.1.2.11.8',
  },
  { id: 0x27, key: 'maximumPacketSize', type: 'uint32', minimum: 1, owners: [connect, connack], clause: '§3.1.2.11.4' },
  { id: 0x21, key: 'receiveMaximum', type: 'uint16', minimum: 1, owners: [connect, connack], clause: '§3.1.2.11.3' },
]

const rowById: readonly (PropertyRow | undefined)[] = Array.from({ length: 0x2b }, (_, id) =>
  propertyTable.find(row => row.id === id),
)

const rowsByOwner: readonly (readonly PropertyRow[])[] = Array.from({ length: 16 }, (_, owner) =>
  propertyTable.filter(row => row.owners.includes(owner as PropertyOwner)),
)

/** The property of this identifier, if there is one. */
export function propertyRow(id: number): PropertyRow | undefined {
  return rowById[id]
}

/** What this owner may carry, in the order of encoding. */
export function propertyRowsOf(owner: PropertyOwner): readonly PropertyRow[] {
  return rowsByOwner[owner] as readonly PropertyRow[]
}
