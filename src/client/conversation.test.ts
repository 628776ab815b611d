// The client's side of MQTT against bytes written by hand: what it sends, in which order it tells of what arrives, and how it
// answers a broker that breaks the rules.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import test from 'node:test'
import type { Connect, QoS } from '../mqtt/packet.ts'
import { noProperties } from '../mqtt/packet.ts'
import { Conversation, type ConversationEvents, type Ending } from './conversation.ts'

/** The broker's end of a connection: what the client wrote, in hex, and a way to write to it. */
class Wire extends Duplex {
  sent = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.sent += chunk.toString('hex')
    this.emit('sent')
    done()
  }

  override _read(): void {}

  say(hex: string): void {
    this.push(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  }

  /** What was written since the last call, once there is as much of it. */
  async heard(hex: string): Promise<void> {
    const expected = hex.replaceAll(' ', '')
    while (this.sent.length < expected.length) await once(this, 'sent')
    assert.equal(this.sent, expected)
    this.sent = ''
  }
}

interface Told {
  readonly conversation: Conversation
  readonly lines: string[]
  readonly messages: string[]
  readonly published: string[]
}

function converser(more: Partial<Connect> = {}, events: Partial<ConversationEvents> = {}, sendMaximum = 20): Told {
  const [lines, messages, published]: [string[], string[], string[]] = [[], [], []]
  const connect: Connect = {
    type: 1,
    protocolVersion: 4,
    bridge: false,
    cleanStart: true,
    keepAlive: 0,
    clientId: 'c',
    username: undefined,
    password: undefined,
    will: undefined,
    properties: noProperties,
    ...more,
  }
  const conversation = new Conversation(connect, sendMaximum, {
    trace: line => lines.push(line),
    connected: () => {},
    message: ({ topicName, payload, qos }) => {
      messages.push(`${topicName} ${Buffer.from(payload)} ${qos}`)
      lines.push('message')
    },
    published: (packetId, reasonCode) => published.push(`${packetId}:${reasonCode}`),
    ...events,
  })
  return { conversation, lines, messages, published }
}

const connect311 = '10 0d 0004 4d515454 04 02 0000 0001 63'
const connack = '20 02 00 00'

async function opened(told: Told): Promise<{ wire: Wire; ending: Promise<Ending> }> {
  const wire = new Wire()
  const ending = told.conversation.converse(wire)
  await wire.heard(connect311)
  wire.say(connack)
  while (!told.conversation.isOpen) await told.conversation.moved()
  return { wire, ending }
}

function publish(told: Told, qos: QoS): number {
  return told.conversation.publish('t', Buffer.from('x'), qos, false, noProperties)
}

test('features I2: CONNECT, CONNACK and DISCONNECT are told in the words of Mosquitto', async () => {
  const told = converser()
  const { wire, ending } = await opened(told)
  told.conversation.disconnect(0, noProperties)
  await wire.heard('e0 00')
  assert.equal(await ending, 'left')
  assert.deepEqual(told.lines, [
    'Client c sending CONNECT',
    'Client c received CONNACK (0)',
    'Client c sending DISCONNECT',
  ])
})

test('[MQTT-4.3.1-1] QoS 0 is told as published when it was written', async () => {
  const told = converser()
  const { wire } = await opened(told)
  assert.equal(publish(told, 0), 1)
  while (told.published.length === 0) await told.conversation.moved()
  await wire.heard('30 04 0001 74 78')
  assert.deepEqual(told.published, ['1:0'])
  assert.equal(told.lines.at(-1), "Client c sending PUBLISH (d0, q0, r0, m1, 't', ... (1 bytes))")
})

test('[MQTT-4.3.3-1] QoS 2 goes through PUBREC, PUBREL and PUBCOMP, and is published then', async () => {
  const told = converser()
  const { wire } = await opened(told)
  publish(told, 2)
  await wire.heard('34 06 0001 74 0001 78')
  wire.say('50 02 0001')
  await wire.heard('62 02 0001')
  assert.deepEqual(told.published, [])
  wire.say('70 02 0001')
  while (told.published.length === 0) await told.conversation.moved()
  assert.deepEqual(told.published, ['1:0'])
})

