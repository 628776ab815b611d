import assert from 'node:assert/strict'
import { test } from 'node:test'
import { giveRoomBack, takeRoom } from './body-rooms.ts'

const kib = 1024

test('room is the least power of two that suffices', () => {
  assert.deepEqual(
    [1, 16 * kib, 16 * kib + 1, 250_000, 5000 * kib].map(bytes => takeRoom(bytes).length / kib),
    [16, 16, 32, 256, 8192],
  )
})

test('room that was given back is used again, once; small and very large room is not', () => {
  const room = takeRoom(40 * kib)
  giveRoomBack(room)
  assert.equal(takeRoom(50 * kib), room)
  assert.notEqual(takeRoom(50 * kib), room)
  for (const other of [Buffer.alloc(8 * kib), Buffer.alloc(2048 * kib)]) {
    giveRoomBack(other)
    assert.notEqual(takeRoom(other.length), other)
  }
})

test('what lies about unused is bounded, for each size by itself', () => {
  const rooms = Array.from({ length: 20 }, () => takeRoom(1024 * kib))
  for (const room of rooms) giveRoomBack(room)
  const again = new Set(rooms.map(() => takeRoom(1024 * kib)))
  assert.equal(rooms.filter(room => again.has(room)).length, 2, '2 MiB')
})
