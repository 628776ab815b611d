import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import { type Packet, PacketType } from '../mqtt/packet.ts'
import type { ControlAnswer, ControlRequest } from './control.ts'

const topic = '$CONTROL/test/v1'
const acl = parseAclFile('topic readwrite #\ntopic readwrite $CONTROL/#', 'acl').rules

function start() {
  const engine = new Engine({ realm: { acl } })
  const requests: {
    request: ControlRequest
    answer: (text: string, carryOut?: () => void) => void
    fail: () => void
  }[] = []
  engine.broker.endpoints.set(topic, {
    handle: request =>
      new Promise<ControlAnswer>((resolve, reject) => {
        const answer = (text: string, carryOut = () => {}) => resolve({ payload: Buffer.from(text), carryOut })
        requests.push({ request, answer, fail: () => reject(new Error('the disk is on fire')) })
      }),
  })
  return { engine, requests }
}

function ask(client: EngineClient, qos: 0 | 1 | 2, packetId = 7, more: Partial<Packet> = {}): void {
  client.send({
    type: PacketType.publish,
    topicName: topic,
    payload: Buffer.from('do it'),
    qos,
    packetId,
    retain: false,
    dup: false,
    properties: {},
    ...more,
  } as Packet)
}

test('dynsec 1: a control message is handed over with who asks, and reaches no subscriber', async () => {
  const { engine, requests } = start()
  const spy = engine.connect('spy')
  spy.subscribe('$CONTROL/#')
  const client = engine.connect('c')
  ask(client, 0)
  const [asked] = requests
  assert.deepEqual(
    [Buffer.from(asked?.request.payload ?? []).toString(), asked?.request.clientId, asked?.request.username],
    ['do it', 'c', undefined],
  )
  asked?.answer('done')
  await spy.answered()
  const [publish, ...others] = spy.publishes()
  assert.deepEqual([publish?.topicName, Buffer.from(publish?.payload ?? []).toString()], [`${topic}/response`, 'done'])
  assert.deepEqual([publish?.qos, publish?.retain, others], [0, false, []])
})

test('whether whoever asked may still do so is told by the rules in force when it is asked', async () => {
  const { engine, requests } = start()
  ask(engine.connect('c'), 0)
  assert.equal(requests[0]?.request.isPermitted(), true)
  engine.listener.realm = engine.realm({ acl: parseAclFile('topic readwrite #', 'acl').rules })
  assert.equal(requests[0]?.request.isPermitted(), false)
})

test('dynsec 1: a second one of the kind goes the same way, though its topic is known by then', async () => {
  const { engine, requests } = start()
  const client = engine.connect('c')
  for (let i = 0; i < 3; i++) {
    ask(client, 0)
    const asked = requests[i]
    const done = Promise.withResolvers<void>()
    asked?.answer('', done.resolve)
    await done.promise
    client.catchUp()
  }
  assert.equal(requests.length, 3)
})

for (const qos of [1, 2] as const) {
  test(`acknowledge after persist: at QoS ${qos} the acknowledgement waits for the answer, and the client is not heard meanwhile`, async () => {
    const { engine, requests } = start()
    const client = engine.connect('c')
    ask(client, qos)
    assert.equal(client.transport.paused, true)
    assert.equal(client.transport.sent.isEmpty, true)
    requests[0]?.answer('done')
    await client.answered()
    const expected = qos === 1 ? PacketType.puback : PacketType.pubrec
    assert.deepEqual(acknowledgements(client), [[expected, 7, 0]])
    assert.equal(client.transport.paused, false)
  })
}

test('[MQTT-4.3.3-10] what came before at QoS 2 is acknowledged, and not done again', async () => {
  const { engine, requests } = start()
  const client = engine.connect('c')
  ask(client, 2)
  requests[0]?.answer('done')
  await client.answered()
  client.expect(PacketType.pubrec)
  client.catchUp()
  ask(client, 2, 7, { dup: true } as Partial<Packet>)
  client.expect(PacketType.pubrec)
  assert.equal(requests.length, 1)
})