test('[MQTT-4.9.0-2] no more is on its way than is allowed; the next goes when one is answered', async () => {
  const told = converser({}, {}, 1)
  const { wire } = await opened(told)
  publish(told, 1)
  publish(told, 1)
  await wire.heard('32 06 0001 74 0001 78')
  wire.say('40 02 0001')
  await wire.heard('32 06 0001 74 0002 78')
})

test('[MQTT-4.4.0-1] what was not answered is sent again on the next connection, as a duplicate, or its PUBREL', async () => {
  const told = converser()
  const { wire, ending } = await opened(told)
  publish(told, 1)
  publish(told, 2)
  await wire.heard('32 06 0001 74 0001 78  34 06 0001 74 0002 78')
  wire.say('50 02 0002')
  await wire.heard('62 02 0002')
  wire.destroy()
  await assert.rejects(ending, { code: 'ERR_CLIENT_LOST' })
  const again = await opened(told)
  await again.wire.heard('3a 06 0001 74 0001 78  62 02 0002')
})

test('features I2: PUBACK is sent before the message is handed over, PUBCOMP too, and QoS 2 once', async () => {
  const told = converser()
  const { wire } = await opened(told)
  wire.say('32 06 0001 74 0007 61')
  await wire.heard('40 02 0007')
  wire.say('34 06 0001 74 0008 62  34 06 0001 74 0008 62')
  await wire.heard('50 02 0008  50 02 0008')
  wire.say('62 02 0008  62 02 0008')
  await wire.heard('70 02 0008  70 02 0008')
  assert.deepEqual(told.messages, ['t a 1', 't b 2'])
  assert.deepEqual(told.lines.slice(3, 5), ['Client c sending PUBACK (m7, rc0)', 'message'])
  assert.deepEqual(told.lines.slice(-5), [
    'Client c received PUBREL (Mid: 8)',
    'Client c sending PUBCOMP (m8)',
    'message',
    'Client c received PUBREL (Mid: 8)',
    'Client c sending PUBCOMP (m8)',
  ])
})

test('cli 5: a CONNACK that says no ends it: with its code, and without an error', async () => {
  const codes: number[] = []
  const told = converser({}, { connected: code => codes.push(code) })
  const wire = new Wire()
  const ending = told.conversation.converse(wire)
  await wire.heard(connect311)
  wire.say('20 02 00 05')
  assert.equal(await ending, 'refused')
  assert.deepEqual(codes, [5])
})

test('features I2: DISCONNECT of the broker ends it, and is told', async () => {
  const told = converser({ protocolVersion: 5 })
  const wire = new Wire()
  const ending = told.conversation.converse(wire)
  wire.say('20 03 00 00 00  e0 02 8e 00')
  assert.equal(await ending, 'dismissed')
  assert.equal(told.lines.at(-1), 'Received DISCONNECT (142)')
})

for (const [what, hex] of [
  ['a PUBLISH before CONNACK', '30 04 0001 74 78'],
  ['a second CONNACK', `${connack} ${connack}`],
  ['a CONNECT', `${connack} 10 0d 0004 4d515454 04 02 0000 0001 63`],
  ['a topic that is not UTF-8', `${connack} 30 04 0001 ff 78`],
  ['a packet of no known type', 'f0 00'],
] as const) {
  test(`§4.13: ${what} is the broker's fault, and the end`, async () => {
    const told = converser()
    const wire = new Wire()
    const ending = told.conversation.converse(wire)
    wire.say(hex)
    await assert.rejects(ending, { code: 'ERR_CLIENT_BROKER_FAULT' })
    assert.ok(wire.destroyed)
    assert.deepEqual(told.messages, [])
  })
}

