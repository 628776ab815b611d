// Hooks over real connections: what each lets pass, what it refuses and how, and that none of them can harm anybody else.

import assert from 'node:assert/strict'
import test from 'node:test'
import { embed, join, nextEvent, received } from '../support/embedded.ts'

const password = 'secret'

test('authenticate: true lets a client in under its name, false refuses it with 0x87', async t => {
  const { broker, port } = await embed(t, {
    hooks: { authenticate: ({ username, password }) => username === 'ann' && String(password) === 'secret' },
  })
  const connected = nextEvent(broker, 'clientConnect')
  await join(t, port, 'a', { username: 'ann', password })
  const { client, sessionPresent } = await connected
  assert.deepEqual([client.clientId, client.username, client.isConnected, sessionPresent], ['a', 'ann', true, false])
  const refused = nextEvent(broker, 'clientRefused')
  await assert.rejects(join(t, port, 'b', { username: 'bob', password }), { code: 0x87 })
  assert.deepEqual(await refused, {
    clientId: 'b',
    username: 'bob',
    address: '127.0.0.1',
    protocolVersion: 5,
    reasonCode: 0x87,
  })
})

test('authenticate: a promise holds its client, and nobody else', async t => {
  const answer = Promise.withResolvers<boolean>()
  const { port } = await embed(t, {
    hookTimeout: 60,
    hooks: { authenticate: ({ clientId }) => (clientId === 'slow' ? answer.promise : true) },
  })
  const slow = join(t, port, 'slow')
  const quick = await join(t, port, 'quick')
  assert.equal(quick.connected, true)
  answer.resolve(true)
  assert.equal((await slow).connected, true)
})

test("authenticate: 'defer' leaves the client to the options of its listener", async t => {
  const asked: string[] = []
  const { port } = await embed(t, {
    allow_anonymous: true,
    hooks: {
      authenticate: ({ clientId }) => {
        asked.push(clientId)
        return 'defer'
      },
    },
  })
  await join(t, port, 'a')
  assert.deepEqual(asked, ['a'])
})

test('without a hook and without allow_anonymous nobody comes in', async t => {
  const { port } = await embed(t)
  await assert.rejects(join(t, port, 'a'), { code: 0x87 })
})

test('authenticate: an admission gives another name, and topics beyond which nothing is allowed', async t => {
  const { broker, port } = await embed(t, {
    hooks: { authenticate: () => ({ username: 'device-1', publish: ['up/#'], subscribe: ['down/+'] }) },
  })
  const connected = nextEvent(broker, 'clientConnect')
  const client = await join(t, port, 'd', { username: 'x', password })
  assert.equal((await connected).client.username, 'device-1')
  await client.publishAsync('up/a', 'x', { qos: 1 })
  await assert.rejects(client.publishAsync('other', 'x', { qos: 1 }), { code: 0x87 })
  await client.subscribeAsync('down/1')
  await assert.rejects(client.subscribeAsync('#'))
})

for (const [what, authenticate] of [
  ['throws', () => assert.fail('broken')],
  ['rejects', () => Promise.reject(new Error('broken'))],
  ['answers nonsense', () => 'yes'],
  ['answers nothing', () => undefined],
  ['misspells a limit', () => ({ username: 'a', publich: ['up/#'] })],
  ['gives a filter that is none', () => ({ publish: ['a#'] })],
  ['never answers', () => new Promise(() => {})],
] as const) {
  test(`authenticate: a hook that ${what} has said no, the log says so, and the broker goes on`, async t => {
    const lines: string[] = []
    const { broker, port } = await embed(t, {
      hookTimeout: 0.1,
      log: (type, line) => void (type === 'error' && lines.push(line)),
      hooks: { authenticate: authenticate as unknown as () => boolean },
    })
    await assert.rejects(join(t, port, 'a'), { code: 0x87 })
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^Error: The hook 'authenticate' has failed: /)
    await broker.publish('still/there', 'x', { qos: 1 })
  })
}

