import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient } from '../../test/support/engine.ts'
import type { Log } from '../base/log.ts'
import { MalformedPacketError, ProtocolViolationError } from '../mqtt/errors.ts'
import { noProperties, PacketType, type Properties } from '../mqtt/packet.ts'

/** Keeps the notices. */
class NoticeLog implements Log {
  readonly lines: string[] = []
  enabled(): boolean {
    return true
  }
  write(type: string, line: string): void {
    if (type === 'notice') this.lines.push(line)
  }
}

const endings: readonly [what: string, end: (client: EngineClient, engine: Engine) => void, cause: string][] = [
  ['garbage', client => client.handler.fail(new MalformedPacketError('§2.1.3', 'flags')), 'malformed packet'],
  ['a packet that may not come first', client => client.send({ type: PacketType.pingreq }), 'protocol error'],
  ['silence', (_, engine) => engine.pass(11_000), 'exceeded timeout (connect_timeout)'],
  ['nothing before it goes', client => client.vanish(), 'connection closed by client'],
]

for (const [what, end, cause] of endings) {
  test(`features J1: ${what} before CONNECT leaves a line with the address`, () => {
    const log = new NoticeLog()
    const engine = new Engine({ log })
    end(engine.open(), engine)
    assert.deepEqual(log.lines, [`Client <unknown> [192.0.2.1:40000] disconnected: ${cause}.`])
  })
}

test('conf §3 connection_messages false: no line about it', () => {
  const log = new NoticeLog()
  new Engine({ log, settings: { connection_messages: false } }).open().vanish()
  assert.deepEqual(log.lines, [])
})

for (const version of [3, 4, 5] as const) {
  test(`[MQTT-3.1.2-22] [v3.1.1 MQTT-3.1.2-24] a client silent for one and a half keep alives is cut off, any packet counts, version ${version}`, () => {
    const engine = new Engine()
    const client = engine.connect('c', { protocolVersion: version, keepAlive: 10 })
    engine.pass(14_000)
    client.send({ type: PacketType.pingreq })
    client.expect(PacketType.pingresp)
    engine.pass(14_900)
    client.expectNothing()
    engine.pass(200)
    client.expectClosed(version === 5 ? 0x8d : undefined)
  })

  test(`[MQTT-3.1.2-22] keep alive 0 is off, version ${version}`, () => {
    const engine = new Engine()
    const client = engine.connect('c', { protocolVersion: version, keepAlive: 0 })
    engine.pass(1e9)
    client.expectNothing()
  })

  test(`[MQTT-3.12.4-1] [v3.1.1 MQTT-3.12.4-1] PINGREQ is answered with PINGRESP, version ${version}`, () => {
    const client = new Engine().connect('c', { protocolVersion: version })
    client.send({ type: PacketType.pingreq })
    client.expect(PacketType.pingresp)
    client.expectNothing()
  })

  test(`§2.1.2: a packet that only servers send ends the connection, version ${version}`, () => {
    for (const packet of [
      { type: PacketType.connack, sessionPresent: false, reasonCode: 0, properties: noProperties },
      { type: PacketType.suback, packetId: 1, reasonCodes: [0], properties: noProperties },
      { type: PacketType.unsuback, packetId: 1, reasonCodes: version === 5 ? [0] : [], properties: noProperties },
      { type: PacketType.pingresp },
    ] as const) {
      const client = new Engine().connect('c', { protocolVersion: version })
      client.send(packet)
      client.expectClosed(version === 5 ? 0x82 : undefined)
    }
  })
}

test('[MQTT-3.2.2-21] max_keepalive: the keep alive that the client was told is the one that counts', () => {
  const engine = new Engine({ settings: { max_keepalive: 10 } })
  const client = engine.connect('c', { keepAlive: 0 })
  engine.pass(14_900)
  client.expectNothing()
  engine.pass(200)
  client.expectClosed(0x8d)
})

test('[MQTT-4.13.1-1] [MQTT-3.14.2-3] an MQTT 5 client is told why it is cut off, in words where it wants them and they fit', () => {
  const reason = (properties: Properties) => {
    const client = new Engine().connect('c', { properties })
    client.handler.fail(new MalformedPacketError('§2.1.3', 'wrong flags'))
    const disconnect = client.expect(PacketType.disconnect)
    assert.equal(disconnect.reasonCode, 0x81)
    client.expectClosed()
    return disconnect.properties.reasonString
  }
  assert.equal(reason({}), 'wrong flags')
  assert.equal(reason({ requestProblemInformation: false }), undefined)
  assert.equal(reason({ maximumPacketSize: 18 }), 'wrong flags')
  assert.equal(reason({ maximumPacketSize: 17 }), undefined)
  const older = new Engine().connect('c', { protocolVersion: 4 })
  older.handler.fail(new MalformedPacketError('§2.1.3', 'wrong flags'))
  older.expectClosed()
})

test('[MQTT-3.1.2-24] a client for which an answer is too large is let go without one', () => {
  const client = new Engine().connect('c', { properties: { maximumPacketSize: 16 } })
  const request = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
  const subscriptions = Array.from({ length: 20 }, (_, n) => ({ topicFilter: `t${n}`, ...request }))
  client.send({ type: PacketType.subscribe, packetId: 1, subscriptions, properties: noProperties })
  client.expectClosed()
  const refused = new Engine().open()
  refused.connect('c', { properties: { maximumPacketSize: 4 } })
  refused.expectClosed()
  assert.equal(refused.handler.protocolVersion, 5)
})

test('[MQTT-3.14.4-2] nothing is done for a connection that has ended, whatever still arrives', () => {
  const engine = new Engine()
  const watcher = engine.connect('w')
  watcher.subscribe('#')
  const client = engine.connect('c')
  client.disconnect()
  client.publish('t', 'late')
  client.handler.fail(new MalformedPacketError('§2.1.3', 'late'))
  client.drain()
  client.expectClosed()
  watcher.expectNothing()
  client.vanish()
  assert.equal(engine.broker.connections.size, 1)
})

test('[MQTT-3.1.2-2] [v3.1.1 MQTT-3.1.2-2] a version that is not known is answered with return code 1 of 3.1.1', () => {
  const client = new Engine().open()
  client.version = 4
  client.handler.fail(new ProtocolViolationError('MQTT-3.1.2-2', 'level 6', 0x84))
  client.expectRefused(0x84)
})

test('a slow peer: what it was sent waits in its session, within the limits, and comes in order when it has caught up', () => {
  const engine = new Engine({ settings: { max_queued_messages: 2, max_buffered_bytes: 1000 } })
  const [slow, quick] = [engine.connect('slow'), engine.connect('quick')]
  for (const subscriber of [slow, quick]) subscriber.subscribe('#')
  const publisher = engine.connect('p')
  slow.transport.queuedBytes = 999
  publisher.publish('t', 'still', { qos: 1 })
  slow.transport.queuedBytes = 1000
  for (const payload of ['1', '2', '3']) publisher.publish('t', payload, { qos: 1 })
  publisher.publish('t', 'QoS 0')
  assert.deepEqual(quick.answerAll(), ['still', '1', '2', '3', 'QoS 0'])
  assert.deepEqual(slow.answerAll(), ['still'])
  slow.drain()
  assert.deepEqual(slow.answerAll(), ['1', '2'])
  assert.equal(engine.broker.counters.publishDropped, 2)
})
