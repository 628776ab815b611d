import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { replaceSecretFile } from './replace-file.ts'

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'castellan-replace-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

test('features B4: a new file is for its owner only', t => {
  const path = join(directory(t), 'pw')
  assert.deepEqual(replaceSecretFile(path, Buffer.from('new')), { closed: false })
  assert.equal(readFileSync(path, 'utf8'), 'new')
  assert.equal(modeOf(path), '600')
})

for (const [before, after, closed] of [
  [0o640, '640', false],
  [0o644, '640', true],
  [0o666, '660', true],
] as const) {
  test(`features B4: a file of mode ${before.toString(8)} keeps what its group may do, and is closed to others`, t => {
    const path = join(directory(t), 'pw')
    writeFileSync(path, 'old')
    chmodSync(path, before)
    assert.deepEqual(replaceSecretFile(path, Buffer.from('new')), { closed })
    assert.equal(modeOf(path), after)
  })
}

test('features B5: a file keeps its owner and group', { skip: process.geteuid?.() !== 0 && 'needs root' }, t => {
  const path = join(directory(t), 'pw')
  writeFileSync(path, 'old')
  chownSync(path, 1234, 5678)
  replaceSecretFile(path, Buffer.from('new'))
  const { uid, gid } = statSync(path)
  assert.deepEqual([uid, gid], [1234, 5678])
})

test('features B5: the file is exchanged in one step, and nothing is left beside it', t => {
  const place = directory(t)
  writeFileSync(join(place, 'pw'), 'old')
  const inode = statSync(join(place, 'pw')).ino
  replaceSecretFile(join(place, 'pw'), Buffer.from('new'))
  assert.notEqual(statSync(join(place, 'pw')).ino, inode)
  assert.deepEqual(readdirSync(place), ['pw'])
})

test('features B5: a failure leaves nothing behind', t => {
  const place = directory(t)
  mkdirSync(join(place, 'pw'))
  assert.throws(() => replaceSecretFile(join(place, 'pw'), Buffer.from('new')), { code: 'EISDIR' })
  assert.deepEqual(readdirSync(place), ['pw'])
  assert.throws(() => replaceSecretFile(join(place, 'no', 'pw'), Buffer.from('new')), { code: 'ENOENT' })
})
