import assert from 'node:assert/strict'
import test from 'node:test'
import { Backoff } from './backoff.ts'

test('mosquitto-conf 5 restart_timeout: a constant is always the same', () => {
  const backoff = new Backoff({ base: 20, cap: undefined, stable: 0 })
  assert.deepEqual([backoff.nextMs(), backoff.nextMs()], [20_000, 20_000])
})

test('mosquitto-conf 5 restart_timeout: jitter begins at base, grows to three times the last at most, and stays below cap', () => {
  const backoff = new Backoff({ base: 5, cap: 30, stable: 0 })
  let last = backoff.nextMs()
  assert.equal(last, 5000)
  const seen = new Set<number>()
  for (let i = 0; i < 200; i++) {
    const next = backoff.nextMs()
    assert.ok(next >= 5000 && next <= Math.min(30_000, last * 3), `${next} after ${last}`)
    seen.add(next)
    last = next
  }
  assert.ok(seen.size > 100, 'the delays differ')
})

test('mosquitto-conf 5 restart_timeout: after a connection that lasted, and no other, it begins at base again', () => {
  const backoff = new Backoff({ base: 1, cap: 7200, stable: 60 })
  backoff.nextMs()
  // From here on one second would be chance.
  while (backoff.nextMs() < 100_000) {}
  backoff.ended(59_999)
  const continued = new Set([backoff.nextMs(), backoff.nextMs(), backoff.nextMs()])
  assert.ok(!continued.has(1000))
  backoff.ended(60_000)
  assert.equal(backoff.nextMs(), 1000)
})
