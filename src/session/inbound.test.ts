import assert from 'node:assert/strict'
import test from 'node:test'
import type { ProtocolError } from '../mqtt/errors.ts'
import { PacketType, type Properties, type Publish } from '../mqtt/packet.ts'
import { InboundAliases, InboundExchanges, ReceiveQuota } from './inbound.ts'

function publish(topicName: string, properties: Properties = {}): Publish {
  const payload = new Uint8Array(0)
  return { type: PacketType.publish, dup: false, qos: 0, retain: false, topicName, packetId: 0, payload, properties }
}

const refused = (reasonCode: number) => (error: ProtocolError) => error.reasonCode === reasonCode

test('§3.3.2.3.4: an alias is set with a topic name, stands for it without one, and may be set again', () => {
  const aliases = new InboundAliases(2)
  assert.equal(aliases.resolve(publish('a', { topicAlias: 1 })), 'a')
  assert.equal(aliases.resolve(publish('b', { topicAlias: 2 })), 'b')
  assert.equal(aliases.resolve(publish('', { topicAlias: 1 })), 'a')
  assert.equal(aliases.resolve(publish('c', { topicAlias: 1 })), 'c')
  assert.equal(aliases.resolve(publish('', { topicAlias: 1 })), 'c')
  assert.equal(aliases.resolve(publish('', { topicAlias: 2 })), 'b')
  assert.equal(aliases.resolve(publish('plain')), 'plain')
})

test('[MQTT-3.3.2-12] [MQTT-3.3.2-9] [MQTT-3.3.2-8] every alias up to the maximum is accepted; 0 and more than that are 0x94', () => {
  const aliases = new InboundAliases(2)
  for (const topicAlias of [1, 2]) assert.equal(aliases.resolve(publish('t', { topicAlias })), 't')
  for (const topicAlias of [0, 3, 65_535]) {
    assert.throws(() => aliases.resolve(publish('t', { topicAlias })), refused(0x94))
    assert.throws(() => aliases.resolve(publish('', { topicAlias })), refused(0x94))
  }
  assert.throws(() => new InboundAliases(0).resolve(publish('t', { topicAlias: 1 })), refused(0x94))
})

test('[MQTT-3.3.2-7] §3.3.2.3.4: an alias that was never set on this connection, or no topic at all, is 0x82', () => {
  new InboundAliases(2).resolve(publish('t', { topicAlias: 1 }))
  const another = new InboundAliases(2)
  assert.throws(() => another.resolve(publish('', { topicAlias: 1 })), refused(0x82))
  assert.throws(() => another.resolve(publish('')), refused(0x82))
})

test('[MQTT-3.3.2-2] a topic name with a wildcard is 0x90, and sets no alias', () => {
  const aliases = new InboundAliases(2)
  assert.throws(() => aliases.resolve(publish('a/+', { topicAlias: 1 })), refused(0x90))
  assert.throws(() => aliases.resolve(publish('', { topicAlias: 1 })), refused(0x82))
})

test('[MQTT-4.3.3-10] [MQTT-4.3.3-12] a QoS 2 packet id is known from PUBLISH to PUBREL, and then new again', () => {
  const exchanges = new InboundExchanges()
  assert.equal(exchanges.has(7), false)
  exchanges.receive(7)
  assert.deepEqual([exchanges.has(7), exchanges.has(8)], [true, false])
  assert.deepEqual([exchanges.release(7), exchanges.has(7), exchanges.release(7)], [true, false, false])
})

test('[MQTT-3.3.4-7] the quota is what was announced, and each end of an exchange gives one back', () => {
  const quota = new ReceiveQuota(2)
  assert.deepEqual([quota.take(), quota.take(), quota.take()], [true, true, false])
  quota.giveBack()
  assert.deepEqual([quota.take(), quota.take()], [true, false])
})

test('§4.9: the end of an exchange of an earlier connection adds to the quota, as the client counts it', () => {
  const quota = new ReceiveQuota(1)
  quota.giveBack()
  assert.deepEqual([quota.take(), quota.take(), quota.take()], [true, true, false])
})

test('before MQTT 5 there is no quota', () => {
  const quota = new ReceiveQuota(Number.POSITIVE_INFINITY)
  for (let n = 0; n < 70_000; n++) assert.equal(quota.take(), true)
})

test('[MQTT-3.3.2-2] a topic name is judged however often one was repeated before it, and a bad one each time', () => {
  const aliases = new InboundAliases(0)
  for (let i = 0; i < 3; i++) assert.equal(aliases.resolve(publish('good')), 'good')
  for (let i = 0; i < 2; i++) assert.throws(() => aliases.resolve(publish('ba+d')), refused(0x90))
  assert.equal(aliases.resolve(publish('good')), 'good')
  assert.throws(() => aliases.resolve(publish('')), refused(0x82))
})
