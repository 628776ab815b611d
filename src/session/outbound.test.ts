import assert from 'node:assert/strict'
import test from 'node:test'
import { RecordingOutlet } from '../../test/support/recording-outlet.ts'
import { noProperties, type Properties, type QoS } from '../mqtt/packet.ts'
import { Message, neverExpires } from './message.ts'
import { type Delivery, type OfferOutcome, Outbound, type OutboundLimits } from './outbound.ts'

const unlimited: OutboundLimits = {
  max_inflight_messages: 0,
  max_inflight_bytes: 0,
  max_queued_messages: 0,
  max_queued_bytes: 0,
  queue_qos0_messages: false,
}

function delivery(payload: string, qos: QoS, expiresAt: number = neverExpires): Delivery {
  const message = new Message('t', Buffer.from(payload), qos, false, 'p', noProperties, expiresAt)
  return { message, qos, retain: false, subscriptionIdentifiers: undefined }
}

/** A session's outbound half, at first connected. */
function start(limits: Partial<OutboundLimits> = {}, receiveMaximum = 65_535) {
  const outbound = new Outbound({ ...unlimited, ...limits })
  const outlet = new RecordingOutlet()
  outbound.connect(outlet, receiveMaximum, 0)
  const offer = (payload: string, qos: QoS, now = 0): OfferOutcome => outbound.offer(delivery(payload, qos), now)
  return { outbound, outlet, offer }
}

/** The connection is lost, another one follows. */
function reconnect(outbound: Outbound, receiveMaximum = 65_535, now = 0): RecordingOutlet {
  const outlet = new RecordingOutlet()
  outbound.disconnect()
  outbound.connect(outlet, receiveMaximum, now)
  return outlet
}

test('[MQTT-4.3.1-1] QoS 0 is sent once, without packet id and DUP, and is forgotten', () => {
  const { outbound, outlet, offer } = start()
  assert.equal(offer('a', 0), 'sent')
  assert.deepEqual(outlet.sent, ['a q0 m0'])
  assert.deepEqual(reconnect(outbound).sent, [])
})

test('[MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-4.3.2-3] QoS 1 takes a packet id, and holds it until PUBACK', () => {
  const { outbound, outlet, offer } = start()
  offer('a', 1)
  offer('b', 1)
  assert.deepEqual(outlet.sent, ['a q1 m1', 'b q1 m2'])
  assert.equal(outbound.inflightMessages, 2)
  assert.deepEqual([outbound.puback(1, 0), outbound.puback(1, 0), outbound.puback(9, 0)], [true, false, false])
  assert.equal(outbound.inflightMessages, 1)
  assert.deepEqual(reconnect(outbound).sent, ['b q1 m2 dup'])
})

test('[MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.3.3-4] QoS 2 is PUBLISH, PUBREC, PUBREL, PUBCOMP under one packet id', () => {
  const { outbound, outlet, offer } = start()
  offer('a', 2)
  outbound.pubrec(1, 0, 0)
  assert.deepEqual(outlet.sent, ['a q2 m1', 'pubrel m1'])
  assert.equal(outbound.inflightMessages, 1)
  assert.deepEqual([outbound.pubcomp(1, 0), outbound.pubcomp(1, 0)], [true, false])
  assert.equal(outbound.inflightMessages, 0)
})

test('[MQTT-4.4.0-1] [v3.1.1 MQTT-4.4.0-1] [MQTT-4.3.3-3] QoS 2 broken off before PUBREC: the PUBLISH is sent again with DUP', () => {
  const { outbound, offer } = start()
  offer('a', 2)
  for (let round = 0; round < 2; round++) assert.deepEqual(reconnect(outbound).sent, ['a q2 m1 dup'])
})

test('[MQTT-4.4.0-1] [MQTT-4.3.3-5] [MQTT-4.3.3-6] broken off behind PUBREC: PUBREL is sent again, and no PUBLISH', () => {
  const { outbound, offer } = start()
  offer('a', 2)
  outbound.pubrec(1, 0, 0)
  for (let round = 0; round < 2; round++) assert.deepEqual(reconnect(outbound).sent, ['pubrel m1'])
  assert.equal(outbound.pubcomp(1, 0), true)
  assert.deepEqual(reconnect(outbound).sent, [])
})

