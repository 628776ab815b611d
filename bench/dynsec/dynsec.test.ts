import assert from 'node:assert/strict'
import test from 'node:test'
import { castellan } from '../brokers/castellan.ts'
import { fileOf, membersOf } from './dataset.ts'
import { Ground } from './ground.ts'

const size = { clients: 300, roles: 60, groups: 7 }

test('the made-up file has every client once, in one group and in that of all', () => {
  const { clients, groups, roles } = JSON.parse(fileOf(size, true))
  assert.deepEqual([clients.length, groups.length, roles.length], [301, 8, 62])
  const listed = groups.slice(1).flatMap(({ clients: members }: { clients: unknown[] }) => members)
  assert.equal(listed.length, size.clients)
  assert.equal(new Set(listed.map(({ username }: { username: string }) => username)).size, size.clients)
  assert.equal(membersOf(6, size).length, 42)
})

test('a short run carries out every command, starts with a log of changes, and counts what a PUBLISH costs', async () => {
  const column = await new Ground(castellan(), { size, times: 2, isShared: true, settleMs: 100, messages: 2000 }).run()
  const rows = [...column.keys()]
  for (const name of ['createClient', 'deleteRole, of all clients', 'the file behind those', 'CPU of a PUBLISH']) {
    assert.ok(rows.includes(name), `${name} is not among ${rows.join('; ')}`)
  }
  assert.ok(rows.some(name => /changes in the log/.test(name)))
})
