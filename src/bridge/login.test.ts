import assert from 'node:assert/strict'
import test from 'node:test'
import { bridgesIn } from '../../test/support/bridged-engine.ts'
import type { Connect } from '../mqtt/packet.ts'
import { identityOf } from './identity.ts'
import { humblerDialect, localConnect, preferredDialect, remoteConnect } from './login.ts'
import type { BridgeSettings } from './options.ts'

const limits = {
  max_packet_size: 2_000_000,
  max_inflight_messages: 20,
  max_topic_levels: 200,
  max_keepalive: 0,
  retain_available: true,
}

function settingsOf(lines: string): BridgeSettings {
  const [settings] = bridgesIn(`connection b\naddress there\ntopic #\n${lines}`)
  assert.ok(settings)
  return settings
}

function remote(lines: string, own: Partial<typeof limits> = {}): Connect {
  const settings = settingsOf(lines)
  return remoteConnect(settings, identityOf(settings, 'host'), preferredDialect(settings), { ...limits, ...own })
}

function local(lines: string): Connect {
  const settings = settingsOf(lines)
  return localConnect(settings, identityOf(settings, 'host'), preferredDialect(settings).version, limits, 7)
}

test('mosquitto-conf 5 remote_clientid, local_clientid: made of host and bridge unless they are set', () => {
  assert.deepEqual([remote('').clientId, local('').clientId], ['host.b', 'local.host.b'])
  assert.deepEqual([remote('clientid x').clientId, local('remote_clientid x').clientId], ['x', 'local.x'])
  assert.equal(local('local_clientid y').clientId, 'y')
})

test('mosquitto-conf 5 cleansession, local_cleansession: each session starts clean where it is said, here as there unless it is', () => {
  const both = (lines: string) => [remote(lines).cleanStart, local(lines).cleanStart]
  assert.deepEqual(both(''), [false, false])
  assert.deepEqual(both('cleansession true'), [true, true])
  assert.deepEqual(both('cleansession true\nlocal_cleansession false'), [true, false])
  assert.deepEqual(both('local_cleansession true'), [false, true])
})

test('mosquitto-conf 5 remote_username, remote_password: shown to the other broker alone', () => {
  const lines = 'username u\npassword p'
  assert.deepEqual([remote(lines).username, Buffer.from(remote(lines).password ?? []).toString()], ['u', 'p'])
  assert.deepEqual([local(lines).username, local(lines).password], [undefined, undefined])
  assert.deepEqual([remote('').username, remote('').password], [undefined, undefined])
})

test('mosquitto-conf 5 keepalive_interval: as it is set, or as this broker allows its clients', () => {
  assert.deepEqual([remote('').keepAlive, remote('keepalive_interval 5').keepAlive], [60, 5])
  assert.equal(remote('', { max_keepalive: 30 }).keepAlive, 30)
})

test('mosquitto-conf 5 bridge_protocol_version: MQTT 3.1.1 unless it is set, and bit 7 before MQTT 5 alone', () => {
  const shown = (lines: string) => [remote(lines).protocolVersion, remote(lines).bridge]
  assert.deepEqual(shown(''), [4, true])
  assert.deepEqual(shown('bridge_protocol_version mqttv31'), [3, true])
  assert.deepEqual(shown('bridge_protocol_version mqttv50'), [5, false])
  assert.deepEqual(shown('try_private false'), [4, false])
})

test('mosquitto-conf 5: what the other broker is told with MQTT 5, and only with it', () => {
  const v5 = 'bridge_protocol_version mqttv50\n'
  assert.deepEqual(remote(v5).properties, { receiveMaximum: 20, maximumPacketSize: 2_000_000, topicAliasMaximum: 10 })
  assert.equal(remote(`${v5}bridge_receive_maximum 5`).properties.receiveMaximum, 5)
  assert.equal(remote(`${v5}bridge_receive_maximum 500`).properties.receiveMaximum, 20)
  assert.equal(remote(`${v5}bridge_max_topic_alias 0`).properties.topicAliasMaximum, undefined)
  const lasting = `${v5}bridge_session_expiry_interval 60\n`
  assert.equal(remote(lasting).properties.sessionExpiryInterval, 60)
  assert.equal(remote(`${lasting}cleansession true`).properties.sessionExpiryInterval, undefined)
  assert.deepEqual(remote('bridge_receive_maximum 5').properties, {})
})

test('§3.1.2.11 this broker is told how much the other one takes at a time, and keeps the session', () => {
  assert.deepEqual(local('bridge_protocol_version mqttv50').properties, {
    sessionExpiryInterval: 0xffff_ffff,
    receiveMaximum: 7,
  })
})

test('mosquitto-conf 5 try_private: after refusals first the version becomes less, then the bit goes', () => {
  const settings = settingsOf('bridge_protocol_version mqttv50')
  const second = humblerDialect(preferredDialect(settings), settings)
  assert.deepEqual(second, { version: 4, isPrivate: true })
  const third = second && humblerDialect(second, settings)
  assert.deepEqual(third, { version: 4, isPrivate: false })
  assert.equal(third && humblerDialect(third, settings), undefined)
})
