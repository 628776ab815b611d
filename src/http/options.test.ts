import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OptionValueError } from '../config/value.ts'
import { httpOptions } from './options.ts'

function listener(text: string, previous?: { port: number; address: string }) {
  return httpOptions.metrics_listener.value.parse(text, 'metrics_listener', previous, () => {})
}

function hosts(...lines: readonly string[]): readonly string[] | undefined {
  let names: readonly string[] | undefined
  for (const line of lines) names = httpOptions.metrics_host.value.parse(line, 'metrics_host', names, () => {})
  return names
}

test('metrics_listener: off unless a line asks for it, and then on the loopback address unless that names another', () => {
  assert.equal(httpOptions.metrics_listener.default, undefined)
  assert.deepEqual(listener('9883'), { port: 9883, address: '127.0.0.1' })
  assert.deepEqual(listener('9883 # for the probe'), { port: 9883, address: '127.0.0.1' })
  assert.deepEqual(listener('9883 192.0.2.1'), { port: 9883, address: '192.0.2.1' })
  assert.deepEqual(listener('9883 :: # all'), { port: 9883, address: '::' })
})

for (const [text, fault] of [
  ['', /Empty 'metrics_listener' value/],
  ['0', /between 1 and 65535/],
  ['65536', /between 1 and 65535/],
  ['localhost', /not a number/],
] as const) {
  test(`metrics_listener: '${text}' is refused`, () => {
    assert.throws(
      () => listener(text),
      error => error instanceof OptionValueError && fault.test(error.message),
    )
  })
}

test('metrics_listener: a second line is refused, as nothing would say which one holds', () => {
  assert.throws(() => listener('9883', { port: 9882, address: '127.0.0.1' }), /Duplicate 'metrics_listener' value/)
})

test('metrics_host: lines add up, in lower case, each name once', () => {
  assert.deepEqual(hosts('Metrics.Example', '192.0.2.1', '2001:DB8::1', 'metrics.example'), [
    'metrics.example',
    '192.0.2.1',
    '2001:db8::1',
  ])
})

for (const text of ['', 'metrics.example:9883', 'http://metrics.example', '[::1]', '*', 'a/b']) {
  test(`metrics_host: '${text}' is refused`, () => {
    assert.throws(() => hosts(text), OptionValueError)
  })
}
