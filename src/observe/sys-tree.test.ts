import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Counters, type Gauges } from './counters.ts'
import { SysTree } from './sys-tree.ts'

const quiet: Gauges = {
  clientsTotal: 0,
  clientsConnected: 0,
  messagesStored: 0,
  bytesStored: 0,
  subscriptions: 0,
  sharedSubscriptions: 0,
  retainedMessages: 0,
  packetsQueued: 0,
  bytesQueued: 0,
  heapBytes: 1000,
}

test('features J4: the first update holds every topic of Mosquitto 2.1, once', () => {
  const topics = new SysTree(new Counters(), 0, 'mosquitto version 2.1.2').update(0, quiet).map(([topic]) => topic)
  const loads = [
    'messages/received',
    'messages/sent',
    'publish/dropped',
    'publish/received',
    'publish/sent',
    'bytes/received',
    'bytes/sent',
    'sockets',
    'connections',
  ].flatMap(name => ['1min', '5min', '15min'].map(period => `load/${name}/${period}`))
  const plain = `version uptime clients/total clients/maximum clients/disconnected clients/inactive clients/connected
    clients/active clients/expired messages/stored store/messages/count store/messages/bytes subscriptions/count
    shared_subscriptions/count heap/current heap/maximum messages/received messages/sent bytes/received bytes/sent
    publish/bytes/received publish/bytes/sent packet/out/count packet/out/bytes connections/socket/count
    publish/messages/dropped publish/messages/received publish/messages/sent`.split(/\s+/)
  const expected = [...plain, 'retained messages/count', ...loads].map(name => `$SYS/broker/${name}`)
  assert.deepEqual(topics.toSorted(), expected.toSorted())
})

test('features J4: later updates hold what has changed and nothing else, under older names too', () => {
  const tree = new SysTree(new Counters(), 5_000, 'x')
  tree.update(5_000, quiet)
  assert.deepEqual(tree.update(5_900, quiet), [])
  assert.deepEqual(tree.update(15_000, { ...quiet, clientsTotal: 3, clientsConnected: 1 }), [
    ['$SYS/broker/uptime', '10 seconds'],
    ['$SYS/broker/clients/total', '3'],
    ['$SYS/broker/clients/maximum', '3'],
    ['$SYS/broker/clients/disconnected', '2'],
    ['$SYS/broker/clients/inactive', '2'],
    ['$SYS/broker/clients/connected', '1'],
    ['$SYS/broker/clients/active', '1'],
  ])
})

test('features J4: each figure shows its own counter or gauge', () => {
  const counters = new Counters()
  const tree = new SysTree(counters, 0, 'x')
  tree.update(0, quiet)
  const distinct = { clientsTotal: 40, clientsConnected: 30, messagesStored: 2, bytesStored: 3, subscriptions: 4 }
  const more = { sharedSubscriptions: 5, retainedMessages: 6, packetsQueued: 7, bytesQueued: 8, heapBytes: 1009 }
  const counted = {
    bytesReceived: 11,
    bytesSent: 12,
    packetsReceived: 13,
    packetsSent: 14,
    publishReceived: 15,
    publishSent: 16,
    publishDropped: 17,
    publishBytesReceived: 18,
    publishBytesSent: 19,
    socketsOpened: 20,
    sessionsExpired: 21,
  }
  Object.assign(counters, counted)
  const expected = `clients/total 40 clients/maximum 40 clients/disconnected 10 clients/inactive 10 clients/connected 30
    clients/active 30 store/messages/count 2 messages/stored 2 store/messages/bytes 3 subscriptions/count 4
    shared_subscriptions/count 5 packet/out/count 7 packet/out/bytes 8 heap/current 1009 heap/maximum 1009
    bytes/received 11 bytes/sent 12 messages/received 13 messages/sent 14 publish/messages/received 15
    publish/messages/sent 16 publish/messages/dropped 17 publish/bytes/received 18 publish/bytes/sent 19
    connections/socket/count 20 clients/expired 21`.split(/\s+/)
  const shown = tree
    .update(0, { ...distinct, ...more })
    .map(([topic, value]) => [topic.replace('$SYS/broker/', ''), value])
  const retained = ['retained messages/count', '6']
  const pairs = Array.from({ length: expected.length / 2 }, (_, i) => expected.slice(2 * i, 2 * i + 2))
  assert.deepEqual(shown.toSorted(), [...pairs, retained].toSorted())
})

test('features J4: a maximum stays when its gauge falls', () => {
  const tree = new SysTree(new Counters(), 0, 'x')
  tree.update(0, { ...quiet, clientsTotal: 7 })
  const topics = new Map(tree.update(1, { ...quiet, clientsTotal: 2 }))
  assert.equal(topics.get('$SYS/broker/clients/total'), '2')
  assert.equal(topics.has('$SYS/broker/clients/maximum'), false)
})

test('features J4: loads are events a minute, damped over one, five and fifteen minutes', () => {
  const counters = new Counters()
  const tree = new SysTree(counters, 0, 'x')
  tree.update(0, quiet)
  counters.packetsReceived = 2
  const after10s = new Map(tree.update(10_000, quiet))
  // 2 packets in 10 s are 12 a minute: 12 · (1 - e^(-10/60)), and so on for 300 and 900 seconds.
  assert.equal(after10s.get('$SYS/broker/load/messages/received/1min'), '1.84')
  assert.equal(after10s.get('$SYS/broker/load/messages/received/5min'), '0.39')
  assert.equal(after10s.get('$SYS/broker/load/messages/received/15min'), '0.13')
  const after70s = new Map(tree.update(70_000, quiet))
  assert.equal(after70s.get('$SYS/broker/load/messages/received/1min'), '0.68')
})
