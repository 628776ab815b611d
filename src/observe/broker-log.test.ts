import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { LogType } from '../base/log.ts'
import { createLog, LogFileError } from './broker-log.ts'
import { type LogIo, type LogOutlet, systemLogIo } from './log-io.ts'
import { maximumWaitingBytes } from './log-sink.ts'
import { allLogTypes } from './log-values.ts'
import type { LogSettings } from './options.ts'

const settings: LogSettings = {
  connection_messages: true,
  log_dest: [{ kind: 'stderr' }],
  log_facility: undefined,
  log_timestamp: true,
  log_timestamp_format: undefined,
  log_type: ['error', 'warning', 'notice', 'information'],
}

/** Places for lines, in memory; `turn` ends the work at hand, `accept` ends the write under way. */
function fakeIo(nowMs = 1_700_000_000_900) {
  const written = new Map<string, string>()
  const tasks: (() => void)[] = []
  const writes: (() => void)[] = []
  const opened: string[] = []
  const closed: string[] = []
  const append = (name: string, bytes: Uint8Array) => {
    written.set(name, (written.get(name) ?? '') + Buffer.from(bytes).toString())
    return bytes.length
  }
  const outlet = (name: string): LogOutlet => ({
    write: (bytes, done) => void writes.push(() => done(false, append(name, bytes))),
    writeNow: bytes => append(name, bytes),
    end: bytes => {
      append(name, bytes)
      closed.push(name)
    },
  })
  let tellLost = (_why: string) => {}
  const io: LogIo = {
    now: () => nowMs,
    stdout: outlet('stdout'),
    stderr: outlet('stderr'),
    openFile: path => {
      if (path.startsWith('/denied')) throw new Error('EACCES')
      opened.push(path)
      return outlet(path)
    },
    openSyslog: failed => {
      tellLost = failed
      opened.push('syslog')
      return outlet('syslog')
    },
    soon: task => void tasks.push(task),
  }
  const turn = () => {
    for (const task of tasks.splice(0)) task()
  }
  const accept = () => {
    turn()
    for (const end of writes.splice(0)) end()
  }
  const text = (name: string) => written.get(name) ?? ''
  return { io, opened, closed, writes, turn, accept, text, loseLines: (why: string) => tellLost(why) }
}

test('mosquitto-conf 3 log_timestamp: a line is `<epoch>: <message>`, and the message alone when false', () => {
  const { io, accept, text } = fakeIo()
  createLog(settings, io).write('notice', 'hello')
  createLog({ ...settings, log_timestamp: false }, io).write('notice', 'hello')
  accept()
  assert.equal(text('stderr'), '1700000000: hello\nhello\n')
})

test('mosquitto-conf 3 log_timestamp_format: the time is written in that format', () => {
  const { io, accept, text } = fakeIo()
  createLog({ ...settings, log_timestamp_format: '[%s]' }, io).write('notice', 'hello')
  accept()
  assert.equal(text('stderr'), '[1700000000]: hello\n')
})

test('mosquitto-conf 3 log_type: only the named types are written and enabled', () => {
  const { io, accept, text } = fakeIo()
  const log = createLog({ ...settings, log_type: ['error', 'debug'] }, io)
  for (const type of allLogTypes) log.write(type, type)
  accept()
  assert.equal(text('stderr'), '1700000000: error\n1700000000: debug\n')
  assert.deepEqual(
    allLogTypes.filter(type => log.enabled(type)),
    ['error', 'debug'],
  )
})

test('mosquitto-conf 3 log_dest: several destinations get each line; none of them with `none`', () => {
  const { io, accept, text, opened } = fakeIo()
  const log = createLog({ ...settings, log_dest: [{ kind: 'stdout' }, { kind: 'file', path: '/log' }] }, io)
  log.write('error', 'a')
  accept()
  assert.deepEqual(
    [text('stdout'), text('stderr'), text('/log'), opened],
    ['1700000000: a\n', '', '1700000000: a\n', ['/log']],
  )
  log.configure({ ...settings, log_dest: [] })
  assert.equal(log.enabled('error'), false)
})

