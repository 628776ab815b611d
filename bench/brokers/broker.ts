// What the runner has to know of a broker to start it.

import type { Scenario } from '../scenarios.ts'

/** Where a broker finds its port and its configuration. */
export interface BrokerPlace {
  readonly port: number
  /** Absolute path of a mosquitto.conf that names the port too. */
  readonly conf: string
}

export interface Broker {
  readonly name: string
  /** As it tells itself; undefined when it cannot be asked. */
  readonly version: string | undefined
  /** Why it cannot be measured here; undefined when it can. */
  readonly absent: string | undefined
  /** Program and arguments; the process stays in the foreground. */
  readonly command: (place: BrokerPlace) => readonly string[]
  /** It is told by `persistence_durability` what an acknowledgement promises. */
  readonly choosesDurability?: true
  /** Why it cannot do a scenario; undefined when it can. */
  readonly unable: (scenario: Scenario) => string | undefined
}

/** For brokers that can do all of it. */
export const ableToAll = (): undefined => undefined