test('[MQTT-4.4.0-1] nothing is sent again while the connection stands', () => {
  const { outbound, outlet, offer } = start()
  offer('a', 1)
  offer('b', 2)
  assert.equal(outlet.sent.length, 2)
  outbound.pump(1e9)
  outbound.puback(9, 1e9)
  assert.deepEqual(outlet.sent, [])
})

test('[MQTT-4.4.0-2] [MQTT-4.3.3-9] a refusing PUBREC ends the exchange: no PUBREL, and nothing is sent again', () => {
  const { outbound, outlet, offer } = start()
  offer('a', 2)
  outbound.pubrec(1, 0x97, 0)
  assert.deepEqual(outlet.sent, ['a q2 m1'])
  assert.equal(outbound.inflightMessages, 0)
  assert.deepEqual(reconnect(outbound).sent, [])
})

test('[MQTT-3.6.2-1] a PUBREC for no exchange is answered with PUBREL 0x92, and a refusing one with nothing', () => {
  const { outbound, outlet, offer } = start()
  offer('a', 1)
  outbound.pubrec(5, 0, 0)
  outbound.pubrec(1, 0, 0)
  outbound.pubrec(6, 0x80, 0)
  assert.deepEqual(outlet.sent, ['a q1 m1', 'pubrel m5 0x92', 'pubrel m1 0x92'])
  assert.equal(outbound.inflightMessages, 1)
})

test('answers of the wrong kind end no exchange', () => {
  const { outbound, offer } = start()
  offer('one', 1)
  offer('two', 2)
  assert.deepEqual([outbound.puback(2, 0), outbound.pubcomp(1, 0), outbound.pubcomp(2, 0)], [false, false, false])
  assert.equal(outbound.inflightMessages, 2)
})

test('[MQTT-4.6.0-5] [MQTT-4.6.0-6] what is sent again keeps its order, new messages follow, PUBREL keeps that of PUBREC', () => {
  const { outbound, offer } = start()
  for (const payload of ['a', 'b', 'c', 'd']) offer(payload, 2)
  outbound.pubrec(3, 0, 0)
  outbound.pubrec(1, 0, 0)
  outbound.disconnect()
  offer('e', 2)
  const outlet = new RecordingOutlet()
  outbound.connect(outlet, 65_535, 0)
  assert.deepEqual(outlet.sent, ['b q2 m2 dup', 'd q2 m4 dup', 'pubrel m3', 'pubrel m1', 'e q2 m5'])
})

test('[MQTT-4.3.3-6] what a client answers although it was not yet sent again is not sent again: the client has it', () => {
  const { outbound, offer } = start()
  for (const [payload, qos] of Object.entries({ a: 1, b: 2, c: 1 } as const)) offer(payload, qos)
  const outlet = reconnect(outbound, 1)
  outbound.pubrec(2, 0, 0)
  assert.equal(outbound.puback(3, 0), true)
  outbound.puback(1, 0)
  outbound.pubcomp(2, 0)
  offer('d', 1)
  assert.deepEqual(outlet.sent, ['a q1 m1 dup', 'pubrel m2', 'd q1 m4'])
})

test('[MQTT-2.2.1-4] [v3.1.1 MQTT-2.3.1-4] packet ids come round at 65,535, pass over those in use, and are never 0', () => {
  const { outbound, outlet, offer } = start()
  offer('held', 2)
  for (let n = 0; n < 65_534; n++) {
    offer('x', 1)
    outbound.puback(n + 2, 0)
  }
  assert.equal(outlet.sent.at(-1), 'x q1 m65535')
  offer('again', 1)
  assert.deepEqual(outlet.sent, ['again q1 m2'])
})

