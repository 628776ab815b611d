import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { TimerWheel } from '../base/timer-wheel.ts'
import { HookCalls } from './hook-calls.ts'

const limitMs = 1000

function setUp() {
  const clock = fakeClock()
  const lines: string[] = []
  const calls = new HookCalls({ enabled: () => true, write: (_, line) => lines.push(line) }, clock, limitMs)
  const wheel = new TimerWheel(clock.now())
  calls.wheel = wheel
  const pass = (milliseconds: number) => {
    clock.advance(milliseconds)
    wheel.advance(clock.now())
  }
  return { calls, lines, pass }
}

/** A hook that answers a number; the denial is -1. */
function question(call: () => unknown) {
  const read = (answer: unknown) => (typeof answer === 'number' ? answer : undefined)
  return { hook: 'h', call, read, denial: -1 }
}

test('an answer is passed on at once, one that was promised when it is there', async () => {
  const { calls, lines } = setUp()
  assert.equal(calls.now(question(() => 1)), 1)
  assert.equal(calls.soon(question(() => 2)), 2)
  assert.equal(await calls.soon(question(async () => 3)), 3)
  assert.deepEqual(lines, [])
})

const failures: readonly (readonly [what: string, call: () => unknown, text: string])[] = [
  ['throws', () => assert.fail('broken'), 'broken'],
  ['throws no error', () => Promise.reject({ toString: null }), 'something of type object was thrown'],
  ['throws a text with control characters', () => Promise.reject('a\nb'), 'a\\x0ab'],
  ['rejects', () => Promise.reject(new Error('broken')), 'broken'],
  ['answers nothing', () => undefined, 'it answered with undefined, which is no answer to it'],
  ['promises nonsense', async () => 'yes', 'it answered with "yes", which is no answer to it'],
  ['answers with what breaks when it is looked at', () => new Proxy({}, { has: () => assert.fail('trap') }), 'trap'],
]

for (const [what, call, text] of failures) {
  test(`a hook that ${what} has denied, and the log says so`, async () => {
    const { calls, lines } = setUp()
    assert.equal(await calls.soon(question(call)), -1)
    assert.equal(lines.length, 1)
    assert.ok(lines[0]?.startsWith("Error: The hook 'h' has failed: "), lines[0])
    assert.ok(lines[0]?.includes(text), lines[0])
  })
}

test('a promise that is late has denied; what it says then counts for nothing', async () => {
  const { calls, lines, pass } = setUp()
  const late = Promise.withResolvers<number>()
  const answer = calls.soon(question(() => late.promise))
  pass(limitMs - 200)
  assert.deepEqual(lines, [])
  pass(400)
  assert.equal(await answer, -1)
  assert.deepEqual(lines, ["Error: The hook 'h' has failed: no answer within 1 s (hookTimeout)."])
  late.resolve(7)
})

test('a hook that has to answer at once may not promise: it has denied, and its rejection goes nowhere', async () => {
  const { calls, lines } = setUp()
  assert.equal(calls.now(question(() => Promise.reject(new Error('unseen')))), -1)
  await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(lines, ["Error: The hook 'h' has failed: it answered with a promise, and has to answer at once."])
})

test('a hook that fails each time is named every ten seconds, others all the same', () => {
  const { calls, lines, pass } = setUp()
  for (let i = 0; i < 100; i++) calls.now(question(() => assert.fail('broken')))
  calls.now({ ...question(() => assert.fail('broken')), hook: 'other' })
  assert.equal(lines.length, 2)
  pass(10_000)
  calls.now(question(() => assert.fail('broken')))
  assert.equal(lines.length, 3)
})
