import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
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

test('features B4: what is no regular file is refused and left alone: a pipe, a device, a link', t => {
  const place = directory(t)
  const pipe = join(place, 'pipe')
  execFileSync('mkfifo', [pipe])
  symlinkSync('elsewhere', join(place, 'link'))
  const device = devices(place)
  for (const name of ['pipe', 'link', ...device]) {
    const before = lstatSync(join(place, name))
    assert.throws(() => replaceSecretFile(join(place, name), Buffer.from('new')), {
      code: 'ERR_AUTH_SECRET_FILE',
      message: `'${join(place, name)}' is not a regular file; it is left alone`,
    })
    assert.equal(lstatSync(join(place, name)).ino, before.ino)
  }
  assert.deepEqual(readdirSync(place).sort(), ['link', 'pipe', ...device].sort())
})

/** A twin of /dev/null, where this user may make one: nobody wants to see the original go. */
function devices(place: string): readonly string[] {
  return spawnSync('mknod', [join(place, 'null'), 'c', '1', '3']).status === 0 ? ['null'] : []
}

test('features B5: a failure leaves nothing behind', t => {
  const place = directory(t)
  mkdirSync(join(place, 'pw'))
  assert.throws(() => replaceSecretFile(join(place, 'pw'), Buffer.from('new')), { code: 'EISDIR' })
  assert.deepEqual(readdirSync(place), ['pw'])
  assert.throws(() => replaceSecretFile(join(place, 'no', 'pw'), Buffer.from('new')), { code: 'ENOENT' })
})
