// The broker as a guest in a process: several of them, what they leave behind, and what survives when it starts again.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import { EmbeddedBroker } from '../../src/library/embedded-broker.ts'
import { ClosedError, createBroker, OptionsError } from '../../src/library/index.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { embed, join, nextEvent, received } from '../support/embedded.ts'
import { freePort } from '../support/free-port.ts'

const open = { allow_anonymous: true }

function directory(t: TestContext): string {
  const path = mkdtempSync(joinPath(tmpdir(), 'castellan-library-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

test('brokers of one process share nothing', async t => {
  const [one, other] = await Promise.all([embed(t, open), embed(t, open)])
  const client = await join(t, other.port, 'same')
  const next = received(client)
  await client.subscribeAsync('#')
  await join(t, one.port, 'same')
  await one.broker.publish('t', 'one', { qos: 1 })
  await other.broker.publish('t', 'other', { qos: 1 })
  assert.equal(await next(), 't other')
  await one.broker.close()
  await other.broker.publish('t', 'again', { qos: 1 })
  assert.equal(await next(), 't again')
})

test('a broker listens to no signal and to no error of the process, and a closed one leaves no handle', async () => {
  const watched = () => process.eventNames().map(name => [name, process.listenerCount(name)])
  const [namesBefore, handlesBefore] = [watched(), process.getActiveResourcesInfo().sort()]
  const broker = await createBroker({ listeners: [{ port: 0, address: '127.0.0.1' }], log_dest: 'stderr' })
  await broker.listen()
  await broker.publish('t', '', { qos: 1 })
  await broker.subscribe('t')
  assert.deepEqual(watched(), namesBefore)
  await broker.close()
  for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(process.getActiveResourcesInfo().sort(), handlesBefore)
})

test('what createBroker cannot open is an error, and nothing stays bound', async t => {
  const taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  t.after(() => taken.close())
  const { port } = taken.address() as { port: number }
  const handlesBefore = process.getActiveResourcesInfo().sort()
  const listeners = [
    { port: 0, address: '127.0.0.1' },
    { port, address: '127.0.0.1' },
  ]
  await assert.rejects(createBroker({ listeners }), { code: 'ERR_NET_ADDRESS_IN_USE' })
  await assert.rejects(createBroker({ acl_file: '/nowhere/acl', listeners }), { code: 'ERR_SERVER_RULES_FILE' })
  await assert.rejects(createBroker({ hookTimeout: 0 }), OptionsError)
  // What was closed is gone a turn or two later.
  for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(process.getActiveResourcesInfo().sort(), handlesBefore)
})

test('with persistence, what was acknowledged is there when the broker comes again: also sessions that a hook let in', async t => {
  const options = {
    persistence: true,
    persistence_location: directory(t),
    hooks: { authenticate: ({ username }: { readonly username: string | undefined }) => username === 'ann' },
  }
  const lasting = { username: 'ann', password: 'x', clean: false, properties: { sessionExpiryInterval: 600 } }
  const before = await embed(t, options)
  const client = await join(t, before.port, 'a', lasting)
  await client.subscribeAsync('t', { qos: 1 })
  await client.endAsync()
  await before.broker.publish('t', 'while away', { qos: 1 })
  await before.broker.publish('kept', 'x', { qos: 1, retain: true })
  await before.broker.close()
  const after = await embed(t, options)
  const retained = await after.broker.subscribe('kept')
  assert.equal(String((await retained.next()).value?.payload), 'x')
  const acknowledged = nextEvent(after.broker, 'acknowledged')
  await join(t, after.port, 'a', lasting)
  assert.equal((await acknowledged).topicName, 't')
})

test('conf: a whole mosquitto.conf, with its files, its log file included', async t => {
  const place = directory(t)
  const log = joinPath(place, 'log')
  writeFileSync(joinPath(place, 'acl'), 'topic read t\n')
  const conf = `listener ${await freePort()} 127.0.0.1\nallow_anonymous true\nacl_file ${place}/acl\nlog_dest file ${log}\n`
  writeFileSync(joinPath(place, 'mosquitto.conf'), conf)
  const broker = await createBroker({ confFile: joinPath(place, 'mosquitto.conf') })
  t.after(() => broker.close())
  const [address] = await broker.listen()
  const client = await join(t, address?.port ?? 0, 'a')
  const next = received(client)
  await client.subscribeAsync('#')
  await assert.rejects(client.publishAsync('t', 'x', { qos: 1 }), { code: 0x87 })
  await broker.publish('hidden', 'x')
  await broker.publish('t', 'x')
  assert.equal(await next(), 't x')
  await broker.close()
  assert.match(readFileSync(log, 'utf8'), /New client connected from 127\.0\.0\.1:\d+ as a /)
})

test('the log goes nowhere unless asked, and a function that throws is no harm', async t => {
  const lines: string[] = []
  const { port, broker } = await embed(t, {
    ...open,
    log_type: ['notice'],
    log: (type, line) => {
      lines.push(`${type} ${line}`)
      throw new Error('broken')
    },
  })
  await join(t, port, 'a')
  await broker.publish('turn', '', { qos: 1 })
  assert.ok(lines.some(line => /^notice New client connected from .* as a /.test(line)))
  assert.ok(lines.every(line => line.startsWith('notice ')))
})

test('before listen nobody is accepted; who came earlier waits until then', async t => {
  const broker = await createBroker({ ...open, listeners: [{ port: 0, address: '127.0.0.1' }] })
  t.after(() => broker.close())
  const [address] = broker.addresses
  const early = join(t, address?.port ?? 0, 'early')
  await broker.publish('t', 'x', { qos: 1 })
  assert.deepEqual(broker.clients, [])
  await broker.listen()
  assert.equal((await early).connected, true)
})

test('a store that is lost ends the broker, and not the program: `error`, then `close` with isSaved false', async t => {
  const { broker, port } = await embed(t, open)
  const client = await join(t, port, 'a')
  const gone = new Promise<void>(resolve => client.once('close', () => resolve()))
  const [failed, closed] = [nextEvent(broker, 'error'), nextEvent(broker, 'close')]
  assert.ok(broker instanceof EmbeddedBroker)
  broker.storeLost(new StoreError('ERR_STORE_UNAVAILABLE', 'the disk is gone'))
  assert.equal((await failed).error.message, 'the disk is gone')
  assert.deepEqual(await closed, { isSaved: false })
  await gone
  await assert.rejects(broker.publish('t', ''), ClosedError)
  await broker.close()
})
