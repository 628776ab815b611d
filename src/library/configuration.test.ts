import assert from 'node:assert/strict'
import test from 'node:test'
import { readConfiguration } from './configuration.ts'
import { OptionsError } from './errors.ts'
import type { BrokerOptions } from './options.ts'

const refusals: readonly (readonly [what: string, options: unknown, text: RegExp])[] = [
  [
    'an unknown option',
    { max_packet_sise: 1 },
    /^option 'max_packet_sise' is not known, did you mean 'max_packet_size'\?$/,
  ],
  [
    'a value of the wrong kind',
    { persistence: 'maybe' },
    /Invalid 'persistence' value \(maybe\) \(option 'persistence'\)/,
  ],
  ['an object for a value', { persistence: {} }, /^option 'persistence' is neither a number, a boolean nor a text/],
  [
    'a line break in a value',
    { acl_file: 'a\nallow_anonymous true' },
    /option 'acl_file' is neither .* a text of one line/,
  ],
  ['a number out of range', { listeners: [{ port: 1883, max_qos: 3 }] }, /max_qos.*\(option 'max_qos' of listener 1\)/],
  ['a port that is none', { listeners: [{ port: 70_000 }] }, /^port of listener 1 is no number from 0 to 65535$/],
  [
    'an address with more in it',
    { listeners: [{ port: 1, address: 'a b' }] },
    /address of listener 1 is no text without blanks/,
  ],
  ['an option of a listener for all', { max_qos: 1 }, /^option 'max_qos' cannot stand here/],
  ['an option of the broker for one', { listeners: [{ port: 1, persistence: true }] }, /cannot stand here/],
  ['a bridge', { connection: 'b' }, /^option 'connection' cannot stand here/],
  ['the user to become', { user: 'nobody' }, /^option 'user' is for a broker that is a program of its own$/],
  ['TLS for given streams', { given: { certfile: 'c' } }, /^option 'certfile' of given is for whoever accepts/],
  ['a name out of the prototype', { constructor: 1 }, /^option 'constructor' is not known/],
  ['text and options', { conf: 'listener 1', persistence: true }, /^'conf' and 'confFile' stand alone/],
  [
    'a mistake in the text',
    { conf: 'listener 1883\nbogus 1\n' },
    /^Unknown configuration variable 'bogus' \(conf:2\)$/,
  ],
  ['a file that is not there', { confFile: '/nowhere/x.conf' }, /Unable to open config file '\/nowhere\/x\.conf'/],
]

for (const [what, options, text] of refusals) {
  test(`createBroker refuses ${what}, and names it`, () => {
    assert.throws(
      () => readConfiguration(options as BrokerOptions),
      (error: unknown) => error instanceof OptionsError && text.test(error.message),
    )
  })
}

test('all mistakes of the values are told at once', () => {
  const options = { max_packet_size: -1, listeners: [{ port: 1, max_qos: 7 }] }
  assert.throws(
    () => readConfiguration(options),
    (error: unknown) => error instanceof OptionsError && error.problems.length === 2,
  )
})

test('options are those of mosquitto.conf, by name; lists are several lines', () => {
  const { config } = readConfiguration({
    max_packet_size: 1000,
    log_type: ['error', 'warning'],
    listeners: [{ port: 0, address: '127.0.0.1', max_qos: 1 }, { path: '/tmp/x.sock' }],
  })
  const [first, second] = config.listeners
  assert.deepEqual([config.global.max_packet_size, config.global.log_type], [1000, ['error', 'warning']])
  assert.deepEqual([first?.port, first?.address, first?.max_qos], [0, '127.0.0.1', 1])
  assert.deepEqual([second?.port, second?.path, second?.max_qos], [0, '/tmp/x.sock', 2])
  assert.deepEqual(config.messages, [])
})

test('security: what holds for all is every listener’s, what one says is its alone, and nothing said is closed', () => {
  const anonymous = (options: BrokerOptions) =>
    readConfiguration(options)
      .config.listeners.slice(0, -1)
      .map(listener => listener.allow_anonymous)
  const listeners = [{ port: 1 }, { port: 2 }]
  assert.deepEqual(anonymous({ listeners }), [false, false, false, false])
  assert.deepEqual(anonymous({ listeners, allow_anonymous: true }), [true, true, true, true])
  assert.deepEqual(anonymous({ listeners: [{ port: 1, allow_anonymous: true }, { port: 2 }] }), [
    true,
    false,
    false,
    false,
  ])
  assert.deepEqual(anonymous({ listeners, given: { allow_anonymous: true } }), [false, false, true, true])
  assert.deepEqual(anonymous({ conf: 'listener 1\nallow_anonymous true' }), [true, false, false])
})

test('without a listener the broker listens nowhere, be it by options or by a text that has none', () => {
  for (const options of [{}, { conf: '' }, { conf: 'max_packet_size 100000\n' }]) {
    const { config, given, givenWebSocket, own } = readConfiguration(options)
    assert.deepEqual(config.listeners, [given, givenWebSocket, own])
    assert.deepEqual([config.localOnly, config.messages], [false, []])
  }
})
