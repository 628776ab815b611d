import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, lasting } from '../../test/support/engine.ts'
import { makeSession, makeSubscription } from '../../test/support/sessions.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import { PacketType } from '../mqtt/packet.ts'
import { SharedGroup } from './shared-group.ts'

/** A group of members `a`, `b`, … */
function group(count: number) {
  const shared = new SharedGroup('t')
  const members = Array.from({ length: count }, (_, n) => {
    const session = makeSession(String.fromCharCode(97 + n))
    const subscription = makeSubscription(session, '$share/g/t')
    shared.join(subscription)
    return { session, subscription }
  })
  /** Who gets the next messages. */
  const turns = (times: number, mayReceive = shared.members) =>
    Array.from({ length: times }, () => shared.choose(mayReceive, 2, 2)?.session.clientId ?? '-').join('')
  const away = (...indexes: number[]) => {
    for (const index of indexes) members[index]!.session.connection = undefined
  }
  return { shared, members, turns, away }
}

test('§4.8.2: members take turns', () => {
  assert.equal(group(3).turns(7), 'abcabca')
  assert.equal(group(1).turns(2), 'aa')
})

test('§4.8.2: a member that joins comes in its turn, one that leaves makes nobody miss one', () => {
  const { shared, members, turns } = group(4)
  assert.equal(turns(2), 'ab')
  assert.equal(shared.leave(members[0]!.subscription), true)
  assert.equal(turns(3), 'cdb')
  shared.leave(members[2]!.subscription)
  assert.equal(turns(3), 'dbd')
  shared.leave(members[3]!.subscription)
  shared.join(members[0]!.subscription)
  assert.equal(turns(4), 'baba')
})

test('a group without members is empty and chooses nobody; who is no member cannot leave', () => {
  const { shared, members, turns } = group(1)
  assert.equal(shared.isEmpty, false)
  shared.leave(members[0]!.subscription)
  assert.deepEqual([shared.isEmpty, turns(1), shared.leave(members[0]!.subscription)], [true, '-', false])
})

test('who is away is passed over; when all are away they take turns', () => {
  const { turns, away } = group(3)
  away(1)
  assert.equal(turns(4), 'acac')
  away(0, 2)
  assert.equal(turns(4), 'abca')
})

test('[MQTT-4.5.0-1] when all are away, one that keeps messages is preferred to one subscribed at QoS 0', () => {
  const { members, turns, away } = group(3)
  away(0, 1, 2)
  members[0]!.subscription.qos = 0
  members[2]!.subscription.qos = 0
  assert.equal(turns(3), 'bbb')
  members[1]!.subscription.qos = 0
  assert.equal(turns(2), 'ca')
})

test('who may not receive the topic has no turn, whatever the turns of other topics were', () => {
  const { members, turns } = group(4)
  const [a, b, c, d] = members.map(({ subscription }) => subscription)
  assert.equal(turns(3, [a!, b!, c!, d!]), 'abc')
  assert.equal(turns(3, [b!]), 'bbb')
  assert.equal(turns(3, [b!, d!]), 'bdb')
  assert.equal(turns(1, []), '-')
  assert.equal(turns(4), 'bcda')
})

test('features F4: of a shared group only members that may receive the topic are reached, and nobody where none may', () => {
  const engine = new Engine({ realm: { acl: parseAclFile('topic write #\npattern read %c/#\n', 'f').rules } })
  const members = ['a', 'b'].map(clientId => {
    const client = engine.connect(clientId)
    assert.equal(client.subscribe('$share/g/#'), 2)
    return client
  })
  const publisher = engine.connect('p')
  for (const topicName of ['a/1', 'b/1', 'a/2', 'c/1', 'a/3']) publisher.publish(topicName, topicName)
  assert.deepEqual(
    members.map(client => client.payloads()),
    [['a/1', 'a/2', 'a/3'], ['b/1']],
  )
})

test('[MQTT-4.8.2-3] each member gets messages at its own granted QoS', () => {
  const engine = new Engine()
  const members = ([0, 1, 2] as const).map(qos => {
    const client = engine.connect(`m${qos}`)
    client.subscribe('$share/g/t', { qos })
    return client
  })
  const publisher = engine.connect('p')
  for (let n = 0; n < 3; n++) publisher.publish('t', 'x', { qos: 2 })
  assert.deepEqual(
    members.map(client => client.expect(PacketType.publish).qos),
    [0, 1, 2],
  )
})

test('[MQTT-4.8.2-4] a delivery that broke off is completed to the same client', () => {
  const engine = new Engine()
  const [one, two] = ['one', 'two'].map(clientId => {
    const client = engine.connect(clientId, lasting())
    client.subscribe('$share/g/t')
    return client
  })
  engine.connect('p').publish('t', 'x', { qos: 2 })
  one!.expectPublish('x')
  one!.vanish()
  two!.expectNothing()
  assert.equal(engine.connect('one', lasting()).expectPublish('x').dup, true)
})

test('[MQTT-4.8.2-5] [MQTT-4.8.2-6] when its session ends, or it refuses the message, no other member gets it', () => {
  const engine = new Engine()
  const [one, two] = ['one', 'two'].map(clientId => {
    const client = engine.connect(clientId)
    client.subscribe('$share/g/t')
    return client
  })
  const publisher = engine.connect('p')
  publisher.publish('t', 'refused', { qos: 2 })
  one!.acknowledge(PacketType.pubrec, one!.expectPublish('refused').packetId, 0x97)
  publisher.publish('t', 'for two', { qos: 0 })
  assert.deepEqual(two!.payloads(), ['for two'])
  publisher.publish('t', 'ended', { qos: 2 })
  one!.expectPublish('ended')
  one!.vanish()
  two!.expectNothing()
})

test('§4.8.2: groups of different names, and plain subscriptions beside them, each get every message', () => {
  const engine = new Engine()
  const clients = ['$share/g/t', '$share/h/t', 't'].map(topicFilter => {
    const client = engine.connect(`on ${topicFilter}`)
    client.subscribe(topicFilter)
    return client
  })
  engine.connect('p').publish('t', 'x')
  assert.deepEqual(
    clients.map(client => client.payloads()),
    [['x'], ['x'], ['x']],
  )
})
