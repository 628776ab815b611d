import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diffConfig, reloadRefusals } from './diff.ts'
import { option } from './option.ts'
import type { ResolvedConfig } from './resolve.ts'
import { integer, text } from './value.ts'

const table = {
  limit: option({ scope: 'global', value: integer(), default: 1, reload: 'live', doc: '' }),
  user: option({ scope: 'global', value: text(), default: 'a', reload: 'restart', doc: '' }),
  ciphers: option({ scope: 'listener', value: text(), default: 'a', reload: 'new-connections', doc: '' }),
  interface: option({ scope: 'listener', value: text(), default: 'a', reload: 'restart', doc: '' }),
}

function config(global: object, ...listeners: ({ port: number } & Record<string, unknown>)[]): ResolvedConfig {
  return {
    global: { limit: 1, user: 'a', ...global },
    listeners: listeners.map(({ port, ...rest }, line) => ({
      port,
      address: undefined,
      path: undefined,
      ciphers: 'a',
      interface: 'a',
      ...rest,
      origin: `file:${line}`,
    })),
    localOnly: false,
  }
}

test('mosquitto-conf 2: equal configurations have no changes, wherever their lines stand', () => {
  const diff = diffConfig(table, config({}, { port: 1 }, { port: 2 }), config({}, { port: 2 }, { port: 1 }))
  assert.deepEqual(diff, { live: [], newConnections: [], restart: [], listeners: [] })
  assert.deepEqual(reloadRefusals(diff), [])
})

test('mosquitto-conf 2: each change is named under the time when it takes effect', () => {
  const next = config({ limit: 2, user: 'b' }, { port: 1, ciphers: 'b' }, { port: 2, interface: 'b' })
  const diff = diffConfig(table, config({}, { port: 1 }, { port: 2 }), next)
  assert.deepEqual(diff, {
    live: ['limit'],
    newConnections: ['listener 1: ciphers'],
    restart: ['user', 'listener 2: interface'],
    listeners: [],
  })
  assert.deepEqual(reloadRefusals(diff), [
    "Error: The 'user' option cannot be changed while the broker runs; restart it instead.",
    "Error: The 'listener 2: interface' option cannot be changed while the broker runs; restart it instead.",
  ])
})

test('mosquitto-conf 2: new and removed listeners are refused; an address makes another listener', () => {
  const diff = diffConfig(table, config({}, { port: 1 }), config({}, { port: 1, address: '127.0.0.1' }))
  assert.deepEqual(diff.listeners, ['listener 1 127.0.0.1', 'listener 1'])
  assert.deepEqual(reloadRefusals(diff), [
    'Error: It is not currently possible to add/remove listeners when reloading the config file.',
    'Changed: listener 1 127.0.0.1, listener 1.',
  ])
})

test('a listener defined twice is compared twice, and a third time it is new', () => {
  const diff = diffConfig(
    table,
    config({}, { port: 1 }, { port: 1 }),
    config({}, { port: 1 }, { port: 1 }, { port: 1 }),
  )
  assert.deepEqual(diff.listeners, ['listener 1 (3)'])
})