test('[MQTT-2.2.1-4] with all 65,535 packet ids in use the next message waits for one', () => {
  const { outbound, outlet, offer } = start()
  for (let n = 0; n < 65_535; n++) offer('x', 1)
  assert.equal(offer('waits', 1), 'queued')
  assert.equal(outlet.sent.length, 65_535)
  outbound.puback(777, 0)
  assert.deepEqual(outlet.sent, ['waits q1 m777'])
})

test('[MQTT-2.2.1-4] the same with 65,535 exchanges of an earlier connection, which take no place in Receive Maximum', () => {
  const { outbound, offer } = start()
  for (let n = 0; n < 65_535; n++) offer('x', 2)
  for (let packetId = 1; packetId <= 65_535; packetId++) outbound.pubrec(packetId, 0, 0)
  const outlet = reconnect(outbound)
  assert.equal(offer('waits', 1), 'queued')
  assert.equal(outlet.sent.length, 65_535)
  outbound.pubcomp(777, 0)
  assert.deepEqual(outlet.sent, ['waits q1 m777'])
})

test('[MQTT-3.3.4-9] [MQTT-4.9.0-2] no more than Receive Maximum are under way, and QoS 0 is not held back', () => {
  const { outbound, outlet, offer } = start({}, 2)
  assert.deepEqual([offer('a', 1), offer('b', 2), offer('c', 1), offer('d', 0)], ['sent', 'sent', 'queued', 'sent'])
  assert.deepEqual(outlet.sent, ['a q1 m1', 'b q2 m2', 'd q0 m0'])
  outbound.pubrec(2, 0, 0)
  assert.deepEqual(outlet.sent, ['pubrel m2'])
  outbound.pubcomp(2, 0)
  assert.deepEqual(outlet.sent, ['c q1 m3'])
})

test('[MQTT-3.3.4-9] [MQTT-4.4.0-1] after a reconnect with a smaller Receive Maximum what is sent again waits too, in order', () => {
  const { outbound, offer } = start()
  for (const payload of ['a', 'b', 'c']) offer(payload, 1)
  const outlet = reconnect(outbound, 1)
  assert.equal(offer('d', 1), 'queued')
  assert.deepEqual(outlet.sent, ['a q1 m1 dup'])
  for (const [packetId, next] of [
    [1, 'b q1 m2 dup'],
    [2, 'c q1 m3 dup'],
    [3, 'd q1 m4'],
  ] as const) {
    outbound.puback(packetId, 0)
    assert.deepEqual(outlet.sent, [next])
  }
})

test('§4.9: a PUBCOMP for an exchange of an earlier connection does not widen Receive Maximum', () => {
  const { outbound, offer } = start()
  offer('a', 2)
  outbound.pubrec(1, 0, 0)
  const outlet = reconnect(outbound, 1)
  offer('b', 1)
  outbound.pubcomp(1, 0)
  offer('c', 1)
  assert.deepEqual(outlet.sent, ['pubrel m1', 'b q1 m2'])
})

test('[MQTT-3.3.4-10] PUBREL goes out at the Receive Maximum', () => {
  const { outbound, outlet, offer } = start({}, 1)
  offer('a', 2)
  offer('b', 2)
  outbound.pubrec(1, 0, 0)
  assert.deepEqual(outlet.sent, ['a q2 m1', 'pubrel m1'])
})

test('max_inflight_messages bounds the exchanges, of whatever QoS; 0 is no bound', () => {
  const { outbound, outlet, offer } = start({ max_inflight_messages: 2 })
  for (const [payload, qos] of Object.entries({ a: 1, b: 2, c: 1 } as const)) offer(payload, qos)
  assert.deepEqual(outlet.sent, ['a q1 m1', 'b q2 m2'])
  outbound.puback(1, 0)
  assert.deepEqual(outlet.sent, ['c q1 m3'])
  const free = start()
  for (let n = 0; n < 1000; n++) free.offer('x', 1)
  assert.equal(free.outlet.sent.length, 1000)
})

