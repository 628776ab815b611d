import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReadinessCheck } from '../observe/readiness.ts'
import { monitorRoutes } from './routes.ts'

/** What a path is answered when the loop was so late, and these checks are asked. */
function ask(path: string, { lagMs = 0, checks = [] as readonly ReadinessCheck[] } = {}) {
  const routes = monitorRoutes({
    longestLagMs: () => lagMs,
    mostLagMs: () => 5000,
    checks,
    metrics: () => assert.fail('nobody asks for metrics'),
  })
  const answer = routes.get(path)?.()
  assert.ok(answer, `${path} is answered`)
  return answer
}

function check(name: string, reason: string | undefined): ReadinessCheck {
  return { name, unreadyBecause: () => reason }
}

test('health: a loop that is as late as `health_max_lag` allows is healthy', () => {
  const { status, body } = ask('/healthz', { lagMs: 5000 })
  assert.deepEqual([status, body], [200, 'ok\n'])
})

test('health: a loop that was later is not, and the answer says how late and what was allowed', () => {
  const { status, body } = ask('/healthz', { lagMs: 7300.4 })
  assert.deepEqual([status, body], [503, 'the event loop was 7300 ms late; health_max_lag is 5000 ms\n'])
})

test('health: a broker that is not ready is healthy all the same: a restart would not help it', () => {
  assert.equal(ask('/healthz', { checks: [check('store', 'loading')] }).status, 200)
})

test('readiness: ready when no check objects', () => {
  const { status, body } = ask('/readyz', { checks: [check('listeners', undefined), check('store', undefined)] })
  assert.deepEqual([status, body], [200, 'ready\n'])
})

test('readiness: 503 with a line for each check that objects', () => {
  const checks = [check('listeners', 'the broker is starting'), check('x', undefined), check('store', 'not writable')]
  const { status, body } = ask('/readyz', { checks })
  assert.deepEqual([status, body], [503, 'listeners: the broker is starting\nstore: not writable\n'])
})

test('readiness: a loop that was late is no reason: health tells of it', () => {
  assert.equal(ask('/readyz', { lagMs: 60_000 }).status, 200)
})
