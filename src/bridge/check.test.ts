import assert from 'node:assert/strict'
import test from 'node:test'
import { bridgesIn } from '../../test/support/bridged-engine.ts'
import { bridgeWarnings } from './check.ts'

const bridge = 'connection b\naddress there\n'

function warnings(lines: string): readonly string[] {
  return bridgeWarnings(bridgesIn(bridge + lines))
}

test('mosquitto-conf 5 bridge_insecure: said at each start', () => {
  assert.deepEqual(warnings('topic #\nbridge_cafile ca.crt\nbridge_insecure true'), [
    'Warning: Bridge b using insecure mode.',
  ])
  assert.deepEqual(warnings('topic #'), [])
})

test('mosquitto-conf 5 bridge_session_expiry_interval: whoever relies on a queue that is not there is told', () => {
  const v5 = 'bridge_protocol_version mqttv50\n'
  assert.match(warnings(`${v5}topic # in 1`)[0] ?? '', /that takes a bridge_session_expiry_interval/)
  for (const lines of ['topic # in 1', `${v5}topic # in 0`, `${v5}topic # out 2`]) assert.deepEqual(warnings(lines), [])
  assert.deepEqual(warnings(`${v5}bridge_session_expiry_interval 60\ntopic # in 1`), [])
  assert.deepEqual(warnings(`${v5}cleansession true\ntopic # in 1`), [])
})

test('mosquitto-conf 5 notification_topic, remote_password: what cannot be is refused', () => {
  assert.throws(() => bridgesIn(`${bridge}topic #\nnotification_topic a/#`), /Invalid notification_topic 'a\/#'/)
  assert.throws(() => bridgesIn(`${bridge}topic #\nremote_password p`), /remote_password needs remote_username/)
})
