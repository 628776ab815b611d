// Requests: what is taken, what is filled in, and how each mistake is refused.

import assert from 'node:assert/strict'
import test from 'node:test'
import type { LoadError } from './load-error.ts'
import { parseRequest } from './request.ts'

const pairs = { kind: 'pairs', pairs: 2, qos: 1, payloadBytes: 64, window: 10 }
const least = { host: '127.0.0.1', port: 1883, protocol: 4, brokerPids: [], scenario: pairs }

const scenarios = [
  pairs,
  { kind: 'fan-in', publishers: 3, qos: 0, payloadBytes: 12, window: 1 },
  { kind: 'fan-out', subscribers: 3, qos: 2, payloadBytes: 12, window: 1 },
  { kind: 'shared', publishers: 3, consumers: 2, qos: 0, payloadBytes: 12, window: 1 },
  { kind: 'scatter', publishers: 3, topics: 300, qos: 0, payloadBytes: 12, window: 1 },
  {
    kind: 'subscriptions',
    filters: 100,
    topics: 30,
    publishers: 3,
    subscribers: 2,
    qos: 0,
    payloadBytes: 12,
    window: 1,
  },
  { kind: 'retained', messages: 100, payloadBytes: 12, repeat: 1 },
  { kind: 'connects', connections: 100, concurrency: 10, churn: false },
  { kind: 'idle', connections: 100, settleSeconds: 0 },
  { kind: 'paced', pairs: 3, rate: 100, qos: 0, payloadBytes: 12 },
  { kind: 'flood', publishers: 3, subscribers: 2, qos: 0, payloadBytes: 12, readBytesPerTick: 100 },
]

for (const scenario of scenarios) {
  test(`a request for '${scenario.kind}' is read as it is; a field more is refused`, () => {
    assert.deepEqual(parseRequest(JSON.stringify({ ...least, scenario })).scenario, scenario)
    refused({ ...least, scenario: { ...scenario, colour: 'red' } }, "'scenario' has an unknown field 'colour'")
  })
}

test('what is left out has a default', () => {
  assert.deepEqual(parseRequest(JSON.stringify(least)), {
    ...least,
    topicPrefix: 'bench',
    warmupSeconds: 1,
    seconds: 5,
  })
  const tls = { cafile: 'ca.pem' }
  assert.deepEqual(parseRequest(JSON.stringify({ ...least, tls })).tls, { cafile: 'ca.pem', resume: false })
})

test('a wrong value is refused by name, with what would be right', () => {
  refused({ ...least, port: 0 }, "'request.port' is '0'; expected 1 to 65535")
  refused({ ...least, port: '1883' }, "'request.port' is '1883'; expected a whole number from 1 to 65535")
  refused({ ...least, protocol: 3 }, "'request.protocol' is '3'; expected 4, 5")
  refused({ ...least, host: undefined }, "'request.host' is missing; expected a text")
  refused({ ...least, brokerPids: ['1'] }, "'request.brokerPids' is '[\"1\"]'; expected a list of whole numbers")
  refused({ ...least, scenario: { ...pairs, qos: 3 } }, "'scenario.qos' is '3'; expected 0, 1, 2")
  refused(
    { ...least, scenario: { ...pairs, payloadBytes: 11 } },
    "'scenario.payloadBytes' is '11'; expected 12 to 262144",
  )
  refused({ ...least, scenario: 'pairs' }, "'scenario' is 'pairs'; expected an object")
  refused({ ...least, tls: { cafile: 'a', version: '1.1' } }, "'tls.version' is '1.1'; expected 1.2, 1.3")
  refused({ ...least, speed: 1 }, "'request' has an unknown field 'speed'")
})

test('a password is never in an error', () => {
  const password = ['hunter2']
  refused({ ...least, password }, "'request.password' has a wrong type; expected a text")
})

test('what is no JSON is refused without being repeated', () => {
  assert.throws(
    () => parseRequest('{"password":"hunter2"'),
    (error: LoadError) => {
      assert.equal(error.message, 'standard input is not JSON; expected one object')
      return true
    },
  )
})

function refused(value: unknown, message: string): void {
  assert.throws(() => parseRequest(JSON.stringify(value)), {
    code: 'ERR_LOAD_REQUEST',
    message,
  } satisfies Partial<LoadError>)
}
