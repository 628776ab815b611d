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

test('features J4: later updates hold what has changed and nothing else', () => {
  const tree = new SysTree(new Counters(), 5_000, 'x')
  tree.update(5_000, quiet)
  assert.deepEqual(tree.update(5_900, quiet), [])
  assert.deepEqual(tree.update(15_000, { ...quiet, clientsTotal: 3, clientsConnected: 1 }), [
    ['$SYS/broker/uptime', '10 seconds'],
    ['$SYS/broker/clients/total', '3'],
    ['$SYS/broker/clients/disconnected', '2'],
    ['$SYS/broker/clients/inactive', '2'],
    ['$SYS/broker/clients/connected', '1'],
    ['$SYS/broker/clients/active', '1'],
    ['$SYS/broker/clients/maximum', '3'],
  ])
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