test('mosquitto-conf 3 log_dest topic: types have their topics, and debug lines none', () => {
  const { io, turn } = fakeIo()
  const log = createLog({ ...settings, log_dest: [{ kind: 'topic' }], log_type: allLogTypes }, io)
  const published: string[] = []
  log.onTopicLine = (topic, line) => published.push(`${topic} ${line}`)
  for (const type of allLogTypes) log.write(type, type)
  assert.deepEqual(published, [], 'the broker is not reentered')
  turn()
  assert.deepEqual(published, [
    '$SYS/broker/log/E 1700000000: error',
    '$SYS/broker/log/W 1700000000: warning',
    '$SYS/broker/log/N 1700000000: notice',
    '$SYS/broker/log/I 1700000000: information',
    '$SYS/broker/log/M/subscribe 1700000000: subscribe',
    '$SYS/broker/log/M/unsubscribe 1700000000: unsubscribe',
  ])
})

test('a line that is logged while lines are published goes to no topic, so that the log cannot feed itself', () => {
  const { io, turn } = fakeIo()
  const log = createLog({ ...settings, log_dest: [{ kind: 'topic' }] }, io)
  let calls = 0
  log.onTopicLine = () => {
    calls++
    log.write('warning', 'delivery failed')
  }
  log.write('notice', 'first')
  turn()
  turn()
  assert.equal(calls, 1)
})

test('the lines of one turn are one write', () => {
  const { io, turn, writes } = fakeIo()
  const log = createLog(settings, io)
  for (let i = 0; i < 100; i++) log.write('notice', 'x')
  turn()
  assert.equal(writes.length, 1)
})

test('a destination that stalls loses lines past 1 MiB, and says how many once it works again', () => {
  const { io, turn, accept, text, writes } = fakeIo()
  const log = createLog({ ...settings, log_timestamp: false }, io)
  log.write('notice', 'first')
  turn()
  assert.equal(writes.length, 1, 'this write does not end')
  const line = 'x'.repeat(1023)
  for (let i = 0; i < maximumWaitingBytes / 1024 + 5; i++) log.write('notice', line)
  accept()
  accept()
  log.write('notice', 'last')
  accept()
  const lines = text('stderr').split('\n')
  assert.equal(lines.filter(written => written === line).length, maximumWaitingBytes / 1024)
  assert.deepEqual(lines.slice(-3), [
    'Warning: 5 log lines were dropped: this destination did not take them in time.',
    'last',
    '',
  ])
})

test('a destination that fails throws nothing into the caller, and its lines are tried again', () => {
  const { io, accept, turn, text } = fakeIo()
  let failures = 0
  let write: LogOutlet['write'] = (_bytes, done) => {
    failures++
    done(true, 0)
  }
  const stderr: LogOutlet = { ...io.stderr, write: (bytes, done) => write(bytes, done) }
  const log = createLog(settings, { ...io, stderr })
  log.write('notice', 'on a full disk')
  turn()
  assert.equal(failures, 1)
  write = io.stderr.write
  log.write('notice', 'with room again')
  accept()
  accept()
  assert.equal(text('stderr'), '1700000000: on a full disk\n1700000000: with room again\n')
})

test('a message cannot forge a second line', () => {
  const { io, accept, text } = fakeIo()
  createLog(settings, io).write('error', 'a\n1700000000: b')
  accept()
  assert.equal(text('stderr'), '1700000000: a\\n1700000000: b\n')
})

test('a log file that cannot be opened is an error, and a reload that names it leaves the log as it was', () => {
  const { io, accept, text } = fakeIo()
  const denied: LogSettings = { ...settings, log_dest: [{ kind: 'file', path: '/denied/log' }] }
  const expected = { code: 'ERR_OBSERVE_LOG_FILE', message: 'Error: Unable to open log file /denied/log for writing.' }
  assert.throws(() => createLog(denied, io), expected)
  const log = createLog(settings, io)
  assert.throws(() => log.configure(denied), LogFileError)
  log.write('notice', 'still here')
  accept()
  assert.equal(text('stderr'), '1700000000: still here\n')
})

test('features A9: a log file that cannot be opened anew is said in the old one, and logged to further', () => {
  const { io, accept, text, closed } = fakeIo()
  let isThere = true
  const openFile: LogIo['openFile'] = path => io.openFile(isThere ? path : `/denied${path}`)
  const log = createLog({ ...settings, log_dest: [{ kind: 'file', path: '/log' }] }, { ...io, openFile })
  isThere = false
  log.reopen()
  log.write('notice', 'on')
  accept()
  const refusal = 'Error: Unable to open log file /log for writing.'
  assert.deepEqual([text('/log'), closed], [`1700000000: ${refusal}\n1700000000: on\n`, []])
})