test('acknowledge after persist: what was asked at QoS 2 and cut off is done when the client comes again with it', async () => {
  const { engine, requests } = start()
  const client = engine.connect('c', lasting())
  ask(client, 2)
  client.vanish()
  const back = engine.connect('c', lasting())
  ask(back, 2, 7, { dup: true } as Partial<Packet>)
  assert.equal(requests.length, 2)
  requests[1]?.answer('done')
  await back.answered()
  back.expect(PacketType.pubrec)
})

test('[MQTT-4.3.3-10] what was done while its client was away is not done again', async () => {
  const { engine, requests } = start()
  const client = engine.connect('c', lasting())
  ask(client, 2)
  client.vanish()
  const done = Promise.withResolvers<void>()
  requests[0]?.answer('done', done.resolve)
  await done.promise
  const back = engine.connect('c', lasting())
  ask(back, 2, 7, { dup: true } as Partial<Packet>)
  back.expect(PacketType.pubrec)
  assert.equal(requests.length, 1)
})

test('dynsec 1: what follows for the one who asked comes after the acknowledgement', async () => {
  const { engine, requests } = start()
  const client = engine.connect('c')
  ask(client, 1)
  const carried = Promise.withResolvers<boolean>()
  requests[0]?.answer('done', () => carried.resolve(client.transport.sent.isEmpty))
  assert.equal(await carried.promise, false)
})

test('whoever has gone is not acknowledged, and the answer reaches others', async () => {
  const { engine, requests } = start()
  const spy = engine.connect('spy')
  spy.subscribe(`${topic}/response`)
  const client = engine.connect('c')
  ask(client, 1)
  client.vanish()
  requests[0]?.answer('done')
  await spy.answered()
  assert.deepEqual(spy.payloads(), ['done'])
})

test('an endpoint that fails acknowledges nothing: the connection ends', async () => {
  const { engine, requests } = start()
  const client = engine.connect('c')
  ask(client, 1)
  requests[0]?.fail()
  await client.answered()
  assert.equal(client.expect(PacketType.disconnect).reasonCode, 0x83)
})

test('dynsec 1: an unknown endpoint is told to the one who asked, and to nobody else', () => {
  const { engine } = start()
  const spy = engine.connect('spy')
  spy.subscribe('$CONTROL/#')
  const client = engine.connect('c')
  ask(client, 1, 7, { topicName: '$CONTROL/x/v1' } as Partial<Packet>)
  const [publish, puback] = client.received()
  assert.ok(publish?.type === PacketType.publish && puback?.type === PacketType.puback)
  assert.deepEqual(
    [publish.topicName, Buffer.from(publish.payload).toString()],
    ['$CONTROL/x/v1/response', '{"error": "endpoint not available"}'],
  )
  assert.deepEqual(spy.payloads(), [])
})

test('dynsec 1: nothing below $CONTROL is retained', async () => {
  const { engine, requests } = start()
  const client = engine.connect('c')
  ask(client, 1, 7, { retain: true } as Partial<Packet>)
  requests[0]?.answer('done')
  await client.answered()
  assert.equal(engine.broker.retained.size, 0)
})

test('dynsec 1: whoever may not write there is refused, and nothing is asked', () => {
  const { engine, requests } = start()
  engine.listener.realm = engine.realm({ acl: parseAclFile('topic readwrite #', 'acl').rules })
  const client = engine.connect('c')
  ask(client, 1)
  assert.deepEqual(acknowledgements(client), [[PacketType.puback, 7, 0x87]])
  assert.deepEqual(requests, [])
})

test('dynsec 1: a will below $CONTROL is refused at CONNECT', () => {
  const { engine } = start()
  const client = engine.open()
  const will = { topicName: topic, payload: Buffer.alloc(0), qos: 0, retain: false, properties: {} } as const
  client.connect('c', { will })
  client.expectRefused(0x87)
})

/** What has come since the last time: type, packet id and reason code. */
function acknowledgements(client: EngineClient): readonly (readonly number[])[] {
  return client
    .received()
    .flatMap(packet =>
      packet.type === PacketType.puback || packet.type === PacketType.pubrec
        ? [[packet.type, packet.packetId, packet.reasonCode]]
        : [],
    )
}
