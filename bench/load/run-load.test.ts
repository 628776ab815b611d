// A short real run of each family of scenarios against the broker, and of the program around them.

import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { throwawayPki } from '../../test/support/authority.ts'
import { type BrokerProcess, startBroker } from '../../test/support/broker-process.ts'
import { freePort } from '../../test/support/free-port.ts'
import { runProgram } from '../../test/support/line-process.ts'
import { parseRequest } from './request.ts'
import type { LoadResult } from './result.ts'
import { runLoad } from './run-load.ts'

const program = join(import.meta.dirname, 'main.ts')

function requestFor(port: number, scenario: object, more: object = {}): string {
  const common = { host: '127.0.0.1', port, protocol: 4, brokerPids: [process.pid], warmupSeconds: 0, seconds: 0.3 }
  return JSON.stringify({ ...common, scenario, ...more })
}

function start(t: TestContext): Promise<BrokerProcess> {
  return startBroker(t, { config: ({ port }) => `listener ${port} 127.0.0.1\nallow_anonymous true\n` })
}

const loop = { payloadBytes: 64, window: 10 }
/** Each with what only it reports. */
const families: readonly {
  readonly scenario: object
  readonly more?: object
  readonly check?: (result: LoadResult) => void
}[] = [
  { scenario: { kind: 'pairs', pairs: 3, qos: 0, ...loop } },
  { scenario: { kind: 'pairs', pairs: 3, qos: 2, ...loop }, more: { protocol: 5 } },
  { scenario: { kind: 'fan-out', subscribers: 20, qos: 1, ...loop } },
  { scenario: { kind: 'shared', publishers: 2, consumers: 3, qos: 1, ...loop } },
  { scenario: { kind: 'scatter', publishers: 2, topics: 100, qos: 0, ...loop } },
  {
    scenario: { kind: 'subscriptions', filters: 300, topics: 90, publishers: 2, subscribers: 3, qos: 0, ...loop },
    check: result => assert.equal(result.subscriptions?.filters, 300),
  },
  {
    scenario: { kind: 'paced', pairs: 2, rate: 500, qos: 1, payloadBytes: 64 },
    check: ({ sent, paced }) => assert.ok(sent > 60 && sent < 240 && paced?.offeredPerSecond === 500, `${sent} sent`),
  },
  {
    scenario: { kind: 'flood', publishers: 2, subscribers: 1, qos: 1, payloadBytes: 64, readBytesPerTick: 4096 },
    check: ({ flood }) => assert.equal(flood?.acknowledged, flood?.sent),
  },
]

test('each scenario with messages is run without a fault, and counts and times what arrives', async t => {
  const { port } = await start(t)
  for (const { scenario, more, check } of families) {
    const result = await runLoad(parseRequest(requestFor(port, scenario, more)))
    const name = JSON.stringify(result)
    if (result.scenario !== 'flood') assert.deepEqual(result.invalidReasons, [], name)
    assert.ok(result.delivered > 0 && result.messagesPerSecond > 0, name)
    assert.ok((result.latencyMicroseconds?.p50 ?? 0) > 0 || result.scenario === 'flood', name)
    assert.ok((result.cpuMicrosecondsPerMessage ?? 0) > 0, name)
    check?.(result)
  }
})

for (const away of [false, true]) {
  test(`what is acknowledged for lasting sessions is counted, and all of it reaches them${away ? ' when they are back' : ''}`, async t => {
    const { port } = await startBroker(t, {
      config: place =>
        `listener ${place.port} 127.0.0.1\nallow_anonymous true\npersistence true\nmax_queued_messages 0\n`,
    })
    const scenario = { kind: 'durable', publishers: 4, sessions: 2, away, qos: 1, payloadBytes: 64, window: 3 }
    for (const protocol of [4, 5]) {
      const result = await runLoad(parseRequest(requestFor(port, scenario, { protocol, seconds: 0.3 })))
      assert.deepEqual([result.invalidReasons, result.lost], [[], 0])
      assert.ok(result.acknowledged! > 0 && result.durable!.acknowledgedPerSecond > 0, JSON.stringify(result))
      if (away) assert.equal(result.delivered, 0)
      else assert.ok(result.delivered > 0)
    }
  })
}

test('retained messages are loaded, delivered and searched', async t => {
  const { port } = await start(t)
  const scenario = { kind: 'retained', messages: 2000, payloadBytes: 20, repeat: 2 }
  const result = await runLoad(parseRequest(requestFor(port, scenario)))
  assert.deepEqual([result.valid, result.sent, result.delivered], [true, 2000, 2000])
  assert.ok(result.retained!.searchMicroseconds > 0)
})

