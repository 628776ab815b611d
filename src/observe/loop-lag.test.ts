import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoopLag, lagMemoryMs } from './loop-lag.ts'

/** Ticks every 100 ms, as long as nothing stalls. */
function ticking() {
  let now = 1000
  const lag = new LoopLag(100, now)
  return {
    lag,
    longest: () => lag.longestMs(now),
    pass(ms: number) {
      now += ms
    },
    tickAfter(ms: number) {
      now += ms
      lag.tick(now)
    },
    tickFor(ms: number) {
      for (let passed = 0; passed < ms; passed += 100) this.tickAfter(100)
    },
  }
}

test('health: a loop whose ticks come in time is not late, whatever part of the interval has passed', () => {
  const loop = ticking()
  loop.tickFor(30_000)
  assert.equal(loop.longest(), 0)
  loop.pass(99)
  assert.equal(loop.longest(), 0)
})

test('health: a tick that comes late tells by how much', () => {
  const loop = ticking()
  loop.tickAfter(100)
  loop.tickAfter(2600)
  loop.tickAfter(300)
  assert.equal(loop.longest(), 2500)
})

test('health: a stall shows before its tick: whoever asks first after it is answered by what is overdue', () => {
  const loop = ticking()
  loop.pass(7100)
  assert.equal(loop.longest(), 7000)
})

test('health: a stall is remembered for ten seconds, and forgotten after twenty', () => {
  const loop = ticking()
  loop.tickAfter(3100)
  loop.tickFor(lagMemoryMs)
  assert.equal(loop.longest(), 3000)
  loop.tickFor(lagMemoryMs)
  assert.equal(loop.longest(), 0)
})

test('health: a stall longer than the memory is not forgotten by the tick that ends it', () => {
  const loop = ticking()
  loop.tickAfter(5 * lagMemoryMs)
  assert.equal(loop.longest(), 5 * lagMemoryMs - 100)
})
