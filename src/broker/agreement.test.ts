import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, type EngineOptions } from '../../test/support/engine.ts'
import type { ListenerSettings } from './options.ts'

/** A reload changes the listener; `before` was there already. */
function reloaded(
  options: EngineOptions,
  listener: Partial<ListenerSettings>,
): { engine: Engine; before: EngineClient } {
  const engine = new Engine(options)
  const before = engine.connect('before')
  engine.listener.settings = { ...engine.listener.settings, ...listener }
  return { engine, before }
}

test('[MQTT-3.2.2-11] a lower max_qos counts for new connections: who was told otherwise may go on', () => {
  const { engine, before } = reloaded({}, { max_qos: 0 })
  assert.equal(before.subscribe('t'), 2)
  before.publish('t', 'agreed', { qos: 1 })
  assert.equal(before.expectPublish('agreed').qos, 1)
  const after = engine.connect('after')
  assert.equal(after.subscribe('u'), 0)
  after.publish('t', 'not on offer', { qos: 1 })
  after.expectClosed(0x9b)
})

test('[MQTT-3.2.2-14] retain_available false counts for new connections: who was told otherwise may go on', () => {
  const { engine, before } = reloaded({}, {})
  engine.reconfigure({ retain_available: false })
  before.publish('t', 'agreed', { retain: true })
  assert.equal(before.subscribe('t'), 2)
  before.expectPublish('agreed')
  const after = engine.connect('after')
  after.publish('t', 'not on offer', { retain: true })
  after.expectClosed(0x9a)
})

test('conf mount_point: another one counts for new connections: who is on the old one keeps its topics', () => {
  const { engine, before } = reloaded({ listener: { mount_point: 'old/' } }, { mount_point: 'new/' })
  assert.equal(before.subscribe('t'), 2)
  before.publish('t', 'to itself')
  assert.equal(before.expectPublish('to itself').topicName, 't')
  const watcher = engine.connect('watcher', {}, engine.addListener({ mount_point: undefined }))
  watcher.subscribe('#')
  before.publish('t', 'first')
  before.expectPublish('first')
  engine.connect('after').publish('t', 'second')
  assert.equal(watcher.expectPublish('first').topicName, 'old/t')
  assert.equal(watcher.expectPublish('second').topicName, 'new/t')
  assert.deepEqual(before.unsubscribe('t'), [0])
})
