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

/** Reserves `size` bytes and writes `byte` into all of them. */
function write(queue: WriteQueue, byte: number, size: number): Buffer {
  const start = queue.reserve(size)
  queue.room.fill(byte, start, start + size)
  return Buffer.alloc(size, byte)
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

test('the weight counts each chunk with what it costs in memory and the tail with its unused room, and comes back to 0', () => {
  const queue = filled(2)
  assert.deepEqual([queue.bytes, queue.weight], [2, 202])
  queue.push(Buffer.alloc(18))
  assert.deepEqual([queue.bytes, queue.weight], [20, 2 + 200 + queue.room.length])
  queue.push(Buffer.alloc(16 * 1024))
  assert.deepEqual([queue.bytes, queue.weight], [20 + 16 * 1024, 20 + 16 * 1024 + 3 * 200])
  for (const left of [16 * 1024, 0]) {
    queue.take()
    assert.deepEqual([queue.bytes, queue.weight], [left, left === 0 ? 0 : left + 200])
  }
})

test('small packets share one piece, which is written in place', () => {
  const queue = new WriteQueue()
  for (const byte of [1, 2, 3]) write(queue, byte, byte)
  const { room } = queue
  const piece = queue.take()
  assert.deepEqual([piece.byteOffset - room.byteOffset, [...piece]], [0, [1, 2, 2, 3, 3, 3]])
  assert.equal(queue.bytes, 0)
})

test('room that grows keeps what was written, and never moves what was taken', () => {
  const queue = new WriteQueue()
  const taken: Uint8Array[] = []
  const written: Buffer[] = []
  for (const [index, size] of [1, 511, 1, 1500, 6000, 30_000, 27_000, 600, 70_000, 1].entries()) {
    written.push(write(queue, index + 1, size))
    if (index === 4) taken.push(queue.take())
  }
  while (queue.bytes > 0) taken.push(queue.take())
  assert.ok(Buffer.concat(taken).equals(Buffer.concat(written)))
})

test('small chunks are joined into one piece, in order', () => {
  const queue = new WriteQueue()
  for (const hex of ['d0', '00', '4002 0001']) queue.push(Buffer.from(hex.replace(' ', ''), 'hex'))
  assert.equal(Buffer.from(queue.take()).toString('hex'), 'd00040020001')
})

test('a joined piece ends at 64 KiB and before a large chunk', () => {
  assert.deepEqual(lengths(filled(15_000, 15_000, 15_000, 15_000, 15_000, 15_000)), [15_000, 60_000, 15_000])
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

const size = fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 100_000 }))
const step = fc.oneof(
  fc.record({ what: fc.constant('take' as const), size: fc.constant(0) }),
  { weight: 2, arbitrary: fc.record({ what: fc.constant('push' as const), size }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('reserve' as const), size }) },
)

test('what is pushed and written is what is taken, whatever the sizes and the order of pushing, reserving and taking', () => {
  const property = fc.property(fc.array(step, { maxLength: 60, size: 'max' }), steps => {
    const queue = new WriteQueue()
    const given: Buffer[] = []
    const taken: Uint8Array[] = []
    for (const [index, { what, size: length }] of steps.entries()) {
      if (what === 'push') queue.push(given[given.push(Buffer.alloc(length, index)) - 1] as Buffer)
      else if (what === 'reserve') given.push(write(queue, index, length))
      else if (queue.bytes > 0) taken.push(queue.take())
      const most = 4 * queue.bytes + 512 + 200 * (steps.length + 1)
      assert.ok(queue.weight >= queue.bytes && queue.weight <= most, `${queue.weight} for ${queue.bytes} bytes`)
    }
    while (queue.bytes > 0) taken.push(queue.take())
    assert.equal(queue.weight, 0)
    assert.ok(taken.every(piece => piece.length > 0 && piece.length <= 65_536))
    assert.ok(Buffer.concat(taken).equals(Buffer.concat(given)))
  })
  fc.assert(property, { numRuns: 300 })
})

test('a flood of answers of two bytes weighs little more than it sends', () => {
  const queue = new WriteQueue()
  for (let count = 0; count < 100_000; count++) write(queue, 0xd0, 2)
  assert.equal(queue.bytes, 200_000)
  assert.ok(queue.weight < 270_000, `${queue.weight}`)
})

test('many small chunks behind a slow peer are let go of as they leave', () => {
  const queue = filled(...Array.from({ length: 5000 }, () => 40))
  assert.deepEqual(lengths(queue), [40, 65_520, 65_520, 65_520, 3400])
})

test('tails of each size are used again once their bytes have left, and no sooner', () => {
  for (const size of [200, 1000, 4000, 16_000, 64_000]) {
    const send = () => {
      const queue = new WriteQueue()
      for (let left = size; left > 0; left -= 100) write(queue, left & 0xff, 100)
      const piece = queue.take()
      assert.equal(piece.length, size)
      return { queue, piece, copy: Buffer.from(piece) }
    }
    const first = send()
    const second = send()
    assert.ok(!overlap(first.piece, second.piece), 'both are under way')
    assert.ok(Buffer.from(first.piece).equals(first.copy))
    first.queue.reuse()
    assert.ok(overlap(send().piece, first.piece), 'it is free')
    assert.ok(Buffer.from(second.piece).equals(second.copy))
  }
})

function overlap(one: Uint8Array, other: Uint8Array): boolean {
  return one.buffer === other.buffer && one.byteOffset === other.byteOffset
}
