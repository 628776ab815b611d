import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Timer, TimerWheel } from './timer-wheel.ts'

test('a timer fires once, at or after its deadline and not before', () => {
  const wheel = new TimerWheel(1000, 100, 8)
  const fired: number[] = []
  wheel.set(new Timer(now => fired.push(now)), 1250)
  wheel.advance(1249)
  assert.deepEqual(fired, [])
  wheel.advance(1250)
  wheel.advance(5000)
  assert.deepEqual(fired, [1250])
})

test('a cleared timer never fires, and a moved one fires at its new deadline only', () => {
  const wheel = new TimerWheel(0, 100, 8)
  const fired: string[] = []
  const cleared = new Timer(() => fired.push('cleared'))
  const moved = new Timer(now => fired.push(`moved ${now}`))
  wheel.set(cleared, 200)
  wheel.set(moved, 200)
  wheel.clear(cleared)
  wheel.set(moved, 700)
  wheel.advance(600)
  assert.deepEqual(fired, [])
  wheel.advance(700)
  assert.deepEqual(fired, ['moved 700'])
  assert.equal(moved.isSet, false)
})

test('the size is how many timers are set, near and far', () => {
  const wheel = new TimerWheel(0, 100, 4)
  const timers = [150, 200, 99_999].map(at => {
    const timer = new Timer(() => {})
    wheel.set(timer, at)
    return timer
  })
  assert.equal(wheel.size, 3)
  wheel.clear(timers[0] as Timer)
  assert.equal(wheel.size, 2)
  wheel.advance(200)
  assert.equal(wheel.size, 1)
})

test('a deadline far beyond the horizon still fires on time', () => {
  const wheel = new TimerWheel(0, 100, 4)
  const fired: number[] = []
  wheel.set(new Timer(now => fired.push(now)), 12_345)
  for (let now = 0; now <= 20_000; now += 50) wheel.advance(now)
  assert.deepEqual(fired, [12_350])
})

test('a timer may set itself and others again while it fires', () => {
  const wheel = new TimerWheel(0, 100, 4)
  let count = 0
  const timer: Timer = new Timer(now => {
    count++
    if (count < 3) wheel.set(timer, now + 100)
  })
  wheel.set(timer, 100)
  for (let now = 0; now <= 1000; now += 10) wheel.advance(now)
  assert.equal(count, 3)
})

test('whatever the deadlines and steps, every timer fires exactly once, never early and never after the next step', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 40 }),
      (deadlines, steps) => {
        const wheel = new TimerWheel(0, 50, 8)
        const fired = deadlines.map(() => -1)
        deadlines.forEach((at, i) => {
          wheel.set(
            new Timer(now => {
              assert.equal(fired[i], -1)
              fired[i] = now
            }),
            at,
          )
        })
        let now = 0
        for (const step of [...steps, 6000]) {
          const before = now
          now += step
          wheel.advance(now)
          deadlines.forEach((at, i) => {
            if (at > now) assert.equal(fired[i], -1)
            if (at <= now && at > before) assert.equal(fired[i], now)
          })
        }
      },
    ),
  )
})
