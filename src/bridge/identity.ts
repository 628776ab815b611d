// What a bridge is called on either broker, and where its state is told.

import { hostname } from 'node:os'
import type { BridgeSettings } from './options.ts'

export interface BridgeIdentity {
  readonly localClientId: string
  readonly remoteClientId: string
  readonly stateTopic: string
}

/** @param host name of this machine */
export function identityOf(settings: BridgeSettings, host = hostname()): BridgeIdentity {
  // Mosquitto's manual has it the other way round.
  const remoteClientId = settings.remote_clientid ?? `${host}.${settings.name}`
  return {
    remoteClientId,
    localClientId: settings.local_clientid ?? `local.${remoteClientId}`,
    stateTopic: settings.notification_topic ?? `$SYS/broker/connection/${remoteClientId}/state`,
  }
}
