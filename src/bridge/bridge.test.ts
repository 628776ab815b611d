import assert from 'node:assert/strict'
import test from 'node:test'
import { BridgedEngine, bridgesIn, type RemoteEnd } from '../../test/support/bridged-engine.ts'
import { lasting } from '../../test/support/engine.ts'
import { noProperties, PacketType } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'

const out =
  'connection b\naddress there:1883\nnotifications false\nremote_clientid rc\nbridge_attempt_unsubscribe false\n'

/** A bridge that is connected to the other broker. */
async function joined(config: string, requests = 0): Promise<{ bridged: BridgedEngine; remote: RemoteEnd }> {
  const bridged = new BridgedEngine(config)
  await bridged.start()
  const remote = await bridged.remote()
  await remote.welcome({}, requests)
  await bridged.settle()
  return { bridged, remote }
}

test('mosquitto-conf 5 topic out: a message goes to the other broker under its name there, at the QoS of the line', async () => {
  const { bridged, remote } = await joined(`${out}topic # out 1 l/ r/`)
  const publisher = bridged.engine.connect('p')
  publisher.publish('l/a', 'one', { qos: 2 })
  const packet = await remote.next(PacketType.publish)
  assert.deepEqual([packet.topicName, packet.qos, Buffer.from(packet.payload).toString()], ['r/a', 1, 'one'])
})

