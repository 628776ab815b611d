// Limits of one user, and of whoever has a role: `client_limit` and `role_limit`. Each goes before what the listener or the broker
// has for everybody, whether it is more or less.

import type { Principal } from '../auth/principal.ts'
import { escapeText } from '../base/escape.ts'
import { nearestName } from '../config/nearest-name.ts'
import { OptionValueError, parseInteger, type Value } from '../config/value.ts'
import type { OutboundLimits } from '../session/outbound.ts'
import type { SessionAccess } from '../session/session.ts'
import type { Rates } from './pace.ts'

/** What can be limited so, as the option for everybody is called, with the least that a line may say; 0 is no limit. */
const leasts = {
  max_inflight_bytes: 0,
  max_inflight_messages: 0,
  max_packet_size: 20,
  max_publish_byte_rate: 0,
  max_publish_rate: 0,
  max_queued_bytes: 0,
  max_queued_messages: 0,
  max_sessions_per_user: 0,
  max_subscribe_rate: 0,
  max_subscription_levels_per_client: 1,
  max_subscriptions_per_client: 1,
} as const

type PersonalLimit = keyof typeof leasts

/** One line. */
export interface LimitLine {
  /** The user, or the role. */
  readonly holder: string
  readonly limit: PersonalLimit
  readonly value: number
}

type Overrides = Readonly<Partial<Record<PersonalLimit, number>>>

/** The limits of a session, by their names in mosquitto.conf. */
export interface SessionLimits extends OutboundLimits {
  readonly max_packet_size: number
  readonly max_sessions_per_user: number
  readonly max_subscription_levels_per_client: number
  readonly max_subscriptions_per_client: number
}

/** What the Receive Maximum can tell (§3.2.2.3.3), less the value that stands for no limit elsewhere. */
const mostInflight = 65_534

/** One limit a line, for one holder: `<name> <limit> <value>`; a name may have blanks in it. */
export function limitLines(holder: string): Value<readonly LimitLine[]> {
  return {
    syntax: `<${holder}> <limit> <integer>`,
    parse(text, name, previous = []) {
      const [, whose, limit, count] = /^ *(.*\S) +(\S+) +(\S+) *$/.exec(text) ?? []
      if (whose === undefined || limit === undefined || count === undefined) {
        throw new OptionValueError(`Error: '${name}' has to be '<${holder}> <limit> <integer>'.`)
      }
      const line = { holder: whose, limit: parseLimit(limit, name), value: parseInteger(count, name) }
      checkRange(line, name)
      if (previous.some(other => other.holder === line.holder && other.limit === line.limit)) {
        throw new OptionValueError(`Error: Duplicate '${name}' of ${limit} for '${escapeText(whose)}'.`)
      }
      return [...previous, line]
    },
  }
}

function parseLimit(limit: string, name: string): PersonalLimit {
  if (Object.hasOwn(leasts, limit)) return limit as PersonalLimit
  const known = Object.keys(leasts)
  const nearest = nearestName(limit, known)
  const advice = nearest === undefined ? `It is one of ${known.join(', ')}.` : `Did you mean '${nearest}'?`
  throw new OptionValueError(`Error: '${name}' knows no limit '${escapeText(limit)}'. ${advice}`)
}

function checkRange({ limit, value }: LimitLine, name: string): void {
  const least = leasts[limit]
  const most = limit === 'max_inflight_messages' ? mostInflight : 0x7fff_ffff
  if (value >= least && value <= most) return
  throw new OptionValueError(`Error: '${name}' of ${limit} must be between ${least} and ${most}.`)
}

/** The lines of a configuration, ready to be asked. */
export class PersonalLimits {
  readonly #ofClients: ReadonlyMap<string, Overrides>
  readonly #ofRoles: ReadonlyMap<string, Overrides>

  constructor(clients: readonly LimitLine[], roles: readonly LimitLine[]) {
    this.#ofClients = byHolder(clients)
    this.#ofRoles = byHolder(roles)
  }

  /**
   * @param access whose roles are looked at in their order: of several that name a limit the first counts
   * @returns the same settings where no line is about the client
   */
  session(settings: SessionLimits, principal: Principal, access: Pick<SessionAccess, 'roles'>): SessionLimits {
    const own = this.#of(principal, access)
    if (own === undefined) return settings
    return {
      max_inflight_bytes: settings.max_inflight_bytes,
      max_inflight_messages: settings.max_inflight_messages,
      max_queued_bytes: settings.max_queued_bytes,
      max_queued_messages: settings.max_queued_messages,
      max_sessions_per_user: settings.max_sessions_per_user,
      max_subscription_levels_per_client: settings.max_subscription_levels_per_client,
      max_subscriptions_per_client: settings.max_subscriptions_per_client,
      queue_qos0_messages: settings.queue_qos0_messages,
      ...own,
      // The transport holds no more for anybody.
      max_packet_size: Math.min(settings.max_packet_size, own.max_packet_size ?? settings.max_packet_size),
    }
  }

  /** As `session`, of how quick the client may be. */
  rates(settings: Rates, principal: Principal, access: Pick<SessionAccess, 'roles'>): Rates {
    const own = this.#of(principal, access)
    if (own === undefined) return settings
    const { max_publish_rate, max_publish_byte_rate, max_subscribe_rate } = settings
    return { max_publish_rate, max_publish_byte_rate, max_subscribe_rate, ...own }
  }

  #of({ method, username }: Principal, access: Pick<SessionAccess, 'roles'>): Overrides | undefined {
    // A name that nobody has proven could be that of somebody with more.
    const isNamed = username !== undefined && method !== 'anonymous'
    let overrides = isNamed ? this.#ofClients.get(username) : undefined
    if (this.#ofRoles.size === 0) return overrides
    for (const role of access.roles) {
      const ofRole = this.#ofRoles.get(role)
      if (ofRole !== undefined) overrides = overrides === undefined ? ofRole : { ...ofRole, ...overrides }
    }
    return overrides
  }
}

function byHolder(lines: readonly LimitLine[]): ReadonlyMap<string, Overrides> {
  const holders = new Map<string, Overrides>()
  for (const { holder, limit, value } of lines) holders.set(holder, { ...holders.get(holder), [limit]: value })
  return holders
}
