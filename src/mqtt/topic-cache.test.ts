import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex } from '../../test/support/bytes.ts'
import { MalformedPacketError } from './errors.ts'
import { Reader } from './reader.ts'
import { TopicCache, TopicTable } from './topic-cache.ts'

function read(cache: TopicCache, bytes: Uint8Array, end = bytes.length): { topicName: string; position: number } {
  const reader = new Reader()
  reader.reset(Buffer.from(bytes), 0, end)
  return { topicName: cache.read(reader), position: reader.position }
}

test('a cached topic name is what the reader would read, whatever came before', () => {
  const cache = new TopicCache(new TopicTable(16))
  for (const [bytes, topicName, position] of [
    [hex`00 01 'a' 'rest'`, 'a', 3],
    [hex`00 01 'a' 'rest'`, 'a', 3],
    [hex`00 01 'b' 'rest'`, 'b', 3],
    [hex`00 02 'ba'`, 'ba', 4],
    [hex`00 00 'ba'`, '', 2],
    [hex`00 02 C3 A4`, 'ä', 4],
    [hex`00 02 C3 A4`, 'ä', 4],
    [hex`01 2C ${Buffer.alloc(300, 0x61)}`, 'a'.repeat(300), 302],
    [hex`00 02 C3 A4`, 'ä', 4],
  ] as const) {
    assert.deepEqual(read(cache, bytes), { topicName, position })
  }
})

test('a topic name that the cache knows is still refused when the packet ends within it', () => {
  const cache = new TopicCache(new TopicTable(16))
  read(cache, hex`00 02 'ab'`)
  assert.throws(() => read(cache, hex`00 02 'ab'`, 3), MalformedPacketError)
})

test('bytes that are refused are refused again', () => {
  const cache = new TopicCache(new TopicTable(16))
  read(cache, hex`00 01 'a'`)
  for (let round = 0; round < 2; round++) assert.throws(() => read(cache, hex`00 01 00`), MalformedPacketError)
})
