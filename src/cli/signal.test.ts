import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { castellanProgram, mosquittoProgram, startEither } from '../../test/support/broker-process.ts'
import { freePort } from '../../test/support/free-port.ts'
import { runProgram, startProgram } from '../../test/support/line-process.ts'
import { brokerTitle } from '../base/process-title.ts'
import { brokerProcesses } from './broker-processes.ts'

/** A directory like /proc, of processes with these command lines and owners. */
function fakeProc(
  t: TestContext,
  processes: Readonly<Record<number, readonly [cmdline: string, uid: number]>>,
): string {
  const proc = mkdtempSync(join(tmpdir(), 'castellan-proc-'))
  t.after(() => rmSync(proc, { recursive: true }))
  mkdirSync(join(proc, 'self'))
  writeFileSync(join(proc, '99'), 'no directory')
  for (const [pid, [cmdline, uid]] of Object.entries(processes)) {
    mkdirSync(join(proc, pid))
    writeFileSync(join(proc, pid, 'cmdline'), cmdline)
    writeFileSync(join(proc, pid, 'status'), `Name:\tx\nUid:\t${uid}\t0\t0\t0\nGid:\t0\t0\t0\t0\n`)
  }
  return proc
}

test('cli section 5, mosquitto_signal -a: brokers of both kinds are found by their whole name, and nothing else', t => {
  const proc = fakeProc(t, {
    1: ['/sbin/init\0', 0],
    20: ['/usr/sbin/mosquitto\0-c\0/etc/mosquitto.conf\0', 1000],
    21: ['mosquitto\0', 1000],
    22: [`${brokerTitle}\0\0\0\0`, 1000],
    30: ['mosquitto_sub\0-t\0mosquitto\0', 1000],
    31: ['castellan\0\0', 1000],
    32: ['vim\0/etc/mosquitto\0', 1000],
    33: ['/opt/mosquitto/bin/sh\0', 1000],
    34: ['', 1000],
    35: ['xmosquitto\0', 1000],
  })
  assert.deepEqual(
    brokerProcesses(proc, 1000).toSorted((a, b) => a.pid - b.pid),
    [
      { pid: 20, name: 'mosquitto' },
      { pid: 21, name: 'mosquitto' },
      { pid: 22, name: 'castellan' },
    ],
  )
})

test('mosquitto_signal -a: a user tells their own brokers, root everybody’s', t => {
  const proc = fakeProc(t, { 20: ['mosquitto\0', 1000], 21: ['mosquitto\0', 1001] })
  const pids = (uid: number) => brokerProcesses(proc, uid).map(({ pid }) => pid)
  assert.deepEqual(pids(1001), [21])
  assert.deepEqual(pids(1002), [])
  assert.deepEqual(pids(0).toSorted(), [20, 21])
})

