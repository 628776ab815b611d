import assert from 'node:assert/strict'
import test from 'node:test'
import { ProcessorWait } from './processor-wait.ts'

test('the wait of a process for a processor is told in milliseconds of its life, and never shrinks', () => {
  const wait = new ProcessorWait(process.pid)
  const first = wait.milliseconds
  const second = wait.milliseconds
  wait.close()
  assert.ok(first >= 0 && second >= first && second <= performance.now() + 1000, `${first}, then ${second}`)
})

test('a process that the kernel does not tell of has waited for nothing', () => {
  const wait = new ProcessorWait(2 ** 30)
  assert.equal(wait.milliseconds, 0)
  wait.close()
})