test('authorizePublish: a topic is refused with 0x87 and reaches nobody; the answer is remembered until reauthorize', async t => {
  const asked: string[] = []
  let isAllowed = false
  const { broker, port } = await embed(t, {
    allow_anonymous: true,
    hooks: {
      authorizePublish: ({ clientId, username }, topicName) => {
        asked.push(`${clientId} ${username} ${topicName}`)
        return isAllowed
      },
    },
  })
  const client = await join(t, port, 'a', { username: 'ann', password })
  for (let i = 0; i < 3; i++) await assert.rejects(client.publishAsync('t', 'x', { qos: 1 }), { code: 0x87 })
  assert.deepEqual(asked, ['a ann t'])
  isAllowed = true
  broker.reauthorize()
  await broker.publish('turn', '', { qos: 1 })
  await client.publishAsync('t', 'x', { qos: 1 })
})

test('authorizePublish: answers for long topic names, of which a client could have megabytes kept, are not remembered', async t => {
  const asked: string[] = []
  const { port } = await embed(t, {
    allow_anonymous: true,
    hooks: { authorizePublish: (_client, topicName) => asked.push(topicName) > 0 },
  })
  const client = await join(t, port, 'a')
  const [short, long] = ['s'.repeat(256), 'l'.repeat(257)]
  for (const topic of [short, long, short, long]) await client.publishAsync(topic, 'x', { qos: 1 })
  assert.deepEqual(asked, [short, long, long])
})

test('authorizePublish widens nothing: what an ACL would refuse, such as $SYS, it is not asked about', async t => {
  const asked: string[] = []
  const { port } = await embed(t, {
    allow_anonymous: true,
    hooks: { authorizePublish: (_, topicName) => asked.push(topicName) > 0 },
  })
  const client = await join(t, port, 'a')
  await assert.rejects(client.publishAsync('$SYS/mine', 'x', { qos: 1 }), { code: 0x87 })
  assert.deepEqual(asked, [])
})

test('authorizePublish holds for a will, too', async t => {
  const { broker, port } = await embed(t, {
    allow_anonymous: true,
    hooks: { authorizePublish: (_, topicName) => topicName !== 'forbidden' },
  })
  const heard = await broker.subscribe('#', { qos: 1 })
  for (const topic of ['forbidden', 'allowed']) {
    const client = await join(t, port, topic, { will: { topic, payload: Buffer.from('gone'), qos: 1, retain: false } })
    const gone = nextEvent(broker, 'clientDisconnect')
    client.stream.destroy()
    await gone
  }
  assert.equal((await heard.next()).value?.topicName, 'allowed')
})

test('authorizePublish: an async hook cannot answer at once, and so has said no', async t => {
  const { port } = await embed(t, {
    allow_anonymous: true,
    hooks: { authorizePublish: (async () => true) as unknown as () => boolean },
  })
  const client = await join(t, port, 'a')
  await assert.rejects(client.publishAsync('t', 'x', { qos: 1 }), { code: 0x87 })
})

test('authorizeReceive: a message reaches those who may have it, and no other', async t => {
  const { broker, port } = await embed(t, {
    allow_anonymous: true,
    hooks: { authorizeReceive: ({ clientId }, topicName) => topicName === 'end' || clientId === 'may' },
  })
  const may = await join(t, port, 'may')
  const mayNot = await join(t, port, 'may not')
  const [mayReceive, mayNotReceive] = [received(may), received(mayNot)]
  await may.subscribeAsync('#')
  await mayNot.subscribeAsync('#')
  await broker.publish('secret', 'x', { qos: 1 })
  await broker.publish('end', 'x', { qos: 1 })
  assert.equal(await mayReceive(), 'secret x')
  assert.equal(await mayReceive(), 'end x')
  assert.equal(await mayNotReceive(), 'end x')
})

