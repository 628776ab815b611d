// Every reason code of MQTT 5 (§2.4), and what an older client is told instead.

export const ReasonCode = {
  /** Also normal disconnection and granted QoS 0. */
  success: 0x00,
  grantedQoS1: 0x01,
  grantedQoS2: 0x02,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reAuthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  useAnotherServer: 0x9c,
  serverMoved: 0x9d,
  sharedSubscriptionsNotSupported: 0x9e,
  connectionRateExceeded: 0x9f,
  maximumConnectTime: 0xa0,
  subscriptionIdentifiersNotSupported: 0xa1,
  wildcardSubscriptionsNotSupported: 0xa2,
} as const
export type ReasonCode = (typeof ReasonCode)[keyof typeof ReasonCode]

/**
 * The CONNACK return code of MQTT 3.1 and 3.1.1 (3.1.1 §3.2.2.3) for a reason code.
 *
 * @returns 0 to 5; what older versions cannot name becomes 3, server unavailable
 */
export function connackReturnCode(reasonCode: number): number {
  switch (reasonCode) {
    case ReasonCode.success:
      return 0
    case ReasonCode.unsupportedProtocolVersion:
      return 1
    case ReasonCode.clientIdentifierNotValid:
      return 2
    case ReasonCode.badUserNameOrPassword:
      return 4
    case ReasonCode.notAuthorized:
    case ReasonCode.banned:
    case ReasonCode.badAuthenticationMethod:
      return 5
    default:
      return 3
  }
}

/** Reason codes by the CONNACK return code of MQTT 3.1 and 3.1.1, for the client's side. */
const reasonCodeByReturnCode: readonly number[] = [
  ReasonCode.success,
  ReasonCode.unsupportedProtocolVersion,
  ReasonCode.clientIdentifierNotValid,
  ReasonCode.serverUnavailable,
  ReasonCode.badUserNameOrPassword,
  ReasonCode.notAuthorized,
]

/** The reason code that a CONNACK return code stands for; undefined for what 3.1.1 reserves (above 5). */
export function connackReasonCode(returnCode: number): number | undefined {
  return reasonCodeByReturnCode[returnCode]
}
