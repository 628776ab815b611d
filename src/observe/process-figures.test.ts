import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { readProcess } from './process-figures.ts'

test('metrics: open files are counted one by one, and their limit is that of the shell', t => {
  const before = readProcess()
  if (before.openFiles === undefined) return t.skip('this kernel does not tell: Linux 6.2 and later do')
  const opened = [1, 2, 3].map(() => openSync('/dev/null', 'r'))
  assert.equal(readProcess().openFiles, before.openFiles + 3)
  for (const file of opened) closeSync(file)
  assert.equal(readProcess().openFiles, before.openFiles)
  const limit = execFileSync('sh', ['-c', 'ulimit -S -n'], { encoding: 'utf8' }).trim()
  assert.equal(String(before.mostOpenFiles ?? 'unlimited'), limit)
})

test('metrics: memory is in bytes, and times are in seconds that only grow', () => {
  const before = readProcess()
  const { residentBytes = 0 } = before
  assert.ok(residentBytes > 1e7 && residentBytes < 1e11)
  assert.ok(before.heapUsedBytes <= before.heapTotalBytes)
  const held = Buffer.alloc(50_000_000)
  for (let count = 0; readProcess().cpuSeconds < before.cpuSeconds + 0.02; count++) held[count % held.length] = 1
  const after = readProcess()
  assert.ok(after.externalBytes >= before.externalBytes + held.length)
  assert.ok(after.cpuSeconds < before.cpuSeconds + 10, 'in seconds')
  assert.ok(after.loopBusySeconds >= before.loopBusySeconds)
})
