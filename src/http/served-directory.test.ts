import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { HttpDirectoryError, largestFileBytes, ServedDirectory } from './served-directory.ts'

function made(t: TestContext): { root: string; outside: string; served: ServedDirectory } {
  const place = mkdtempSync(join(tmpdir(), 'castellan-http-'))
  t.after(() => rmSync(place, { recursive: true }))
  const root = join(place, 'www')
  mkdirSync(join(root, 'docs'), { recursive: true })
  writeFileSync(join(place, 'secret.txt'), 'secret')
  writeFileSync(join(root, 'index.html'), '<p>')
  writeFileSync(join(root, 'docs', 'a.JS'), 'x')
  return { root, outside: place, served: new ServedDirectory(root) }
}

async function read(served: ServedDirectory, ...segments: string[]): Promise<string | undefined> {
  const file = await served.open(segments)
  if (file === undefined) return undefined
  const text = await file.handle.readFile('utf8')
  await file.handle.close()
  return `${file.type} ${file.size} ${text}`
}

test('http_dir: files, with their type and size, and index.html for a directory', async t => {
  const { served } = made(t)
  assert.equal(await read(served, 'docs', 'a.JS'), 'text/javascript; charset=utf-8 1 x')
  assert.equal(await read(served, ''), 'text/html; charset=utf-8 3 <p>')
  assert.equal(await read(served, 'docs', ''), undefined)
  assert.equal(await read(served, 'docs'), undefined)
  assert.equal(await read(served, 'nothing'), undefined)
})

test('http_dir: a symbolic link is followed inside the directory, and out of it never', async t => {
  const { served, root, outside } = made(t)
  symlinkSync('docs/a.JS', join(root, 'inside.js'))
  symlinkSync(join(outside, 'secret.txt'), join(root, 'out.txt'))
  symlinkSync(outside, join(root, 'up'))
  assert.equal(await read(served, 'inside.js'), 'text/javascript; charset=utf-8 1 x')
  assert.equal(await read(served, 'out.txt'), undefined)
  assert.equal(await read(served, 'up', 'secret.txt'), undefined)
})

test('http_dir: a directory whose name only begins like it is another one', async t => {
  const { served, root } = made(t)
  mkdirSync(`${root}-private`)
  writeFileSync(`${root}-private/a.txt`, 'a')
  symlinkSync(`${root}-private`, join(root, 'link'))
  assert.equal(await read(served, 'link', 'a.txt'), undefined)
})

test('http_dir: what a link makes of a hidden file is hidden too', async t => {
  const { served, root } = made(t)
  mkdirSync(join(root, '.git'))
  writeFileSync(join(root, '.git', 'config'), 'x')
  symlinkSync('.git/config', join(root, 'config.txt'))
  assert.equal(await read(served, 'config.txt'), undefined)
})

test('http_dir: neither a pipe nor a file that is too large', async t => {
  const { served, root } = made(t)
  execFileSync('mkfifo', [join(root, 'pipe')])
  writeFileSync(join(root, 'large'), '')
  truncateSync(join(root, 'large'), largestFileBytes + 1)
  assert.equal(await served.open(['pipe']), undefined)
  assert.equal(await served.open(['large']), undefined)
})

test('http_dir: what is no directory is refused by name', t => {
  const { root } = made(t)
  for (const path of [join(root, 'nothing'), join(root, 'index.html')]) {
    assert.throws(() => new ServedDirectory(path), HttpDirectoryError)
  }
})
