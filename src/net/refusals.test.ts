import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { burstMs } from '../base/bursts.ts'
import { TimerWheel } from '../base/timer-wheel.ts'
import { Refusals } from './refusals.ts'

function watched() {
  const clock = fakeClock()
  const wheel = new TimerWheel(clock.now())
  const lines: string[] = []
  const counts = new Map<string, number>()
  const refusals = new Refusals({
    clock,
    wheel,
    log: { enabled: () => true, write: (_, line) => lines.push(line) },
    limitReached: limit => counts.set(limit, (counts.get(limit) ?? 0) + 1),
  })
  const pass = (milliseconds: number) => {
    clock.advance(milliseconds)
    wheel.advance(clock.now())
  }
  return { refusals, lines, counts, pass }
}

const first = 'Client connection from 192.0.2.1 denied: max_connections exceeded.'

test('ten thousand refusals are two lines: the first address, and how many more; each is counted', () => {
  const { refusals, lines, counts, pass } = watched()
  for (let i = 0; i < 10_000; i++) refusals.note('max_connections', '192.0.2.1')
  assert.deepEqual(lines, [first])
  pass(burstMs)
  assert.deepEqual(lines, [first, 'Client connections denied: max_connections exceeded (9999 more).'])
  assert.deepEqual([...counts], [['max_connections', 10_000]])
})

test('each limit has its own burst, and what is still to be told is told at the end', () => {
  const { refusals, lines, pass } = watched()
  refusals.note('max_connections', '192.0.2.1')
  refusals.note('max_pending_connections', '')
  refusals.note('max_pending_connections', '')
  refusals.close()
  refusals.close()
  pass(burstMs)
  assert.deepEqual(lines, [
    first,
    'Client connection from  denied: max_pending_connections exceeded.',
    'Client connections denied: max_pending_connections exceeded (1 more).',
  ])
})
