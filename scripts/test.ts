// What `npm test` runs: installs the programs that the tests compare us with, then formatter, linter, types and all tests.
// `npm test -- PART…` runs only the test files whose path contains one of the parts, and nothing else.

import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { type DebianPackage, installDebianPackages, mosquittoPackage } from './debian-packages.ts'

const judges: readonly DebianPackage[] = [
  mosquittoPackage,
  { name: 'mosquitto-clients', file: '/usr/bin/mosquitto_pub' },
  { name: 'openssl', file: '/usr/bin/openssl' },
  { name: 'haproxy', file: '/usr/sbin/haproxy' },
  { name: 'slapd', file: '/usr/sbin/slapd' },
  { name: 'gnutls-bin', file: '/usr/bin/certtool' },
  { name: 'libnss3-tools', file: '/usr/bin/vfychain' },
  {
    name: 'python3-cryptography-vectors',
    file: '/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data/pkits.ldif',
  },
  { name: 'python3-paho-mqtt', file: '/usr/lib/python3/dist-packages/paho/mqtt/client.py' },
]

/** The longest that one test, or one test file, may take. */
const testTimeoutMs = 10 * 60_000
/** One test file more at a time than a small machine has cores: many wait for a peer, or for a time-out that is being tested. */
const concurrency = 3

const root = join(import.meta.dirname, '..')
/** Each test file is a process: without it every one compiles again what the others have. bin/castellan keeps its own there. */
const compileCache = join(root, 'node_modules/.cache/castellan')
const parts = process.argv.slice(2)

const missing = installDebianPackages(judges)
if (missing !== undefined) fail(missing)
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
  const all = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'], { cwd: root }).sort()
  const files = wanted.length === 0 ? all : all.filter(file => wanted.some(part => file.includes(part)))
  if (files.length === 0) fail(`no test file has ${wanted.map(part => `'${part}'`).join(' or ')} in its path`)
  return files
}

/** Ends this program with the command's exit code when it fails. */
function step(command: string, args: readonly string[]): void {
  const code = exitCodeOf(command, args)
  if (code !== 0) process.exit(code)
}

/** Runs a command to its end with our own terminal. */
function exitCodeOf(command: string, args: readonly string[]): number {
  const env = { ...process.env, NODE_COMPILE_CACHE: compileCache }
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env })
  if (error !== undefined) fail(`cannot start ${command}: ${error.message}`)
  return status ?? 1
}

function fail(message: string): never {
  process.stderr.write(`test: ${message}\n`)
  process.exit(1)
}
