// What `npm test` runs: installs the programs that the tests compare us with, then formatter, linter, types and all tests.
// `npm test -- PART…` runs only the test files whose path contains one of the parts, and nothing else.

import { spawnSync } from 'node:child_process'
import { existsSync, globSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Debian's packages, and a file by which each is known to be there. */
const judges = [
  { name: 'mosquitto', file: '/usr/sbin/mosquitto' },
  { name: 'mosquitto-clients', file: '/usr/bin/mosquitto_pub' },
  { name: 'openssl', file: '/usr/bin/openssl' },
  { name: 'python3-paho-mqtt', file: '/usr/lib/python3/dist-packages/paho/mqtt/client.py' },
]
const policy = '/usr/sbin/policy-rc.d'

/** The longest that one test, or one test file, may take. */
const testTimeoutMs = 10 * 60_000
/** As many test files at a time as a small machine has cores. */
const concurrency = 2

const root = join(import.meta.dirname, '..')
const parts = process.argv.slice(2)

installJudges(judges.filter(({ file }) => !existsSync(file)).map(({ name }) => name))
if (parts.length === 0) {
  step(join(root, 'node_modules/.bin/biome'), ['ci', '.'])
  step(join(root, 'node_modules/.bin/tsc'), ['--noEmit'])
}
step(process.execPath, [
  '--test',
  `--test-concurrency=${concurrency}`,
  `--test-timeout=${testTimeoutMs}`,
  ...testFiles(parts),
])

function testFiles(wanted: readonly string[]): string[] {
  const all = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root }).sort()
  const files = wanted.length === 0 ? all : all.filter(file => wanted.some(part => file.includes(part)))
  if (files.length === 0) fail(`no test file has ${wanted.map(part => `'${part}'`).join(' or ')} in its path`)
  return files
}

function installJudges(missing: readonly string[]): void {
  if (missing.length === 0) return
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends', ...missing] as const
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    fail(`the tests need ${missing.join(', ')}; as root, on Debian:\n  apt-get update && ${install.join(' ')}`)
  }
  // Debian starts a broker as soon as it is installed, on the port that the tests need, unless this file forbids it.
  const forbid = !existsSync(policy)
  if (forbid) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const failed = exitCodeOf('apt-get', ['update']) || exitCodeOf(install[0], install.slice(1))
  if (forbid) rmSync(policy)
  if (failed) fail(`could not install ${missing.join(', ')}`)
}

/** Ends this program with the command's exit code when it fails. */
function step(command: string, args: readonly string[]): void {
  const code = exitCodeOf(command, args)
  if (code !== 0) process.exit(code)
}

/** Runs a command to its end with our own terminal. */
function exitCodeOf(command: string, args: readonly string[]): number {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env })
  if (error !== undefined) fail(`cannot start ${command}: ${error.message}`)
  return status ?? 1
}

function fail(message: string): never {
  process.stderr.write(`test: ${message}\n`)
  process.exit(1)
}
