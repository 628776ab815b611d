import assert from 'node:assert/strict'
import test from 'node:test'
import { RecordingOutlet } from '../../test/support/recording-outlet.ts'
import { noProperties, type ProtocolVersion } from '../mqtt/packet.ts'
import { encodePublish } from '../mqtt/packets/publish.ts'
import { PublishRun } from '../mqtt/publish-run.ts'
import { Message } from './message.ts'
import { Outbound } from './outbound.ts'

/** A session's outbound half, connected. */
function start(queue_qos0_messages = false) {
  const unlimited = { max_inflight_messages: 0, max_inflight_bytes: 0, max_queued_messages: 0, max_queued_bytes: 0 }
  const outbound = new Outbound({ ...unlimited, queue_qos0_messages })
  const outlet = new RecordingOutlet()
  outbound.connect(outlet, 65_535, 0)
  return { outbound, outlet }
}

/** A run of QoS 0 packets on `t`, with these payloads. */
function runOf(payloads: readonly string[], version: ProtocolVersion = 4): PublishRun {
  const bytes = payloads.map(payload =>
    encodePublish('t', Buffer.from(payload), 0, false, false, 0, noProperties, version),
  )
  const run = new PublishRun()
  const buffer = Buffer.concat(bytes)
  assert.ok(run.begin(buffer, 0, version, buffer.length))
  run.extend(payloads.length, buffer.length, buffer.length)
  assert.equal(run.count, payloads.length)
  return run
}

const [one, two] = ['3004000174' + '61', '3004000174' + '62']

test('[MQTT-4.3.1-1] a run of QoS 0 goes out in one piece, in the client’s version', () => {
  const { outbound, outlet } = start()
  assert.equal(outbound.offerRun(runOf(['a', 'b']), false), 'sent')
  outlet.protocolVersion = 5
  assert.equal(outbound.offerRun(runOf(['a', 'b']), false), 'sent')
  assert.deepEqual(outlet.sent, [`run ${one}${two}`, 'run 300500017400613005000174' + '0062'])
})

test('one packet of a run goes out as it is to a client of its version, and to no other', () => {
  const { outbound, outlet } = start()
  const run = runOf(['a', 'b'])
  run.rewind()
  for (const packet of [one, two]) {
    assert.ok(run.step())
    assert.equal(outbound.offerPacket(run), 'sent')
    assert.deepEqual(outlet.sent, [`packet ${packet}`])
  }
  outlet.protocolVersion = 5
  assert.equal(outbound.offerPacket(run), 'declined')
  assert.deepEqual(outlet.sent, [])
})

test('[MQTT-3.1.2-24] a run whose longest packet may be too large in one version or another is declined', () => {
  const { outbound, outlet } = start()
  const run = runOf(['a', 'long'])
  run.rewind()
  assert.ok(run.step())
  for (const [plainLimit, whole, first] of [
    [11, 'sent', 'sent'],
    [10, 'declined', 'sent'],
    [8, 'declined', 'sent'],
    [7, 'declined', 'declined'],
  ] as const) {
    outlet.plainLimit = plainLimit
    assert.equal(outbound.offerRun(run, false), whole)
    run.rewind()
    assert.ok(run.step())
    assert.equal(outbound.offerPacket(run), first)
  }
})

test('a run is dropped where each of its packets would be, and declined where they would wait', () => {
  for (const queue_qos0_messages of [false, true]) {
    const { outbound, outlet } = start(queue_qos0_messages)
    const run = runOf(['a', 'b'])
    run.rewind()
    assert.ok(run.step())
    outlet.writable = false
    assert.deepEqual([outbound.offerRun(run, false), outbound.offerPacket(run)], ['dropped', 'dropped'])
    outbound.disconnect()
    const away = queue_qos0_messages ? 'declined' : 'dropped'
    assert.deepEqual([outbound.offerRun(run, false), outbound.offerPacket(run)], [away, away])
    assert.deepEqual(outlet.sent, [])
  }
})

test('[MQTT-4.6.0-5] behind QoS 0 messages that still wait a run is declined, until they have gone', () => {
  const { outbound } = start(true)
  outbound.disconnect()
  const message = new Message('t', Buffer.from('waits'), 0, false, 'p')
  outbound.offer({ message, qos: 0, retain: false, subscriptionIdentifiers: undefined }, 0)
  const outlet = new RecordingOutlet()
  outlet.writable = false
  outbound.connect(outlet, 65_535, 0)
  outlet.writable = true
  assert.equal(outbound.offerRun(runOf(['a']), false), 'declined')
  outbound.pump(0)
  assert.equal(outbound.offerRun(runOf(['a']), false), 'sent')
  assert.deepEqual(outlet.sent, ['waits q0 m0', `run ${one}`])
})
