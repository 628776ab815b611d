import assert from 'node:assert/strict'
import test from 'node:test'
import { decodePacket } from '../mqtt/codec.ts'
import { Framer } from '../mqtt/framer.ts'
import {
  type Acknowledgement,
  noProperties,
  type Packet,
  PacketType,
  type ProtocolVersion,
  type Publish,
} from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { topics } from './option-values.ts'
import { Relay, type RelayTerms } from './relay.ts'
import { TopicMap } from './topic-map.ts'

const limits = {
  max_packet_size: 1000,
  max_inflight_messages: 20,
  max_topic_levels: 5,
  max_keepalive: 0,
  retain_available: true,
}

/** A relay whose two ends are lists of what they were sent. */
function relayOn(terms: Partial<RelayTerms> = {}, line = '# both 2') {
  const version: ProtocolVersion = terms.version ?? 5
  const local: Packet[] = []
  const remote: Packet[] = []
  const drops: string[] = []
  const share = topics().parse(line, 'topic', undefined, () => {})
  const relay = new Relay(
    {
      version,
      topics: new TopicMap(share),
      limits,
      keepsRetain: true,
      maximumPacketSize: 1000,
      maximumQoS: 2,
      outgoingAliases: 0,
      incomingAliases: 10,
      isRemoteNew: false,
      memory: { released: undefined },
      ...terms,
    },
    {
      toLocal: bytes => void local.push(decoded(bytes, version)),
      toRemote: bytes => void remote.push(decoded(bytes, version)),
      dropped: (_direction, packet, why) => void drops.push(`${packet.topicName}: ${why}`),
    },
  )
  return { relay, local, remote, drops }
}

function decoded(bytes: Buffer, version: ProtocolVersion): Packet {
  const framer = new Framer(10_000)
  framer.push(bytes)
  assert.ok(framer.next())
  return decodePacket(framer.buffer, framer.header, framer.start, framer.end, version)
}

function publish(topicName: string, fields: Partial<Publish> = {}): Publish {
  const kind = { type: PacketType.publish, dup: false, retain: false, properties: noProperties } as const
  return { ...kind, qos: 1, packetId: 1, topicName, payload: Buffer.from('x'), ...fields }
}

function answer(type: Acknowledgement['type'], packetId = 1, reasonCode = 0): Acknowledgement {
  return { type, packetId, reasonCode, properties: noProperties }
}

const types = (packets: readonly Packet[]) => packets.map(({ type }) => type)

test('§3.3.2.3 properties go through, those of one hop do not', () => {
  const { relay, remote, local } = relayOn()
  const lasting = {
    payloadFormatIndicator: 1,
    messageExpiryInterval: 60,
    contentType: 't',
    responseTopic: 'r',
    correlationData: Buffer.from('c'),
    userProperties: [['k', 'v']],
  } as const
  relay.publishFromLocal(publish('a', { properties: { ...lasting, subscriptionIdentifiers: [7] } }))
  relay.publishFromRemote(publish('a', { properties: { ...lasting, topicAlias: 3, subscriptionIdentifiers: [7] } }))
  for (const [packet] of [remote, local]) {
    assert.equal(packet?.type, PacketType.publish)
    assert.deepEqual(JSON.stringify((packet as Publish).properties), JSON.stringify(lasting))
  }
})

test('§3.3.2.3 to a broker that does not know MQTT 5 a message goes without properties', () => {
  const { relay, remote } = relayOn({ version: 4 })
  relay.publishFromLocal(publish('a', { properties: { contentType: 't' } }))
  assert.deepEqual((remote[0] as Publish).properties, noProperties)
})

test('mosquitto-conf 5 bridge_max_topic_alias: the first topics get an alias, and are not written again', () => {
  const { relay, remote } = relayOn({ outgoingAliases: 1 })
  for (const topicName of ['a', 'b', 'a']) relay.publishFromLocal(publish(topicName))
  assert.deepEqual(
    remote.map(packet => [(packet as Publish).topicName, (packet as Publish).properties.topicAlias]),
    [
      ['a', 1],
      ['b', undefined],
      ['', 1],
    ],
  )
})

test('[MQTT-3.3.2-10] an alias of the other broker is resolved, and one beyond the maximum ends the connection', () => {
  const { relay, local } = relayOn({ incomingAliases: 1 }, '# in 1 l/ r/')
  relay.publishFromRemote(publish('r/a', { properties: { topicAlias: 1 } }))
  relay.publishFromRemote(publish('', { properties: { topicAlias: 1 } }))
  assert.deepEqual(
    local.map(packet => (packet as Publish).topicName),
    ['l/a', 'l/a'],
  )
  assert.throws(() => relay.publishFromRemote(publish('r/b', { properties: { topicAlias: 2 } })), /topic alias 2/)
})

test('[MQTT-3.2.2-11] to a broker without QoS 2 a message goes at QoS 1, and its exchange here is completed', () => {
  const { relay, local, remote } = relayOn({ maximumQoS: 1 })
  relay.publishFromLocal(publish('a', { qos: 2 }))
  assert.equal((remote[0] as Publish).qos, 1)
  assert.deepEqual(types(local), [])
  relay.acknowledgementFromRemote(answer(PacketType.puback))
  relay.acknowledgementFromLocal(answer(PacketType.pubrel))
  assert.deepEqual(types(local), [PacketType.pubrec, PacketType.pubcomp])
  assert.equal(remote.length, 1)
})

