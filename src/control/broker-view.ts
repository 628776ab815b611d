// What the commands of `$CONTROL/broker/v1` see of the broker, and may do to it; `server/broker-control.ts` makes it of the parts.

import type { JsonObject } from '../dynsec/json.ts'

/** One connection of a client that was let in. */
export interface ConnectionView {
  readonly clientId: string
  /** undefined for a client without a name. */
  readonly username: string | undefined
  /** Textual IP address; empty for a unix socket. */
  readonly address: string
  readonly port: number
  /** Everything that is told of it; made when it is asked for. */
  describe(): JsonObject
  /** Ends it with an administrative action (0x98). @param reason what the client is told, where it can be */
  disconnect(reason: string | undefined): void
}

/** Whether a client may do something; it may be connected or not. */
export interface AccessQuery {
  /** undefined for whoever has no name, or is connected with one. */
  readonly username: string | undefined
  readonly clientId: string
  readonly action: string
  /** As the client would say it. */
  readonly topic: string
  readonly isWill: boolean
  readonly isRetained: boolean
  /** PEM: asks as of whoever would show it, connected or not. */
  readonly certificate: string | undefined
  /** Textual IP address: asks whether a ban keeps the client out. */
  readonly address: string | undefined
  /** 0, 1 or 2, of what is published or of the subscription. */
  readonly qos: number | undefined
}

export interface BrokerView {
  /** As responses have them. */
  listeners(): readonly JsonObject[]
  plugins(): readonly JsonObject[]
  /** In the order in which they came. */
  connections(): readonly ConnectionView[]
  connection(clientId: string): ConnectionView | undefined
  /** How the rules in force decide, and why. @throws CommandError for what nobody can ask */
  explain(query: AccessQuery): JsonObject
  /** Ends the connections of whoever is banned. */
  expelBanned(): void
}
