import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { makeDirectories } from './make-directories.ts'

test('directories that are missing are made, those that are there are left as they are', t => {
  const place = mkdtempSync(join(tmpdir(), 'castellan-directories-'))
  t.after(() => rmSync(place, { recursive: true }))
  makeDirectories(join(place, 'a', 'b', 'c'))
  assert.ok(statSync(join(place, 'a', 'b', 'c')).isDirectory())
  makeDirectories(join(place, 'a', 'b'))
  writeFileSync(join(place, 'file'), '')
  assert.throws(() => makeDirectories(join(place, 'file', 'b')), { code: 'ENOTDIR' })
})

test('where the system has the parent and refuses the child, that is an error and no endless loop', {
  skip: process.platform !== 'linux' && 'needs /proc',
}, () => {
  for (const path of ['/proc/castellan', '/proc/castellan/b']) {
    assert.throws(
      () => makeDirectories(path),
      (error: NodeJS.ErrnoException) => error.syscall === 'mkdir',
    )
  }
})
