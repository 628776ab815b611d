import assert from 'node:assert/strict'
import test from 'node:test'
import { rowInput } from './made-up-report.ts'
import { reportRows, targetReached } from './report.ts'

test('the ratio is our median over theirs, and stands beside the peer', () => {
  const [ours, theirs] = reportRows([rowInput('castellan', [1, 2, 9]), rowInput('mosquitto', [40, 50, 10])])
  assert.equal(ours?.ratio, undefined)
  assert.equal(theirs?.ratio, 2 / 40)
  assert.deepEqual(theirs?.figures.cpuMicroseconds, { median: 40, spread: 1, values: [40, 50, 10] })
})

test('a target is reached at the ratio, and missed above it', () => {
  const reached = (ours: number) =>
    reportRows([rowInput('castellan', [ours]), rowInput('mosquitto', [100]), rowInput('aedes', [1])]).map(targetReached)
  assert.deepEqual(reached(5), [undefined, true, undefined])
  assert.deepEqual(reached(5.1), [undefined, false, undefined])
})

test('a target that is a figure is ours to reach', () => {
  const reached = (ours: number) => {
    const target = { most: 5000 }
    return reportRows([rowInput('castellan', [ours], { target }), rowInput('mosquitto', [1], { target })]).map(
      targetReached,
    )
  }
  assert.deepEqual(reached(5000), [true, undefined])
  assert.deepEqual(reached(5001), [false, undefined])
})

test('where one side has no figure there is no ratio, and a target is neither reached nor missed', () => {
  const [, without] = reportRows([
    rowInput('castellan', [1]),
    rowInput('mosquitto', [], { problems: ['round 1: it died'] }),
  ])
  assert.equal(without?.ratio, undefined)
  assert.equal(targetReached(without!), undefined)
  const [, alone] = reportRows([rowInput('castellan', []), rowInput('mosquitto', [1])])
  assert.equal(alone?.ratio, undefined)
})
