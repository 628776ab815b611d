// What the program itself publishes and subscribes to: delivery, retained messages, backpressure, bounds, and what is refused.

import assert from 'node:assert/strict'
import test from 'node:test'
import { ClosedError, MessageError, QueueFullError, RefusedError } from '../../src/library/index.ts'
import { embed, join, nextEvent, received } from '../support/embedded.ts'

const open = { allow_anonymous: true }

test('publish: reaches clients at its QoS, with its properties, and is retained where asked', async t => {
  const { broker, port } = await embed(t, open)
  const client = await join(t, port, 'a')
  const packet = new Promise<Record<string, unknown>>(resolve =>
    client.on('packetreceive', one => one.cmd === 'publish' && resolve(one as unknown as Record<string, unknown>)),
  )
  const properties = { contentType: 'text/plain', userProperties: [['a', '1']], messageExpiryInterval: 60 } as const
  await broker.publish('t', 'x', { qos: 2, retain: true, properties })
  await client.subscribeAsync('t', { qos: 2 })
  const { qos, retain, payload, properties: got } = await packet
  assert.deepEqual([qos, retain, String(payload)], [2, true, 'x'])
  const { contentType, userProperties, messageExpiryInterval } = got as Record<string, unknown>
  assert.deepEqual([contentType, { ...(userProperties as object) }], ['text/plain', { a: '1' }])
  assert.ok((messageExpiryInterval as number) <= 60)
})

test('publish: many at once arrive in their order, whatever their QoS', async t => {
  const { broker } = await embed(t, open)
  const heard = await broker.subscribe('n/+', { qos: 2, maxWaiting: 1000 })
  await Promise.all(Array.from({ length: 300 }, (_, n) => broker.publish(`n/${n}`, '', { qos: 1 })))
  for (let n = 0; n < 300; n++) assert.equal((await heard.next()).value?.topicName, `n/${n}`)
})

for (const [what, topicName, payload, options] of [
  ['a wildcard', 'a/#', '', {}],
  ['an empty topic', '', '', {}],
  ["the broker's own topics", '$SYS/broker/x', '', {}],
  ['control topics', '$CONTROL/dynamic-security/v1', '', {}],
  ['a topic that is no text', 7, '', {}],
  ['a payload that is neither text nor bytes', 't', { a: 1 }, {}],
  ['a QoS that is none', 't', '', { qos: 3 }],
  ['an unknown property', 't', '', { properties: { topicAlias: 1 } }],
  ['a property of another type', 't', '', { properties: { contentType: 5 } }],
  ['a message beyond max_packet_size', 't', Buffer.alloc(3_000_000), {}],
] as const) {
  test(`publish: ${what} is refused with a MessageError, and nothing is sent`, async t => {
    const { broker } = await embed(t, open)
    await assert.rejects(broker.publish(topicName as string, payload as string, options as object), MessageError)
    await broker.publish('t', 'still there', { qos: 1 })
  })
}

test('publish: beyond 10,000 that are under way a QueueFullError asks to wait', async t => {
  const { broker } = await embed(t, open)
  const all = Array.from({ length: 10_001 }, () => broker.publish('t', '', { qos: 1 }))
  await assert.rejects(all.at(-1) as Promise<void>, QueueFullError)
  await Promise.all(all.slice(0, -1))
  await broker.publish('t', '', { qos: 1 })
})

test('publish from within hooks and events is fine: it does not run in the midst of the work', async t => {
  const { broker, port } = await embed(t, {
    ...open,
    hooks: {
      incoming: (_, { topicName }) => {
        void broker.publish(`echo/${topicName}`, 'from the hook', { qos: 1 })
        return true
      },
    },
  })
  broker.on('subscribe', () => broker.publish('welcome', 'from the event', { qos: 1 }))
  const client = await join(t, port, 'a')
  const next = received(client)
  await client.subscribeAsync('#', { qos: 1 })
  assert.equal(await next(), 'welcome from the event')
  await client.publishAsync('t', 'x', { qos: 1 })
  assert.equal(await next(), 't x')
  assert.equal(await next(), 'echo/t from the hook')
})

test('subscribe with a handler: one message after the other, the next when the promise of the one before has settled', async t => {
  const { broker } = await embed(t, open)
  const steps: string[] = []
  const gate = Promise.withResolvers<void>()
  const done = Promise.withResolvers<void>()
  await broker.subscribe(
    't',
    async ({ payload }) => {
      steps.push(`begin ${payload}`)
      if (String(payload) === '1') await gate.promise
      steps.push(`end ${payload}`)
      if (String(payload) === '2') done.resolve()
    },
    { qos: 1 },
  )
  await broker.publish('t', '1', { qos: 1 })
  await broker.publish('t', '2', { qos: 1 })
  assert.deepEqual(steps, ['begin 1'])
  gate.resolve()
  await done.promise
  assert.deepEqual(steps, ['begin 1', 'end 1', 'begin 2', 'end 2'])
})

