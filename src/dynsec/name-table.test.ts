import assert from 'node:assert/strict'
import test from 'node:test'
import { compareBytes } from './compare-bytes.ts'
import { NameTable } from './name-table.ts'

const names = ['b', '', 'a', 'B', 'ab', 'é', '\u{ffee}', '\u{1f600}', '\u{e000}', 'z', '\u{1f601}a']

test('dynsec 2: names are in the order of their bytes, whenever they were added', () => {
  const table = new NameTable<{ readonly name: string }>()
  for (const name of names) table.add({ name })
  const byBytes = names.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
  assert.deepEqual(
    table.values().map(({ name }) => name),
    byBytes,
  )
})

test('an entry that is removed is gone by name and from the order, and may come again', () => {
  const table = new NameTable<{ readonly name: string }>()
  for (const name of names) table.add({ name })
  for (const name of ['a', 'é', '\u{1f600}']) table.delete(table.get(name) as { readonly name: string })
  assert.equal(table.size, names.length - 3)
  assert.equal(table.get('a'), undefined)
  assert.ok(table.values().every(({ name }) => !['a', 'é', '\u{1f600}'].includes(name)))
  table.add({ name: 'a' })
  assert.equal(table.values()[table.values().findIndex(({ name }) => name === 'ab') - 1]?.name, 'a')
})

test('compareBytes agrees with the bytes for every pair', () => {
  for (const one of names) {
    for (const other of names) {
      const expected = Buffer.compare(Buffer.from(one), Buffer.from(other))
      assert.equal(Math.sign(compareBytes(one, other)), expected, JSON.stringify([one, other]))
    }
  }
})
