// Which reason codes each packet of MQTT 5 may carry (§2.4, and the tables of chapter 3).

import { ProtocolViolationError } from './errors.ts'
import { packetNames } from './fixed-header.ts'
import { PacketType } from './packet.ts'
import { ReasonCode as Code } from './reason-code.ts'

interface Row {
  readonly clause: string
  readonly codes: readonly number[]
}

const receipt = [
  Code.success,
  Code.noMatchingSubscribers,
  Code.unspecifiedError,
  Code.implementationSpecificError,
  Code.notAuthorized,
  Code.topicNameInvalid,
  Code.packetIdentifierInUse,
  Code.quotaExceeded,
  Code.payloadFormatInvalid,
]

const release = [Code.success, Code.packetIdentifierNotFound]

const table: { readonly [type: number]: Row } = {
  [PacketType.connack]: {
    clause: 'MQTT-3.2.2-8',
    codes: [
      Code.success,
      Code.unspecifiedError,
      Code.malformedPacket,
      Code.protocolError,
      Code.implementationSpecificError,
      Code.unsupportedProtocolVersion,
      Code.clientIdentifierNotValid,
      Code.badUserNameOrPassword,
      Code.notAuthorized,
      Code.serverUnavailable,
      Code.serverBusy,
      Code.banned,
      Code.badAuthenticationMethod,
      Code.topicNameInvalid,
      Code.packetTooLarge,
      Code.quotaExceeded,
      Code.payloadFormatInvalid,
      Code.retainNotSupported,
      Code.qosNotSupported,
      Code.useAnotherServer,
      Code.serverMoved,
      Code.connectionRateExceeded,
    ],
  },
  [PacketType.puback]: { clause: 'MQTT-3.4.2-1', codes: receipt },
  [PacketType.pubrec]: { clause: 'MQTT-3.5.2-1', codes: receipt },
  [PacketType.pubrel]: { clause: 'MQTT-3.6.2-1', codes: release },
  [PacketType.pubcomp]: { clause: 'MQTT-3.7.2-1', codes: release },
  [PacketType.suback]: {
    clause: 'MQTT-3.9.3-2',
    codes: [
      Code.success,
      Code.grantedQoS1,
      Code.grantedQoS2,
      Code.unspecifiedError,
      Code.implementationSpecificError,
      Code.notAuthorized,
      Code.topicFilterInvalid,
      Code.packetIdentifierInUse,
      Code.quotaExceeded,
      Code.sharedSubscriptionsNotSupported,
      Code.subscriptionIdentifiersNotSupported,
      Code.wildcardSubscriptionsNotSupported,
    ],
  },
  [PacketType.unsuback]: {
    clause: 'MQTT-3.11.3-2',
    codes: [
      Code.success,
      Code.noSubscriptionExisted,
      Code.unspecifiedError,
      Code.implementationSpecificError,
      Code.notAuthorized,
      Code.topicFilterInvalid,
      Code.packetIdentifierInUse,
    ],
  },
  [PacketType.disconnect]: {
    clause: 'MQTT-3.14.2-1',
    codes: [
      Code.success,
      Code.disconnectWithWill,
      Code.unspecifiedError,
      Code.malformedPacket,
      Code.protocolError,
      Code.implementationSpecificError,
      Code.notAuthorized,
      Code.serverBusy,
      Code.serverShuttingDown,
      Code.badAuthenticationMethod, // by §2.4; the table of §3.14 leaves it out
      Code.keepAliveTimeout,
      Code.sessionTakenOver,
      Code.topicFilterInvalid,
      Code.topicNameInvalid,
      Code.receiveMaximumExceeded,
      Code.topicAliasInvalid,
      Code.packetTooLarge,
      Code.messageRateTooHigh,
      Code.quotaExceeded,
      Code.administrativeAction,
      Code.payloadFormatInvalid,
      Code.retainNotSupported,
      Code.qosNotSupported,
      Code.useAnotherServer,
      Code.serverMoved,
      Code.sharedSubscriptionsNotSupported,
      Code.connectionRateExceeded,
      Code.maximumConnectTime,
      Code.subscriptionIdentifiersNotSupported,
      Code.wildcardSubscriptionsNotSupported,
    ],
  },
  [PacketType.auth]: {
    clause: 'MQTT-3.15.2-1',
    codes: [Code.success, Code.continueAuthentication, Code.reAuthenticate],
  },
}

/** By packet type and code, for the decoder. */
const legal: readonly (Uint8Array | undefined)[] = packetNames.map((_, type) => {
  const row = table[type]
  if (row === undefined) return undefined
  const flags = new Uint8Array(256)
  for (const code of row.codes) flags[code] = 1
  return flags
})

/** The reason codes that a packet of MQTT 5 may carry; none for a packet without. */
export function reasonCodesOf(type: PacketType): readonly number[] {
  return table[type]?.codes ?? []
}

/**
 * Passes on a reason code that this packet may carry.
 *
 * @throws ProtocolViolationError for any other
 */
export function checkReasonCode(type: PacketType, reasonCode: number): number {
  if (legal[type]?.[reasonCode] === 1) return reasonCode
  const hex = reasonCode.toString(16).padStart(2, '0')
  throw new ProtocolViolationError(
    table[type]?.clause ?? '§2.4',
    `reason code 0x${hex} does not exist for ${packetNames[type]}`,
  )
}
