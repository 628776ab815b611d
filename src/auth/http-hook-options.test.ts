import assert from 'node:assert/strict'
import test from 'node:test'
import type { OptionTable } from '../config/option.ts'
import { authOrderOptions, orderFault } from './auth-order.ts'
import { type HttpHookSettings, httpHookFault, httpHookOptions } from './http-hook-options.ts'

function defaults(table: OptionTable): object {
  return Object.fromEntries(Object.entries(table).map(([name, { default: value }]) => [name, value]))
}

const noHook = defaults(httpHookOptions) as HttpHookSettings

const hooks: readonly (readonly [what: string, Partial<HttpHookSettings>, RegExp | undefined])[] = [
  ['no hook', {}, undefined],
  ['https', { auth_http_url: 'https://hook.example/' }, undefined],
  ['http on this machine', { auth_http_url: 'http://127.0.0.1:8080/' }, undefined],
  ['http on this machine, by IPv6', { auth_http_url: 'http://[::1]:8080/' }, undefined],
  ['http elsewhere', { auth_http_url: 'http://hook.example/' }, /has to be https/],
  [
    'http to a name that only begins like this machine',
    { auth_http_url: 'http://localhost.example/' },
    /has to be https/,
  ],
  [
    'http elsewhere, and said so',
    { auth_http_url: 'http://hook.example/', auth_http_send_passwords_unencrypted: true },
    undefined,
  ],
  ['a secret without a hook', { auth_http_secret_file: 's' }, /need auth_http_url/],
  ['an authority without a hook', { auth_http_cafile: 's' }, /need auth_http_url/],
]

for (const [what, settings, fault] of hooks) {
  test(`features K6: options of the hook: ${what}: ${fault === undefined ? 'can be' : 'refused'}`, () => {
    const found = httpHookFault({ ...noHook, ...settings })
    if (fault === undefined) assert.equal(found, undefined)
    else assert.match(found ?? '', fault)
  })
}

test('features K6: auth_order leaves out nobody whom the listener has', () => {
  assert.equal(orderFault(['http', 'password-file'], ['password-file']), undefined)
  assert.match(orderFault(['http'], ['http', 'password-file']) ?? '', /leaves out password-file/)
})

const tables = { ...authOrderOptions, ...httpHookOptions }

function parse(name: keyof typeof tables, value: string): unknown {
  return tables[name].value.parse(value, name, undefined, () => {})
}

const refused: readonly (readonly [name: keyof typeof tables, value: string])[] = [
  ['auth_order', 'http tokens'],
  ['auth_order', 'http, http'],
  ['auth_order', ' , '],
  ['auth_http_url', 'ftp://hook.example/'],
  ['auth_http_url', 'https://user:secret@hook.example/'],
  ['auth_http_url', 'hook.example'],
  ['auth_http_timeout', '0'],
  ['auth_http_connections', '257'],
  ['auth_http_cache_seconds', '0'],
]

for (const [name, value] of refused) {
  test(`features K6: '${name} ${value}' is refused`, () => {
    assert.throws(() => parse(name, value), { code: 'ERR_CONFIG_VALUE' })
  })
}

test('features K6: values that are right are read', () => {
  assert.deepEqual(parse('auth_order', 'http, dynamic-security password-file'), [
    'http',
    'dynamic-security',
    'password-file',
  ])
})
