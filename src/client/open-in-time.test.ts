import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { UnreachableError } from './errors.ts'
import { limitAnswer } from './open-in-time.ts'

/** Of a limit of no seconds: resolves once it has passed. */
function passed(t: TestContext, answered: AbortSignal): Promise<UnreachableError> {
  // The limit itself keeps no process from its end.
  const running = setInterval(() => {}, 1000)
  t.after(() => clearInterval(running))
  return new Promise(resolve => limitAnswer(answered, resolve, 0))
}

test('what has not answered in its time is late', async t => {
  const late = await passed(t, new AbortController().signal)
  assert.ok(late instanceof UnreachableError)
  assert.equal(late.message, 'Error: No answer within 0 seconds.')
})

test('what has answered is never late', async t => {
  const answered = new AbortController()
  let isLate = false
  passed(t, answered.signal).then(() => {
    isLate = true
  })
  answered.abort()
  // Another one that was begun later has passed: so would this one have.
  await passed(t, new AbortController().signal)
  assert.equal(isLate, false)
})
