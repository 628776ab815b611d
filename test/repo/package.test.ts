// What `npm pack` makes is what people install: it is built, complete, and runs without the sources.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { version } from '../../src/base/version.ts'
import { repository, repositoryFiles } from './source-files.ts'

test('the packed package is built, and runs from where it was unpacked', t => {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-package-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const root = unpack(pack(directory), directory)
  assert.equal(existsSync(join(root, 'src')), false, 'it runs what was built, not the sources')
  const program = join(root, 'bin/castellan')
  const told = spawnSync(program, ['--version'], { encoding: 'utf8' })
  assert.ok(told.stdout.startsWith(`castellan version ${version()}`), told.stderr)
  const file = join(directory, 'mosquitto.conf')
  writeFileSync(file, 'listener 1883\n')
  const good = spawnSync(program, ['run', '-c', file, '--test-config'], { encoding: 'utf8' })
  assert.equal(good.status, 0, good.stderr)
  writeFileSync(file, 'bogus 1\n')
  const bad = spawnSync(program, ['run', '-c', file, '--test-config'], { encoding: 'utf8' })
  assert.match(bad.stderr, /Unknown configuration variable 'bogus'/)
})

/** Packs a copy, so that the checkout gets no `dist`. @returns the archive */
function pack(directory: string): string {
  const checkout = join(directory, 'checkout')
  for (const path of repositoryFiles()) cpSync(join(repository, path), join(checkout, path))
  symlinkSync(join(repository, 'node_modules'), join(checkout, 'node_modules'))
  const cache = join(directory, 'cache')
  // Scripts of this package alone, also where the user's npm is told to run none.
  execFileSync(
    'npm',
    ['pack', '--offline', '--ignore-scripts=false', '--silent', '--cache', cache, '--pack-destination', directory],
    {
      cwd: checkout,
      stdio: 'pipe',
    },
  )
  return join(directory, `castellan-${version()}.tgz`)
}

/** @returns the package's root, with what it depends on beside it */
function unpack(archive: string, directory: string): string {
  const place = join(directory, 'installed')
  mkdirSync(place)
  execFileSync('tar', ['-xzf', archive, '-C', place])
  symlinkSync(join(repository, 'node_modules'), join(place, 'node_modules'))
  return join(place, 'package')
}
