import assert from 'node:assert/strict'
import test from 'node:test'
import { topics } from './option-values.ts'
import { TopicMap } from './topic-map.ts'

/** A map of `topic` lines, as a configuration has them. */
function mapOf(...lines: readonly string[]): TopicMap {
  const value = topics()
  return new TopicMap(lines.flatMap(line => value.parse(line, 'topic', undefined, () => {})))
}

test('mosquitto-conf 5 topic: a prefix is taken off on one side and put before on the other, in both directions', () => {
  const map = mapOf('# both 2 local/topic/ remote/topic/')
  assert.deepEqual(map.local, [{ topicFilter: 'local/topic/#', qos: 2 }])
  assert.deepEqual(map.remote, [{ topicFilter: 'remote/topic/#', qos: 2 }])
  assert.equal(map.toRemote('local/topic/a/b'), 'remote/topic/a/b')
  assert.equal(map.toLocal('remote/topic/a/b'), 'local/topic/a/b')
})

test('mosquitto-conf 5 topic: without prefixes topics keep their names', () => {
  const map = mapOf('a/+/c both 1')
  assert.equal(map.toRemote('a/b/c'), 'a/b/c')
  assert.equal(map.toLocal('a/b/c'), 'a/b/c')
})

test('mosquitto-conf 5 topic: an empty pattern maps one topic to one', () => {
  const map = mapOf('"" out 0 here there')
  assert.deepEqual(map.local, [{ topicFilter: 'here', qos: 0 }])
  assert.equal(map.toRemote('here'), 'there')
})

test('mosquitto-conf 5 topic: what no line shares in that direction has no name on the other side', () => {
  const map = mapOf('in/# in', 'out/# out')
  assert.equal(map.toRemote('in/a'), undefined)
  assert.equal(map.toLocal('out/a'), undefined)
  assert.equal(map.toLocal('elsewhere'), undefined)
  assert.equal(map.toLocal('in/a'), 'in/a')
})

test('mosquitto-conf 5 topic: of several lines that fit, the first counts', () => {
  const map = mapOf('a/# out 0 "" first/', '# out 0 "" second/')
  assert.equal(map.toRemote('a/b'), 'first/a/b')
  assert.equal(map.toRemote('b'), 'second/b')
})

test('§4.7.1.2 `a/#` matches `a`, which keeps its place on the other side', () => {
  const map = mapOf('# both 0 a/ b/c/')
  assert.equal(map.toRemote('a'), 'b/c')
  assert.equal(map.toLocal('b/c'), 'a')
  assert.equal(mapOf('# out 0 a/ ""').toRemote('a'), undefined)
})

test('[MQTT-4.7.3-3] a name that is too long with its other prefix is not shared', () => {
  const map = mapOf('# out 0 "" 0123456789/')
  assert.equal(map.toRemote('x'.repeat(65_524))?.length, 65_535)
  assert.equal(map.toRemote('x'.repeat(65_525)), undefined)
})

test('mosquitto-conf 5 bridge_attempt_unsubscribe: only what goes out and is not asked for is unsubscribed from', () => {
  const map = mapOf('a out 0 l/ r/', 'b both 0 l/ r/', 'r/b out')
  assert.deepEqual(map.notFromRemote, ['r/a'])
})

test('mosquitto-conf 5 topic: a filter that several lines name is asked for once, at the highest QoS', () => {
  assert.deepEqual(mapOf('a in 0', 'a in 2', 'a in 1').remote, [{ topicFilter: 'a', qos: 2 }])
})
