import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex } from '../../test/support/bytes.ts'
import { Engine, type EngineClient } from '../../test/support/engine.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import { PacketType } from '../mqtt/packet.ts'
import type { ControlAnswer } from './control.ts'

const versions = [4, 5] as const

/** The payloads that have come so far. */
function watch(engine: Engine): () => string[] {
  const subscriber = engine.connect('subscriber')
  subscriber.subscribe('#', { qos: 0 })
  const payloads: string[] = []
  return () => {
    payloads.push(...subscriber.payloads())
    return payloads
  }
}

function pass(engine: Engine, client: EngineClient, milliseconds: number): void {
  engine.pass(milliseconds)
  client.catchUp()
}

for (const protocolVersion of versions) {
  test(`max_publish_rate: a client above it is not read for a while; nothing is lost and nobody is disconnected, version ${protocolVersion}`, () => {
    const engine = new Engine({ listener: { max_publish_rate: 10 } })
    const payloads = watch(engine)
    const client = engine.connect('client', { protocolVersion })
    for (let n = 0; n < 30; n++) client.publish('t', `${n}`)
    assert.equal(payloads().length, 11, 'a second’s worth, and the one that went beyond')
    assert.equal(client.transport.isReading, false)
    pass(engine, client, 1000)
    assert.equal(payloads().length, 21)
    pass(engine, client, 1000)
    assert.deepEqual(
      payloads(),
      Array.from({ length: 30 }, (_, n) => `${n}`),
    )
    client.expectNothing()
    assert.deepEqual([...engine.broker.counters.limitsReached.entries()], [['max_publish_rate', 2]])
  })
}

test('max_publish_rate: whoever stays below it is never held up, and without it nobody is', () => {
  for (const max_publish_rate of [10, 0]) {
    const engine = new Engine({ listener: { max_publish_rate } })
    const payloads = watch(engine)
    const client = engine.connect('client')
    for (let n = 0; n < 100; n++) {
      client.publish('t', `${n}`)
      if (max_publish_rate > 0) engine.pass(100)
      assert.equal(client.transport.isReading, true)
    }
    assert.equal(payloads().length, 100)
  }
})

test('max_publish_rate: each message counts for itself where many arrive in one chunk, and other clients are not concerned', () => {
  const engine = new Engine({ listener: { max_publish_rate: 5 } })
  const payloads = watch(engine)
  const [client, other] = [engine.connect('client'), engine.connect('other')]
  const packet = hex`30 05 00 01 't' 00 'x'`
  client.publish('t', 'known')
  client.sendBytes(Buffer.concat(Array.from({ length: 20 }, () => packet)))
  assert.equal(client.transport.isReading, false)
  assert.equal(other.transport.isReading, true)
  assert.equal(payloads().length, 6)
})

test('max_publish_byte_rate: topic and payload count; a message larger than a second’s worth goes through and is paid for', () => {
  const engine = new Engine({ listener: { max_publish_byte_rate: 1000 } })
  const payloads = watch(engine)
  const client = engine.connect('client')
  client.publish('1234567890', 'x'.repeat(2990))
  client.publish('t', 'next')
  assert.equal(payloads().length, 1)
  pass(engine, client, 1900)
  assert.equal(payloads().length, 1)
  pass(engine, client, 200)
  assert.deepEqual(payloads().slice(1), ['next'])
})

test('max_subscribe_rate: filters count one by one, of UNSUBSCRIBE too; the answer comes at once, the next packet waits', () => {
  const engine = new Engine({ listener: { max_subscribe_rate: 2 } })
  const client = engine.connect('client')
  client.subscribe('a')
  client.unsubscribe('a')
  assert.equal(client.transport.isReading, true)
  client.unsubscribe('b', 'c')
  assert.equal(client.transport.isReading, false)
  client.send({ type: PacketType.pingreq })
  client.expectNothing()
  pass(engine, client, 1000)
  client.expect(PacketType.pingresp)
  const free = new Engine({ listener: { max_subscribe_rate: 0 } }).connect('client')
  for (let n = 0; n < 1000; n++) free.subscribe(`${n}`)
  assert.equal(free.transport.isReading, true)
})

test('rates: a client that is not read is not cut off for its silence, and its rest ends with its connection', () => {
  const engine = new Engine({ listener: { max_publish_byte_rate: 10 } })
  const client = engine.connect('client', { keepAlive: 1 })
  client.publish('t', 'x'.repeat(100))
  pass(engine, client, 5000)
  client.expectNothing()
  client.vanish()
  engine.pass(60_000)
  assert.equal(engine.broker.connections.size, 0)
})

test('rates: a reload concerns who connects from then on', () => {
  const engine = new Engine()
  const [before, limited] = [engine.connect('before'), engine.addListener({ max_publish_rate: 1 })]
  engine.listener.settings = limited.settings
  const after = engine.connect('after')
  for (const client of [before, after]) for (let n = 0; n < 3; n++) client.publish('t', 'x')
  assert.deepEqual([before.transport.isReading, after.transport.isReading], [true, false])
})

/** A client that is above its rate, for ten seconds, with a message that also waits for what it has asked for. */
function restingAndAsking() {
  const acl = parseAclFile('topic readwrite $CONTROL/#', 'acl').rules
  const engine = new Engine({ listener: { max_publish_byte_rate: 10 }, realm: { acl } })
  const answered = Promise.withResolvers<ControlAnswer>()
  engine.broker.endpoints.set('$CONTROL/t', { handle: () => answered.promise })
  const client = engine.connect('client')
  client.publish('$CONTROL/t', 'x'.repeat(100))
  assert.equal(client.transport.isReading, false)
  const answer = () =>
    new Promise<void>(resolve => answered.resolve({ payload: Buffer.from('done'), carryOut: resolve }))
  return { engine, client, answer }
}

test('rates: the end of a rest does not let a client be heard whose control message is not answered', async () => {
  const { engine, client, answer } = restingAndAsking()
  pass(engine, client, 60_000)
  assert.equal(client.transport.isReading, false)
  await answer()
  assert.equal(client.transport.isReading, true)
})

test('rates: the answer to a control message does not end the rest of a client that is above its rate', async () => {
  const { engine, client, answer } = restingAndAsking()
  await answer()
  assert.equal(client.transport.isReading, false)
  pass(engine, client, 60_000)
  assert.equal(client.transport.isReading, true)
})
