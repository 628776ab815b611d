import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Engine, type EngineClient } from '../../test/support/engine.ts'
import { PacketType, type Publish } from '../mqtt/packet.ts'
import { Census } from './census.ts'
import { SysPublisher } from './sys-publisher.ts'

function start(intervalSeconds: number) {
  const engine = new Engine({ settings: { sys_interval: intervalSeconds } })
  const { broker, clock } = engine
  const publisher = new SysPublisher(broker, new Census(broker), 'castellan version 1.2.3')
  const watcher = engine.connect('watcher')
  watcher.subscribe('$SYS/#')
  /** Lets time pass on both clocks, the machine's standing at `wall` afterwards. */
  const tick = (milliseconds: number, wall: number) => {
    clock.advance(milliseconds)
    publisher.advance(clock.now(), wall)
    return published(watcher)
  }
  return { engine, tick }
}

/** Completes each exchange, so that the next message is not held back. */
function published(client: EngineClient): readonly Publish[] {
  const packets = client.received().filter(packet => packet.type === PacketType.publish)
  for (const { packetId } of packets) client.acknowledge(PacketType.pubrec, packetId)
  for (const { packetId } of packets) client.acknowledge(PacketType.pubcomp, packetId)
  return packets.length === 0 ? [] : [...packets, ...published(client)]
}

const uptimes = (packets: readonly Publish[]) =>
  packets
    .filter(({ topicName }) => topicName === '$SYS/broker/uptime')
    .map(({ payload }) => Buffer.from(payload).toString())

test('features J4: the whole tree is there from the start, retained, at QoS 2', () => {
  const { engine, tick } = start(10)
  const first = tick(0, 1_000_003_000)
  assert(first.length > 50)
  assert(first.every(({ qos, retain }) => qos === 2 && !retain))
  const later = engine.connect('later')
  later.subscribe('$SYS/broker/version')
  const { payload, qos, retain } = later.expectPublish('castellan version 1.2.3')
  assert.deepEqual([Buffer.from(payload).toString(), qos, retain], ['castellan version 1.2.3', 2, true])
})

test('conf §3 sys_interval: what has changed is published when the wall clock passes a multiple, and not before', () => {
  const { tick } = start(10)
  assert.deepEqual(uptimes(tick(0, 1_000_003_000)), ['0 seconds'])
  assert.deepEqual(tick(6_900, 1_000_009_900), [])
  assert.deepEqual(uptimes(tick(100, 1_000_010_000)), ['7 seconds'])
  assert.deepEqual(tick(100, 1_000_010_100), [])
  assert.deepEqual(uptimes(tick(9_900, 1_000_020_000)), ['17 seconds'])
})

test('conf §3 sys_interval: a value that is as it was is not published again', () => {
  const { tick } = start(1)
  const topics = (packets: readonly Publish[]) => packets.map(({ topicName }) => topicName)
  assert(topics(tick(0, 5000)).includes('$SYS/broker/clients/expired'))
  assert(!topics(tick(1000, 6000)).includes('$SYS/broker/clients/expired'))
})

test('conf §3 sys_interval 0: nothing is published, not at the start either', () => {
  const { tick } = start(0)
  assert.deepEqual(tick(0, 1_000_000), [])
  assert.deepEqual(tick(60_000, 1_060_000), [])
})

test('conf §3 sys_interval: a reload counts at once, in both directions and to and from 0', () => {
  const { engine, tick } = start(3600)
  assert.deepEqual(uptimes(tick(0, 7_201_000)), ['0 seconds'])
  engine.reconfigure({ sys_interval: 2 })
  assert.deepEqual(uptimes(tick(100, 7_201_100)), [], 'it has not changed')
  assert.deepEqual(uptimes(tick(900, 7_202_000)), ['1 seconds'])
  engine.reconfigure({ sys_interval: 0 })
  assert.deepEqual(tick(8000, 7_210_000), [])
  engine.reconfigure({ sys_interval: 10 })
  assert.deepEqual(uptimes(tick(100, 7_210_100)), ['9 seconds'])
})

test('conf §3 sys_interval: a clock that is set back does not silence the tree until it has caught up', () => {
  const { tick } = start(10)
  tick(0, 1_000_000_000)
  assert.deepEqual(uptimes(tick(1000, 500_000_000)), ['1 seconds'])
  assert.deepEqual(uptimes(tick(10_000, 500_010_000)), ['11 seconds'])
})
