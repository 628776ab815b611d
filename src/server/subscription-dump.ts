// SIGUSR2: who is subscribed to what, into the log.

import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import type { Broker } from '../broker/broker.ts'

export function logSubscriptionTree(broker: Broker, log: Log): void {
  const lines: string[] = []
  for (const session of broker.registry.values()) {
    for (const { fullFilter, qos } of session.subscriptions.values()) {
      lines.push(`${escapeText(fullFilter)} (${escapeText(session.clientId)}, QoS ${qos})`)
    }
  }
  log.write('notice', `Subscription tree: ${lines.length} subscriptions.`)
  for (const line of lines.sort()) log.write('notice', `  ${line}`)
}
