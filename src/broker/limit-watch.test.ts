import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { burstMs } from '../base/bursts.ts'
import { TimerWheel } from '../base/timer-wheel.ts'
import { LimitWatch } from './limit-watch.ts'

function watched() {
  const clock = fakeClock()
  const wheel = new TimerWheel(clock.now())
  const lines: string[] = []
  const counted: string[] = []
  const watch = new LimitWatch({
    clock,
    wheel,
    log: { enabled: () => true, write: (type, line) => lines.push(`${type}: ${line}`) },
    counters: { limitsReached: { add: limit => counted.push(limit) } },
  })
  const pass = (milliseconds: number) => {
    clock.advance(milliseconds)
    wheel.advance(clock.now())
  }
  return { watch, lines, counted, pass }
}

test('the first of a burst is told with who it was, the others as one number, and each is counted', () => {
  const { watch, lines, counted, pass } = watched()
  for (let n = 0; n < 1000; n++) watch.reached('max_publish_rate', `client c${n}`)
  assert.deepEqual(lines, ['notice: Limit max_publish_rate reached by client c0.'])
  pass(burstMs)
  assert.deepEqual(lines.slice(1), ['notice: Limit max_publish_rate reached 999 more times.'])
  assert.equal(counted.length, 1000)
})
