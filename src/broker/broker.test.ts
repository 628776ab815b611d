import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, lasting } from '../../test/support/engine.ts'

test('conf log_dest topic: what the broker publishes waits for an absent subscriber as long as it says, no longer', () => {
  const engine = new Engine()
  const reader = engine.connect('reader', lasting())
  reader.subscribe('$SYS/#')
  reader.vanish()
  engine.broker.publishOwn('$SYS/broker/log/N', Buffer.from('early'), false, 20)
  engine.pass(15_000)
  engine.broker.publishOwn('$SYS/broker/log/N', Buffer.from('late'), false, 20)
  engine.pass(5000)
  const back = engine.connect('reader', lasting())
  const { qos, retain, properties } = back.expectPublish('late')
  assert.deepEqual([qos, retain, properties.messageExpiryInterval], [2, false, 15])
  back.expectNothing()
})

test('features J4: a value of $SYS that does not change stays retained, however old', () => {
  const engine = new Engine()
  const before = engine.connect('before')
  before.subscribe('$SYS/#')
  engine.broker.publishOwn('$SYS/broker/version', Buffer.from('castellan'), true, 60)
  assert.equal(before.expectPublish('castellan').properties.messageExpiryInterval, 60)
  engine.pass(3_600_000)
  const after = engine.connect('after')
  after.subscribe('$SYS/#')
  const { retain, properties } = after.expectPublish('castellan')
  assert.deepEqual([retain, properties.messageExpiryInterval], [true, undefined])
})
