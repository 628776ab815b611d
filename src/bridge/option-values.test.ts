import assert from 'node:assert/strict'
import test from 'node:test'
import type { Value } from '../config/value.ts'
import { addresses, atLeast, restartTimeout, sessionExpiry, tcpKeepAlive, topics } from './option-values.ts'

function read<T>(value: Value<T>, text: string, previous?: T): { value: T; warnings: string[] } {
  const warnings: string[] = []
  return { value: value.parse(text, 'option', previous, line => warnings.push(line)), warnings }
}

test('mosquitto-conf 5 address: hosts with and without a port, up to a comment', () => {
  assert.deepEqual(read(addresses(), 'a.example b.example:8883 ::1:1884 [::2]:1885 # c').value, [
    { host: 'a.example', port: 1883 },
    { host: 'b.example', port: 8883 },
    { host: '::1', port: 1884 },
    { host: '::2', port: 1885 },
  ])
})

test('mosquitto-conf 5 address: ports outside 1 to 65535, no address and a second line are refused', () => {
  assert.throws(() => read(addresses(), 'a:0'), /^OptionValueError: Error: Invalid port value \(0\)\.$/)
  assert.throws(() => read(addresses(), 'a:65536'), /Invalid port value \(65536\)/)
  assert.throws(() => read(addresses(), 'a:x'), /value not a number/)
  assert.throws(() => read(addresses(), ':1883'), /Invalid address ':1883'/)
  assert.throws(() => read(addresses(), '::1'), /Invalid address '::1'; an IPv6 address needs its port/)
  assert.throws(() => read(addresses(), '# a'), /Empty 'option' value/)
  assert.throws(() => read(addresses(), 'b', [{ host: 'a', port: 1 }]), /Duplicate 'bridge address' value/)
})

test('mosquitto-conf 5 topic: direction and QoS have defaults, and quotes keep spaces and emptiness', () => {
  const [plain] = read(topics(), '#').value
  assert.deepEqual(plain, { pattern: '#', direction: 'out', qos: 0, localPrefix: '', remotePrefix: '' })
  const [full] = read(topics(), '"a b/+" BOTH 2 "" "r s/"').value
  assert.deepEqual(full, { pattern: 'a b/+', direction: 'both', qos: 2, localPrefix: '', remotePrefix: 'r s/' })
  const [commented] = read(topics(), 'a in # 2 l/ r/').value
  assert.deepEqual(commented, { pattern: 'a', direction: 'in', qos: 0, localPrefix: '', remotePrefix: '' })
})

test("mosquitto-conf 5 topic: what is none is refused in Mosquitto's words", () => {
  const refusals: readonly (readonly [string, RegExp])[] = [
    ['a sideways', /Error: Invalid bridge topic direction 'sideways'\.$/],
    ['a out 3', /Error: Invalid bridge QoS level '3'\.$/],
    ['a out 0 l/#', /Error: Invalid bridge topic local prefix 'l\/#'\.$/],
    ['a out 0 "" r/+/', /Error: Invalid bridge topic remote prefix 'r\/\+\/'\.$/],
    ['#/a', /Error: Invalid bridge topic local prefix and pattern combination '#\/a'\.$/],
    ['"" out 0 l', /Error: Invalid bridge remapping\.$/],
    ['""', /Error: Invalid bridge remapping\.$/],
    ['$share/g/a in', /pattern combination '\$share\/g\/a'/],
    ['"a', /Missing closing quote/],
    ['', /Empty 'option' value/],
  ]
  for (const [text, refusal] of refusals) assert.throws(() => read(topics(), text), refusal, text)
})

test('mosquitto-conf 5 restart_timeout: a constant, or base and cap, and the time after which it begins anew', () => {
  assert.deepEqual(read(restartTimeout(), '20').value, { base: 20, cap: undefined, stable: 0 })
  assert.deepEqual(read(restartTimeout(), '10 30').value, { base: 10, cap: 30, stable: 0 })
  assert.deepEqual(read(restartTimeout(), '10 30 60').value, { base: 10, cap: 30, stable: 60 })
})

test('mosquitto-conf 5 restart_timeout: below 1 it is raised with a warning; other ranges are refused', () => {
  const { value, warnings } = read(restartTimeout(), '0')
  assert.deepEqual([value.base, warnings], [1, ['restart_timeout interval too low, using 1 second.']])
  assert.throws(() => read(restartTimeout(), '10 5'), /Error: backoff cap is lower than the base in restart_timeout\.$/)
  assert.throws(() => read(restartTimeout(), '3601'), /at most 3600/)
  assert.throws(() => read(restartTimeout(), '10 7201'), /at most 7200/)
  assert.throws(() => read(restartTimeout(), ''), /Error: Empty restart_timeout value in configuration\.$/)
})

test('mosquitto-conf 5 keepalive_interval: a number that is too low is raised, and a warning says so', () => {
  const value = atLeast(5, 'too low')
  assert.deepEqual(read(value, '4'), { value: 5, warnings: ['too low'] })
  assert.deepEqual(read(value, '5'), { value: 5, warnings: [] })
})

test('mosquitto-conf 5 bridge_tcp_keepalive: three numbers above 0 that the system takes', () => {
  assert.deepEqual(read(tcpKeepAlive(), '60 10 3').value, { idle: 60, interval: 10, count: 3 })
  assert.throws(() => read(tcpKeepAlive(), '60 10'), /needs three numbers above 0/)
  assert.throws(() => read(tcpKeepAlive(), '60 0 3'), /needs three numbers above 0/)
  assert.deepEqual(read(tcpKeepAlive(), '32767 32767 127').value, { idle: 32_767, interval: 32_767, count: 127 })
  assert.throws(() => read(tcpKeepAlive(), '32768 1 1'), /at most 32767 seconds and 127 probes/)
  assert.throws(() => read(tcpKeepAlive(), '1 1 128'), /at most 32767 seconds and 127 probes/)
})

test('mosquitto-conf 5 bridge_session_expiry_interval: seconds, and 4294967295 for ever', () => {
  assert.equal(read(sessionExpiry(), '3600').value, 3600)
  assert.equal(read(sessionExpiry(), '4294967295').value, 0xffff_ffff)
  assert.throws(() => read(sessionExpiry(), '-1'), /must not be negative/)
})
