import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { FileWriter, replaceFile } from './file-writer.ts'
import { Client } from './model.ts'
import { SecurityState } from './state.ts'

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-dynsec-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return join(directory, 'f.json')
}

function names(path: string): string[] {
  return JSON.parse(readFileSync(path, 'utf8')).clients.map(({ username }: { username: string }) => username)
}

test('dynsec 2: what was asked for while a file is written goes into the next one, and into no third', async t => {
  const path = place(t)
  const state = new SecurityState()
  let begun = 0
  const writer = new FileWriter(path, () => {
    begun++
    return state
  })
  const answers: Promise<unknown>[] = []
  for (let i = 0; i < 100; i++) {
    const client = new Client(`u${i}`)
    state.clients.add(client)
    answers.push(writer.write().then(() => assert.ok(names(path).includes(client.name), client.name)))
  }
  await Promise.all(answers)
  assert.equal(begun, 2)
  assert.equal(names(path).length, 100)
  await writer.write()
  assert.equal(begun, 3)
})

test('dynsec 2: the file is for its owner alone, and nothing else is left beside it', async t => {
  const path = place(t)
  writeFileSync(`${path}.new`, 'half of a file, from a process that was killed', { mode: 0o666 })
  await replaceFile(path, ['{}'])
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(join(path, '..')), ['f.json'])
})

test('a link in the place of the new file is not followed', async t => {
  const path = place(t)
  const target = `${path}.target`
  writeFileSync(target, 'precious')
  symlinkSync(target, `${path}.new`)
  await replaceFile(path, ['{}'])
  assert.equal(readFileSync(target, 'utf8'), 'precious')
})

test('a write that fails leaves the file as it was, and the next one is not held up by it', async t => {
  const path = place(t)
  const state = new SecurityState()
  writeFileSync(path, 'old')
  let isBroken = true
  const writer = new FileWriter(path, () => {
    if (isBroken) throw new Error('broken')
    return state
  })
  const [first, second] = [writer.write(), writer.write()]
  await assert.rejects(first, /broken/)
  await assert.rejects(second, /broken/)
  assert.equal(readFileSync(path, 'utf8'), 'old')
  isBroken = false
  await writer.write()
  assert.deepEqual(names(path), [])
  await assert.rejects(new FileWriter(join(path, 'x'), () => state).write(), { code: 'ENOTDIR' })
})
