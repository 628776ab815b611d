// Whoever is banned is not let in, whatever they prove.

import { ReasonCode } from '../mqtt/reason-code.ts'
import type { ConnectAttempt, Refusal } from './connect.ts'

/** What the steps of CONNECT ask; `server/broker-control.ts` answers. */
export interface Bans {
  /** @returns what to tell the log; undefined for whoever is not banned */
  ruleFor(clientId: string | undefined, username: string | undefined, address: string): string | undefined
}

/** Before anything costly is done for it. */
export function checkBannedAddress({ broker, connection }: ConnectAttempt): Refusal | undefined {
  return refusal(broker.bans?.ruleFor(undefined, undefined, connection.peer.address))
}

/** Last, by the names that were proven: a ban that came while the attempt was judged counts. */
export function checkBan({ broker, clientId, connection, principal }: ConnectAttempt): Refusal | undefined {
  return refusal(broker.bans?.ruleFor(clientId, principal?.username, connection.peer.address))
}

function refusal(rule: string | undefined): Refusal | undefined {
  return rule === undefined ? undefined : { reasonCode: ReasonCode.banned, rule }
}