test('max_inflight_bytes bounds topic and payload bytes under way; one larger message goes alone', () => {
  const { outbound, outlet, offer } = start({ max_inflight_bytes: 10 })
  for (const payload of ['1234', '1234', '5', '123456789012']) offer(payload, 1)
  assert.deepEqual(outlet.sent, ['1234 q1 m1', '1234 q1 m2'])
  outbound.puback(1, 0)
  assert.deepEqual(outlet.sent, ['5 q1 m3'])
  outbound.puback(2, 0)
  assert.deepEqual(outlet.sent, [])
  outbound.puback(3, 0)
  assert.deepEqual(outlet.sent, ['123456789012 q1 m4'])
})

test('max_queued_messages and max_queued_bytes bound what waits; more is dropped, and what was there is kept', () => {
  for (const limits of [{ max_queued_messages: 2 }, { max_queued_bytes: 5 }]) {
    const { outbound, offer } = start(limits)
    outbound.disconnect()
    const outcomes = ['a', 'b', 'c', 'd'].map(payload => offer(payload, payload === 'b' ? 2 : 1))
    assert.deepEqual(outcomes, ['queued', 'queued', 'overflowed', 'dropped'])
    assert.equal(outbound.queuedMessages, 2)
    assert.deepEqual(reconnect(outbound).sent, ['a q1 m1', 'b q2 m2'])
    outbound.disconnect()
    assert.equal(offer('d', 1), 'queued')
  }
})

test('expired messages make room in a full queue', () => {
  const { outbound } = start({ max_queued_messages: 1, queue_qos0_messages: true })
  outbound.disconnect()
  for (const qos of [1, 0] as const) {
    outbound.offer(delivery('short', qos, 1000), 0)
    assert.equal(outbound.offer(delivery('early', qos, 2000), 999), 'overflowed')
    assert.equal(outbound.offer(delivery('late', qos, 2000), 1000), 'queued')
    assert.deepEqual(reconnect(outbound, 65_535, 1500).sent.length, 1)
    outbound.clear()
    outbound.disconnect()
  }
})

test('[MQTT-3.3.2-5] a message that expired in the queue is not sent; [MQTT-4.3.3-7] one that was sent before is sent again', () => {
  const { outbound } = start({ max_inflight_messages: 1 })
  for (const payload of ['sent', 'queued']) outbound.offer(delivery(payload, 2, 1000), 0)
  outbound.offer(delivery('lasting', 2), 0)
  const outlet = reconnect(outbound, 65_535, 5000)
  assert.deepEqual(outlet.sent, ['sent q2 m1 dup'])
  outbound.pubrec(1, 0, 5000)
  outbound.pubcomp(1, 5000)
  assert.deepEqual(outlet.sent, ['pubrel m1', 'lasting q2 m2'])
})

test('a slow peer: QoS 0 is dropped, QoS 1 and 2 wait until it has taken what was sent', () => {
  const { outbound, outlet, offer } = start()
  outlet.writable = false
  assert.deepEqual([offer('a', 0), offer('b', 1), offer('c', 2)], ['dropped', 'queued', 'queued'])
  outbound.pump(0)
  assert.deepEqual(outlet.sent, [])
  outlet.writable = true
  outbound.pump(0)
  assert.deepEqual(outlet.sent, ['b q1 m1', 'c q2 m2'])
})

test('[MQTT-4.6.0-5] a slow peer after a reconnect: nothing new overtakes what has to be sent again', () => {
  const { outbound, offer } = start()
  for (const payload of ['a', 'b']) offer(payload, 1)
  outbound.disconnect()
  const outlet = new RecordingOutlet()
  outlet.writable = false
  outbound.connect(outlet, 65_535, 0)
  outlet.writable = true
  assert.equal(offer('c', 1), 'queued')
  outbound.pump(0)
  assert.deepEqual(outlet.sent, ['a q1 m1 dup', 'b q1 m2 dup', 'c q1 m3'])
})