test('[MQTT-3.3.2-10] a topic alias is taken when it was allowed, and refused otherwise', async () => {
  const publishes = '30 08 0001 74 03 23 0001 61  30 07 0000 03 23 0001 62'
  const allowed = converser({ protocolVersion: 5, properties: { topicAliasMaximum: 1 } })
  const wire = new Wire()
  void allowed.conversation.converse(wire)
  wire.say(`20 03 00 00 00 ${publishes} 30 04 0001 75 00`)
  while (allowed.messages.length < 3) await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(allowed.messages, ['t a 0', 't b 0', 'u  0'])
  const refused = converser({ protocolVersion: 5 })
  const other = new Wire()
  const ending = refused.conversation.converse(other)
  other.say(`20 03 00 00 00 ${publishes}`)
  await assert.rejects(ending, { code: 'ERR_CLIENT_BROKER_FAULT' })
})

test('[MQTT-3.2.2-11] a broker that has no QoS 1, or takes only small packets, is not sent others', async () => {
  const told = converser({ protocolVersion: 5 })
  const wire = new Wire()
  void told.conversation.converse(wire)
  wire.say('20 0a 00 00 07 24 00 27 0000000c')
  while (!told.conversation.isOpen) await told.conversation.moved()
  assert.throws(() => publish(told, 1), { code: 'ERR_CLIENT_PUBLISH', reason: 'qos' })
  const large = () => told.conversation.publish('t', Buffer.alloc(20), 0, false, noProperties)
  assert.throws(large, { code: 'ERR_CLIENT_PUBLISH', reason: 'size' })
  assert.equal(publish(told, 0), 2)
})

test('[MQTT-3.1.2-20] PINGREQ goes when nothing else did, and a broker that does not answer it is lost', async () => {
  const told = converser({ keepAlive: 1 })
  const wire = new Wire()
  const ending = told.conversation.converse(wire)
  await wire.heard('10 0d 0004 4d515454 04 02 0001 0001 63')
  wire.say(connack)
  await wire.heard('c0 00')
  wire.say('d0 00')
  await wire.heard('c0 00')
  assert.equal(told.lines.at(-2), 'Client c received PINGRESP')
  await assert.rejects(ending, { code: 'ERR_CLIENT_LOST', message: 'Error: The broker does not answer.' })
})

test('a broker that sends on and takes no answers is not read until it does', async () => {
  const told = converser()
  const { wire, ending } = await opened(told)
  const takings: (() => void)[] = []
  wire._write = (_chunk, _encoding, done) => void takings.push(done)
  const paused = once(wire, 'pause')
  wire.say('32 06 0001 61 0001 78'.repeat(40_000))
  await paused
  const before = told.messages.length
  wire.say('32 06 0001 61 0002 79')
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(told.messages.length, before)
  wire._write = (_chunk, _encoding, done) => done()
  for (const taken of takings.splice(0)) taken()
  while (told.messages.length === before) await new Promise(resolve => setImmediate(resolve))
  assert.equal(told.messages.at(-1), 'a y 1')
  told.conversation.disconnect(0, noProperties)
  assert.equal(await ending, 'left')
})

test('[MQTT-4.3.3-10] messages at QoS 2 without PUBREL are kept up to the length of the longest packet, one that comes again once', async () => {
  const told = converser()
  const { wire, ending } = await opened(told)
  const ends = assert.rejects(ending, /sends on, and no PUBREL/)
  const body = Buffer.alloc(60 * 1024 * 1024)
  const message = (packetId: number) => {
    const head = Buffer.from([0x34, 0, 0, 0, 0, 0, 1, 0x61, packetId >> 8, packetId])
    let left = body.length + 5
    for (let at = 1; at < 5; at++, left >>= 7) head[at] = (left & 0x7f) | (at < 4 ? 0x80 : 0)
    return Buffer.concat([head, body])
  }
  for (const packetId of [1, 1, 1, 1, 1, 2, 3, 4]) wire.push(message(packetId))
  while (told.lines.filter(line => line.includes('sending PUBREC')).length < 8) await once(wire, 'sent')
  wire.push(message(5))
  await ends
})
