import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { Bursts, burstMs } from './bursts.ts'
import { TimerWheel } from './timer-wheel.ts'

function watched() {
  const clock = fakeClock()
  const wheel = new TimerWheel(clock.now())
  const told: string[] = []
  const bursts = new Bursts({ clock, wheel }, (name, more) => told.push(`${more} more ${name}`))
  const happens = (name: string, times = 1) => {
    for (let time = 0; time < times; time++) if (bursts.begins(name)) told.push(name)
  }
  const pass = (milliseconds: number) => {
    clock.advance(milliseconds)
    wheel.advance(clock.now())
  }
  return { bursts, happens, told, pass }
}

test('one alone is told once, and so is the next one after a while', () => {
  const { happens, told, pass } = watched()
  happens('storm')
  pass(burstMs)
  happens('storm')
  assert.deepEqual(told, ['storm', 'storm'])
})

test('ten thousand are told twice: the first at once, and how many more when the burst has had its time', () => {
  const { happens, told, pass } = watched()
  happens('storm', 10_000)
  pass(burstMs - 1000)
  assert.deepEqual(told, ['storm'])
  pass(1000)
  assert.deepEqual(told, ['storm', '9999 more storm'])
})

test('a burst that goes on is told of each time, and ends when nothing happened', () => {
  const { happens, told, pass } = watched()
  for (let time = 0; time < 3; time++) {
    happens('storm', 2)
    pass(burstMs)
  }
  assert.deepEqual(told, ['storm', '1 more storm', '2 more storm', '2 more storm'])
  pass(burstMs)
  happens('storm')
  assert.equal(told.at(-1), 'storm')
})

test('what has another name has a burst of its own, and at the end the rest is told, once', () => {
  const { bursts, happens, told, pass } = watched()
  happens('storm')
  happens('flood', 2)
  bursts.close()
  bursts.close()
  pass(burstMs)
  assert.deepEqual(told, ['storm', 'flood', '1 more flood'])
})
