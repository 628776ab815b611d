// A service outside as a source of the chain: asked about whom nobody before it knew, its answers remembered for a while, and
// asked again about whoever is connected. It fails closed: where there is no answer, nobody is let in.

import type { Clock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { AnswerCache, type TimedAnswer } from './answer-cache.ts'
import { type AuthSource, defer, type SourceVerdict } from './auth-chain.ts'
import { isOf, isProvenBy, proveExternal } from './external-proof.ts'
import type { ExternalAnswer, ExternalQuestion, ExternalRights, ExternalService } from './external-service.ts'
import { FairGate, type FairGateLimits } from './fair-gate.ts'
import type { Identity, Waiting } from './identity.ts'
import { freshPart, type LeaseSource, type Leases } from './leases.ts'
import type { Principal } from './principal.ts'
import { deny } from './realm.ts'

export interface ExternalLimits extends FairGateLimits {
  /** How long it counts that somebody is let in; the service may say less. */
  readonly allowMs: number
  /** How long it counts that somebody is not, or is not known. */
  readonly denyMs: number
}

export interface ExternalDeps {
  readonly log: Log
  readonly clock: Clock
  /** Those of the whole process. */
  readonly leases: Leases
  /** Of the listener: the same before and after a reload. */
  readonly listener: string
  /** Whether there is dynamic security, whose roles and groups an answer may name. */
  readonly takesRoles: boolean
}

/** Least time between two lines about a service that does not answer. */
const quietMs = 10_000

export class ExternalSource implements AuthSource, LeaseSource {
  readonly name: ExternalService['name']
  readonly key: string
  readonly #service: ExternalService
  readonly #limits: ExternalLimits
  readonly #deps: ExternalDeps
  readonly #cache: AnswerCache
  readonly #gate: FairGate
  /** How many were turned away who had been let in. */
  #turnedAway = 0
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(service: ExternalService, limits: ExternalLimits, deps: ExternalDeps) {
    this.name = service.name
    this.key = `${service.name} ${service.fingerprint} ${deps.listener}`
    this.#service = service
    this.#limits = limits
    this.#deps = deps
    this.#cache = new AnswerCache(deps.clock)
    this.#gate = new FairGate(limits)
  }

  judge(username: string, identity: Identity): SourceVerdict | Promise<SourceVerdict> {
    if (username === '') return defer('no user name')
    const { clientId, address, certificate, waiting } = identity
    const password = textOf(identity.password)
    if (password === null) return deny('not-authorized', 'a password that is not UTF-8')
    const question: ExternalQuestion = { action: 'connect', username, clientId, password, address, certificate }
    const known = this.#cache.get(question)
    return known === undefined ? this.#ask(question, waiting) : this.#conclude(question, known)
  }

  /** Whether it let the principal in, and nothing has been said against it since. */
  holds(principal: Principal): boolean {
    if (!isProvenBy(this.#service, principal)) return false
    return !this.#service.renews || this.#deps.leases.holds(principal)
  }

  /** Whether its like has let the principal in, so that the password of no other source can be meant. */
  concerns(principal: Principal): boolean {
    return isOf(this.name, principal)
  }

  prove(username: string, rights: ExternalRights): Principal {
    return proveExternal(username, this.#service, this.#deps.leases.newProofId(), rights)
  }

  async renew(question: ExternalQuestion): Promise<TimedAnswer> {
    try {
      const timed = await this.#gate.runOwn(() => this.#timed(question))
      if (timed.answer.kind !== 'allow') this.#outdate(question.username)
      return timed
    } catch (error) {
      this.#complain(error)
      throw error
    }
  }

  async #ask(question: ExternalQuestion, waiting: Waiting | undefined): Promise<SourceVerdict> {
    try {
      let turnedAway = 0
      const timed = await this.#gate.run(question.address, waiting, () => {
        turnedAway = this.#turnedAway
        return this.#timed(question)
      })
      if (timed === 'busy') return deny('busy', 'too many questions wait')
      // What was asked before somebody was turned away may be what does not count any more.
      if (turnedAway === this.#turnedAway) this.#cache.set(question, timed)
      return this.#conclude(question, timed)
    } catch (error) {
      this.#complain(error)
      return deny('busy', 'there is no usable answer')
    }
  }

  /** What was said of the user at CONNECT does not count any more, whatever it was. */
  #outdate(username: string): void {
    this.#turnedAway++
    this.#cache.forget(username)
  }

  /** An answer counts from when it was asked for: what changed meanwhile may not be in it. */
  async #timed(question: ExternalQuestion): Promise<TimedAnswer> {
    const asked = this.#deps.clock.now()
    const answer = this.#checked(await this.#service.ask(question))
    const { allowMs, denyMs } = this.#limits
    if (answer.kind !== 'allow') return { answer, freshUntil: asked + denyMs, until: asked + denyMs }
    const lifeMs = Math.min(allowMs, answer.lifetimeMs ?? allowMs)
    return { answer, freshUntil: asked + lifeMs * freshPart, until: asked + lifeMs }
  }

  /** Roles that nobody here knows must not leave a user with more than what they would have given. */
  #checked(answer: ExternalAnswer): ExternalAnswer {
    if (answer.kind !== 'allow' || this.#deps.takesRoles) return answer
    const { roles, groups } = answer.rights
    if (roles.length + groups.length === 0) return answer
    throw new Error('the answer names roles, and the listener has no dynamic security')
  }

  #conclude(question: ExternalQuestion, { answer, until }: TimedAnswer): SourceVerdict {
    if (answer.kind === 'defer') return defer(answer.rule)
    if (answer.kind === 'deny') return deny('not-authorized', answer.rule)
    const principal = this.prove(question.username, answer.rights)
    if (this.#service.renews) this.#deps.leases.add(this, principal, question, until)
    return { allowed: true, principal }
  }

  #complain(error: unknown): void {
    const { clock, log } = this.#deps
    const now = clock.now()
    if (now < this.#toldAt + quietMs) return
    this.#toldAt = now
    const why = escapeText(error instanceof Error ? error.message : String(error))
    log.write('warning', `Warning: No answer from ${this.name} that can be used, so nobody is let in by it: ${why}.`)
  }
}

/** @returns null for what is not UTF-8 */
function textOf(password: Uint8Array | undefined): string | undefined | null {
  if (password === undefined) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(password)
  } catch {
    return null
  }
}
