import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { RecentlyRead } from './recently-read.ts'

test('whatever was read before, a text is what its bytes say', () => {
  const text = fc.oneof(fc.string({ maxLength: 3 }), fc.string({ unit: 'grapheme', maxLength: 300 }))
  fc.assert(
    fc.property(fc.array(text), texts => {
      const recent = new RecentlyRead()
      for (const each of [...texts, ...texts]) {
        const bytes = Buffer.from(`<${each}>`)
        assert.equal(recent.text(bytes, 1, bytes.length - 1), Buffer.from(each).toString())
      }
    }),
  )
})

test('bytes that are no UTF-8 are not taken for the text whose characters have their numbers', () => {
  const recent = new RecentlyRead()
  assert.equal(recent.text(Buffer.from('é'), 0, 2), 'é')
  assert.equal(recent.text(Buffer.of(0xe9), 0, 1), '\ufffd')
  assert.equal(recent.text(Buffer.from('é'), 0, 2), 'é')
})

test('whatever was read before, bytes are those that were read, and stay so when what they were read from changes', () => {
  const some = fc.oneof(fc.uint8Array({ maxLength: 2 }), fc.uint8Array({ maxLength: 400 }))
  fc.assert(
    fc.property(fc.array(some), all => {
      const recent = new RecentlyRead()
      const read = [...all, ...all].map(each => {
        const record = Buffer.from([0, ...each, 0])
        const copy = recent.bytes(record, 1, record.length - 1)
        record.fill(0xff)
        return copy
      })
      for (const [index, copy] of read.entries()) assert.deepEqual([...copy], [...all[index % all.length]!])
    }),
  )
})
