// Rules between the options of a bridge, and between bridges: what is refused, and what is worth a warning at start.

import { escapeText } from '../base/escape.ts'
import { topicNameFault } from '../topic/name.ts'
import { dialFault } from './dial-fault.ts'
import { identityOf } from './identity.ts'
import type { BridgeSettings } from './options.ts'

export interface BridgeFault {
  /** In Mosquitto's words, where it has some. */
  readonly message: string
  readonly hint?: string
}

export function bridgeFaults(bridges: readonly BridgeSettings[]): readonly BridgeFault[] {
  const ofOne = bridges.flatMap(bridge => {
    const message = faultOf(bridge)
    return message === undefined ? [] : [{ message, hint: `This is about the bridge '${escapeText(bridge.name)}'.` }]
  })
  return [...ofOne, ...sharedClientIds(bridges).map(message => ({ message }))]
}

function faultOf(bridge: BridgeSettings): string | undefined {
  const { address, topic, notification_topic } = bridge
  if (address === undefined) return 'Error: Invalid bridge configuration: no remote addresses defined.'
  if (topic.length === 0) return 'Error: Invalid bridge configuration: no topics defined.'
  if (bridge.remote_password !== undefined && bridge.remote_username === undefined) {
    return 'Error: Invalid bridge configuration: remote_password needs remote_username.'
  }
  if (notification_topic !== undefined && topicNameFault(notification_topic) !== undefined) {
    return `Error: Invalid notification_topic '${escapeText(notification_topic)}'.`
  }
  return dialFault(bridge)
}

function sharedClientIds(bridges: readonly BridgeSettings[]): readonly string[] {
  const ids = bridges.map(bridge => identityOf(bridge).localClientId)
  const repeated = new Set(ids.filter((id, index) => ids.indexOf(id) !== index))
  return [...repeated].map(
    id =>
      `Error: Bridge local_clientid '${escapeText(id)}' is not unique. Try changing or setting the local_clientid value for one of the bridges.`,
  )
}

export function bridgeWarnings(bridges: readonly BridgeSettings[]): readonly string[] {
  return bridges.flatMap(bridge => {
    const name = escapeText(bridge.name)
    return [
      ...(bridge.bridge_insecure ? [`Warning: Bridge ${name} using insecure mode.`] : []),
      ...(forgetsAtOnce(bridge)
        ? [
            `Warning: The other broker keeps nothing for bridge ${name} while it is away: with mqttv50 that takes a bridge_session_expiry_interval.`,
          ]
        : []),
    ]
  })
}

/** Whoever has not asked for a clean session relies on the other broker's queue. */
function forgetsAtOnce(bridge: BridgeSettings): boolean {
  const { bridge_protocol_version: version, cleansession, bridge_session_expiry_interval: seconds, topic } = bridge
  const takes = topic.some(({ direction, qos }) => direction !== 'out' && qos > 0)
  return version === 'mqttv50' && !cleansession && seconds === 0 && takes
}