const run = (t: TestContext, args: readonly string[]) => runProgram(t, castellanProgram, args)
const verb = (t: TestContext, ...args: string[]) => run(t, ['signal', ...args])
const old = (t: TestContext, ...args: string[]) => run(t, ['compat', 'mosquitto_signal', ...args])
const open = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\nallow_anonymous true\nlog_type all`

for (const kind of ['castellan', 'mosquitto'] as const) {
  test(`cli section 5, mosquitto_signal -p: ${kind} reloads, rotates and stops when it is told to`, async t => {
    const broker = await startEither(t, kind, { config: open })
    const pid = `${broker.program.child.pid}`
    for (const [call, word] of [
      [verb, 'config-reload'],
      [old, 'config-reload'],
      [verb, 'log-rotate'],
    ] as const) {
      const from = broker.lines.length
      const told = await call(t, '-p', pid, word)
      assert.deepEqual([told.ended?.code, told.lines], [0, []])
      await broker.waitForLine(/: Reloading config\.$/, from)
    }
    if (kind === 'castellan') {
      await verb(t, '-p', pid, 'tree-print')
      await broker.waitForLine(/: Subscription tree: 0 subscriptions\.$/)
    }
    const stopping = broker.program.expectEnd()
    assert.equal((await old(t, '-p', pid, 'shutdown')).ended?.code, 0)
    assert.deepEqual(await stopping, { code: 0, signal: null })
  })
}

const apart = ['--pid', '--fork', '--kill-child', '--mount-proc'] as const
const mayBeApart = spawnSync('unshare', [...apart, 'true']).status === 0

test('cli section 5, mosquitto_signal -a: tells brokers of both kinds, and says when there is none', {
  skip: !mayBeApart && 'only root can have processes of its own apart from all others',
}, async t => {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-all-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const [ours, theirs, config] = [join(dir, 'ours'), join(dir, 'theirs'), join(dir, 'broker.conf')]
  writeFileSync(config, `listener 0 ${join(dir, 'x.sock')}\nuser root\n`)
  const running = (log: string) => `until grep -q ' running$' ${log}; do :; done`
  const script = `
    ${castellanProgram} run -c ${config} 2> ${ours} & first=$!; ${running(ours)}
    ${mosquittoProgram} -p ${await freePort()} 2> ${theirs} & second=$!; ${running(theirs)}
    ${castellanProgram} signal -a shutdown > ${dir}/told; echo $? $(wc -l < ${dir}/told)
    wait $first; echo $?; wait $second; echo $?
    ${castellanProgram} signal -a shutdown; echo $?
    ${castellanProgram} compat mosquitto_signal -a shutdown; echo $?`
  const { stdout, stderr } = await runProgram(t, 'unshare', [...apart, 'bash', '-c', script])
  assert.deepEqual(stdout, ['0 2', '0', '0', '3', '0'])
  assert.deepEqual(stderr, ['castellan: no broker of this user is running'])
})

test('a process that is not there: the verb ends with 3, the old name says it in C’s words and ends with 0', async t => {
  const ended = await runProgram(t, 'true', [])
  const pid = `${ended.child.pid}`
  const told = await verb(t, '-p', pid, 'shutdown')
  assert.deepEqual([told.ended?.code, told.stderr], [3, [`castellan: process ${pid} got no signal: no such process`]])
  const before = await old(t, '-p', pid, 'shutdown')
  assert.deepEqual(
    [before.ended?.code, before.stderr],
    [0, [`Error sending signal to process ${pid}: No such process`]],
  )
})

const misuses: readonly (readonly [args: readonly string[], verb: RegExp, old: string])[] = [
  [['config-reload'], /^castellan: say whom: /, 'One of -a or -p must be used.'],
  [['-a'], /^castellan: say what to do: config-reload, /, 'No signal given.'],
  [['-p'], /^castellan: -p needs the id of a process/, '-p argument given but process ID missing.'],
  [['-p', '0', 'shutdown'], /^castellan: -p needs the id of a process/, 'Process ID must be >0.'],
  [['-p', '-1', 'shutdown'], /^castellan: -p needs the id of a process/, 'Process ID must be >0.'],
  [['-p', '12x', 'shutdown'], /^castellan: -p needs the id of a process/, 'Process ID must be >0.'],
  [['-p', '4294967297', 'shutdown'], /^castellan: -p needs the id of a process/, 'Process ID must be >0.'],
  [['-a', 'reload'], /^castellan: unknown signal 'reload'; there are /, "Unknown signal 'reload'."],
  [['-a', 'constructor'], /^castellan: unknown signal 'constructor'; there are /, "Unknown signal 'constructor'."],
]

for (const [args, refusal, oldRefusal] of misuses) {
  test(`signal ${args.join(' ')}: is refused, with 2 by the verb and with 1 under the old name`, async t => {
    const refused = await verb(t, ...args)
    assert.equal(refused.ended?.code, 2)
    assert.match(refused.stderr.join('\n'), refusal)
    const before = await old(t, ...args)
    assert.deepEqual([before.ended?.code, before.stderr], [1, [`Error: ${oldRefusal}`]])
  })
}

test('xtreport is refused under both names, and what there is instead is named', async t => {
  for (const [call, code] of [
    [verb, 2],
    [old, 1],
  ] as const) {
    const refused = await call(t, '-p', `${process.pid}`, 'xtreport')
    assert.equal(refused.ended?.code, code)
    assert.match(refused.stderr.join('\n'), /xtreport is not sent: .*metrics_listener/)
  }
})

test('the page of help: with 0 by the verb, with 1 under the old name, there without arguments too', async t => {
  for (const [call, args, code] of [
    [verb, ['--help'], 0],
    [verb, ['-a', 'shutdown', '--help'], 0],
    [old, ['--help'], 1],
    [old, [], 1],
  ] as const) {
    const page = await call(t, ...args)
    assert.equal(page.ended?.code, code)
    for (const word of ['config-reload', 'log-rotate', 'shutdown', 'tree-print']) {
      assert(page.stdout.some(line => line.trim().startsWith(word)))
    }
  }
  assert.equal((await verb(t)).ended?.code, 2)
})

test('features I4: a broker that was started as mosquitto is found by that name, as scripts look for it', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-title-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  writeFileSync(
    join(dir, 'broker.conf'),
    `listener 0 ${join(dir, 'x.sock')}\n${process.getuid?.() === 0 ? 'user root\n' : ''}`,
  )
  const found = (pid: number | undefined) => brokerProcesses().find(broker => broker.pid === pid)?.name
  const named = startProgram(t, castellanProgram, ['compat', 'mosquitto', '-c', 'broker.conf'], { cwd: dir })
  await named.waitForLine(/running$/)
  assert.equal(found(named.child.pid), 'mosquitto')
  await named.stop()
  const own = startProgram(t, castellanProgram, ['run', '-c', 'broker.conf'], { cwd: dir })
  await own.waitForLine(/running$/)
  assert.equal(found(own.child.pid), 'castellan')
  await own.stop()
})
