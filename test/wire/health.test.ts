// Health and metrics of the real program, asked for over HTTP (docs/reference/metrics.md).

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import test, { type TestContext } from 'node:test'
import { type BrokerProcess, runBroker, startBroker } from '../support/broker-process.ts'
import { parseExposition } from '../support/exposition-parser.ts'
import { freePort } from '../support/free-port.ts'
import { connectBytes } from '../support/packet-bytes.ts'
import { dial, drain, join, leave, publish, subscribe, type WireBroker } from '../support/wire-broker.ts'

interface Monitored extends WireBroker {
  readonly metricsPort: number
}

/** @param options what follows the listener of MQTT and the line `metrics_listener` */
async function start(t: TestContext, options = ''): Promise<Monitored> {
  const metricsPort = await freePort()
  const config = ({ port }: { port: number }) => configText(port, metricsPort, options)
  const process = await startBroker(t, { config })
  return { port: process.port, process, metricsPort }
}

function configText(port: number, metricsPort: number, options = ''): string {
  return `listener ${port} 127.0.0.1\nallow_anonymous true\nmetrics_listener ${metricsPort}\n${options}\n`
}

async function ask(port: number, path: string, host = 'localhost'): Promise<{ status: number; body: string }> {
  const [response] = (await once(get({ port, path, host: '127.0.0.1', headers: { host } }), 'response')) as [
    IncomingMessage,
  ]
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  return { status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }
}

async function scrape({ metricsPort }: Monitored) {
  const { status, body } = await ask(metricsPort, '/metrics')
  assert.equal(status, 200)
  const families = parseExposition(body)
  const value = (name: string, labels = '') => families.get(name)?.samples.get(labels)
  return { body, value }
}

function isListening(port: number, host: string): Promise<boolean> {
  const socket = connect(port, host)
  return new Promise(resolve => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  }).finally(() => socket.destroy()) as Promise<boolean>
}

test('metrics_listener: without the line nothing listens but MQTT', async t => {
  const process = await startBroker(t, { config: ({ port }) => `listener ${port} 127.0.0.1\n` })
  assert.deepEqual(process.lines.filter(line => /listen socket/.test(line)).length, 1)
})

test('metrics_listener: without an address it is there on 127.0.0.1 and on no other', async t => {
  const { metricsPort } = await start(t)
  assert.equal(await isListening(metricsPort, '127.0.0.1'), true)
  assert.equal(await isListening(metricsPort, '127.0.0.2'), false)
  assert.equal(await isListening(metricsPort, '::1'), false)
})

test('metrics_listener: with an address it is there', async t => {
  const metricsPort = await freePort()
  await startBroker(t, {
    config: ({ port }) => `listener ${port} 127.0.0.1\nmetrics_listener ${metricsPort} 127.0.0.2\n`,
  })
  assert.equal(await isListening(metricsPort, '127.0.0.2'), true)
  assert.equal(await isListening(metricsPort, '127.0.0.1'), false)
})

test('health: a broker that runs is healthy and ready', async t => {
  const { metricsPort } = await start(t)
  assert.deepEqual(await ask(metricsPort, '/healthz'), { status: 200, body: 'ok\n' })
  assert.deepEqual(await ask(metricsPort, '/readyz'), { status: 200, body: 'ready\n' })
})

test('readiness: while the broker says goodbye it is not ready, though healthy, and says why', async t => {
  const broker = await start(t, 'write_timeout 2\nmax_queued_bytes 0')
  const deaf = await join(t, broker)
  await subscribe(deaf, 'flood')
  deaf.socket.pause()
  const publisher = await join(t, broker)
  const payload = Buffer.alloc(1_000_000)
  for (let count = 0; count < 16; count++) await publish(publisher, { topic: 'flood', payload })
  broker.process.program.signal('SIGTERM')
  await broker.process.waitForLine(/ terminating$/)
  assert.deepEqual(await ask(broker.metricsPort, '/readyz'), {
    status: 503,
    body: 'listeners: the broker is stopping\n',
  })
  assert.equal((await ask(broker.metricsPort, '/healthz')).status, 200)
  assert.equal((await scrape(broker)).value('castellan_ready'), 0)
  const { code } = await broker.process.program.exit()
  assert.equal(code, 0)
})

