// Who may ask a listener with `protocol http_api`: whoever its rules would let connect there as the client `http-api`, with
// the same bans, slow-downs and audit as for clients of MQTT.

import type { Identity } from '../auth/identity.ts'
import type { Principal } from '../auth/principal.ts'
import type { Denial } from '../auth/realm.ts'
import { addressKey } from '../base/address-key.ts'
import { escapeText } from '../base/escape.ts'
import type { Broker } from '../broker/broker.ts'
import type { ListenerContext } from '../broker/listener-context.ts'
import type { Asker, Reader, Stranger } from '../http/api.ts'
import type { BasicCredentials } from '../http/basic-credentials.ts'

/** As whom the rules see whoever asks; Mosquitto has the same. */
const clientId = 'http-api'

const notAuthorised: Stranger = { status: 401 }
const busy: Stranger = { status: 503 }

export class ApiDoor {
  readonly #broker: Broker
  readonly #context: ListenerContext

  constructor(broker: Broker, context: ListenerContext) {
    this.#broker = broker
    this.#context = context
  }

  /** @param credentials undefined for a request without */
  async judge(credentials: BasicCredentials | undefined, peer: Asker): Promise<Reader | Stranger> {
    const { address } = peer
    const { bans, audit, failures, clock } = this.#broker
    if (audit?.isRefusing === true || this.#broker.isStopping) return busy
    const username = credentials?.username
    const banned = bans?.ruleFor(clientId, username, address)
    if (banned !== undefined) return this.#refuse(username, peer, banned)
    const keys = throttleKeys(username, address)
    const delayMs = Math.max(...keys.map(key => failures.delayMs(key, clock.now())))
    if (delayMs > 0 && failures.hasFailed(keys[0] ?? '', clock.now())) {
      return { status: 429, retryAfterSeconds: Math.ceil(delayMs / 1000) }
    }
    const outcome = await this.#context.realm.authenticate(this.#identity(credentials, address))
    return outcome.allowed ? this.#admit(outcome.principal, credentials, peer) : this.#deny(outcome, credentials, peer)
  }

  #identity(credentials: BasicCredentials | undefined, address: string): Identity {
    const { username, password } = credentials ?? {}
    return { clientId, username, password, certificate: undefined, address }
  }

  /** As at the last steps of a CONNECT: who is proven may be disabled, or have another client id. */
  #admit(principal: Principal, credentials: BasicCredentials | undefined, peer: Asker): Reader | Stranger {
    const { realm } = this.#context
    const isAnonymous = principal.method === 'anonymous'
    const isAdmitted = realm.stillAdmits(principal, clientId) && realm.admitsClientId(clientId)
    if (!isAdmitted || (principal.msLeft ?? 1) <= 0) {
      return this.#refuse(principal.username, peer, 'the user is disabled, not known, or has another client id')
    }
    if (!isAnonymous) this.#count('succeed', credentials, peer)
    const access = realm.access(principal, clientId)
    return { isAnonymous, mayRead: path => access.receive(path) }
  }

  #deny(denial: Denial, credentials: BasicCredentials | undefined, peer: Asker): Stranger {
    if (denial.reason === 'busy') return busy
    // A browser asks without a password first; that is no guess, and nothing to tell of.
    if (credentials === undefined) return notAuthorised
    this.#count('fail', credentials, peer)
    return this.#refuse(credentials.username, peer, denial.rule)
  }

  #count(what: 'succeed' | 'fail', credentials: BasicCredentials | undefined, { address }: Asker): void {
    const { failures, clock } = this.#broker
    for (const key of throttleKeys(credentials?.username, address)) failures[what](key, clock.now())
  }

  #refuse(username: string | undefined, { address, port }: Asker, rule: string): Stranger {
    const { audit, log } = this.#broker
    const who = username === undefined ? '' : ` as '${escapeText(username)}'`
    log.write('notice', `Refused a request of the http_api from ${address}:${port}${who}: ${escapeText(rule)}.`)
    audit?.note({
      kind: 'refusal',
      outcome: 'refused',
      who: { username, clientid: clientId, proven: false },
      from: { address, port, listener: this.#context.name },
      what: { rule, protocol: 'http_api' },
    })
    return notAuthorised
  }
}

/** The address first. */
function throttleKeys(username: string | undefined, address: string): readonly string[] {
  const place = `address:${addressKey(address) ?? 'unix socket'}`
  return username === undefined ? [place] : [place, `user:${username}`]
}