test('[MQTT-3.2.2-11] to a broker with QoS 0 alone nothing is waited for', () => {
  const { relay, local, remote } = relayOn({ maximumQoS: 0 })
  relay.publishFromLocal(publish('a', { qos: 2 }))
  assert.equal((remote[0] as Publish).qos, 0)
  relay.acknowledgementFromLocal(answer(PacketType.pubrel))
  assert.deepEqual(types(local), [PacketType.pubrec, PacketType.pubcomp])
})

test('[MQTT-3.1.2-25] what the other broker does not take for its size is dropped, and its exchange here is completed', () => {
  const { relay, local, remote, drops } = relayOn({ maximumPacketSize: 20 })
  relay.publishFromLocal(publish('a', { qos: 2, payload: Buffer.alloc(100) }))
  relay.acknowledgementFromLocal(answer(PacketType.pubrel))
  assert.deepEqual([types(local), remote], [[PacketType.pubrec, PacketType.pubcomp], []])
  assert.match(drops[0] ?? '', /^a: its \d+ bytes are more than the 20 that are taken there$/)
})

test('[MQTT-4.6.0-2] [MQTT-4.6.0-3] what is not shared is acknowledged in the order in which it came', () => {
  const { relay, local, remote, drops } = relayOn({}, 'a in 2')
  relay.publishFromRemote(publish('a', { packetId: 1 }))
  relay.publishFromRemote(publish('b', { packetId: 2 }))
  relay.publishFromRemote(publish('a', { packetId: 3 }))
  assert.deepEqual([types(local), remote], [[PacketType.publish, PacketType.publish], []])
  relay.acknowledgementFromLocal(answer(PacketType.puback, 1))
  relay.acknowledgementFromLocal(answer(PacketType.puback, 3))
  assert.deepEqual(
    remote.map(packet => (packet as Acknowledgement).packetId),
    [1, 2, 3],
  )
  assert.deepEqual(drops, ['b: its topic is not shared'])
})

test('answers that wait for one before them are as many as there are packet ids, and no more', () => {
  const { relay, remote } = relayOn({}, 'a in 2')
  relay.publishFromRemote(publish('a', { packetId: 1 }))
  for (let more = 0; more < 65_535; more++) relay.publishFromRemote(publish('b', { packetId: more + 1 }))
  assert.throws(() => relay.publishFromRemote(publish('b', { packetId: 2 })), /it sends on, though nothing/)
  assert.equal(remote.length, 0)
})

test('[MQTT-4.3.3-11] an exchange of QoS 2 that goes no further is completed with the other broker', () => {
  const { relay, local, remote } = relayOn({}, 'a in 2')
  relay.publishFromRemote(publish('b', { qos: 2, packetId: 9 }))
  relay.acknowledgementFromRemote(answer(PacketType.pubrel, 9))
  assert.deepEqual([types(remote), local], [[PacketType.pubrec, PacketType.pubcomp], []])
})

test('limits: what this broker would end the connection for is dropped, or the next one would meet it again', () => {
  const { relay, local, drops } = relayOn()
  relay.publishFromRemote(publish('a/b/c/d/e/f'))
  relay.publishFromRemote(publish('a', { payload: Buffer.alloc(1000) }))
  relay.publishFromRemote(publish('a', { properties: { responseTopic: '#' } }))
  assert.equal(local.length, 0)
  assert.deepEqual(
    drops.map(line => line.slice(0, 20)),
    ['a/b/c/d/e/f: max_top', 'a: max_packet_size', 'a: topic name "#" co'],
  )
})

test('mosquitto-conf 3 retain_available: what the other broker retains is not retained where nothing is', () => {
  const { relay, local } = relayOn({ limits: { ...limits, retain_available: false } })
  relay.publishFromRemote(publish('a', { retain: true }))
  assert.equal((local[0] as Publish).retain, false)
})

test('[MQTT-4.3.2-4] a message that this broker cannot keep at present is not acknowledged: the connection ends', () => {
  const { relay, remote } = relayOn()
  relay.publishFromRemote(publish('a'))
  assert.throws(
    () => relay.acknowledgementFromLocal(answer(PacketType.puback, 1, ReasonCode.quotaExceeded)),
    /this broker takes no messages at present/,
  )
  assert.equal(remote.length, 0)
})

test('§3.4.2.1 what a reason code says of a message is passed on', () => {
  const { relay, local, remote } = relayOn()
  relay.publishFromRemote(publish('a'))
  relay.acknowledgementFromLocal(answer(PacketType.puback, 1, ReasonCode.notAuthorized))
  relay.acknowledgementFromRemote(answer(PacketType.pubrec, 4, ReasonCode.notAuthorized))
  assert.equal((remote[0] as Acknowledgement).reasonCode, ReasonCode.notAuthorized)
  assert.equal((local.at(-1) as Acknowledgement).reasonCode, ReasonCode.notAuthorized)
})