test('authorizeSubscribe: each filter of a SUBSCRIBE has its own answer, be it at once or later', async t => {
  const { port } = await embed(t, {
    allow_anonymous: true,
    hooks: {
      authorizeSubscribe: (client, topicFilter, qos) => {
        if (topicFilter === 'later') return Promise.resolve(client.clientId === 'a' && qos === 1)
        return topicFilter !== 'no'
      },
    },
  })
  for (const [protocolVersion, refusal] of [
    [4, 0x80],
    [5, 0x87],
  ] as const) {
    const client = await join(t, port, 'a', { protocolVersion })
    const suback = new Promise<unknown>(resolve =>
      client.on('packetreceive', packet => packet.cmd === 'suback' && resolve(packet.granted)),
    )
    const filters = { yes: { qos: 2 }, no: { qos: 0 }, later: { qos: 1 } } as const
    await assert.rejects(client.subscribeAsync(filters))
    assert.deepEqual(await suback, [2, refusal, 1])
  }
})

test('incoming: a message goes on as it is, changed, dropped or refused', async t => {
  const { broker, port } = await embed(t, {
    allow_anonymous: true,
    hooks: {
      incoming: (client, { topicName, payload }) => {
        if (topicName === 'refused') return false
        if (topicName === 'dropped') return 'drop'
        if (topicName === 'changed')
          return { topicName: `by/${client.clientId}`, payload: `<${payload}>`, retain: true }
        return true
      },
    },
  })
  const client = await join(t, port, 'a')
  const heard = await broker.subscribe('#', { qos: 2 })
  const next = async () => {
    const { value } = await heard.next()
    return `${value?.topicName} ${value?.payload} ${value?.qos}`
  }
  for (const qos of [1, 2] as const) {
    await assert.rejects(client.publishAsync('refused', 'x', { qos }), { code: 0x87 })
    await client.publishAsync('dropped', 'x', { qos })
    await client.publishAsync('changed', 'x', { qos })
    await client.publishAsync('plain', 'x', { qos })
    assert.equal(await next(), `by/a <x> ${qos}`)
    assert.equal(await next(), `plain x ${qos}`)
  }
  const later = await broker.subscribe('by/+')
  assert.equal((await later.next()).value?.retain, true)
})

test('incoming: a promise keeps the order of its client, and pauses nobody else', async t => {
  const answer = Promise.withResolvers<true>()
  const { broker, port } = await embed(t, {
    allow_anonymous: true,
    hookTimeout: 60,
    hooks: { incoming: (_, { topicName }) => (topicName === 'first' ? answer.promise : true) },
  })
  const heard = await broker.subscribe('#', { qos: 1 })
  const held = await join(t, port, 'held')
  const free = await join(t, port, 'free')
  const first = held.publishAsync('first', '', { qos: 1 })
  const second = held.publishAsync('second', '', { qos: 1 })
  await free.publishAsync('free', '', { qos: 1 })
  answer.resolve(true)
  await Promise.all([first, second])
  const topics = [await heard.next(), await heard.next(), await heard.next()].map(({ value }) => value?.topicName)
  assert.deepEqual(topics, ['free', 'first', 'second'])
})

test('incoming: topic aliases are resolved before the hook sees a message', async t => {
  const seen: string[] = []
  const { port } = await embed(t, {
    allow_anonymous: true,
    hooks: { incoming: (_, { topicName }) => seen.push(topicName) > 0 },
  })
  const client = await join(t, port, 'a')
  await client.publishAsync('long/name', '1', { qos: 1, properties: { topicAlias: 1 } })
  await client.publishAsync('', '2', { qos: 1, properties: { topicAlias: 1 } })
  assert.deepEqual(seen, ['long/name', 'long/name'])
})

test('incoming: the rules judge the topic that the hook has made', async t => {
  const { port } = await embed(t, {
    hooks: {
      authenticate: () => ({ publish: ['mine/#'] }),
      incoming: (_, { topicName }) => ({ topicName: `mine/${topicName}` }),
    },
  })
  const client = await join(t, port, 'a')
  await client.publishAsync('x', '', { qos: 1 })
})

