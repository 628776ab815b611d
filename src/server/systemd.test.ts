import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Messenger, type Served, ServiceManager, serviceManager } from './systemd.ts'

class Recorder implements Messenger {
  readonly messages: string[] = []
  fault: string | undefined = undefined

  async send(assignments: readonly string[]): Promise<string | undefined> {
    this.messages.push(assignments.join(' ').replace(/MONOTONIC_USEC=\d+/, 'MONOTONIC_USEC=n'))
    return this.fault
  }
}

function recorded() {
  const lines: string[] = []
  const log = { enabled: () => true, write: (_: unknown, line: string) => void lines.push(line) }
  return { log, lines }
}

function made(feedEveryMs?: number) {
  const recorder = new Recorder()
  const { log, lines } = recorded()
  return { recorder, lines, manager: new ServiceManager(recorder, feedEveryMs, log) }
}

function served(status = '1 connections', isHealthy = true): Served {
  return { status: () => status, isHealthy: () => isHealthy }
}

const silent = { enabled: () => false, write: () => {} }

test('systemd: without NOTIFY_SOCKET nobody is told anything', () => {
  assert.equal(serviceManager(silent, {}), undefined)
  assert.equal(serviceManager(silent, { NOTIFY_SOCKET: '' }), undefined)
  assert.notEqual(serviceManager(silent, { NOTIFY_SOCKET: '/run/x' }), undefined)
})

test('systemd: ready, reloading, ready again, stopping, in the order in which they were said', async () => {
  const { manager, recorder } = made()
  manager.ready('0 connections')
  manager.reloading()
  manager.ready('2 connections')
  manager.stopping()
  await manager.delivered()
  assert.deepEqual(recorder.messages, [
    'READY=1 STATUS=0 connections',
    'RELOADING=1 MONOTONIC_USEC=n STATUS=reloading',
    'READY=1 STATUS=2 connections',
    'STOPPING=1 STATUS=saying goodbye to clients',
  ])
})

test('systemd: the watchdog is fed when it is time, from the first ready on and not after stopping', async () => {
  const { manager, recorder } = made(1000)
  const fed = async (now: number) => {
    recorder.messages.length = 0
    manager.advance(now, served(''))
    await manager.delivered()
    return recorder.messages.includes('WATCHDOG=1')
  }
  assert.equal(await fed(0), false)
  manager.ready('')
  await manager.delivered()
  assert.equal(await fed(100), true)
  assert.equal(await fed(1099), false)
  assert.equal(await fed(1100), true)
  manager.stopping()
  await manager.delivered()
  assert.equal(await fed(5000), false)
})

test('systemd: a broker that does not keep up does not feed the watchdog, and does so at once when it is well again', async () => {
  const { manager, recorder } = made(1000)
  manager.ready('')
  await manager.delivered()
  recorder.messages.length = 0
  manager.advance(5000, served('', false))
  await manager.delivered()
  assert.deepEqual(recorder.messages, [])
  manager.advance(5001, served(''))
  await manager.delivered()
  assert.deepEqual(recorder.messages, ['WATCHDOG=1'])
})

test('systemd: without WATCHDOG_USEC nothing is fed, and the counts are told when they have changed, twice a minute', async () => {
  const { manager, recorder } = made()
  manager.ready('0 connections')
  await manager.delivered()
  recorder.messages.length = 0
  for (const [now, status] of [
    [0, '0 connections'],
    [1000, '1 connections'],
    [30_000, '2 connections'],
    [60_000, '2 connections'],
  ] as const) {
    manager.advance(now, served(status))
    await manager.delivered()
  }
  assert.deepEqual(recorder.messages, ['STATUS=2 connections'])
})

test('systemd: that nothing can be told is said once, and tried again all the same', async () => {
  const { manager, recorder, lines } = made(1)
  recorder.fault = 'the program is not installed'
  manager.ready('')
  await manager.delivered()
  manager.advance(5000, served(''))
  await manager.delivered()
  assert.deepEqual(recorder.messages, ['READY=1 STATUS=', 'WATCHDOG=1'])
  assert.deepEqual(lines, [
    'Warning: systemd could not be told anything by systemd-notify: the program is not installed.',
  ])
})

test('systemd: a messenger that takes no signal is given up all the same', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-notify-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'systemd-notify'), "#!/bin/sh\ntrap '' TERM\nexec sleep 60\n", { mode: 0o755 })
  const { log, lines } = recorded()
  const PATH = `${directory}:${process.env['PATH']}`
  const manager = serviceManager(log, { NOTIFY_SOCKET: '/nothing', PATH })
  manager?.ready('')
  await manager?.delivered()
  assert.match(lines.join(), /systemd could not be told anything by systemd-notify: /)
})
