import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Authority } from '../../test/support/authority.ts'
import { entryBytes, listBytes, numberBytes } from '../../test/support/list-bytes.ts'
import { readRevocationList } from './revocation-list.ts'
import { serialBytes } from './serial-table.ts'

const count = 100_000
const serialAt = (index: number) => `01${index.toString(16).padStart(30, '0')}`
const authority = await Authority.create()
const stranger = await Authority.create()
const entries = Buffer.concat(Array.from({ length: count }, (_, index) => entryBytes(serialAt(index))))
const der = listBytes(authority.ca, { entries, extensions: numberBytes(1) })
const keyOf = ({ ca }: Authority) => new X509Certificate(readFileSync(ca.cert)).publicKey

test('a large list is read, hashed and found right in portions', async () => {
  let turns = 0
  const list = await readRevocationList(der, () => {
    turns++
    return nextTurn()
  })
  assert.equal(list.entries.size, count)
  const read = turns
  assert.ok(read >= 10, String(read))
  assert.equal(await list.verify(keyOf(stranger), 'stranger'), false)
  assert.equal(list.signer, undefined)
  assert.equal(await list.verify(keyOf(authority), 'own'), true)
  assert.equal(list.signer, 'own')
  assert.ok(turns >= read + 4, String(turns - read))
  assert.equal(await list.verify(keyOf(stranger), 'stranger'), false)
  for (const index of [0, 63, 64, 65, count - 1])
    assert.equal(list.entries.find(serialBytes(serialAt(index))), 0, String(index))
  assert.equal(list.entries.find(serialBytes(serialAt(count))), undefined)
})

test('a single bit of a large list that was not signed is noticed, wherever it is', async () => {
  for (const share of [0.3, 0.6, 0.95]) {
    const changed = Buffer.from(der)
    const at = changed.indexOf(entryBytes(serialAt(Math.floor(count * share))).subarray(0, 20)) + 19
    changed[at] = (changed[at] as number) ^ 1
    const list = await readRevocationList(changed, nextTurn)
    assert.equal(await list.verify(keyOf(authority), 'own'), false)
  }
})
