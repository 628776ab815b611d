import assert from 'node:assert/strict'
import test from 'node:test'
import { type FakeClock, fakeClock } from '../../test/support/fake-clock.ts'
import { identity } from '../../test/support/realms.ts'
import {
  allowed,
  deferred,
  denied,
  externalSource,
  settled,
  TestService,
  TestSessions,
  withRoles,
} from '../../test/support/services.ts'
import type { ExternalAnswer } from './external-service.ts'
import type { ExternalSource } from './external-source.ts'
import { Leases } from './leases.ts'
import type { Principal } from './principal.ts'

interface Held {
  readonly clock: FakeClock
  readonly leases: Leases
  readonly service: TestService
  readonly sessions: TestSessions
  readonly source: ExternalSource
  readonly principal: Principal
  /** Lets time pass, and everything be done that is due. */
  pass(ms: number): Promise<void>
}

/** Somebody who was let in for a minute. */
async function held(): Promise<Held> {
  const clock = fakeClock()
  const leases = new Leases(clock)
  const service = new TestService(allowed)
  const sessions = new TestSessions()
  leases.host = sessions
  const source = externalSource(service, { clock, leases })
  const verdict = await source.judge('alice', identity('alice', 'secret'))
  assert.ok(verdict.allowed)
  const pass = async (ms: number) => {
    clock.advance(ms)
    leases.advance(clock.now())
    await settled()
  }
  return { clock, leases, service, sessions, source, principal: verdict.principal, pass }
}

test('features K6: who is connected is asked about again before the answer ends, without the password', async () => {
  const { service, sessions, source, principal, pass } = await held()
  await pass(47_900)
  assert.equal(service.questions.length, 1)
  await pass(200)
  assert.equal(service.questions.length, 2)
  const [first, again] = service.questions
  assert.deepEqual([first?.action, first?.password], ['connect', 'secret'])
  assert.deepEqual(again, { ...first, action: 'renew', password: undefined })
  // For another minute, from then on.
  await pass(40_000)
  assert.equal(service.questions.length, 2)
  await pass(10_000)
  assert.equal(service.questions.length, 3)
  assert.deepEqual(sessions.ended, [])
  assert.equal(source.holds(principal), true)
})

test('features K6: who stays for an hour is not looked at more often from renewal to renewal', async () => {
  const { service, sessions, pass } = await held()
  const hour = async () => {
    const before = sessions.looks
    for (let seconds = 0; seconds < 3600; seconds++) await pass(1000)
    return sessions.looks - before
  }
  const first = await hour()
  const second = await hour()
  assert.ok(service.questions.length > 140, `${service.questions.length} questions`)
  assert.ok(Math.abs(second - first) <= 2, `${first} looks, then ${second}`)
})

for (const answer of [denied, deferred] as const) {
  test(`features K6: hook says ${answer.kind}: the session ends at once, and what was remembered of the user is forgotten`, async () => {
    const { service, sessions, source, principal, pass } = await held()
    service.answer = answer
    await pass(48_200)
    assert.deepEqual(sessions.ended, [['c', answer.rule]])
    assert.equal(source.holds(principal), false)
    const again = await source.judge('alice', identity('alice', 'secret'))
    assert.notEqual(again.allowed, true)
    await pass(60_000)
    assert.equal(sessions.ended.length, 1)
  })
}

test('features K6: no answer: asked again until the time is over, then the session ends', async () => {
  const { service, sessions, source, principal, pass } = await held()
  service.answer = new Error('gone')
  for (let seconds = 0; seconds < 59; seconds++) await pass(1000)
  assert.ok(service.questions.length > 2, `${service.questions.length} questions`)
  assert.deepEqual(sessions.ended, [])
  assert.equal(source.holds(principal), true)
  await pass(1200)
  assert.deepEqual(sessions.ended, [['c', 'it could not be asked again in time']])
  assert.equal(source.holds(principal), false)
})

test('features K6: no answer for a while, then one: the session goes on', async () => {
  const { service, sessions, pass } = await held()
  service.answer = new Error('gone')
  await pass(48_200)
  service.answer = allowed
  for (let seconds = 0; seconds < 20; seconds++) await pass(1000)
  assert.deepEqual(sessions.ended, [])
})

test('features K6: an answer that comes after the time was over changes nothing', async () => {
  const { service, sessions, source, principal, pass } = await held()
  const answer = Promise.withResolvers<ExternalAnswer>()
  service.answer = answer.promise
  await pass(48_200)
  await pass(12_000)
  assert.equal(sessions.ended.length, 1)
  answer.resolve(allowed)
  await settled()
  assert.equal(source.holds(principal), false)
})

test('features K6: other rights: the client goes on with them, and its lease with it', async () => {
  const { service, sessions, source, principal, pass } = await held()
  service.answer = withRoles('r')
  await pass(48_200)
  const [next] = sessions.replaced
  assert.ok(next)
  assert.deepEqual([next.username, next.roles], ['alice', ['r']])
  assert.deepEqual([source.holds(principal), source.holds(next)], [false, true])
  service.answer = denied
  await pass(48_200)
  assert.deepEqual(sessions.ended, [['c', denied.rule]])
  assert.equal(source.holds(next), false)
})

test('features K6: nobody is asked about who is away, and his proof ends with the answer', async () => {
  const { service, sessions, source, principal, leases, pass } = await held()
  sessions.place = 'away'
  await pass(59_000)
  assert.equal(source.holds(principal), true)
  await pass(2000)
  assert.equal(service.questions.length, 1)
  assert.deepEqual(sessions.ended, [])
  assert.equal(source.holds(principal), false)
  assert.equal(leases.size, 0)
})

test('features K6: a proof from before a restart is good until its client comes back', async () => {
  const { source, clock } = await held()
  const before = externalSource(new TestService(allowed), { clock })
  const verdict = await before.judge('alice', identity('alice', 'secret'))
  assert.ok(verdict.allowed)
  assert.equal(source.holds(verdict.principal), true)
})

test('features K6: who comes shortly before an answer ends is asked about: there has to be time for the next one', async () => {
  const { clock, service, source, sessions, pass } = await held()
  sessions.place = 'away'
  clock.advance(59_000)
  const verdict = await source.judge('alice', identity('alice', 'secret'))
  assert.equal(verdict.allowed, true)
  assert.equal(service.questions.length, 2)
  // The proof that was there first is over.
  await pass(2000)
  sessions.place = 'connected'
  await pass(40_000)
  assert.deepEqual(sessions.ended, [])
})

test('features K6: a CONNECT that is not done within a minute becomes no session, and nothing is kept of it', async () => {
  const { sessions, source, principal, leases, pass } = await held()
  sessions.place = 'nowhere'
  await pass(59_000)
  assert.equal(source.holds(principal), true)
  await pass(2000)
  assert.deepEqual(sessions.ended, [])
  assert.equal(source.holds(principal), false)
  assert.equal(leases.size, 0)
})

test('features K6: after a reload the new source is asked', async () => {
  const { clock, leases, service, sessions, pass } = await held()
  const next = new TestService(denied)
  const source = externalSource(next, { clock, leases })
  leases.sources = new Map([[source.key, source]])
  await pass(48_200)
  assert.deepEqual([service.questions.length, next.questions.length], [1, 1])
  assert.equal(sessions.ended.length, 1)
})