test('[MQTT-4.3.3-5] PUBCOMP for a PUBREL that a slow peer has not been sent again ends the exchange all the same', () => {
  const { outbound, offer } = start()
  offer('a', 2)
  outbound.pubrec(1, 0, 0)
  outbound.disconnect()
  const outlet = new RecordingOutlet()
  outlet.writable = false
  outbound.connect(outlet, 65_535, 0)
  assert.equal(outbound.pubcomp(1, 0), true)
  outlet.writable = true
  assert.equal(offer('b', 1), 'sent')
  assert.deepEqual(outlet.sent, ['b q1 m2'])
})

test('queue_qos0_messages: QoS 0 waits for a client that is away, and only for one', () => {
  const { outbound, offer } = start()
  outbound.disconnect()
  assert.equal(offer('a', 0), 'dropped')
  outbound.limits = { ...unlimited, queue_qos0_messages: true }
  assert.equal(offer('b', 0), 'queued')
  const outlet = reconnect(outbound)
  assert.deepEqual(outlet.sent, ['b q0 m0'])
  outlet.writable = false
  assert.equal(offer('c', 0), 'dropped')
})

test('[MQTT-4.6.0-5] [v3.1.1 MQTT-4.6.0-6] QoS 0 that waited goes before QoS 0 that is new', () => {
  const { outbound, offer } = start({ queue_qos0_messages: true })
  outbound.disconnect()
  offer('first', 0)
  const outlet = new RecordingOutlet()
  outlet.writable = false
  outbound.connect(outlet, 65_535, 0)
  outlet.writable = true
  assert.equal(offer('second', 0), 'queued')
  outbound.pump(0)
  assert.equal(offer('third', 0), 'sent')
  assert.deepEqual(outlet.sent, ['first q0 m0', 'second q0 m0', 'third q0 m0'])
})

test('[MQTT-3.1.2-25] what passes the Maximum Packet Size is dropped, takes no place in flight, and lets the next one go', () => {
  const { outbound, outlet, offer } = start({ max_inflight_messages: 1 })
  outlet.tooLarge.add('large')
  assert.deepEqual(
    [offer('large', 2), offer('a', 1), offer('large', 1), offer('b', 1)],
    ['dropped', 'sent', 'queued', 'queued'],
  )
  outbound.puback(2, 0)
  assert.deepEqual(outlet.sent, ['a q1 m2', 'b q1 m4'])
  assert.deepEqual([outbound.inflightMessages, outbound.queuedMessages], [1, 0])
})

test('[MQTT-3.1.2-25] what became too large for the next connection counts as delivered there', () => {
  const { outbound, offer } = start({ max_inflight_messages: 2 })
  for (const payload of ['large', 'a', 'b']) offer(payload, 1)
  outbound.disconnect()
  const outlet = new RecordingOutlet()
  outlet.tooLarge.add('large')
  outbound.connect(outlet, 65_535, 0)
  assert.deepEqual(outlet.sent, ['a q1 m2 dup', 'b q1 m3'])
})

test('prune drops what waits and may no longer be received; exchanges that began are completed', () => {
  const { outbound, outlet, offer } = start({ max_inflight_messages: 1, max_queued_messages: 2 })
  for (const payload of ['begun', 'a', 'b']) offer(payload, 1)
  outbound.prune(() => false)
  assert.deepEqual([outbound.queuedMessages, outbound.inflightMessages], [0, 1])
  assert.equal(offer('c', 1), 'queued')
  outbound.puback(1, 0)
  assert.deepEqual(outlet.sent, ['begun q1 m1', 'c q1 m2'])
})

test('waitingBytes counts what waits and what is under way, and comes back to 0', () => {
  const { outbound, outlet, offer } = start({ max_inflight_messages: 1, queue_qos0_messages: true })
  outbound.disconnect()
  for (const payload of ['12', '34', '56']) offer(payload, 1)
  offer('78', 0)
  assert.equal(outbound.waitingBytes, 12)
  outbound.connect(outlet, 65_535, 0)
  assert.equal(outbound.waitingBytes, 12)
  for (const packetId of [1, 2, 3]) outbound.puback(packetId, 0)
  assert.equal(outbound.waitingBytes, 0)
})

