// Where the real broker logs, and what (mosquitto.conf §3 log_*, §7; features J1, J3).

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type BrokerProcess, castellanProgram, startBroker } from '../support/broker-process.ts'
import { freePort } from '../support/free-port.ts'
import { startProgram } from '../support/line-process.ts'
import { connectBytes } from '../support/packet-bytes.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { drain, join, leave, settled, subscribe } from '../support/wire-broker.ts'

const config =
  (options = '') =>
  ({ port }: { port: number }) =>
    `listener ${port} 127.0.0.1\nallow_anonymous true\n${options}`

const wire = (process: BrokerProcess) => ({ process, port: process.port })

/** A line without its time and the port of a client. */
const plain = (line: string) => line.replace(/^\d{10,}: /, '').replace(/127\.0\.0\.1:\d+/, 'PEER')

test('features J1: the lines of a connection’s life go to stderr, in the words that people grep for', async t => {
  const broker = await startBroker(t, { config: config() })
  await leave(await join(t, wire(broker), { version: 4, clientId: 'alice', username: 'al', keepAlive: 77 }))
  await broker.waitForLine(/ disconnected\.$/)
  await broker.stop()
  const { stderr, stdout } = broker.program
  assert(stderr.every(line => /^\d{10,}: \S/.test(line)))
  assert.deepEqual(stderr.slice(-4, -1).map(plain), [
    `New connection from PEER on port ${broker.port}.`,
    "New client connected from PEER as alice (p4, c1, k77, u'al').",
    'Client alice [PEER] disconnected.',
  ])
  assert.match(stderr.at(-1)!, /: castellan version \S+ terminating$/)
  assert.deepEqual(stdout, [])
})

test('conf §3 log_dest stdout, log_timestamp false: all lines go there without their time, and none to stderr', async t => {
  const broker = await startBroker(t, { config: config('log_dest stdout\nlog_timestamp false') })
  await broker.stop()
  assert.match(broker.program.stdout[0]!, /^castellan version \S+ starting$/)
  assert.deepEqual(broker.program.stderr, [])
})

test('conf §3 log_dest file: is appended to; a new one is for its owner alone', async t => {
  const options = 'log_dest file broker.log\nlog_dest stdout'
  const broker = await startBroker(t, { config: config(options), files: { 'broker.log': 'kept\n' } })
  await broker.stop()
  const lines = (await readFile(joinPath(broker.dir, 'broker.log'), 'utf8')).split('\n')
  assert.deepEqual(lines, ['kept', ...broker.program.stdout, ''])
  const fresh = await startBroker(t, { config: config(options) })
  assert.equal((await stat(joinPath(fresh.dir, 'broker.log'))).mode & 0o777, 0o600)
})

test('conf §3 log_dest topic: lines are published under their type, debug lines never', async t => {
  const broker = await startBroker(t, { config: config('log_dest topic\nlog_dest stderr\nlog_type all') })
  const reader = await join(t, wire(broker))
  await subscribe(reader, '$SYS/broker/log/#')
  const named = await join(t, wire(broker), { clientId: 'seen' })
  await subscribe(named, 'some/filter')
  await broker.waitForLine(/: seen 2 some\/filter$/)
  await settled(named)
  const lines = (await drain(reader)).map(({ topic, payload }) => `${topic} ${plain(payload)}`)
  assert(lines.includes('$SYS/broker/log/N New client connected from PEER as seen (p5, c1, k60).'), lines.join('\n'))
  assert(lines.includes('$SYS/broker/log/M/subscribe seen 2 some/filter'), lines.join('\n'))
  assert(!lines.some(line => /Received|Sending/.test(line)))
})

test('conf §3 log_dest topic: at QoS 2, not retained, kept for 20 seconds for who is away', async t => {
  const broker = await startBroker(t, { config: config('log_dest topic\nlog_dest stderr') })
  const reader = await join(t, wire(broker))
  await subscribe(reader, '$SYS/broker/log/N')
  await leave(await join(t, wire(broker), { clientId: 'seen' }))
  const { qos, retain, properties } = await reader.expectPublish()
  assert.deepEqual([qos, retain], [2, false])
  const left = Number(new Map(properties).get('messageExpiryInterval'))
  assert(left > 10 && left <= 20, `${left}`)
})

/** A logger(1) that keeps what it is given; returns its directory. */
async function fakeLogger(t: TestContext): Promise<string> {
  const dir = await mkdtemp(joinPath(tmpdir(), 'castellan-syslog-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const script = `#!/bin/sh\nprintf '%s\\n' "$@" > ${dir}/arguments\nexec cat >> ${dir}/lines\n`
  await writeFile(joinPath(dir, 'logger'), script, { mode: 0o755 })
  return dir
}

/** Waits for a file, and for what another process writes into it. */
async function fileThat(path: string, isSo: (text: string) => boolean): Promise<string> {
  const deadline = performance.now() + 15_000
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined && isSo(text)) return text
    assert(performance.now() < deadline, `${path} has: ${text}`)
  }
}