test('connections are counted, timed, and held', async t => {
  const { port } = await start(t)
  const connects = await runLoad(parseRequest(requestFor(port, { kind: 'connects', connections: 50, concurrency: 5 })))
  assert.deepEqual([connects.valid, connects.connects?.connections], [true, 50])
  assert.ok(connects.latencyMicroseconds!.p50 > 0 && connects.cpuMicrosecondsPerConnection! > 0)
  const idle = await runLoad(parseRequest(requestFor(port, { kind: 'idle', connections: 50, settleSeconds: 0.05 })))
  assert.deepEqual([idle.valid, idle.idle?.connections], [true, 50])
})

for (const version of ['1.2', '1.3']) {
  test(`over TLS ${version}, each connection resumes the first one's session, and messages are carried`, async t => {
    const { server, authority } = await throwawayPki()
    const { port } = await startBroker(t, {
      config: place =>
        `listener ${place.port} 127.0.0.1\nallow_anonymous true\ncertfile ${server.cert}\nkeyfile ${server.key}\n`,
    })
    const tls = { cafile: authority.ca.cert, version, resume: true }
    const scenario = { kind: 'connects', connections: 10, concurrency: 2 }
    const connects = await runLoad(parseRequest(requestFor(port, scenario, { tls })))
    assert.deepEqual([connects.valid, connects.connects?.resumed], [true, 10])
    const full = await runLoad(parseRequest(requestFor(port, scenario, { tls: { ...tls, resume: false } })))
    assert.deepEqual([full.valid, full.connects?.resumed], [true, 0])
    const pairs = await runLoad(parseRequest(requestFor(port, { kind: 'pairs', pairs: 2, qos: 0, ...loop }, { tls })))
    assert.deepEqual(pairs.invalidReasons, [])
    assert.ok(pairs.delivered > 0)
  })
}

test('a broker that closes connections in the middle voids the run, and ends it at once', async t => {
  const server = createServer(socket => {
    let packets = 0
    socket.on('error', () => {})
    socket.on('data', data => {
      packets += 1
      if (packets === 1) socket.write(Buffer.from([0x20, 2, 0, 0]))
      else if (data[0] === 0x82) socket.write(Buffer.from([0x90, 3, data[2]!, data[3]!, 0]))
      else socket.destroy()
    })
  })
  t.after(() => server.close())
  const port = await new Promise<number>(resolve =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )
  const request = requestFor(port, { kind: 'pairs', pairs: 1, qos: 0, ...loop }, { seconds: 600 })
  const result = await runLoad(parseRequest(request))
  assert.equal(result.valid, false)
  assert.ok(result.closed > 0 && result.invalidReasons.some(reason => reason.includes('closed')))
})

test('connections that are turned away in the middle of a storm are counted, and void it', async t => {
  const { port } = await startBroker(t, {
    config: place => `listener ${place.port} 127.0.0.1\nallow_anonymous true\nmax_connections 10\n`,
  })
  const scenario = { kind: 'connects', connections: 40, concurrency: 4, churn: false }
  const result = await runLoad(parseRequest(requestFor(port, scenario)))
  assert.deepEqual([result.valid, result.connects?.connections, result.closed], [false, 8, 32])
})

test('the program prints one JSON object and ends with 0', async t => {
  const { port } = await start(t)
  const input = requestFor(port, { kind: 'fan-in', publishers: 2, qos: 0, ...loop })
  const run = await runProgram(t, process.execPath, [program], { input })
  assert.equal(run.ended?.code, 0, run.report())
  assert.equal(run.stdout.length, 1)
  assert.equal((JSON.parse(run.stdout[0]!) as LoadResult).scenario, 'fan-in')
})

test('the program refuses a wrong request, and a broker that is not there, with 1 and a reason', async t => {
  const wrong = await runProgram(t, process.execPath, [program], { input: '{}' })
  assert.equal(wrong.ended?.code, 1)
  assert.match(
    wrong.stderr.join('\n'),
    /^bench\/load: 'request.host' is missing; expected a text \(ERR_LOAD_REQUEST\)$/,
  )
  const input = requestFor(await freePort(), { kind: 'idle', connections: 1, settleSeconds: 0 })
  const nobody = await runProgram(t, process.execPath, [program], { input })
  assert.equal(nobody.ended?.code, 1)
  assert.match(nobody.stderr.join('\n'), /^bench\/load: no connection to '127.0.0.1:\d+': .*ECONNREFUSED/)
})
