// What the real program tells a service manager, through systemd's own messenger and a real datagram socket.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type BrokerProcess, startBroker } from '../support/broker-process.ts'
import { freePort } from '../support/free-port.ts'
import { type LineProcess, startProgram } from '../support/line-process.ts'

/** Prints what comes, one message a line. */
const receiver = `
import os, socket, sys
place = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
place.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
print('bound', flush=True)
while True:
    print(place.recv(65536).decode().replace('\\n', ' '), flush=True)
`

const missing = ['systemd-notify', 'python3'].filter(name => spawnSync(name, ['--version']).status !== 0)
const skip = missing.length === 0 ? false : `${missing.join(' and ')} is not installed`

interface Supervised {
  readonly broker: BrokerProcess
  readonly manager: LineProcess
}

async function start(t: TestContext, env: NodeJS.ProcessEnv = {}): Promise<Supervised> {
  const place = mkdtempSync(joinPath(tmpdir(), 'castellan-notify-'))
  const socket = joinPath(place, 'notify')
  const manager = startProgram(t, 'python3', ['-c', receiver, socket])
  t.after(() => rmSync(place, { recursive: true, force: true }))
  await manager.waitForLine(/^bound$/)
  // However slow the machine is, the watchdog is fed.
  const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\nhealth_max_lag 3600000\n`
  const broker = await startBroker(t, { config, env: { NOTIFY_SOCKET: socket, ...env } })
  return { broker, manager }
}

test('systemd: READY=1 once it listens, RELOADING=1 and READY=1 around a reload, STOPPING=1 at the end', {
  skip,
}, async t => {
  const { broker, manager } = await start(t)
  await manager.waitForLine(/^READY=1 STATUS=0 connections, 0 sessions/)
  const from = manager.lines.length
  await broker.reload(/Configuration reloaded/)
  await manager.waitForLine(/^RELOADING=1 MONOTONIC_USEC=\d+ /, from)
  await manager.waitForLine(/^READY=1 /, from)
  assert.equal((await broker.stop()).code, 0)
  await manager.waitForLine(/^STOPPING=1 /)
  assert.ok(!manager.lines.some(line => line.startsWith('WATCHDOG')))
})

test('systemd: a reload that is refused ends as READY=1 too: what was running goes on', { skip }, async t => {
  const { broker, manager } = await start(t)
  await manager.waitForLine(/^READY=1 /)
  const from = manager.lines.length
  await broker.writeConfig(`listener ${await freePort()} 127.0.0.1\n`)
  await broker.reload(/Nothing was reloaded/)
  await manager.waitForLine(/^READY=1 /, from)
})

test('systemd: with WATCHDOG_USEC the watchdog is fed again and again', { skip }, async t => {
  const { manager } = await start(t, { WATCHDOG_USEC: '2000000' })
  await manager.waitForLine(/^WATCHDOG=1/)
  await manager.waitForLine(/^WATCHDOG=1/, manager.lines.length)
})

test('systemd: a socket that is not there holds nothing up, and is told of once', { skip }, async t => {
  const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\n`
  const broker = await startBroker(t, { config, env: { NOTIFY_SOCKET: '/nonexistent/notify' } })
  await broker.waitForLine(/Warning: systemd could not be told anything by systemd-notify/)
  assert.equal((await broker.stop()).code, 0)
})
