import assert from 'node:assert/strict'
import test from 'node:test'
import { BridgeLines, bridgeNames } from './bridge-lines.ts'

test('mosquitto-conf 5 connection: each name once, up to the first space', () => {
  const value = bridgeNames()
  const one = value.parse('a b', 'connection', undefined, () => {})
  const two = value.parse('b', 'connection', one, () => {})
  assert.deepEqual(
    two.map(({ name }) => name),
    ['a', 'b'],
  )
  assert.throws(
    () => value.parse('a', 'connection', two, () => {}),
    /^OptionValueError: Error: Duplicate bridge name 'a'\.$/,
  )
  assert.throws(() => value.parse('', 'connection', two, () => {}), /Error: Empty 'connection' value/)
})

test('secrets of a bridge are not shown, the rest of its lines is', () => {
  const bridge = new BridgeLines('b')
  const lines = { remote_username: 'u', remote_password: 'hidden', local_password: 'hidden', bridge_psk: 'hidden' }
  for (const [option, value] of Object.entries(lines)) bridge.options.set(option, value)
  const secret = '***'
  assert.deepEqual(JSON.parse(JSON.stringify(bridge)), {
    name: 'b',
    remote_username: 'u',
    remote_password: secret,
    local_password: secret,
    bridge_psk: secret,
  })
})