test('subscribe: a handler that throws is named in the log, and gets the next message all the same', async t => {
  const lines: string[] = []
  const { broker } = await embed(t, { ...open, log: (type, line) => void (type === 'error' && lines.push(line)) })
  const second = Promise.withResolvers<void>()
  await broker.subscribe('t', ({ payload }) => {
    if (String(payload) === '2') second.resolve()
    else throw new Error('broken')
  })
  await broker.publish('t', '1')
  await broker.publish('t', '2')
  await second.promise
  assert.deepEqual(lines, ["Error: The handler of 't' has failed: broken."])
})

test('subscribe: whoever is slow has at most maxWaiting of QoS 1 in memory, and loses none; of QoS 0 the rest is dropped', async t => {
  const { broker } = await embed(t, open)
  const certain = await broker.subscribe('t', { qos: 1, maxWaiting: 2 })
  const loose = await broker.subscribe('t', { qos: 0, maxWaiting: 2 })
  for (let n = 0; n < 20; n++) await broker.publish('t', String(n), { qos: 1 })
  for (let n = 0; n < 20; n++) assert.equal(String((await certain.next()).value?.payload), String(n))
  assert.equal(certain.dropped, 0)
  assert.equal(loose.dropped, 18)
})

test('subscribe: leaving the loop ends the subscription', async t => {
  const { broker } = await embed(t, open)
  const heard = await broker.subscribe('t')
  await broker.publish('t', 'x')
  for await (const message of heard) {
    assert.equal(String(message.payload), 'x')
    break
  }
  assert.deepEqual(await heard.next(), { done: true, value: undefined })
})

test('subscribe: shared subscriptions divide messages between the program and clients', async t => {
  const { broker, port } = await embed(t, open)
  const client = await join(t, port, 'a')
  const next = received(client)
  await client.subscribeAsync('$share/g/t', { qos: 1 })
  const own = await broker.subscribe('$share/g/t', { qos: 1 })
  await broker.publish('t', '1', { qos: 1 })
  await broker.publish('t', '2', { qos: 1 })
  const payloads = [await next(), `t ${(await own.next()).value?.payload}`].sort()
  assert.deepEqual(payloads, ['t 1', 't 2'])
})

test('subscribe: a filter that is none is refused, and so is what a limit of the broker keeps out', async t => {
  const { broker } = await embed(t, { ...open, max_topic_levels: 3 })
  await assert.rejects(broker.subscribe('a#'), MessageError)
  await assert.rejects(broker.subscribe('t', { maxWaiting: 0 }), MessageError)
  await assert.rejects(broker.subscribe('a/b/c/d'), RefusedError)
  assert.equal((await broker.subscribe('a/b/c')).topicFilter, 'a/b/c')
})

test('subscribe: $SYS is there for the program, as for everybody whom no rule keeps from it', async t => {
  const { broker } = await embed(t)
  const version = await broker.subscribe('$SYS/broker/version')
  assert.match(String((await version.next()).value?.payload), /^castellan version /)
})

test('close ends subscriptions, refuses what comes later, and says whether all was saved', async t => {
  const { broker, port } = await embed(t, open)
  const client = await join(t, port, 'a')
  const gone = new Promise<unknown>(resolve => client.on('disconnect', packet => resolve(packet.reasonCode)))
  const heard = await broker.subscribe('t')
  const ended = heard.next()
  const closed = nextEvent(broker, 'close')
  await broker.close()
  assert.equal(await gone, 0x8b)
  assert.deepEqual(await ended, { done: true, value: undefined })
  assert.deepEqual(await closed, { isSaved: true })
  await assert.rejects(broker.publish('t', ''), ClosedError)
  await assert.rejects(broker.subscribe('t'), ClosedError)
  await assert.rejects(broker.listen(), ClosedError)
  assert.throws(() => broker.handle(client.stream), ClosedError)
  await broker.close()
})

for (const hook of ['authorizePublish', 'authorizeReceive', 'authorizeSubscribe', 'incoming', 'outgoing'] as const) {
  test(`close from within the hook '${hook}' does not run in the midst of the work`, async t => {
    const called = Promise.withResolvers<Promise<void>>()
    const close = () => {
      called.resolve(broker.close())
      return true
    }
    const { broker, port } = await embed(t, { ...open, hooks: { [hook]: close } })
    const client = await join(t, port, 'a')
    // What is under way may or may not be answered.
    client.subscribe('t', () => {})
    client.publish('t', 'x', { qos: 1 }, () => {})
    await await called.promise
    assert.equal(broker.clients.length, 0)
  })
}
