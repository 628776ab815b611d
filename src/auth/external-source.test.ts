import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { identity } from '../../test/support/realms.ts'
import {
  allowed,
  deferred,
  denied,
  externalSource,
  settled,
  TestService,
  withRoles,
} from '../../test/support/services.ts'
import type { LogType } from '../base/log.ts'
import type { SourceVerdict } from './auth-chain.ts'
import type { ExternalAnswer, ExternalQuestion, ExternalService } from './external-service.ts'
import type { Identity } from './identity.ts'

const alice = identity('alice', 'secret')

function told(verdict: SourceVerdict): string {
  if (verdict.allowed === undefined) return `deferred: ${verdict.rule}`
  return verdict.allowed ? `allowed: ${verdict.principal.username}` : `${verdict.reason}: ${verdict.rule}`
}

function renewalOf(clientId: string): ExternalQuestion {
  const place = { address: '192.0.2.1', certificate: undefined }
  return { action: 'renew', username: 'alice', clientId, password: undefined, ...place }
}

const cases: readonly (readonly [what: string, answer: TestService['answer'], who: Identity, outcome: string])[] = [
  ['the service allows', allowed, alice, 'allowed: alice'],
  ['the service denies', denied, alice, 'not-authorized: the service says no'],
  ['the service does not know the user', deferred, alice, 'deferred: the service does not know the user'],
  ['the service cannot be asked: nobody is let in', new Error('gone'), alice, 'busy: there is no usable answer'],
  [
    'a password that is not text',
    allowed,
    { ...alice, password: Uint8Array.of(0xff) },
    'not-authorized: a password that is not UTF-8',
  ],
  ['no password: that is for the service to judge', allowed, identity('alice'), 'allowed: alice'],
]

for (const [what, answer, who, outcome] of cases) {
  test(`features K6: ${what}: ${outcome}`, async () => {
    const source = externalSource(new TestService(answer), { clock: fakeClock() })
    assert.equal(told(await source.judge(who.username ?? '', who)), outcome)
  })
}

test('features K6: a client without a name is not asked about', async () => {
  const service = new TestService(allowed)
  const verdict = await externalSource(service, { clock: fakeClock() }).judge('', identity(''))
  assert.equal(told(verdict), 'deferred: no user name')
  assert.equal(service.questions.length, 0)
})

const remembered: readonly (readonly [answer: ExternalAnswer, lifeMs: number])[] = [
  [allowed, 48_000],
  [denied, 10_000],
  [deferred, 10_000],
  [{ kind: 'allow', rights: { roles: [], groups: [], topics: undefined }, lifetimeMs: 5000 }, 4000],
]

for (const [answer, lifeMs] of remembered) {
  test(`features K6: cache: "${answer.kind}" is remembered for ${lifeMs} ms, for the same question only`, async () => {
    const clock = fakeClock()
    const service = new TestService(answer)
    const source = externalSource(service, { clock })
    const ask = async (who: Identity) => {
      await source.judge('alice', who)
      return service.questions.length
    }
    assert.equal(await ask(alice), 1)
    clock.advance(lifeMs - 1)
    assert.equal(await ask(alice), 1)
    clock.advance(1)
    assert.equal(await ask(alice), 2)
    assert.equal(await ask({ ...alice, password: Buffer.from('another') }), 3)
    assert.equal(await ask({ ...alice, clientId: 'another' }), 4)
    assert.equal(await ask({ ...alice, address: '192.0.2.7' }), 5)
    assert.equal(await ask(alice), 5)
  })
}

test('features K6: cache: that there was no answer is not remembered', async () => {
  const service = new TestService(new Error('gone'))
  const source = externalSource(service, { clock: fakeClock() })
  assert.equal(told(await source.judge('alice', alice)), 'busy: there is no usable answer')
  service.answer = allowed
  assert.equal(told(await source.judge('alice', alice)), 'allowed: alice')
})

test('features K6: an answer counts from when it was asked for', async () => {
  const clock = fakeClock()
  const answer = Promise.withResolvers<ExternalAnswer>()
  const service = new TestService(answer.promise)
  const source = externalSource(service, { clock })
  const first = source.judge('alice', alice)
  await settled()
  clock.advance(60_000)
  answer.resolve(allowed)
  assert.equal(told(await first), 'allowed: alice')
  await source.judge('alice', alice)
  assert.equal(service.questions.length, 2)
})

test('features K6: roles of an answer are those of the principal; without dynamic security they let nobody in', async () => {
  const clock = fakeClock()
  const service = new TestService(withRoles('r1', 'r2'))
  const verdict = await externalSource(service, { clock }).judge('alice', alice)
  assert.ok(verdict.allowed)
  assert.deepEqual(verdict.principal.roles, ['r1', 'r2'])
  const without = await externalSource(service, { clock, takesRoles: false }).judge('alice', alice)
  assert.equal(told(without), 'busy: there is no usable answer')
})