test('mosquitto-conf 3 log_dest syslog: each line says its severity, of the facility daemon or of local0 to local7', () => {
  const { io, accept, text } = fakeIo()
  const toSyslog: LogSettings = { ...settings, log_dest: [{ kind: 'syslog' }], log_type: allLogTypes }
  const log = createLog(toSyslog, io)
  for (const type of ['error', 'warning', 'notice', 'information', 'debug', 'subscribe', 'unsubscribe'] as const) {
    log.write(type, type)
  }
  log.configure({ ...toSyslog, log_facility: 7 })
  log.write('error', '<0>not a priority\n<0>nor this')
  accept()
  // 3 × 8 for daemon, 23 × 8 for local7, and the severity (RFC 5424 §6.2.1).
  assert.deepEqual(text('syslog').split('\n'), [
    '<27>1700000000: error',
    '<28>1700000000: warning',
    '<29>1700000000: notice',
    '<30>1700000000: information',
    '<31>1700000000: debug',
    '<29>1700000000: subscribe',
    '<29>1700000000: unsubscribe',
    '<187>1700000000: <0>not a priority\\n<0>nor this',
    '',
  ])
})

test('mosquitto-conf 3 log_dest syslog: a reload leaves it open unless it is no destination any more', () => {
  const { io, opened, closed } = fakeIo()
  const log = createLog({ ...settings, log_dest: [{ kind: 'syslog' }] }, io)
  log.configure({ ...settings, log_dest: [{ kind: 'stderr' }, { kind: 'syslog' }] })
  assert.deepEqual([opened, closed], [['syslog'], []])
  log.configure(settings)
  assert.deepEqual(closed, ['syslog'])
})

test('log_dest syslog: lines that were lost are told on standard error, whatever else is a destination', () => {
  const { io, text, loseLines } = fakeIo()
  const log = createLog({ ...settings, log_dest: [{ kind: 'syslog' }] }, io)
  loseLines('no socket')
  log.flush()
  assert.equal(text('stderr'), '1700000000: Warning: Lines for syslog were lost: logger has ended (no socket).\n')
})

test('log_dest syslog: without a program that passes lines on, the start and a reload are refused', () => {
  const { io, accept, text, opened } = fakeIo()
  const without: LogIo = { ...io, openSyslog: () => undefined }
  const toSyslog: LogSettings = { ...settings, log_dest: [{ kind: 'syslog' }] }
  const expected = {
    code: 'ERR_OBSERVE_SYSLOG',
    message: 'Error: Unable to log to syslog: there is no program logger (util-linux) on PATH.',
  }
  assert.throws(() => createLog(toSyslog, without), expected)
  const log = createLog(settings, without)
  assert.throws(() => log.configure(toSyslog), expected)
  assert.throws(() => log.configure({ ...toSyslog, log_dest: [{ kind: 'file', path: '/log' }, { kind: 'syslog' }] }))
  assert.deepEqual(opened, [], 'no file is opened that nobody closes')
  log.write('notice', 'still here')
  accept()
  assert.equal(text('stderr'), '1700000000: still here\n')
})

test('a reload closes the file it leaves only when what was logged to it is written', () => {
  const { io, accept, turn, text, closed } = fakeIo()
  const log = createLog({ ...settings, log_dest: [{ kind: 'file', path: '/old' }] }, io)
  log.write('notice', 'under way')
  turn()
  log.write('notice', 'waits')
  log.configure({ ...settings, log_dest: [{ kind: 'file', path: '/new' }] })
  assert.deepEqual(closed, [])
  accept()
  assert.deepEqual(closed, ['/old'])
  assert.equal(text('/old'), '1700000000: under way\n1700000000: waits\n')
})

test('features A9: after a rotation `reopen` writes to a new file of mode 0600, and appends to one that exists', t => {
  const path = join(temporaryDirectory(t), 'mosquitto.log')
  const log = createLog(
    { ...settings, log_timestamp: false, log_dest: [{ kind: 'file', path }] },
    systemLogIo({ now: () => 0 }),
  )
  const say = (type: LogType, line: string) => {
    log.write(type, line)
    log.flush()
  }
  say('notice', 'one')
  renameSync(path, `${path}.1`)
  log.reopen()
  say('notice', 'two')
  log.reopen()
  say('notice', 'three')
  log.configure(settings)
  assert.equal(readFileSync(`${path}.1`, 'utf8'), 'one\n')
  assert.equal(readFileSync(path, 'utf8'), 'two\nthree\n')
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-log-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}
