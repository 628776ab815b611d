import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOwnName } from './host-names.ts'

const own: readonly (readonly [host: string, localAddress: string])[] = [
  ['localhost', '127.0.0.1'],
  ['LOCALHOST:9883', '127.0.0.1'],
  ['127.0.0.1:9883', '127.0.0.1'],
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]:9883', '::1'],
  ['[::1]', '::1'],
  ['192.0.2.7:9883', '::ffff:192.0.2.7'],
  ['metrics.example:9883', '192.0.2.7'],
  ['[2001:db8::1]', '192.0.2.7'],
]

const foreign: readonly (readonly [host: string, localAddress: string])[] = [
  ['', '127.0.0.1'],
  ['evil.example', '127.0.0.1'],
  ['localhost.evil.example', '127.0.0.1'],
  ['evil.example:127', '127.0.0.1'],
  ['127.0.0.1.evil.example', '127.0.0.1'],
  ['127.0.0.2', '127.0.0.1'],
  ['evil@localhost', '127.0.0.1'],
  ['localhost/evil.example', '127.0.0.1'],
  ['localhost:9883:1', '127.0.0.1'],
  ['[localhost]', '127.0.0.1'],
  ['[::1', '::1'],
  ['metrics.example.', '192.0.2.7'],
]

const names = ['metrics.example', '2001:db8::1']

for (const [host, localAddress] of own) {
  test(`metrics_host: ${host} is a name of the listener on ${localAddress}`, () => {
    assert.equal(isOwnName(host, localAddress, names), true)
  })
}

for (const [host, localAddress] of foreign) {
  test(`metrics_host: '${host}' is no name of the listener on ${localAddress}`, () => {
    assert.equal(isOwnName(host, localAddress, names), false)
  })
}
