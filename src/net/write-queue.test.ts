import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WriteQueue } from './write-queue.ts'

function filled(...lengths: readonly number[]): WriteQueue {
  const queue = new WriteQueue()
  lengths.forEach((length, index) => {
    queue.push(Buffer.alloc(length, index + 1))
  })
  return queue
}

function lengths(queue: WriteQueue): number[] {
  const taken: number[] = []
  while (queue.bytes > 0) taken.push(queue.take().length)
  return taken
}

test('a single chunk goes out as it is, without a copy', () => {
  const queue = new WriteQueue()
  const chunk = Buffer.from('c000', 'hex')
  queue.push(chunk)
  assert.equal(queue.bytes, 2)
  assert.equal(queue.take(), chunk)
  assert.equal(queue.bytes, 0)
})

test('the weight counts each chunk with what it costs in memory, and comes back to 0', () => {
  const queue = filled(...Array<number>(10).fill(2))
  assert.deepEqual([queue.bytes, queue.weight], [20, 2020])
  queue.take()
  assert.deepEqual([queue.bytes, queue.weight], [0, 0])
})

test('small chunks are joined into one piece, in order', () => {
  const queue = new WriteQueue()
  for (const hex of ['d0', '00', '4002 0001']) queue.push(Buffer.from(hex.replace(' ', ''), 'hex'))
  assert.equal(Buffer.from(queue.take()).toString('hex'), 'd00040020001')
})

test('a joined piece ends at 64 KiB and before a large chunk', () => {
  assert.deepEqual(lengths(filled(15_000, 15_000, 15_000, 15_000, 15_000)), [60_000, 15_000])
  assert.deepEqual(lengths(filled(10, 20, 16 * 1024, 5)), [30, 16 * 1024, 5])
})

test('a large chunk leaves in pieces of 64 KiB, so that each one is progress', () => {
  assert.deepEqual(lengths(filled(150_000)), [65_536, 65_536, 18_928])
})

test('an empty chunk is nothing', () => {
  const queue = filled(0, 0)
  assert.equal(queue.bytes, 0)
})

test('clear drops everything', () => {
  const queue = filled(10, 150_000)
  queue.take()
  queue.clear()
  assert.equal(queue.bytes, 0)
  queue.push(Buffer.from('00', 'hex'))
  assert.deepEqual(lengths(queue), [1])
})

test('what is pushed is what is taken, whatever the sizes and the order of pushing and taking', () => {
  const step = fc.oneof(fc.constant('take' as const), fc.integer({ min: 0, max: 100_000 }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const queue = new WriteQueue()
      const pushed: Buffer[] = []
      const taken: Uint8Array[] = []
      for (const [index, what] of steps.entries()) {
        if (what !== 'take') {
          const chunk = Buffer.alloc(what, index)
          pushed.push(chunk)
          queue.push(chunk)
        } else if (queue.bytes > 0) taken.push(queue.take())
      }
      while (queue.bytes > 0) taken.push(queue.take())
      assert.ok(taken.every(piece => piece.length > 0 && piece.length <= 65_536))
      assert.ok(Buffer.concat(taken).equals(Buffer.concat(pushed)))
    }),
    { numRuns: 100 },
  )
})

test('many small chunks behind a slow peer are let go of as they leave', () => {
  const queue = filled(...Array.from({ length: 5000 }, () => 40))
  const pieces = lengths(queue)
  assert.equal(
    pieces.reduce((sum, length) => sum + length, 0),
    200_000,
  )
  assert.equal(pieces.length, 4)
})
