// Clients whose proof has an end of its own, a token's `exp`: the connection does not outlive it.

import { Timer } from '../base/timer-wheel.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { ClientConnection } from './connection.ts'

/** The wall clock may be set: it is looked at once an hour, at least. */
const longestWaitMs = 60 * 60 * 1000

/** @returns undefined where there is nothing to watch */
export function watchProof(connection: ClientConnection): ProofWatch | undefined {
  return connection.session.principal.msLeft === undefined ? undefined : new ProofWatch(connection)
}

/**
 * Ends the connection (0xA0) when the time of its token is over; its will is published, since nobody has said goodbye. Who
 * proves itself anew before that (§4.12.1) gets another watch.
 */
export class ProofWatch {
  readonly #connection: ClientConnection
  readonly #timer = new Timer(now => this.#look(now))

  constructor(connection: ClientConnection) {
    this.#connection = connection
    this.#wait(connection.broker.clock.now())
  }

  end(): void {
    this.#connection.broker.wheel.clear(this.#timer)
  }

  #look(now: number): void {
    if (this.#msLeft > 0) {
      this.#wait(now)
      return
    }
    const { broker, label, address } = this.#connection
    broker.log.write('notice', `Client ${label} [${address}] has to go: token has expired.`)
    this.#connection.expel(ReasonCode.maximumConnectTime, 'token has expired')
  }

  #wait(now: number): void {
    const { broker } = this.#connection
    broker.wheel.set(this.#timer, now + Math.min(Math.max(this.#msLeft, 0), longestWaitMs))
  }

  get #msLeft(): number {
    return this.#connection.session.principal.msLeft ?? longestWaitMs
  }
}
