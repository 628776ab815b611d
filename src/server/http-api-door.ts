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

/** Milliseconds after which to ask again where another request of the same address is judged. */
const besidesMs = 1000

const notAuthorised: Stranger = { status: 401 }
const busy: Stranger = { status: 503 }

export class ApiDoor {
  readonly #broker: Broker
  readonly #context: ListenerContext
  /** How many requests of an address are judged now; gone with the last. */
  readonly #judged = new Map<string, number>()

  constructor(broker: Broker, context: ListenerContext) {
    this.#broker = broker
    this.#context = context
  }

  /** @param credentials undefined for a request without */
  async judge(credentials: BasicCredentials | undefined, peer: Asker): Promise<Reader | Stranger> {
    const { bans, audit, isStopping } = this.#broker
    if (audit?.isRefusing === true || isStopping) return busy
    const banned = bans?.ruleFor(undefined, undefined, peer.address)
    if (banned !== undefined) return this.#refuse(credentials?.username, peer, banned)
    const delayMs = this.#delayMs(credentials, peer)
    if (delayMs > 0) return { status: 429, retryAfterSeconds: Math.ceil(delayMs / 1000) }
    const place = placeKey(peer)
    this.#judged.set(place, (this.#judged.get(place) ?? 0) + 1)
    try {
      const outcome = await this.#context.realm.authenticate(this.#identity(credentials, peer))
      return outcome.allowed
        ? this.#admit(outcome.principal, credentials, peer)
        : this.#deny(outcome, credentials, peer)
    } finally {
      this.#leave(place)
    }
  }

  /** Guesses from elsewhere at a user do not hold back whoever has not failed, as with MQTT. */
  #delayMs(credentials: BasicCredentials | undefined, peer: Asker): number {
    const { failures, clock } = this.#broker
    const place = placeKey(peer)
    if (!failures.hasFailed(place, clock.now())) return 0
    // Of an address that has failed one is judged after the other: guesses side by side gain nothing.
    const besides = this.#judged.has(place) ? besidesMs : 0
    return Math.max(besides, ...throttleKeys(credentials, peer).map(key => failures.delayMs(key, clock.now())))
  }

  #leave(place: string): void {
    const left = (this.#judged.get(place) ?? 0) - 1
    if (left > 0) this.#judged.set(place, left)
    else this.#judged.delete(place)
  }

  #identity(credentials: BasicCredentials | undefined, { address }: Asker): Identity {
    const { username, password } = credentials ?? {}
    return { clientId, username, password, certificate: undefined, address }
  }

  /** As at the last steps of a CONNECT: who is proven may be disabled, or have another client id. */
  #admit(principal: Principal, credentials: BasicCredentials | undefined, peer: Asker): Reader | Stranger {
    const { realm } = this.#context
    const banned = this.#broker.bans?.ruleFor(clientId, principal.username, peer.address)
    if (banned !== undefined) return this.#refuse(principal.username, peer, banned)
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

  #count(what: 'succeed' | 'fail', credentials: BasicCredentials | undefined, peer: Asker): void {
    const { failures, clock } = this.#broker
    for (const key of throttleKeys(credentials, peer)) failures[what](key, clock.now())
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

function placeKey({ address }: Asker): string {
  return `address:${addressKey(address) ?? 'unix socket'}`
}

function throttleKeys(credentials: BasicCredentials | undefined, peer: Asker): readonly string[] {
  const place = placeKey(peer)
  return credentials === undefined ? [place] : [place, `user:${credentials.username}`]
}
