// The services outside that listeners ask about their users: made from the options and the files that they name, and told of
// the sessions that their word is about.

import type { ExternalService } from '../auth/external-service.ts'
import { type ExternalLimits, ExternalSource } from '../auth/external-source.ts'
import { createHttpHook } from '../auth/http-hook.ts'
import { Leases } from '../auth/leases.ts'
import { loadAuthorities, loadBearerSecret } from '../auth/service-files.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Broker } from '../broker/broker.ts'
import { ldapDirectory } from './ldap-directory.ts'
import { LeaseSessions } from './lease-sessions.ts'
import type { ListenerSettings } from './options.ts'

export class ExternalAuth {
  readonly #log: Log
  readonly #clock: Clock
  readonly #leases: Leases
  /** By their keys; `adopt` puts them to work. */
  #prepared = new Map<string, ExternalSource>()

  constructor(log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
    this.#leases = new Leases(clock)
  }

  /** Forgets what was prepared and not adopted. */
  begin(): void {
    this.#prepared = new Map()
  }

  /**
   * @param takesRoles whether the listener has dynamic security
   * @throws ServiceFileError
   */
  sources(listener: ListenerSettings, maxPending: number, takesRoles: boolean): readonly ExternalSource[] {
    const services = [httpHook(listener, this.#log), ldapDirectory(listener, this.#log)]
    const { port, path = '', address = '' } = listener
    const place = { log: this.#log, clock: this.#clock, leases: this.#leases, listener: `${port} ${path} ${address}` }
    return services.flatMap(made => {
      if (made === undefined) return []
      const { service, ...limits } = made
      const source = new ExternalSource(service, { ...limits, maxPending }, { ...place, takesRoles })
      this.#prepared.set(source.key, source)
      return [source]
    })
  }

  /** From now on those that were prepared are asked, about who is connected too. */
  adopt(): void {
    this.#leases.sources = this.#prepared
  }

  attach(broker: Broker): void {
    this.#leases.host = new LeaseSessions(broker, this.#log)
  }

  /** Called several times a second. */
  advance(now: number): void {
    this.#leases.advance(now)
  }
}

/** A service, and the limits that the options of a listener set it. */
export interface MadeService extends Omit<ExternalLimits, 'maxPending'> {
  readonly service: ExternalService
}

function httpHook(listener: ListenerSettings, log: Log): MadeService | undefined {
  const { auth_http_url: url, auth_http_cafile: cafile, auth_http_secret_file: secretFile } = listener
  if (url === undefined) return undefined
  const service = createHttpHook({
    url,
    ca: cafile === undefined ? undefined : loadAuthorities('auth_http_cafile', cafile),
    secret: secretFile === undefined ? undefined : bearerSecret(secretFile, log),
    timeoutMs: listener.auth_http_timeout * 1000,
    connections: listener.auth_http_connections,
  })
  return {
    service,
    maxUnderWay: listener.auth_http_connections,
    allowMs: listener.auth_http_cache_seconds * 1000,
    denyMs: listener.auth_http_deny_seconds * 1000,
  }
}

function bearerSecret(path: string, log: Log): string {
  const { secret, warnings } = loadBearerSecret('auth_http_secret_file', path)
  for (const line of warnings) log.write('warning', line)
  return secret
}
