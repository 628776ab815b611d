import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { withLock } from './directory-lock.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-lock-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const path = join(dir, 'lock')

test('one at a time: whoever comes second waits for the first, and nothing is left behind', async () => {
  const order: string[] = []
  const first = Promise.withResolvers<void>()
  const one = withLock(path, async () => {
    order.push('one begins')
    await first.promise
    order.push('one ends')
  })
  const two = withLock(path, async () => void order.push('two'))
  first.resolve()
  await Promise.all([one, two])
  assert.deepEqual(order, ['one begins', 'one ends', 'two'])
  assert.deepEqual(readdirSync(dir), [])
})

test('work that fails lets go', async () => {
  await assert.rejects(
    withLock(path, () => Promise.reject(new Error('failed'))),
    { message: 'failed' },
  )
  assert.equal(existsSync(path), false)
})

test('what a process left that is gone is taken over', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', '0'])
  writeFileSync(path, JSON.stringify({ host: hostname(), pid }))
  assert.equal(await withLock(path, async () => 'done'), 'done')
  assert.deepEqual(readdirSync(dir), [])
})
