import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { passwordLines } from '../../test/support/password-lines.ts'
import { parsePasswordFile } from '../auth/password-file.ts'
import { defaultDecoyHash } from '../auth/password-hash.ts'
import type { DirectoryAction, RightsHolder, UserDirectory } from '../auth/user-directory.ts'
import { PacketType } from '../mqtt/packet.ts'

const passwords = parsePasswordFile(passwordLines({ ann: 'a', bob: 'b' }), 'f')

/** Everything is allowed but what is taken away. */
class Directory implements UserDirectory {
  version = 0
  readonly decoy = defaultDecoyHash()
  readonly names = new Set(['ann', 'bob'])
  readonly #denied = new Set<string>()

  user(username: string) {
    const password = passwords.users.get(username)
    return this.names.has(username) ? { password, isDisabled: false, clientId: undefined } : undefined
  }

  rights({ username }: RightsHolder) {
    return {
      allows: (action: DirectoryAction, topic: string) => !this.#denied.has(`${username} ${action} ${topic}`),
      consult: () => assert.fail('nobody asks why'),
    }
  }

  deny(username: string, action: DirectoryAction, topic: string): void {
    this.version++
    this.#denied.add(`${username} ${action} ${topic}`)
  }
}

async function start() {
  const directory = new Directory()
  const engine = new Engine({ realm: { directory, allowAnonymous: true } })
  const connect = async (username: 'ann' | 'bob') => {
    const client = engine.open()
    client.connect(username, { ...lasting(), username, password: Buffer.from(username.charAt(0)) })
    await client.answered()
    assert.equal(client.expect(PacketType.connack).reasonCode, 0)
    return client
  }
  const [ann, bob] = [await connect('ann'), await connect('bob')]
  const change = (disconnects = false) => {
    const concerns = ({ username }: RightsHolder) => username === 'ann'
    engine.broker.reassess({ concerns, disconnects: holder => disconnects && concerns(holder), ends: () => false })
  }
  return { engine, directory, ann, bob, change, publisher: engine.connect('p') }
}

test('features G5: a subscription that is not allowed any more is removed where it is, and the session goes on', async () => {
  const { directory, ann, bob, change, publisher, engine } = await start()
  for (const client of [ann, bob]) for (const topic of ['t', 'u']) client.subscribe(topic)
  directory.deny('ann', 'subscribe', 't')
  change()
  publisher.publish('t', 'one')
  publisher.publish('u', 'two')
  assert.deepEqual([ann.payloads(), bob.payloads()], [['two'], ['one', 'two']])
  assert.deepEqual([...(engine.broker.registry.get('ann')?.subscriptions.keys() ?? [])], ['u'])
  assert.equal(ann.transport.closed, false)
})

test('what may not be received any more is not, though its route is known and the subscription stays', async () => {
  const { directory, ann, bob, change, publisher } = await start()
  for (const client of [ann, bob]) client.subscribe('t')
  publisher.publish('t', 'before')
  directory.deny('ann', 'receive', 't')
  change()
  publisher.publish('t', 'after')
  assert.deepEqual([ann.payloads(), bob.payloads()], [['before'], ['before', 'after']])
})

test('what may not be published any more is refused at once, though the client has just done it', async () => {
  const { directory, ann, change } = await start()
  ann.publish('t', 'before', { qos: 1 })
  assert.equal(acknowledged(ann), 0x10)
  directory.deny('ann', 'publish', 't')
  change()
  ann.publish('t', 'after', { qos: 1 })
  assert.equal(acknowledged(ann), 0x87)
})

test('messages that wait for somebody who is away are dropped when they may not be read any more', async () => {
  const { directory, ann, change, publisher, engine } = await start()
  for (const topic of ['t', 'u']) ann.subscribe(topic)
  ann.vanish()
  for (const topic of ['t', 'u']) publisher.publish(topic, topic, { qos: 1 })
  directory.deny('ann', 'receive', 't')
  change()
  assert.equal(engine.broker.registry.get('ann')?.outbound.queuedMessages, 1)
})

test('dynsec 5: whoever is to come back is disconnected with 0x98 and finds the session again, others stay', async () => {
  const { ann, bob, change, engine } = await start()
  change(true)
  assert.equal(ann.expect(PacketType.disconnect).reasonCode, 0x98)
  assert.deepEqual([ann.transport.closed, bob.transport.closed], [true, false])
  assert.notEqual(engine.broker.registry.get('ann'), undefined)
})

test('the session of a user who is gone ends, connected or away', async () => {
  const { directory, ann, change, engine } = await start()
  ann.vanish()
  directory.names.delete('ann')
  directory.version++
  change()
  assert.equal(engine.broker.registry.get('ann'), undefined)
  assert.notEqual(engine.broker.registry.get('bob'), undefined)
})

test('[MQTT-3.11.3-2] a subscription that may not be given up stays: 0x87', async () => {
  const { directory, ann, publisher } = await start()
  ann.subscribe('t')
  directory.deny('ann', 'unsubscribe', 't')
  ann.send({ type: PacketType.unsubscribe, packetId: 9, topicFilters: ['t', 'u'], properties: {} })
  assert.deepEqual(ann.expect(PacketType.unsuback).reasonCodes, [0x87, 0x11])
  publisher.publish('t', 'still')
  assert.deepEqual(ann.payloads(), ['still'])
})

test('dynsec 4: a shared subscription is asked about with its share name', async () => {
  const { directory, ann, engine } = await start()
  directory.deny('ann', 'subscribe', '$share/g/t')
  ann.send({
    type: PacketType.subscribe,
    packetId: 9,
    properties: {},
    subscriptions: ['$share/g/t', '$share/h/t', 't'].map(topicFilter => ({
      topicFilter,
      qos: 0,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    })),
  })
  assert.deepEqual(ann.expect(PacketType.suback).reasonCodes, [0x87, 0, 0])
  assert.equal(engine.broker.registry.get('ann')?.subscriptions.size, 2)
})

test('dynsec 5: the session of a user who was deleted ends, though another one has the name by now', async () => {
  const { ann, bob, engine } = await start()
  const isAnn = (name: string | undefined) => name === 'ann'
  engine.broker.reassess({ concerns: holder => isAnn(holder.username), disconnects: () => false, ends: isAnn })
  assert.deepEqual([ann.transport.closed, bob.transport.closed], [true, false])
  assert.equal(engine.broker.registry.get('ann'), undefined)
})

/** @returns the reason code of the PUBACK that has come */
function acknowledged(client: EngineClient): number | undefined {
  const packet = client.received()[0]
  return packet?.type === PacketType.puback ? packet.reasonCode : undefined
}
