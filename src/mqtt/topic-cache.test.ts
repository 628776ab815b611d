import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hex } from '../../test/support/bytes.ts'
import { MalformedPacketError } from './errors.ts'
import { Reader } from './reader.ts'
import { TopicCache, TopicTable } from './topic-cache.ts'

function newCache(size = 16): TopicCache<never> {
  return new TopicCache(new TopicTable<never>(size))
}

function read(
  cache: TopicCache<never>,
  bytes: Uint8Array,
  end = bytes.length,
): { topicName: string; position: number } {
  const reader = new Reader()
  reader.reset(Buffer.from(bytes), 0, end)
  return { topicName: cache.read(reader), position: reader.position }
}

function encoded(topicName: string): Buffer {
  const bytes = Buffer.from(topicName)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

/** What the cache knows of a topic name without decoding it; where it lies in its buffer does not matter. */
function find(cache: TopicCache<never>, topicName: string): string | undefined {
  const bytes = Buffer.from(topicName)
  return cache.find(Buffer.concat([hex`FF FF FF`, bytes, hex`FF`]), 3, bytes.length)?.topicName
}

test('a cached topic name is what the reader would read, whatever came before', () => {
  const cache = newCache()
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
  const cache = newCache()
  read(cache, hex`00 02 'ab'`)
  assert.throws(() => read(cache, hex`00 02 'ab'`, 3), MalformedPacketError)
})

test('bytes that are refused are refused again', () => {
  const cache = newCache()
  read(cache, hex`00 01 'a'`)
  for (let round = 0; round < 2; round++) assert.throws(() => read(cache, hex`00 01 00`), MalformedPacketError)
  assert.equal(cache.find(Buffer.from([0]), 0, 1), undefined)
})

test('what was read is found by its bytes, and nothing else is: no prefix, no other name of that length', () => {
  const cache = newCache()
  assert.equal(find(cache, 'a/b'), undefined)
  for (const topicName of ['a/b', 'a/c', 'b/b', 'ä']) read(cache, encoded(topicName))
  for (const topicName of ['a/b', 'a/c', 'b/b', 'a/b']) assert.equal(find(cache, topicName), topicName)
  // Names beyond ASCII are decoded each time.
  for (const topicName of ['a/', 'a/bb', 'c/b', 'b/c', '', 'a', 'ä'])
    assert.equal(find(cache, topicName), undefined, topicName)
})

test('256 bytes are remembered, 257 are not', () => {
  for (const [topicName, expected] of [
    ['x'.repeat(256), true],
    ['x'.repeat(257), false],
    ['ä'.repeat(128), false],
  ] as const) {
    const cache = newCache()
    assert.equal(read(cache, encoded(topicName)).topicName, topicName)
    assert.equal(find(cache, topicName), expected ? topicName : undefined)
  }
})

test('connections that share a table find each other’s names, and each keeps its last one when the table has no room', () => {
  const table = new TopicTable<never>(2)
  const [one, two] = [new TopicCache(table), new TopicCache(table)]
  read(one, encoded('of one'))
  assert.equal(find(two, 'of one'), 'of one')
  for (const topicName of ['b', 'c', 'd']) read(two, encoded(topicName))
  assert.equal(find(two, 'of one'), undefined)
  assert.equal(find(two, 'b'), undefined)
  assert.equal(find(one, 'of one'), 'of one')
  assert.equal(find(new TopicCache(table), 'of one'), undefined)
})

test('names that want the same place in a small table are told apart, and what is found is what was read', () => {
  const names = fc.constantFrom('a', 'b', 'aa', 'ab', 'ba', 'bb', 'a/b', 'b/a', 'ä', 'ö', 'a'.repeat(256))
  const property = fc.property(fc.array(names, { maxLength: 40 }), fc.constantFrom(2, 4), (script, size) => {
    const table = new TopicTable<never>(size)
    const caches = [new TopicCache(table), new TopicCache(table)]
    const known = new Set<string>()
    for (const [index, topicName] of script.entries()) {
      const cache = caches[index % 2] as TopicCache<never>
      const found = find(cache, topicName)
      assert.ok(found === undefined || (found === topicName && known.has(topicName)))
      assert.equal(read(cache, encoded(topicName)).topicName, topicName)
      assert.equal(find(cache, topicName), /^[\x20-\x7e]*$/.test(topicName) ? topicName : undefined)
      known.add(topicName)
    }
  })
  fc.assert(property)
})

test('a remembered name does not keep the buffer that it was read from, nor change with it', () => {
  const cache = newCache()
  const buffer = Buffer.from(encoded('name'))
  const reader = new Reader()
  reader.reset(buffer, 0, buffer.length)
  cache.read(reader)
  buffer.fill('x', 2)
  assert.equal(cache.find(buffer, 2, 4), undefined)
  assert.equal(find(cache, 'name'), 'name')
})