test('conf §3 log_dest syslog, log_facility: every line goes to logger, from the first to the last, and none to stderr', async t => {
  const dir = await fakeLogger(t)
  const port = await freePort()
  const user = process.getuid?.() === 0 ? 'user root' : ''
  const options = `log_dest syslog\nlog_facility 0\nlog_timestamp false\nlog_type all\n${user}\n`
  await writeFile(joinPath(dir, 'broker.conf'), config(options)({ port }))
  const env = { PATH: `${dir}:${process.env['PATH']}` }
  const broker = startProgram(t, castellanProgram, ['run', '-c', 'broker.conf'], { cwd: dir, env })
  await fileThat(joinPath(dir, 'lines'), text => text.includes(' running\n'))
  const client = await connectRaw(t, { port })
  client.send(connectBytes({ clientId: 'alice' }))
  await client.expectConnack()
  assert.equal((await broker.stop()).code, 0)
  const written = await fileThat(joinPath(dir, 'lines'), text => text.endsWith(' server shutting down.\n'))
  const lines = written.trimEnd().split('\n')
  // 16 × 8 for local0: 6 information, 5 notice, 7 debug.
  assert.match(lines[0]!, /^<134>castellan version \S+ starting$/)
  assert(
    lines.some(line => /^<133>New client connected from \S+ as alice /.test(line)),
    written,
  )
  assert(
    lines.some(line => /^<135>Sending CONNACK to alice /.test(line)),
    written,
  )
  assert(lines.every(line => /^<\d+>\S/.test(line)))
  assert.deepEqual(broker.lines, [])
  const args = (await readFile(joinPath(dir, 'arguments'), 'utf8')).split('\n')
  assert(args.includes('--tag=mosquitto') && args.includes(`--id=${broker.child.pid}`), args.join(' '))
})

for (const [signal, isReloaded] of [
  ['HUP', true],
  ['RTMIN', false],
] as const) {
  const what = isReloaded ? 'and reads the configuration again' : 'and leaves the configuration alone'
  test(`conf §1, features A9: SIG${signal} opens the log file anew for whoever has moved it away, ${what}`, async t => {
    const broker = await startBroker(t, { config: config('log_dest file broker.log\nlog_dest stderr') })
    const path = joinPath(broker.dir, 'broker.log')
    await join(t, wire(broker), { clientId: 'early' })
    await rename(path, `${path}.1`)
    await broker.writeConfig(place => config('log_dest file broker.log\nlog_dest stderr\nlog_type debug')(place))
    const sent = startProgram(t, 'bash', ['-c', `kill -${signal} ${broker.program.child.pid}`])
    assert.equal((await sent.exit()).code, 0)
    await fileThat(path, () => true)
    await leave(await join(t, wire(broker), { clientId: 'late' }))
    const written = await fileThat(path, text => (isReloaded ? /DISCONNECT from late/ : / as late /).test(text))
    assert.equal(/ as late /.test(written), !isReloaded, written)
    const before = await readFile(`${path}.1`, 'utf8')
    assert(before.includes(' as early ') && !before.includes('late'), before)
  })
}

test('conf §1: a log file that cannot be opened anew is said in the old one, and the broker goes on', async t => {
  const destinations = 'log_dest file log/broker.log\nlog_dest stderr'
  const broker = await startBroker(t, { config: config(destinations), files: { 'log/broker.log': '' } })
  const dir = joinPath(broker.dir, 'log')
  await rename(dir, `${dir}.1`)
  const old = joinPath(`${dir}.1`, 'broker.log')
  for (const signal of ['HUP', 'RTMIN']) {
    const from = (await readFile(old, 'utf8')).length
    await startProgram(t, 'bash', ['-c', `kill -${signal} ${broker.program.child.pid}`]).exit()
    await fileThat(old, text => text.slice(from).includes('Error: Unable to open log file log/broker.log for writing.'))
  }
  await join(t, wire(broker), { clientId: 'after' })
  await fileThat(old, text => text.includes(' as after '))
})

test('conf §1: -v logs every type, whatever the file says', async t => {
  const broker = await startBroker(t, { config: config('log_type none'), args: ['-v'] })
  await settled(await join(t, wire(broker), { clientId: 'verbose' }))
  await broker.waitForLine(/: Sending CONNACK to verbose \(0, 0\)$/)
  await broker.waitForLine(/: Received PINGREQ from verbose$/)
})

for (const [what, options, args] of [
  ['-q', 'log_type all', ['-q']],
  ['-q and -v', '', ['-v', '-q']],
  ['log_dest none', 'log_dest none', []],
  ['log_type none', 'log_type none', []],
] as const) {
  test(`conf §1, §3: with ${what} a broker says nothing at all while all is well`, async t => {
    const dir = await mkdtemp(joinPath(tmpdir(), 'castellan-quiet-'))
    t.after(() => rm(dir, { recursive: true, force: true }))
    const port = await freePort()
    const user = process.getuid?.() === 0 ? 'user root' : ''
    await writeFile(joinPath(dir, 'broker.conf'), `${config(options)({ port })}\n${user}\n`)
    const broker = startProgram(t, castellanProgram, ['run', '-c', 'broker.conf', ...args], { cwd: dir })
    const client = await dialUntilAnswered(t, port)
    client.send(connectBytes({}))
    await client.expectConnack()
    assert.equal((await broker.stop()).code, 0)
    assert.deepEqual(broker.lines, [])
  })
}

/** Without a log there is no line to wait for. */
async function dialUntilAnswered(t: TestContext, port: number): Promise<RawClient> {
  for (;;) {
    const client = await connectRaw(t, { port }).catch(() => undefined)
    if (client !== undefined) return client
  }
}

test('conf §1: what is wrong with a configuration is said on stderr even with -q', async t => {
  const dir = await mkdtemp(joinPath(tmpdir(), 'castellan-quiet-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await writeFile(joinPath(dir, 'broker.conf'), 'no_such_option\n')
  const broker = startProgram(t, castellanProgram, ['run', '-c', 'broker.conf', '-q'], { cwd: dir })
  assert.equal((await broker.exit()).code, 3)
  assert(broker.stderr.some(line => line.includes('no_such_option')))
})