test('mosquitto-conf 5 topic in: a message comes from the other broker, and what it sends beside that is dropped', async () => {
  const { bridged, remote } = await joined(`${out}topic # in 2 l/ r/`, 1)
  const subscriber = bridged.engine.connect('s')
  subscriber.subscribe('#')
  remote.publish('r/a', 'wanted', { qos: 1, packetId: 7 })
  remote.publish('$CONTROL/dynamic-security/v1', 'not wanted', { qos: 1, packetId: 8 })
  assert.equal((await remote.next(PacketType.puback)).packetId, 7)
  assert.equal((await remote.next(PacketType.puback)).packetId, 8)
  assert.deepEqual(
    subscriber.publishes().map(({ topicName }) => topicName),
    ['l/a'],
  )
  assert.match(bridged.lines.join('\n'), /Bridge b drops a message from the other broker on '\$CONTROL/)
})

test('a flood of messages that are not shared is told once, and then as a number', async () => {
  const { bridged, remote } = await joined(`${out}topic # in 2 l/ r/`, 1)
  for (let packetId = 1; packetId <= 100; packetId++) remote.publish('flood', 'x', { qos: 1, packetId })
  for (let packetId = 1; packetId <= 100; packetId++) await remote.next(PacketType.puback)
  const told = () => bridged.lines.filter(line => /drop/.test(line))
  assert.equal(told().length, 1)
  await bridged.pass(11_000)
  assert.deepEqual(told().slice(1), ['Bridge b has dropped 99 more messages from the other broker.'])
})

test('one that floods a bridge with what is not shared, and takes no answers, is cut off; one that takes them is not', async () => {
  const { bridged, remote } = await joined(`${out}topic # in 2 l/ r/`, 1)
  const flood = async (messages: number) => {
    for (let sent = 0; sent < messages; sent++) remote.publish('flood', 'x', { qos: 1, packetId: (sent % 65_535) + 1 })
    await bridged.settle()
  }
  const ends = () => bridged.lines.filter(line => /not connected any more/.test(line))
  await flood(60_000)
  for (let heard = 0; heard < 60_000; heard++) await remote.next(PacketType.puback)
  remote.stream.pause()
  await flood(60_000)
  assert.deepEqual(ends(), [])
  await flood(60_000)
  assert.deepEqual(ends(), ['Bridge b is not connected any more: it sends on, and takes no answers.'])
})

test('§4.3.3 QoS 2 goes through both brokers by one packet id, and no step is taken before the other side took it', async () => {
  const { bridged, remote } = await joined(`${out}topic # out 2`)
  const { broker } = bridged.engine
  const publisher = bridged.engine.connect('p')
  publisher.publish('a', 'x', { qos: 2 })
  const { packetId } = await remote.next(PacketType.publish)
  const outbound = () => broker.registry.get('local.rc')?.outbound
  assert.equal(outbound()?.usesPacketId(packetId), true)
  remote.acknowledge(PacketType.pubrec, packetId)
  assert.equal((await remote.next(PacketType.pubrel)).packetId, packetId)
  assert.equal(outbound()?.inflightMessages, 1)
  remote.acknowledge(PacketType.pubcomp, packetId)
  await bridged.settle()
  assert.equal(outbound()?.inflightMessages, 0)
})

test('[MQTT-4.4.0-1] what the other broker has not acknowledged is sent again after a reconnect, with the same packet id', async () => {
  const { bridged, remote } = await joined(`${out}restart_timeout 1\ntopic # out 2`)
  const publisher = bridged.engine.connect('p')
  publisher.publish('a', 'first', { qos: 2 })
  publisher.publish('a', 'second', { qos: 1 })
  const first = await remote.next(PacketType.publish)
  const second = await remote.next(PacketType.publish)
  remote.acknowledge(PacketType.pubrec, first.packetId)
  assert.equal((await remote.next(PacketType.pubrel)).packetId, first.packetId)
  remote.breakOff()
  await bridged.settle()
  publisher.publish('a', 'meanwhile', { qos: 1 })
  await bridged.pass(1200)
  const again = await bridged.remote()
  await again.welcome({ sessionPresent: true }, 0)
  const repeated = await again.next(PacketType.publish)
  assert.deepEqual([repeated.packetId, repeated.dup], [second.packetId, true])
  assert.equal((await again.next(PacketType.pubrel)).packetId, first.packetId)
  assert.equal(await again.nextText(), 'a meanwhile')
})

test('[MQTT-3.2.2-5] another broker that has lost its session meets no repetition, and its packet ids are new', async () => {
  const { bridged, remote } = await joined(`${out}restart_timeout 1\ntopic # both 2`, 1)
  const subscriber = bridged.engine.connect('s')
  subscriber.subscribe('#')
  remote.publish('a', 'one', { qos: 2, packetId: 9 })
  await remote.next(PacketType.pubrec)
  bridged.engine.connect('p').publish('b', 'two', { qos: 1 })
  await remote.next(PacketType.publish)
  remote.breakOff()
  await bridged.settle()
  await bridged.pass(1200)
  const again = await bridged.remote()
  await again.welcome({ sessionPresent: false }, 1)
  assert.equal((await again.next(PacketType.publish)).dup, false)
  again.publish('a', 'another', { qos: 2, packetId: 9 })
  await again.next(PacketType.pubrec)
  assert.deepEqual(subscriber.payloads().toSorted(), ['another', 'one', 'two'])
})

test('[MQTT-4.3.3-1] a session that was begun anew here frees each packet id there before it uses it', async () => {
  const bridged = new BridgedEngine(`${out}topic # out 2`)
  await bridged.start()
  const remote = await bridged.remote()
  await remote.welcome({ sessionPresent: true }, 0)
  await bridged.settle()
  const publisher = bridged.engine.connect('p')
  publisher.publish('a', 'x', { qos: 2 })
  assert.equal((await remote.next(PacketType.pubrel)).packetId, 1)
  assert.equal((await remote.next(PacketType.publish)).packetId, 1)
  remote.acknowledge(PacketType.pubcomp, 1)
  remote.acknowledge(PacketType.pubrec, 1)
  assert.equal((await remote.next(PacketType.pubrel)).packetId, 1)
})

test('mosquitto-conf 5 topic both: nothing goes back to where it came from', async () => {
  const { bridged, remote } = await joined(`${out}topic # both 1`, 1)
  remote.publish('a', 'theirs', { qos: 1, packetId: 1 })
  await remote.next(PacketType.puback)
  bridged.engine.connect('p').publish('a', 'ours', { qos: 1 })
  assert.equal(await remote.nextText(), 'a ours')
})

test('mosquitto-conf 5 try_private: the other broker is told before MQTT 5, and not where it refuses that', async () => {
  const bridged = new BridgedEngine(`${out}topic # in`)
  await bridged.start()
  const refusing = await bridged.remote()
  assert.equal((await refusing.next(PacketType.connect)).bridge, true)
  refusing.send({
    type: PacketType.connack,
    sessionPresent: false,
    reasonCode: ReasonCode.unsupportedProtocolVersion,
    properties: noProperties,
  })
  const remote = await bridged.remote()
  assert.equal((await remote.welcome()).bridge, false)
})

test('mosquitto-conf 5 try_private: false is not even tried', async () => {
  const bridged = new BridgedEngine(`${out}try_private false\ntopic # in`)
  await bridged.start()
  assert.equal((await (await bridged.remote()).welcome()).bridge, false)
})

test('mosquitto-conf 5 bridge_protocol_version: a broker that does not know MQTT 5 is spoken to in 3.1.1', async () => {
  const bridged = new BridgedEngine(`${out}bridge_protocol_version mqttv50\ntopic # in`)
  await bridged.start()
  const old = await bridged.remote()
  assert.equal((await old.next(PacketType.connect)).protocolVersion, 5)
  old.stream.write(Buffer.from('20020001', 'hex'))
  const remote = await bridged.remote()
  assert.equal((await remote.welcome()).protocolVersion, 4)
  assert.match(
    bridged.lines.join('\n'),
    /Warning: Remote bridge b does not support MQTT v5\.0, reconnecting using MQTT v3\.1\.1\./,
  )
})

test('mosquitto-conf 5 notifications: the state is retained on both brokers, and is the will on the other one', async () => {
  const config = 'connection b\naddress there\nremote_clientid rc\nbridge_attempt_unsubscribe false\ntopic a out'
  const bridged = new BridgedEngine(config)
  const subscriber = bridged.engine.connect('s')
  subscriber.subscribe('$SYS/broker/connection/#')
  await bridged.start()
  const remote = await bridged.remote()
  const { will } = await remote.welcome({}, 0)
  const topicName = '$SYS/broker/connection/rc/state'
  assert.deepEqual([will?.topicName, Buffer.from(will?.payload ?? []).toString(), will?.retain], [topicName, '0', true])
  const state = await remote.next(PacketType.publish)
  assert.deepEqual([state.topicName, Buffer.from(state.payload).toString(), state.retain], [topicName, '1', true])
  await bridged.settle()
  assert.deepEqual(subscriber.payloads(), ['0', '1'])
  remote.breakOff()
  await bridged.settle()
  const late = bridged.engine.connect('late')
  late.subscribe(topicName)
  assert.deepEqual(late.payloads(), ['0'])
})

test('mosquitto-conf 5 notifications_local_only: the other broker hears nothing of it', async () => {
  const config =
    'connection b\naddress there\nnotifications_local_only true\nbridge_attempt_unsubscribe false\ntopic a out'
  const bridged = new BridgedEngine(config)
  await bridged.start()
  const remote = await bridged.remote()
  assert.equal((await remote.welcome({}, 0)).will, undefined)
  await bridged.settle()
  bridged.engine.connect('p').publish('a', 'first')
  assert.equal(await remote.nextText(), 'a first')
})

test('mosquitto-conf 5 bridge_outgoing_retain: false takes the flag away, true keeps it', async () => {
  for (const keeps of [true, false]) {
    const { bridged, remote } = await joined(`${out}bridge_outgoing_retain ${keeps}\ntopic # out 1`)
    bridged.engine.connect('p').publish('a', 'x', { qos: 1, retain: true })
    assert.equal((await remote.next(PacketType.publish)).retain, keeps)
  }
})

test('mosquitto-conf 5 bridge_max_packet_size: a message that is too large is dropped, and the next one goes', async () => {
  const { bridged, remote } = await joined(`${out}bridge_max_packet_size 40\ntopic # out 2`)
  const publisher = bridged.engine.connect('p')
  publisher.publish('a', 'x'.repeat(100), { qos: 2 })
  publisher.publish('a', 'small', { qos: 2 })
  assert.equal(await remote.nextText(), 'a small')
  assert.match(bridged.lines.join('\n'), /drops a message to the other broker on 'a' \(100 bytes\)/)
  await bridged.settle()
  assert.equal(bridged.engine.broker.registry.get('local.rc')?.outbound.inflightMessages, 1)
})

test('mosquitto-conf 5 start_type lazy: it connects when as many messages wait, and leaves after idle_timeout', async () => {
  const bridged = new BridgedEngine(`${out}start_type lazy\nthreshold 2\nidle_timeout 10\ntopic # out 1`)
  await bridged.start()
  const publisher = bridged.engine.connect('p')
  publisher.publish('a', 'one', { qos: 1 })
  await bridged.pass(1000)
  assert.deepEqual(bridged.dialed, [])
  publisher.publish('a', 'two', { qos: 1 })
  await bridged.pass(400)
  const remote = await bridged.remote()
  await remote.welcome({}, 0)
  for (const text of ['one', 'two']) {
    const packet = await remote.next(PacketType.publish)
    assert.equal(Buffer.from(packet.payload).toString(), text)
    remote.acknowledge(PacketType.puback, packet.packetId)
  }
  await bridged.settle()
  await bridged.pass(11_000)
  await remote.next(PacketType.disconnect)
  assert.match(bridged.lines.join('\n'), /Bridge connection b has exceeded idle timeout, disconnecting\./)
  assert.equal(bridged.dialed.length, 1)
})

test('mosquitto-conf 5 start_type once: a lost connection is not opened again', async () => {
  const { bridged, remote } = await joined(`${out}start_type once\nrestart_timeout 1\ntopic # out`)
  remote.breakOff()
  await bridged.settle()
  await bridged.pass(60_000)
  assert.equal(bridged.dialed.length, 1)
})

test('mosquitto-conf 5 restart_timeout: a lost connection is opened again after it, and not before', async () => {
  const { bridged, remote } = await joined(`${out}restart_timeout 7\ntopic # out`)
  remote.breakOff()
  await bridged.settle()
  await bridged.pass(6600)
  assert.equal(bridged.dialed.length, 1)
  await bridged.pass(800)
  assert.equal(bridged.dialed.length, 2)
})

test('§4.9 another broker that passes the Receive Maximum of this one is borne with: it would come again with the same', async () => {
  const bridged = new BridgedEngine(`${out}bridge_protocol_version mqttv50\nbridge_receive_maximum 2\ntopic # in 2`)
  await bridged.start()
  const remote = await bridged.remote()
  assert.equal((await remote.welcome()).properties.receiveMaximum, 2)
  for (let packetId = 1; packetId <= 30; packetId++) remote.publish('a', 'x', { qos: 2, packetId })
  for (let packetId = 1; packetId <= 30; packetId++) await remote.next(PacketType.pubrec)
})

const two = out.replace('there:1883', 'main:1 spare:2')

test('mosquitto-conf 5 round_robin false: the first address is returned to as soon as it can be reached', async () => {
  const bridged = new BridgedEngine(`${two}restart_timeout 1\ntopic # out`)
  bridged.deadPorts.add(1)
  await bridged.start()
  await bridged.settle()
  await bridged.pass(1200)
  const spare = await bridged.remote()
  await spare.welcome({}, 0)
  await bridged.settle()
  assert.deepEqual(
    bridged.dialed.map(({ host }) => host),
    ['main', 'spare'],
  )
  await bridged.pass(6000)
  assert.deepEqual(bridged.dialed.at(-1), { host: 'main', port: 1 })
  bridged.deadPorts.clear()
  await bridged.pass(6000)
  await spare.next(PacketType.disconnect)
  await bridged.remote()
  await (await bridged.remote()).welcome({}, 0)
  assert.deepEqual(bridged.dialed.at(-1), { host: 'main', port: 1 })
})

test('mosquitto-conf 5 round_robin true: all addresses are equal, and the one that answers is kept', async () => {
  const bridged = new BridgedEngine(`${two}round_robin true\nrestart_timeout 1\ntopic # out`)
  bridged.deadPorts.add(1)
  await bridged.start()
  await bridged.settle()
  await bridged.pass(1200)
  const spare = await bridged.remote()
  await spare.welcome({}, 0)
  bridged.deadPorts.clear()
  await bridged.settle()
  await bridged.pass(20_000)
  assert.equal(bridged.dialed.length, 2)
  spare.breakOff()
  await bridged.settle()
  await bridged.pass(1200)
  assert.deepEqual(bridged.dialed.at(-1), { host: 'main', port: 1 })
})

test('mosquitto-conf 5 keepalive_interval: a broker that answers is kept, one that is silent is left', async () => {
  const { bridged, remote } = await joined(`${out}keepalive_interval 10\nrestart_timeout 3600\ntopic # out`)
  for (let ping = 0; ping < 4; ping++) {
    await bridged.pass(5200)
    await remote.next(PacketType.pingreq)
    remote.send({ type: PacketType.pingresp })
    await bridged.settle()
  }
  assert.doesNotMatch(bridged.lines.join('\n'), /silent/)
  await bridged.pass(21_000)
  assert.match(
    bridged.lines.join('\n'),
    /Bridge b is not connected any more: the other broker has been silent for too long\./,
  )
})

test('a broker that refuses the bridge, or a topic, is told of in words', async () => {
  const bridged = new BridgedEngine(`${out}restart_timeout 1\ntopic # in`)
  await bridged.start()
  const refusing = await bridged.remote()
  await refusing.next(PacketType.connect)
  refusing.send({ type: PacketType.connack, sessionPresent: false, reasonCode: 0x87, properties: noProperties })
  await bridged.settle()
  await bridged.pass(1200)
  const remote = await bridged.remote()
  await remote.welcome({}, 0)
  const { packetId } = await remote.next(PacketType.subscribe)
  remote.send({ type: PacketType.suback, packetId, reasonCodes: [0x80], properties: noProperties })
  await bridged.settle()
  const told = bridged.lines.filter(line => line.startsWith('Warning'))
  assert.deepEqual(told, [
    'Warning: Unable to connect to bridge b (there:1883): the other broker refuses the connection: not authorized (0x87).',
    'Warning: The other broker refuses bridge b the topic #: unspecified error (0x80).',
  ])
})

test('limits: for a broker that does not read, messages of QoS 0 are dropped at max_buffered_bytes and others wait here', async () => {
  const { bridged, remote } = await joined(`${out}topic # out 1`)
  const { broker } = bridged.engine
  const publisher = bridged.engine.connect('p')
  remote.stream.pause()
  for (let message = 0; message < 300; message++) publisher.publish('a', 'x'.repeat(10_000))
  await bridged.settle()
  assert.ok(broker.counters.publishDropped > 100, `${broker.counters.publishDropped} of 3 MB were dropped`)
  for (let message = 0; message < 50; message++) publisher.publish('a', `kept ${message}`, { qos: 1 })
  await bridged.settle()
  const waiting = broker.registry.get('local.rc')?.outbound
  assert.equal((waiting?.queuedMessages ?? 0) + (waiting?.inflightMessages ?? 0), 50)
  remote.stream.resume()
  for (let message = 0; message < 50; ) {
    const packet = await remote.next(PacketType.publish)
    if (packet.qos === 0) continue
    assert.equal(Buffer.from(packet.payload).toString(), `kept ${message++}`)
    remote.acknowledge(PacketType.puback, packet.packetId)
  }
})

test('a broker that takes the connection and never answers is left', async () => {
  const bridged = new BridgedEngine(`${out}restart_timeout 1\ntopic # out`)
  await bridged.start()
  const remote = await bridged.remote()
  await remote.next(PacketType.connect)
  await bridged.pass(22_000)
  assert.match(bridged.lines.join('\n'), /Warning: Unable to connect to bridge b \(there:1883\): it does not answer\./)
  assert.ok(bridged.dialed.length >= 2)
})

test('a broker that sends what is no packet is left, and nobody else is', async () => {
  const { bridged, remote } = await joined(`${out}restart_timeout 1\ntopic # in`, 1)
  const client = bridged.engine.connect('c')
  remote.stream.write(Buffer.from('00ff', 'hex'))
  await bridged.settle()
  assert.match(bridged.lines.join('\n'), /Bridge b is not connected any more/)
  assert.equal(client.transport.closed, false)
  await bridged.pass(1200)
  assert.equal(bridged.dialed.length, 2)
})

test('mosquitto-conf 5 bridge_attempt_unsubscribe: what only goes out is unsubscribed from, unless that is off', async () => {
  const on = new BridgedEngine(`${out.replace('bridge_attempt_unsubscribe false\n', '')}topic a out 0 l/ r/`)
  await on.start()
  const remote = await on.remote()
  await remote.welcome({}, 0)
  assert.deepEqual((await remote.next(PacketType.unsubscribe)).topicFilters, ['r/a'])
  const off = await joined(`${out}topic a out`)
  off.bridged.engine.connect('p').publish('a', 'first')
  assert.equal(await off.remote.nextText(), 'a first')
})

test('features H4: nobody else gets the session of a bridge, whatever client id is asked for', async () => {
  const { bridged } = await joined(`${out}topic # out`)
  const thief = bridged.engine.open()
  thief.connect('local.rc')
  thief.expectRefused(ReasonCode.clientIdentifierNotValid)
})

test("migration: a bridge takes over the session of its client id, as the one that Mosquitto's file had, with none but its own topics", async () => {
  const bridged = new BridgedEngine(`${out}topic shared/# out 1`)
  const before = bridged.engine.connect('local.rc', lasting())
  before.subscribe('#')
  before.disconnect()
  const publisher = bridged.engine.connect('p')
  publisher.publish('shared/a', 'waited', { qos: 1 })
  publisher.publish('secret', 'not shared', { qos: 1 })
  await bridged.start()
  const remote = await bridged.remote()
  await remote.welcome({}, 0)
  assert.equal(await remote.nextText(), 'shared/a waited')
  await bridged.settle()
  const filters = [...(bridged.engine.broker.registry.get('local.rc')?.subscriptions.keys() ?? [])]
  assert.deepEqual(filters, ['shared/#'])
})

test('mosquitto-conf 5 local_cleansession: false keeps what is published before the first connection, true does not', async () => {
  for (const isClean of [false, true]) {
    const bridged = new BridgedEngine(`${out}local_cleansession ${isClean}\ntopic # out 1`)
    await bridged.bridges.prepare(bridged.settings)
    const publisher = bridged.engine.connect('p')
    publisher.publish('a', 'early', { qos: 1 })
    bridged.bridges.start()
    const remote = await bridged.remote()
    await remote.welcome({}, 0)
    await bridged.settle()
    publisher.publish('a', 'late', { qos: 1 })
    assert.equal(await remote.nextText(), isClean ? 'a late' : 'a early')
  }
})

test('mosquitto-conf 5 reload: a bridge that is gone leaves, one that is new comes, one that has changed waits or does not', async () => {
  const { bridged, remote } = await joined(`${out}restart_timeout 1\ntopic a out 1`)
  await bridged.bridges.reload(bridgesIn(`${out}restart_timeout 1\ntopic b out 1`))
  await bridged.settle()
  assert.equal(bridged.dialed.length, 1, 'lazy: the connection stays')
  await bridged.bridges.reload(bridgesIn(`${out}bridge_reload_type immediate\nrestart_timeout 1\ntopic c out 1`))
  await remote.next(PacketType.disconnect)
  const next = await bridged.remote()
  await next.welcome({}, 0)
  await bridged.settle()
  const publisher = bridged.engine.connect('p')
  publisher.publish('a', 'not any more', { qos: 1 })
  publisher.publish('c', 'now', { qos: 1 })
  assert.equal(await next.nextText(), 'c now')
  await bridged.bridges.reload([])
  await next.next(PacketType.disconnect)
  await bridged.settle()
  assert.equal(bridged.engine.broker.registry.get('local.rc'), undefined)
})
