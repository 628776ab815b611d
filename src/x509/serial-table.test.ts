import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { SerialTable, serialBytes } from './serial-table.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

const serials: readonly (readonly [printed: string, content: string])[] = [
  ['00', '00'],
  ['0', '00'],
  ['7F', '7f'],
  ['80', '0080'],
  ['0A5B', '0a5b'],
  ['00FF', '00ff'],
  ['-01', 'ff'],
  ['-80', '80'],
  ['-81', 'ff7f'],
]

for (const [printed, content] of serials) {
  test(`X.690 §8.3: the serial number that Node prints as ${printed} is ${content} in DER`, () => {
    assert.equal(hex(serialBytes(printed)), content)
  })
}

test('what was added is found with its reason, however many zeros it was written with; nothing else is', () => {
  const table = new SerialTable(3, 10)
  const bytes = Buffer.from('00000a5b' + '7f' + 'ffff80', 'hex')
  table.add(bytes, 0, 4, 1)
  table.add(bytes, 4, 5, 6)
  table.add(bytes, 5, 8, 0)
  assert.deepEqual(
    ['0A5B', '7F', '-80', '5B', '00', '0A5B00'].map(serial => table.find(serialBytes(serial))),
    [1, 6, 0, undefined, undefined, undefined],
  )
  assert.equal(table.size, 3)
})

test('of a number that is there twice the first reason stays', () => {
  const table = new SerialTable(2, 2)
  const bytes = Buffer.of(5, 5)
  table.add(bytes, 0, 1, 1)
  table.add(bytes, 1, 2, 4)
  assert.deepEqual([table.size, table.find(serialBytes('05'))], [1, 1])
})

test('an empty table finds nothing', () => {
  assert.equal(new SerialTable(0, 0).find(serialBytes('01')), undefined)
})

test('it answers as a map does, for numbers of every length', () => {
  const serial = fc.uint8Array({ minLength: 1, maxLength: 24 }).map(bytes => serialBytes(hex(bytes)))
  fc.assert(
    fc.property(fc.array(fc.tuple(serial, fc.nat(10)), { maxLength: 300 }), fc.array(serial), (added, asked) => {
      const model = new Map<string, number>()
      const table = new SerialTable(
        added.length,
        added.reduce((sum, [bytes]) => sum + bytes.length, 0),
      )
      for (const [bytes, reason] of added) {
        table.add(bytes, 0, bytes.length, reason)
        if (!model.has(hex(bytes))) model.set(hex(bytes), reason)
      }
      for (const bytes of [...asked, ...added.map(([own]) => own)]) {
        assert.equal(table.find(bytes), model.get(hex(bytes)))
      }
    }),
  )
})

test('a hundred thousand numbers take 26 bytes each, and all are found', () => {
  const count = 100_000
  const all = randomBytes(count * 16)
  for (let at = 0; at < all.length; at += 16) all[at] = ((all[at] as number) & 0x7f) | 0x40
  const table = new SerialTable(count, all.length)
  for (let at = 0; at < all.length; at += 16) table.add(all, at, at + 16, 1)
  assert.equal(table.size, count)
  for (let at = 0; at < all.length; at += 16) assert.equal(table.find(all.subarray(at, at + 16)), 1)
  assert.ok(table.byteLength / count < 30, String(table.byteLength / count))
})