test('outgoing: each client gets a message as it is, changed for it alone, or not at all', async t => {
  const { broker, port } = await embed(t, {
    allow_anonymous: true,
    hooks: {
      outgoing: ({ clientId }, { topicName, payload }) => {
        if (topicName === 'end') return true
        return clientId === 'a' ? { payload: `for a: ${payload}` } : clientId !== 'b'
      },
    },
  })
  const clients = await Promise.all(['a', 'b', 'c'].map(id => join(t, port, id)))
  const next = clients.map(received)
  for (const client of clients) await client.subscribeAsync({ t: { qos: 1 }, end: { qos: 0 } })
  await broker.publish('t', 'x', { qos: 1 })
  await broker.publish('end', '.', { qos: 1 })
  assert.deepEqual(await Promise.all(next.map(one => one())), ['t for a: x', 'end .', 't x'])
})

test('incoming: a message that then has to wait for a slow subscriber was asked about once', async t => {
  const asked: string[] = []
  const { broker, port } = await embed(t, {
    allow_anonymous: true,
    max_queued_messages: 3,
    max_inflight_messages: 2,
    hooks: { incoming: (_, { payload }) => asked.push(String(payload)) > 0 },
  })
  const slow = await broker.subscribe('t', { qos: 1, maxWaiting: 1 })
  const client = await join(t, port, 'a')
  const numbers = Array.from({ length: 60 }, (_, n) => String(n))
  const published = Promise.all(numbers.map(n => client.publishAsync('t', n, { qos: 1 })))
  const heard: string[] = []
  while (heard.length < numbers.length) heard.push(String((await slow.next()).value?.payload))
  await published
  assert.deepEqual(heard, numbers)
  assert.deepEqual(asked, numbers)
})

test('incoming: what the client could not have sent itself is refused, and its connection goes on', async t => {
  const lines: string[] = []
  const { port } = await embed(t, {
    allow_anonymous: true,
    max_topic_levels: 5,
    retain_available: false,
    log: (type, line) => void (type === 'error' && lines.push(line)),
    hooks: {
      incoming: (_, { topicName }) => {
        if (topicName === 'deep') return { topicName: 'a/b/c/d/e/f' }
        return topicName === 'kept' ? { retain: true } : { payload: 'changed' }
      },
    },
  })
  const client = await join(t, port, 'a')
  await assert.rejects(client.publishAsync('deep', '', { qos: 2 }), { code: 0x87 })
  await assert.rejects(client.publishAsync('kept', '', { qos: 1 }), { code: 0x87 })
  await client.publishAsync('t', '', { qos: 1 })
  assert.match(
    lines.join(),
    /^Error: The hook 'incoming' has failed: its topic name is longer or deeper than the broker takes\.$/,
  )
})

for (const [what, answer] of [
  ['a wildcard in a topic', { topicName: 'a/#' }],
  ["the broker's own topics", { topicName: '$SYS/x' }],
  ['control topics', { topicName: '$CONTROL/dynamic-security/v1' }],
  ['a property that there is not', { properties: { topicAlias: 1 } }],
  ['a QoS, which is its exchange’s', { qos: 0 }],
  ['a number for a payload', { payload: 7 }],
  ['nothing', undefined],
] as const) {
  test(`incoming: ${what} is no answer, so the message is refused and the broker goes on`, async t => {
    const { broker, port } = await embed(t, {
      allow_anonymous: true,
      hooks: { incoming: (() => answer) as unknown as () => boolean },
    })
    const client = await join(t, port, 'a')
    await assert.rejects(client.publishAsync('t', 'x', { qos: 1 }), { code: 0x87 })
    await broker.publish('still/there', 'x', { qos: 1 })
    assert.equal(broker.clients.length, 1)
  })
}