test('metrics: the format is right, and what clients do is in it', async t => {
  const broker = await start(t, 'max_topic_levels 3\nsys_interval 0')
  const before = await scrape(broker)
  const subscriber = await join(t, broker, { version: 5 })
  await subscribe(subscriber, [{ filter: 'a/#', qos: 1 }])
  const publisher = await join(t, broker, { version: 4, clientId: 'client-id-of-a-publisher' })
  await publish(publisher, { topic: 'a/secret-topic', qos: 1, retain: true, payload: 'ten bytes!' })
  assert.equal((await drain(subscriber)).length, 1)
  const refused = await dial(t, broker)
  refused.send(connectBytes({ clientId: 'x'.repeat(2000) }))
  assert.equal((await refused.expectConnack()).reasonCode, 0x85)
  const { value, body } = await scrape(broker)
  const grown = (name: string) => (value(name) ?? 0) - (before.value(name) ?? 0)
  const listener = `listener="${broker.port} 127.0.0.1",protocol="mqtt"`
  assert.ok((value('castellan_connections', listener) ?? 0) >= 2)
  assert.equal(grown('castellan_connects_received_total'), 3)
  assert.equal(value('castellan_connects_refused_total', 'reason="client identifier not valid"'), 1)
  assert.equal(grown('castellan_messages_received_total'), 1)
  assert.equal(grown('castellan_messages_sent_total'), 1)
  assert.equal(grown('castellan_payload_received_bytes_total'), 10)
  assert.equal(grown('castellan_payload_sent_bytes_total'), 10)
  assert.equal(value('castellan_sessions'), 2)
  assert.equal(value('castellan_subscriptions'), 1)
  assert.equal(value('castellan_retained_messages'), 1)
  assert.ok((value('castellan_received_bytes_total') ?? 0) > 0)
  assert.ok((value('process_resident_memory_bytes') ?? 0) > 1e7)
  assert.ok((value('process_open_fds') ?? 20) >= 10)
  assert.doesNotMatch(body, /client-id-of|secret-topic|xxxx/, 'nothing that a client chose')
})

test('metrics: a census comes to clients and to what waits within a second or two', async t => {
  const broker = await start(t, 'sys_interval 0')
  const away = await join(t, broker, { version: 4, clientId: 'away', cleanStart: false })
  await subscribe(away, [{ filter: 't', qos: 1 }])
  await leave(away)
  const publisher = await join(t, broker, { version: 5 })
  await publish(publisher, { topic: 't', qos: 1, payload: 'x' })
  let last = await scrape(broker)
  const isSeen = () => last.value('castellan_waiting_messages') === 1
  for (const giveUpAt = performance.now() + 10_000; !isSeen() && performance.now() < giveUpAt; )
    last = await scrape(broker)
  assert.equal(last.value('castellan_waiting_messages'), 1)
  assert.equal(last.value('castellan_clients_connected', 'version="5.0"'), 1)
  assert.equal(last.value('castellan_clients_connected', 'version="3.1.1"'), 0)
})

test('metrics_host: another name is refused until a reload adds it', async t => {
  const { metricsPort, process, port } = await start(t)
  assert.equal((await ask(metricsPort, '/healthz', 'broker.example')).status, 421)
  await process.writeConfig(configText(port, metricsPort, 'metrics_host broker.example'))
  await process.reload(/: Configuration reloaded\.$/)
  assert.equal((await ask(metricsPort, '/healthz', 'broker.example:80')).status, 200)
  assert.equal((await ask(metricsPort, '/healthz', 'evil.example')).status, 421)
})

test('metrics_listener: a reload that moves it is refused by name, and it stays where it was', async t => {
  const { metricsPort, process, port } = await start(t)
  await process.writeConfig(configText(port, await freePort()))
  await process.reload(/: Error: Nothing was reloaded/)
  assert.ok(process.lines.some(line => /'metrics_listener' option cannot be changed while the broker runs/.test(line)))
  assert.equal((await ask(metricsPort, '/healthz')).status, 200)
})

test('metrics_listener: a port that is taken ends the start with code 1 and the reason, and nothing stays open', async t => {
  const { metricsPort } = await start(t)
  const program = await runBroker(t, 'castellan', { config: ({ port }) => configText(port, metricsPort) })
  assert.equal((await program.exit()).code, 1)
  assert.ok(program.lines.some(line => line.includes(`Unable to open the metrics listener on port ${metricsPort}`)))
  assert.ok(program.lines.some(line => line.includes('something listens there already')))
})

test('metrics_listener: when a listener of MQTT cannot be opened, the start ends with code 1 although this one could', async t => {
  const { port }: BrokerProcess = (await start(t)).process
  const metricsPort = await freePort()
  const program = await runBroker(t, 'castellan', { config: () => configText(port, metricsPort) })
  assert.equal((await program.exit()).code, 1)
})
