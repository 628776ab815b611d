import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { BanFile, BanFileError } from './ban-file.ts'
import { readBan } from './ban-list.ts'

function place(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-bans-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return join(dir, 'bans.json')
}

const open = (path: string) => new BanFile(path, () => 0)
const idsOf = ({ bans }: BanFile) => bans.all(0).map(({ value }) => value)

test('a file of bans is read again for a reload, and holds when that is put to work', t => {
  const path = place(t)
  const file = open(path)
  assert.deepEqual(idsOf(file), [])
  writeFileSync(path, '{"bans":[{"clientid":"a"}]}')
  const replace = file.prepareReload()
  assert.deepEqual(idsOf(file), [])
  replace()
  assert.deepEqual(idsOf(file), ['a'])
  writeFileSync(path, '{"bans":1}')
  assert.throws(() => file.prepareReload(), BanFileError)
  assert.deepEqual(idsOf(file), ['a'])
})

test('a ban that is not in the file, or not yet, is not lost to a reload', async t => {
  const path = place(t)
  const file = open(path)
  file.bans.add(readBan({ clientid: 'a' }))
  const replace = file.prepareReload()
  const saved = file.save()
  replace()
  assert.deepEqual(idsOf(file), ['a'])
  await saved
  assert.match(readFileSync(path, 'utf8'), /"a"/)
  file.prepareReload()()
  assert.deepEqual(idsOf(file), ['a'])
  const nowhere = open(join(dirname(path), 'absent', 'bans.json'))
  nowhere.bans.add(readBan({ clientid: 'b' }))
  await assert.rejects(nowhere.save())
  nowhere.prepareReload()()
  assert.deepEqual(idsOf(nowhere), ['b'])
})
