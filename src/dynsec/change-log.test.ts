import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { ChangeLog } from './change-log.ts'
import { type FileMark, readLog } from './change-record.ts'

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-dynsec-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return join(directory, 'f.json.changes')
}

/** Closed at the end. */
function open(t: TestContext, path: string, last: number): ChangeLog {
  const log = new ChangeLog(path, last)
  t.after(() => log.remove().catch(() => {}))
  return log
}

const fileAt = (holds: number): FileMark => ({ digest: String(holds), holds })
const commands = [{ command: 'createClient', username: 'a' }]
const content = (path: string) => readLog(readFileSync(path), path)

test('dynsec 2: a log has what was added when it was answered, and is for its owner alone', async t => {
  const path = place(t)
  const log = open(t, path, 3)
  await log.restart(fileAt(3))
  await log.append(3, commands)
  await log.append(4, commands)
  const { files, from, commands: found, tornBytes } = content(path)
  assert.deepEqual([files, from, found.length, tornBytes], [[fileAt(3)], 3, 2, 0])
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('dynsec 2: a log forgets what the file holds, and keeps all of it when there is more', async t => {
  const path = place(t)
  const log = open(t, path, 0)
  await log.restart(fileAt(0))
  await log.append(0, commands)
  await log.restart(fileAt(0))
  assert.equal(content(path).commands.length, 1)
  await Promise.all([log.mark(fileAt(1)), log.append(1, commands), log.restart(fileAt(1))])
  assert.deepEqual([content(path).commands.length, content(path).files], [2, [fileAt(0), fileAt(1)]])
  await log.restart(fileAt(2))
  assert.deepEqual([content(path).commands.length, content(path).files], [0, [fileAt(2)]])
  await log.append(2, commands)
  await log.abandon(fileAt(1))
  assert.deepEqual([content(path).commands.length, content(path).files], [0, [fileAt(1)]])
  await log.remove()
  assert.equal(existsSync(path), false)
})

test('dynsec 2: a log goes on behind its last whole line, and what a kill has left there is cut off', async t => {
  const path = place(t)
  const first = open(t, path, 0)
  await first.restart(fileAt(0))
  await first.append(0, commands)
  appendFileSync(path, 'x'.repeat(1000))
  const { wholeBytes } = content(path)
  const next = open(t, path, 1)
  await next.open(wholeBytes)
  assert.equal(statSync(path).size, wholeBytes)
  await next.append(1, commands)
  assert.deepEqual([content(path).commands.length, content(path).tornBytes], [2, 0])
})

test('dynsec 2: a link in the place of the log is not followed, and a log that cannot be opened takes nothing', async t => {
  const path = place(t)
  const target = `${path}.target`
  writeFileSync(target, 'precious')
  symlinkSync(target, path)
  const log = open(t, path, 0)
  await assert.rejects(log.restart(fileAt(0)), { code: 'ELOOP' })
  assert.equal(log.isOpen, false)
  await assert.rejects(log.append(0, commands), /it is not open/)
  assert.equal(readFileSync(target, 'utf8'), 'precious')
})

test('dynsec 2: a log is full at eight million bytes, and takes no single change of more than sixteen', async t => {
  const path = place(t)
  const log = open(t, path, 0)
  await log.restart(fileAt(0))
  const large = (bytes: number) => [{ command: 'createClient', textname: 'x'.repeat(bytes) }]
  await log.append(0, large(7_000_000))
  assert.equal(log.isFull, false)
  await log.append(1, large(2_000_000))
  assert.deepEqual([log.isFull, log.isOpen], [true, true])
  await assert.rejects(log.append(2, large(17_000_000)), /a change of \d+ bytes, at most 16777216 are logged/)
  assert.equal(log.isOpen, false)
  await log.restart(fileAt(3))
  assert.deepEqual([log.isFull, log.isOpen], [false, true])
})
