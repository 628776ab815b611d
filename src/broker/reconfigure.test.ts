import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Engine } from '../../test/support/engine.ts'
import { passwordLines } from '../../test/support/password-lines.ts'
import { parsePasswordFile } from '../auth/password-file.ts'
import { PacketType } from '../mqtt/packet.ts'

const passwords = (users: Readonly<Record<string, string>>) => parsePasswordFile(passwordLines(users), 'passwords')

async function withBob() {
  const users = passwords({ bob: 'old' })
  const engine = new Engine({ realm: { passwords: users } })
  const witness = engine.connect('witness')
  witness.subscribe('will')
  const bob = engine.open()
  bob.connect('bobs', {
    username: 'bob',
    password: Buffer.from('old'),
    cleanStart: false,
    will: { topicName: 'will', payload: Buffer.from('gone'), qos: 0, retain: false, properties: {} },
    properties: { sessionExpiryInterval: 1000 },
  })
  await bob.answered()
  bob.expect(PacketType.connack)
  return { engine, witness, bob, users }
}

test('features B12: of a user who is gone nothing is left: no connection, no session, and no will is published', async () => {
  const { engine, witness, bob } = await withBob()
  engine.listener.realm = engine.realm({ passwords: passwords({ alice: 'x' }) })
  engine.broker.reconfigure(engine.broker.settings)
  assert.equal(bob.transport.closed, true)
  assert.equal(engine.broker.registry.get('bobs'), undefined)
  assert.deepEqual(witness.payloads(), [])
})

test('features B12: so it is when he was away', async () => {
  const { engine, bob } = await withBob()
  bob.vanish()
  assert.notEqual(engine.broker.registry.get('bobs'), undefined)
  engine.listener.realm = engine.realm({ passwords: passwords({ alice: 'x' }) })
  engine.broker.reconfigure(engine.broker.settings)
  assert.equal(engine.broker.registry.get('bobs'), undefined)
})

test('features B12: a user with a new password is disconnected and finds his session again', async () => {
  const { engine, witness, bob } = await withBob()
  engine.listener.realm = engine.realm({ passwords: passwords({ bob: 'new' }) })
  engine.broker.reconfigure(engine.broker.settings)
  assert.equal(bob.transport.closed, true)
  assert.notEqual(engine.broker.registry.get('bobs'), undefined)
  assert.deepEqual(witness.payloads(), [])
})

test('a reload leaves everybody alone whom the new rules still admit', async () => {
  const { engine, bob, users } = await withBob()
  engine.listener.realm = engine.realm({ passwords: users })
  engine.broker.reconfigure(engine.broker.settings)
  assert.equal(bob.transport.closed, false)
})
