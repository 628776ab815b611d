import assert from 'node:assert/strict'
import test from 'node:test'
import { Fifo } from './fifo.ts'

function drain(fifo: Fifo<number>): number[] {
  const items: number[] = []
  for (let item = fifo.shift(); item !== undefined; item = fifo.shift()) items.push(item)
  return items
}

test('what was pushed first comes out first, also when pushes and shifts alternate for long', () => {
  const fifo = new Fifo<number>()
  const shifted: number[] = []
  for (let n = 0; n < 10_000; n++) {
    fifo.push(n)
    if (n % 3 !== 0) shifted.push(fifo.shift() as number)
  }
  assert.equal(fifo.length, 10_000 - shifted.length)
  assert.deepEqual(
    [...shifted, ...drain(fifo)],
    Array.from({ length: 10_000 }, (_, n) => n),
  )
})

test('an empty queue has nothing to peek at or shift, before and after it was used', () => {
  const fifo = new Fifo<number>()
  for (let round = 0; round < 2; round++) {
    assert.deepEqual([fifo.length, fifo.peek(), fifo.shift()], [0, undefined, undefined])
    fifo.push(1)
    assert.deepEqual([fifo.length, fifo.peek(), fifo.shift()], [1, 1, 1])
  }
})

test('retain keeps what it is told to, in order, and leaves out what was shifted before', () => {
  const fifo = new Fifo<number>()
  for (let n = 0; n < 10; n++) fifo.push(n)
  fifo.shift()
  fifo.keep(n => n % 2 === 0)
  assert.equal(fifo.length, 4)
  fifo.push(11)
  assert.deepEqual(drain(fifo), [2, 4, 6, 8, 11])
})

test('clear leaves nothing', () => {
  const fifo = new Fifo<number>()
  for (let n = 0; n < 10; n++) fifo.push(n)
  fifo.shift()
  fifo.clear()
  assert.deepEqual([fifo.length, fifo.peek()], [0, undefined])
})
