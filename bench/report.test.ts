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
    reportRows([rowInput('castellan', [ours]), rowInput('mosquitto', [100]), rowInput('aedes', [1])]).map(
      (row, _, rows) => targetReached(row, rows),
    )
  assert.deepEqual(reached(5), [undefined, true, undefined])
  assert.deepEqual(reached(5.1), [undefined, false, undefined])
})

test('a target that is a figure is ours to reach', () => {
  const reached = (ours: number) => {
    const target = { most: 5000 }
    return reportRows([rowInput('castellan', [ours], { target }), rowInput('mosquitto', [1], { target })]).map(
      (row, _, rows) => targetReached(row, rows),
    )
  }
  assert.deepEqual(reached(5000), [true, undefined])
  assert.deepEqual(reached(5001), [false, undefined])
})

test('a target can be so many times what Mosquitto reaches in another scenario', () => {
  const reached = (ours: number, other: string) => {
    const target = { times: 2, than: other }
    const rows = [
      ...reportRows([rowInput('castellan', [ours], { target }), rowInput('mosquitto', [900], { target })]),
      ...reportRows([
        rowInput('castellan', [1], { scenario: 'one' }),
        rowInput('mosquitto', [100], { scenario: 'one' }),
      ]).slice(1),
    ]
    return rows.slice(0, 2).map(row => targetReached(row, rows))
  }
  assert.deepEqual(reached(200, 'one'), [true, undefined])
  assert.deepEqual(reached(199, 'one'), [false, undefined])
  assert.deepEqual(reached(200, 'absent'), [undefined, undefined])
})

test('where one side has no figure there is no ratio, and a target is neither reached nor missed', () => {
  const [, without] = reportRows([
    rowInput('castellan', [1]),
    rowInput('mosquitto', [], { problems: ['round 1: it died'] }),
  ])
  assert.equal(without?.ratio, undefined)
  assert.equal(targetReached(without!, []), undefined)
  const [, alone] = reportRows([rowInput('castellan', []), rowInput('mosquitto', [1])])
  assert.equal(alone?.ratio, undefined)
})
