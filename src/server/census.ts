// What nobody keeps a count of, because it would have to be kept for each message: looked at session by session and
// connection by connection, a bounded number per tick, so that a hundred thousand of them hold up nothing.

import type { ClientConnection } from '../broker/connection.ts'
import type { CensusFigures } from '../observe/metrics.ts'
import type { Session } from '../session/session.ts'

/** Sessions and connections that one tick looks at; half a millisecond. */
export const portion = 2000
/** A round begins this long after the one before began, if that has come to its end. */
const roundMs = 1000

/** Its names of the protocol versions, as CONNECT has them (§3.1.2.2). */
const versionNames = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const

/** What is counted: the broker has it. */
export interface Subject {
  readonly registry: { values(): Iterable<Session> }
  readonly connections: Iterable<ClientConnection>
}

export class Census {
  readonly #subject: Subject
  #round: Generator<undefined, CensusFigures> | undefined
  #nextRoundAt = 0
  #latest: CensusFigures = new Round()

  constructor(subject: Subject) {
    this.#subject = subject
  }

  /** Of the last round that came to its end; zeros before that. */
  get latest(): CensusFigures {
    return this.#latest
  }

  /** Looks at the next `portion`. */
  advance(now: number): void {
    if (this.#round === undefined) {
      if (now < this.#nextRoundAt) return
      this.#nextRoundAt = now + roundMs
      this.#round = countAll(this.#subject)
    }
    for (let left = portion; left > 0; left--) {
      const { done, value } = this.#round.next()
      if (!done) continue
      this.#latest = value
      this.#round = undefined
      return
    }
  }
}

/** Yields after each one. Who comes while it is under way is counted too, who goes may have been. */
function* countAll({ registry, connections }: Subject): Generator<undefined, CensusFigures> {
  const round = new Round()
  for (const session of registry.values()) {
    round.addSession(session)
    yield
  }
  for (const connection of connections) {
    round.addConnection(connection)
    yield
  }
  return round
}

class Round implements CensusFigures {
  readonly clientsConnected = new Map<string, number>(Object.values(versionNames).map(name => [name, 0]))
  publishersHeld = 0
  messagesWaiting = 0
  bytesWaiting = 0
  connectionsBehind = 0
  bytesBehind = 0

  addSession({ outbound }: Session): void {
    this.messagesWaiting += outbound.queuedMessages + outbound.inflightMessages
    this.bytesWaiting += outbound.waitingBytes
  }

  addConnection(connection: ClientConnection): void {
    if (connection.state === 'connected') {
      const version = versionNames[connection.protocolVersion]
      this.clientsConnected.set(version, (this.clientsConnected.get(version) ?? 0) + 1)
    }
    if (connection.isHeld) this.publishersHeld++
    const { queuedBytes } = connection.transport
    if (queuedBytes === 0) return
    this.connectionsBehind++
    this.bytesBehind += queuedBytes
  }
}
