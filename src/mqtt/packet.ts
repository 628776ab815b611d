// The one packet model that serves MQTT 3.1, 3.1.1 and 5.0. MQTT 5's words are used for all versions; what only older
// versions know is translated by the codec (packets/*.ts). Every object is read-only once decoded.

/** 3 is MQTT 3.1 (`MQIsdp`), 4 is 3.1.1, 5 is 5.0: the protocol level byte of CONNECT. */
export type ProtocolVersion = 3 | 4 | 5
export type QoS = 0 | 1 | 2
export type RetainHandling = 0 | 1 | 2

/** The packet type nibble (MQTT 5 §2.1.2). */
export const PacketType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const
export type PacketType = (typeof PacketType)[keyof typeof PacketType]

export type UserProperty = readonly [name: string, value: string]

/**
 * MQTT 5 properties of any packet or will (§2.2.2). Which one is legal where is the table in `properties.ts`; an absent
 * property is an absent key. Intervals are in seconds, sizes in bytes, as on the wire.
 */
export interface Properties {
  readonly payloadFormatIndicator?: 0 | 1
  readonly messageExpiryInterval?: number
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlationData?: Uint8Array
  /** In order; a SUBSCRIBE holds at most one, a PUBLISH to a client one per matching subscription. */
  readonly subscriptionIdentifiers?: readonly number[]
  readonly sessionExpiryInterval?: number
  readonly assignedClientIdentifier?: string
  readonly serverKeepAlive?: number
  readonly authenticationMethod?: string
  readonly authenticationData?: Uint8Array
  readonly requestProblemInformation?: boolean
  readonly willDelayInterval?: number
  readonly requestResponseInformation?: boolean
  readonly responseInformation?: string
  readonly serverReference?: string
  readonly reasonString?: string
  readonly receiveMaximum?: number
  readonly topicAliasMaximum?: number
  readonly topicAlias?: number
  readonly maximumQoS?: 0 | 1
  readonly retainAvailable?: boolean
  /** In the order received; names may repeat (§3.3.2.3.7). */
  readonly userProperties?: readonly UserProperty[]
  readonly maximumPacketSize?: number
  readonly wildcardSubscriptionAvailable?: boolean
  readonly subscriptionIdentifiersAvailable?: boolean
  readonly sharedSubscriptionAvailable?: boolean
}

/** Shared by every packet that has none, and by every packet of versions before 5. */
export const noProperties: Properties = Object.freeze({})

export interface Will {
  readonly topicName: string
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  readonly properties: Properties
}

export interface Connect {
  readonly type: typeof PacketType.connect
  readonly protocolVersion: ProtocolVersion
  /** Bit 7 of the protocol level: Mosquitto's bridges ask for retain-as-published and no-local with it. */
  readonly bridge: boolean
  readonly cleanStart: boolean
  /** Seconds; 0 is off. */
  readonly keepAlive: number
  readonly clientId: string
  readonly username: string | undefined
  readonly password: Uint8Array | undefined
  readonly will: Will | undefined
  readonly properties: Properties
}

export interface Connack {
  readonly type: typeof PacketType.connack
  readonly sessionPresent: boolean
  /** As in MQTT 5; the codec translates for older versions (`connackReturnCode`). */
  readonly reasonCode: number
  readonly properties: Properties
}

export interface Publish {
  readonly type: typeof PacketType.publish
  readonly dup: boolean
  readonly qos: QoS
  readonly retain: boolean
  /** Empty only in MQTT 5 with a topic alias. */
  readonly topicName: string
  /** 0 at QoS 0. */
  readonly packetId: number
  /** When decoded, a view into the receive buffer: copy it before keeping it past the turn. */
  readonly payload: Uint8Array
  readonly properties: Properties
}

/** PUBACK, PUBREC, PUBREL and PUBCOMP share one shape. */
export interface Acknowledgement {
  readonly type:
    | typeof PacketType.puback
    | typeof PacketType.pubrec
    | typeof PacketType.pubrel
    | typeof PacketType.pubcomp
  readonly packetId: number
  readonly reasonCode: number
  readonly properties: Properties
}

export interface SubscriptionRequest {
  readonly topicFilter: string
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: RetainHandling
}

export interface Subscribe {
  readonly type: typeof PacketType.subscribe
  readonly packetId: number
  readonly subscriptions: readonly SubscriptionRequest[]
  readonly properties: Properties
}

export interface Suback {
  readonly type: typeof PacketType.suback
  readonly packetId: number
  readonly reasonCodes: readonly number[]
  readonly properties: Properties
}

export interface Unsubscribe {
  readonly type: typeof PacketType.unsubscribe
  readonly packetId: number
  readonly topicFilters: readonly string[]
  readonly properties: Properties
}

export interface Unsuback {
  readonly type: typeof PacketType.unsuback
  readonly packetId: number
  /** Not sent before MQTT 5. */
  readonly reasonCodes: readonly number[]
  readonly properties: Properties
}

export interface Pingreq {
  readonly type: typeof PacketType.pingreq
}

export interface Pingresp {
  readonly type: typeof PacketType.pingresp
}

export interface Disconnect {
  readonly type: typeof PacketType.disconnect
  readonly reasonCode: number
  readonly properties: Properties
}

export interface Auth {
  readonly type: typeof PacketType.auth
  readonly reasonCode: number
  readonly properties: Properties
}

export type Packet =
  | Connect
  | Connack
  | Publish
  | Acknowledgement
  | Subscribe
  | Suback
  | Unsubscribe
  | Unsuback
  | Pingreq
  | Pingresp
  | Disconnect
  | Auth
