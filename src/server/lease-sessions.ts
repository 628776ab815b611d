// The sessions of a broker, as far as the word of a service outside is about them.

import { succeed } from '../auth/external-proof.ts'
import type { Lease, LeaseHost, Whereabouts } from '../auth/leases.ts'
import type { Principal } from '../auth/principal.ts'
import type { RightsHolder } from '../auth/user-directory.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import type { Broker } from '../broker/broker.ts'
import { ClientConnection } from '../broker/connection.ts'
import type { RightsChange } from '../broker/reassess.ts'

export class LeaseSessions implements LeaseHost {
  readonly #broker: Broker
  readonly #log: Log

  constructor(broker: Broker, log: Log) {
    this.#broker = broker
    this.#log = log
  }

  whereabouts(lease: Lease): Whereabouts {
    const session = this.#sessionOf(lease)
    if (session === undefined) return 'nowhere'
    return session.connection === undefined ? 'away' : 'connected'
  }

  end(leases: readonly Lease[], why: string): void {
    const gone = new Set<RightsHolder | undefined>(leases.map(lease => this.#sessionOf(lease)?.principal))
    for (const { principal, clientId } of leases) {
      const who = `Client ${escapeText(clientId)} (u'${escapeText(principal.username ?? '')}')`
      this.#log.write('notice', `${who} has to go: ${escapeText(why)}.`)
    }
    this.#broker.reassess(concerning(holder => gone.has(holder)))
  }

  replace(lease: Lease, next: Principal): void {
    const connection = this.#sessionOf(lease)?.connection
    if (!(connection instanceof ClientConnection)) return
    const principal = succeed(next, connection.session.principal)
    connection.prove(principal)
    this.#broker.reassess(concerning(holder => holder === principal))
  }

  #sessionOf({ clientId, principal }: Lease) {
    const { registry } = this.#broker
    // `use_username_as_clientid` makes the name of a user the client id.
    const names = [clientId, principal.username ?? clientId]
    return names.map(name => registry.get(name)).find(session => session?.principal.evidence === principal.evidence)
  }
}

function concerning(concerns: RightsChange['concerns']): RightsChange {
  return { concerns, disconnects: () => false, ends: () => false }
}
