import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { runCommand } from '../../../test/support/command.ts'
import { acl } from './acl.ts'

test("acl check: root is not told to take the broker's files from the account that the broker has", {
  skip: process.geteuid?.() !== 0 && 'needs root',
}, async t => {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-acl-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'acl')
  writeFileSync(file, 'user bob\ntopic a/#\n', { mode: 0o600 })
  chownSync(file, 12_345, 12_345)
  const ask = () => runCommand(acl, ['check', 'bob', 'read', 'a/b', '--acl-file', file])
  const { code, stderr } = await ask()
  assert.deepEqual([code, stderr], [0, ''])
  chmodSync(file, 0o644)
  assert.match((await ask()).stderr, /^Warning: File .* has world readable permissions\..*\n.*`chmod 0600 .*`\.\n$/)
})
