// Where the real broker logs, and what (mosquitto.conf §3 log_*, §7; features J1, J3).

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
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