test('features K6: too many questions: nobody waits for ever, one address takes a quarter, and who has left asks nothing', async () => {
  const answer = Promise.withResolvers<ExternalAnswer>()
  const service = new TestService(answer.promise)
  const source = externalSource(service, { clock: fakeClock(), limits: { maxUnderWay: 1, maxPending: 8 } })
  const from = (address: string, clientId: string): Identity => ({ ...alice, address, clientId })
  const first = source.judge('alice', from('192.0.2.1', 'a'))
  let forget = () => {}
  const gone = source.judge('alice', {
    ...from('192.0.2.1', 'b'),
    waiting: {
      whenGone(given) {
        forget = given
      },
    },
  })
  assert.equal(told(await source.judge('alice', from('192.0.2.1', 'c'))), 'busy: too many questions wait')
  const others = [1, 2, 3, 4, 5, 6].map(n => source.judge('alice', from(`198.51.100.${n}`, 'd')))
  assert.equal(told(await source.judge('alice', from('203.0.113.1', 'e'))), 'busy: too many questions wait')
  forget()
  assert.equal(told(await gone), 'busy: too many questions wait')
  answer.resolve(allowed)
  for (const verdict of await Promise.all([first, ...others])) assert.equal(told(verdict), 'allowed: alice')
  assert.equal(service.questions.length, 7)
})

test('features K6: however many strangers wait, whoever is connected is asked about again in every second turn', async () => {
  const asked: [string, PromiseWithResolvers<ExternalAnswer>][] = []
  const service: ExternalService = {
    name: 'http',
    fingerprint: 'f',
    renews: true,
    ask({ action, clientId }) {
      const answer = Promise.withResolvers<ExternalAnswer>()
      asked.push([`${action} ${clientId}`, answer])
      return answer.promise
    },
  }
  const source = externalSource(service, { clock: fakeClock(), limits: { maxUnderWay: 1, maxPending: 4 } })
  const from = (n: number): Identity => ({ ...alice, address: `198.51.100.${n}`, clientId: `s${n}` })
  const strangers = [1, 2, 3, 4].map(n => source.judge('alice', from(n)))
  assert.equal(told(await source.judge('alice', from(5))), 'busy: too many questions wait')
  const renewals = ['a', 'b', 'c'].map(clientId => source.renew(renewalOf(clientId)))
  for (let n = 0; n < strangers.length + renewals.length; n++) {
    await settled()
    assert.equal(asked.length, n + 1)
    asked[n]?.[1].resolve(allowed)
  }
  for (const renewal of renewals) assert.equal((await renewal).answer, allowed)
  const turns = asked.map(([who]) => who)
  assert.deepEqual(turns, ['connect s1', 'renew a', 'connect s2', 'renew b', 'connect s3', 'renew c', 'connect s4'])
})

test('features K6: cache: an answer that was asked for before the user was turned away is not remembered', async () => {
  const service = new TestService(allowed)
  const source = externalSource(service, { clock: fakeClock() })
  const late = Promise.withResolvers<ExternalAnswer>()
  service.answer = late.promise
  const before = source.judge('alice', alice)
  await settled()
  service.answer = denied
  assert.equal((await source.renew(renewalOf('a'))).answer, denied)
  late.resolve(allowed)
  assert.equal(told(await before), 'allowed: alice')
  assert.equal(told(await source.judge('alice', alice)), 'not-authorized: the service says no')
})

test('features K6: a service that does not answer is told of, not at every client, and without what was asked', async () => {
  const clock = fakeClock()
  const lines: [LogType, string][] = []
  const log = { enabled: () => true, write: (type: LogType, line: string) => void lines.push([type, line]) }
  const source = externalSource(new TestService(new Error('connect\nrefused')), { clock, log })
  await source.judge('alice', alice)
  await source.judge('alice', alice)
  assert.deepEqual(lines, [
    ['warning', 'Warning: No answer from http that can be used, so nobody is let in by it: connect\\x0arefused.'],
  ])
  clock.advance(10_000)
  await source.judge('alice', alice)
  assert.equal(lines.length, 2)
})

test('features K6: a proof is held by the service that made it, and by no other', async () => {
  const clock = fakeClock()
  const source = externalSource(new TestService(allowed), { clock })
  const verdict = await source.judge('alice', alice)
  assert.ok(verdict.allowed)
  assert.equal(source.holds(verdict.principal), true)
  const moved = externalSource(new TestService(allowed, 'another URL'), { clock })
  assert.deepEqual([moved.concerns(verdict.principal), moved.holds(verdict.principal)], [true, false])
})
