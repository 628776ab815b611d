// The one place where outcomes inside the broker become what a peer is told and what the log says.

import type { DenialReason } from '../auth/realm.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'

const denialCodes: Record<DenialReason, number> = {
  'not-authorized': ReasonCode.notAuthorized,
  'bad-user-name-or-password': ReasonCode.badUserNameOrPassword,
  'client-identifier-not-valid': ReasonCode.clientIdentifierNotValid,
  'bad-authentication-method': ReasonCode.badAuthenticationMethod,
  banned: ReasonCode.banned,
  busy: ReasonCode.serverBusy,
}

export function denialReasonCode(reason: DenialReason): number {
  return denialCodes[reason]
}

const disallowedFeature = 'used disallowed feature (QoS too high, retain not supported, or bad AUTH method)'

/** Mosquitto's words for why a client was disconnected (`Client <id> … disconnected: <reason>.`). */
const endings: Readonly<Record<number, string>> = {
  [ReasonCode.malformedPacket]: 'malformed packet',
  [ReasonCode.protocolError]: 'protocol error',
  [ReasonCode.implementationSpecificError]: 'implementation specific error',
  [ReasonCode.unsupportedProtocolVersion]: 'unsupported protocol version',
  [ReasonCode.clientIdentifierNotValid]: 'client identifier not valid',
  [ReasonCode.badUserNameOrPassword]: 'bad username or password',
  [ReasonCode.notAuthorized]: 'not authorised',
  [ReasonCode.serverUnavailable]: 'server unavailable',
  [ReasonCode.serverBusy]: 'server busy',
  [ReasonCode.banned]: 'client banned',
  [ReasonCode.serverShuttingDown]: 'server shutting down',
  [ReasonCode.badAuthenticationMethod]: 'bad authentication method',
  [ReasonCode.keepAliveTimeout]: 'exceeded timeout',
  [ReasonCode.sessionTakenOver]: 'session taken over',
  [ReasonCode.topicFilterInvalid]: 'protocol error',
  [ReasonCode.topicNameInvalid]: 'protocol error',
  [ReasonCode.receiveMaximumExceeded]: 'receive maximum exceeded',
  [ReasonCode.topicAliasInvalid]: 'topic alias invalid',
  [ReasonCode.packetTooLarge]: 'oversize packet',
  [ReasonCode.quotaExceeded]: 'quota exceeded',
  [ReasonCode.administrativeAction]: 'administrative action',
  [ReasonCode.retainNotSupported]: disallowedFeature,
  [ReasonCode.qosNotSupported]: disallowedFeature,
  [ReasonCode.connectionRateExceeded]: 'connection rate exceeded',
  [ReasonCode.maximumConnectTime]: 'token has expired',
}

export function endingText(reasonCode: number): string {
  return endings[reasonCode] ?? `reason code 0x${reasonCode.toString(16)}`
}
