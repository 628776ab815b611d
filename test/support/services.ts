// Services outside for tests, that answer what the test says, and sessions that are where the test puts them.

import type { ExternalAnswer, ExternalQuestion, ExternalService } from '../../src/auth/external-service.ts'
import { type ExternalLimits, ExternalSource } from '../../src/auth/external-source.ts'
import { type Lease, type LeaseHost, Leases, type Whereabouts } from '../../src/auth/leases.ts'
import type { Principal } from '../../src/auth/principal.ts'
import type { Clock } from '../../src/base/clock.ts'
import { type Log, silentLog } from '../../src/base/log.ts'

export const allowed: ExternalAnswer = {
  kind: 'allow',
  rights: { roles: [], groups: [], topics: undefined },
  lifetimeMs: undefined,
}
export const denied = { kind: 'deny', rule: 'the service says no' } as const satisfies ExternalAnswer
export const deferred = { kind: 'defer', rule: 'the service does not know the user' } as const satisfies ExternalAnswer

/** Allowed with these roles. */
export function withRoles(...roles: readonly string[]): ExternalAnswer {
  return { kind: 'allow', rights: { roles, groups: [], topics: undefined }, lifetimeMs: undefined }
}

/** Answers with `answer`, at once or when the promise in it is fulfilled; keeps what it was asked. */
export class TestService implements ExternalService {
  readonly name = 'http'
  readonly fingerprint: string
  renews = true
  readonly questions: ExternalQuestion[] = []
  answer: ExternalAnswer | Promise<ExternalAnswer> | Error

  constructor(answer: TestService['answer'], fingerprint = 'f') {
    this.answer = answer
    this.fingerprint = fingerprint
  }

  async ask(question: ExternalQuestion): Promise<ExternalAnswer> {
    this.questions.push(question)
    const { answer } = this
    if (answer instanceof Error) throw answer
    return answer
  }
}

export interface SourceParts {
  readonly clock: Clock
  readonly leases?: Leases
  readonly log?: Log
  readonly takesRoles?: boolean
  readonly limits?: Partial<ExternalLimits>
}

export function externalSource(service: ExternalService, parts: SourceParts): ExternalSource {
  const { clock, leases = new Leases(clock), log = silentLog, takesRoles = true, limits } = parts
  const defaults: ExternalLimits = { maxUnderWay: 2, maxPending: 8, allowMs: 60_000, denyMs: 10_000 }
  return new ExternalSource(service, { ...defaults, ...limits }, { log, clock, leases, listener: 'l', takesRoles })
}

export class TestSessions implements LeaseHost {
  place: Whereabouts = 'connected'
  readonly ended: (readonly [clientId: string, why: string])[] = []
  readonly replaced: Principal[] = []
  /** How often it was asked where somebody is. */
  looks = 0

  whereabouts(): Whereabouts {
    this.looks += 1
    return this.place
  }

  end(leases: readonly Lease[], why: string): void {
    for (const { clientId } of leases) this.ended.push([clientId, why])
  }

  replace(_lease: Lease, next: Principal): void {
    this.replaced.push(next)
  }
}

/** Until everything has been done that waits for nothing from outside. */
export function settled(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}
