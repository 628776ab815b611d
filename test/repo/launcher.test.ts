// bin/castellan: which Node it becomes, that it becomes it, and how little starting costs.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { verbs } from '../../src/cli/verbs.ts'
import { startProgram } from '../support/line-process.ts'
import { repository } from './source-files.ts'

const program = join(repository, 'bin/castellan')
/** The most CPU that a command may take before it does its work. */
const startLimitMs = 300

test('a new enough node on PATH wins', t => {
  const path = fakeNode(t, 'v24.0.0', 'echo system "$0" "$@"')
  assert.match(
    start(['a', 'b c'], { PATH: path }).stdout,
    /^system \S+\/node --max-semi-space-size=\d+ \S+bin\/castellan a b c\n$/,
  )
})

test('where the node on PATH is too old, the one that came with the package is started', t => {
  const path = fakeNode(t, 'v20.20.2', 'echo system')
  assert.match(start(['--version'], { PATH: path }).stdout, /^castellan version /)
})

test('CASTELLAN_NODE wins over both, and is refused when it is no program', t => {
  const chosen = join(fakeNode(t, 'v24.0.0', 'echo chosen').split(':')[0]!, 'node')
  const path = fakeNode(t, 'v24.0.0', 'echo system')
  assert.equal(start([], { PATH: path, CASTELLAN_NODE: chosen }).stdout, 'chosen\n')
  const refused = start([], { PATH: path, CASTELLAN_NODE: '/no/such/node' })
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /CASTELLAN_NODE is set to '\/no\/such\/node', which is not a program/)
})

test('without any Node that is new enough, it says what was found and what to do, and exits 1', t => {
  const dir = temporaryDirectory(t)
  mkdirSync(join(dir, 'bin'))
  copyFileSync(program, join(dir, 'bin/castellan'))
  const old = spawnSync(join(dir, 'bin/castellan'), { env: { PATH: fakeNode(t, 'v20.1.0', '') }, encoding: 'utf8' })
  assert.equal(old.status, 1)
  assert.match(old.stderr, /needs Node 24 or later, and found only Node 20\.\n {2}Install Node 24/)
  for (const tool of ['cat', 'dirname', 'readlink', 'uname']) symlinkSync(which(tool), join(dir, tool))
  const none = spawnSync(join(dir, 'bin/castellan'), { env: { PATH: dir }, encoding: 'utf8' })
  assert.equal(none.status, 1)
  assert.match(none.stderr, /found none\./)
})

test('mosquitto-conf section 8: the pid that was started is the broker: its exit code and signal are passed through', t => {
  const pid = spawnSync('sh', ['-c', 'echo $$; exec "$0"', program], {
    env: { PATH: fakeNode(t, 'v24.0.0', 'echo $$; exit 13') },
    encoding: 'utf8',
  })
  const [started, broker] = pid.stdout.split('\n')
  assert.equal(started, broker)
  assert.equal(pid.status, 13)
  assert.equal(start([], { PATH: fakeNode(t, 'v24.0.0', 'kill -TERM $$') }).signal, 'SIGTERM')
})

test('cli section 1: ps shows it as castellan, and none of its arguments', {
  skip: process.platform !== 'linux' && 'needs /proc',
}, async t => {
  const args = ['passwd', '-c', join(temporaryDirectory(t), 'users.pw'), 'alice', 'a password where none belongs']
  const asking = startProgram(t, program, args)
  await once(asking.child.stdout!, 'data')
  const shown = readFileSync(`/proc/${asking.child.pid}/cmdline`, 'utf8').replaceAll('\0', '')
  assert.equal(shown, 'castellan')
})

test('cli section 1: a link of an old name is that tool', t => {
  const link = join(temporaryDirectory(t), 'mosquitto')
  symlinkSync(program, link)
  const { status, stderr } = spawnSync(link, ['--bogus'], { encoding: 'utf8' })
  assert.equal(status, 3)
  assert.match(stderr, /^Error: Unknown option '--bogus'\./)
})

test('started as `node bin/castellan` by the Node of the tests, it runs just the same', () => {
  assert.match(spawnSync(process.execPath, [program, '--version'], { encoding: 'utf8' }).stdout, /^castellan version /)
})

for (const command of ['--help', ...verbs.map(({ name }) => `${name} --help`)]) {
  test(`castellan ${command} takes less than ${startLimitMs} ms of CPU, under an older node on PATH too`, t => {
    assertStartsQuickly(t, command)
  })
}

test(`castellan run takes less than ${startLimitMs} ms of CPU until its configuration is read`, t => {
  const file = join(temporaryDirectory(t), 'mosquitto.conf')
  writeFileSync(file, 'listener 1883\n')
  assertStartsQuickly(t, `run -c ${file} --test-config`)
})

/** The best of three: the first start fills the compile cache, and other programs run beside this one. */
function assertStartsQuickly(t: TestContext, command: string): void {
  const path = fakeNode(t, 'v20.20.2', '')
  const cost = Math.min(...[1, 2, 3].map(() => cpuOf(`${program} ${command} >/dev/null`, path)))
  assert.ok(cost < startLimitMs, `took ${cost} ms`)
}

/** User and system CPU of a command and its children in milliseconds, as the shell's `times` tells it. */
function cpuOf(command: string, path: string): number {
  const { stdout, stderr } = spawnSync('sh', ['-c', `${command}; times`], { env: { PATH: path }, encoding: 'utf8' })
  assert.equal(stderr, '')
  const [, children = ''] = stdout.trim().split('\n')
  const spent = [...children.matchAll(/(\d+)m([\d.]+)s/g)]
  return Math.round(
    spent.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000, 0),
  )
}

function start(args: readonly string[], env: NodeJS.ProcessEnv) {
  return spawnSync(program, args, { env, encoding: 'utf8' })
}

/** A PATH that begins with a `node` that only knows its version and does what `script` says. */
function fakeNode(t: TestContext, version: string, script: string): string {
  const dir = temporaryDirectory(t)
  writeFileSync(join(dir, 'node'), `#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; exit; fi\n${script}\n`)
  chmodSync(join(dir, 'node'), 0o755)
  return `${dir}:${dirname(which('uname'))}:/usr/bin:/bin`
}

function which(tool: string): string {
  return spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim()
}

function temporaryDirectory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-launcher-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return dir
}