test('[MQTT-3.1.2-6] clear leaves nothing of an ended session', () => {
  const { outbound, offer } = start({ max_inflight_messages: 1 })
  for (const payload of ['a', 'b']) offer(payload, 2)
  outbound.clear()
  assert.deepEqual([outbound.queuedMessages, outbound.inflightMessages, outbound.waitingBytes], [0, 0, 0])
  assert.deepEqual(reconnect(outbound).sent, [])
})

test('max_queued_bytes: properties count like payload, or a queue of small payloads would have no bound', () => {
  const { outbound } = start({ max_queued_bytes: 3000 })
  outbound.disconnect()
  const laden = (): Delivery => {
    const properties: Properties = { userProperties: [['name', 'x'.repeat(1000)]] }
    return { ...delivery('a', 1), message: new Message('t', Buffer.from('a'), 1, false, 'p', properties) }
  }
  assert.deepEqual(
    [1, 2, 3].map(() => outbound.offer(laden(), 0)),
    ['queued', 'queued', 'overflowed'],
  )
})

test('[MQTT-3.1.2-25] [MQTT-3.3.2-5] whatever is dropped after it waited is told once: too large, expired, too large to be sent again', () => {
  const { outbound, outlet, offer } = start({ max_inflight_messages: 1 })
  offer('begun', 1)
  outbound.offer(delivery('expires', 1, 5000), 0)
  for (const payload of ['large', 'taken']) offer(payload, 1)
  outlet.tooLarge.add('large')
  outbound.puback(1, 5000)
  assert.deepEqual([outlet.sent, outlet.drops], [['begun q1 m1', 'taken q1 m3'], 2])
  outbound.disconnect()
  const next = new RecordingOutlet()
  next.tooLarge.add('taken')
  outbound.connect(next, 65_535, 5000)
  assert.deepEqual([next.sent, next.drops], [[], 1])
})

test('queue_qos0_messages: what waited and is too large for the client now is told as dropped', () => {
  const { outbound, offer } = start({ queue_qos0_messages: true })
  outbound.disconnect()
  for (const payload of ['large', 'small']) offer(payload, 0)
  const outlet = new RecordingOutlet()
  outlet.tooLarge.add('large')
  outbound.connect(outlet, 65_535, 0)
  assert.deepEqual([outlet.sent, outlet.drops], [['small q0 m0'], 1])
})

test('[MQTT-2.2.1-3] two restored messages under one packet id: the second is refused, not put in place of the first', () => {
  const outbound = new Outbound(unlimited)
  const restore = (payload: string) => outbound.restore(delivery(payload, 1), 10, neverExpires, 7, 'sent')
  restore('a')
  assert.throws(() => restore('b'), new RangeError('packet id 7 is in use already'))
  assert.deepEqual([outbound.inflightMessages, outbound.waitingBytes], [1, 10])
})

test('memory_limit: what waits at QoS 0 can be dropped; everything else stays, in its order', () => {
  const { outbound, offer } = start({ max_inflight_messages: 1, max_queued_messages: 5, queue_qos0_messages: true })
  outbound.disconnect()
  for (const [payload, qos] of [
    ['a', 1],
    ['b', 0],
    ['c', 2],
    ['d', 0],
    ['e', 1],
  ] as const)
    offer(payload, qos)
  let woken = 0
  outbound.awaitRoom({ roomAgain: () => woken++ })
  assert.equal(outbound.shedQoS0(), 2)
  assert.deepEqual([outbound.queuedMessages, outbound.queuedBytes, woken], [3, 6, 1])
  assert.equal(outbound.shedQoS0(), 0)
  const back = new RecordingOutlet()
  outbound.connect(back, 10, 0)
  outbound.puback(1, 0)
  outbound.pubrec(2, 0, 0)
  outbound.pubcomp(2, 0)
  assert.deepEqual(back.sent, ['a q1 m1', 'c q2 m2', 'pubrel m2', 'e q1 m3'])
})
