// Lines of mosquitto.conf and what they belong to, as mosquitto-conf sections 1 and 3 say.

import assert from 'node:assert/strict'
import test from 'node:test'
import type { ConfigFiles } from '../config/config-files.ts'
import { options } from '../server/options.ts'
import { type Configuration, mostLines, readConfiguration } from './configuration.ts'

function read(files: Readonly<Record<string, string>>): Configuration {
  const disk: ConfigFiles = {
    read: path => (files[path] === undefined ? 'unreadable' : Buffer.from(files[path])),
    list: directory =>
      Object.keys(files)
        .filter(path => path.startsWith(`${directory}/`))
        .map(path => path.slice(directory.length + 1)),
  }
  return readConfiguration('main', options, disk)
}

test('mosquitto-conf 1: listener options belong to the listener above, in the order of the files', () => {
  const { listeners } = read({
    main: 'listener 1883 127.0.0.1\nprotocol websockets\ninclude_dir conf.d\nrequire_certificate true\n',
    'conf.d/b.conf': 'listener 8884\n',
    'conf.d/a.conf': 'listener 8883\ncertfile x\nkeyfile y\n',
    'conf.d/not-read.txt': 'listener 1\n',
  })
  assert.deepEqual(
    listeners.map(({ name, protocol, isTls }) => [name, protocol, isTls]),
    [
      ['listener 1883 127.0.0.1', 'websockets', false],
      ['listener 8883', 'mqtt', true],
      ['listener 8884', 'mqtt', false],
    ],
  )
  assert.deepEqual(
    listeners.map(listener => listener.isOn('require_certificate')),
    [true, false, false],
    'the main file goes on where it was',
  )
})

test('mosquitto-conf 1: `port`, `bind_address` and options without a listener make the default one', () => {
  const { listeners } = read({ main: 'certfile x\nport 8883\nbind_address ::1\n' })
  assert.deepEqual(
    listeners.map(({ port, address, isLocal }) => ({ port, address, isLocal })),
    [{ port: 8883, address: '::1', isLocal: true }],
  )
})

test('mosquitto-conf 4: where other machines reach a listener', () => {
  const local = (line: string) => read({ main: `${line}\n` }).listeners[0]?.isLocal
  for (const line of [
    'listener 1 127.0.0.53',
    'listener 1 localhost',
    'listener 0 /run/x',
    'listener 1\nbind_interface lo',
  ])
    assert.equal(local(line), true, line)
  for (const line of ['listener 1', 'listener 1 0.0.0.0', 'listener 1 127.0.0.1.example.org', 'listener 1 # local'])
    assert.equal(local(line), false, line)
})

test('features A6: security options hold for all listeners, or with per_listener_settings for the one above', () => {
  const lines = 'listener 1883\nallow_anonymous true\nlistener 1884\n'
  const all = read({ main: lines })
  assert.deepEqual(
    all.listeners.map(listener => all.allowsAnonymous(listener)),
    [true, true],
  )
  assert.deepEqual(
    all.belowListeners.map(({ name, line }) => [name, line]),
    [['allow_anonymous', 2]],
  )
  const each = read({ main: `per_listener_settings true\n${lines}` })
  assert.deepEqual(
    each.listeners.map(listener => each.allowsAnonymous(listener)),
    [true, false],
  )
  assert.deepEqual(each.belowListeners, [])
})

test('mosquitto-conf 1: aliases are the option that they stand for; plugin_opt_ and auth_opt_ lines are of the plugin above', () => {
  const { plugins, globals, hasOwnOptions } = read({
    main: 'auth_plugin /a.so\nauth_opt_one 1\nplugin_load name /b.so\nplugin_opt_two 2\nretained_persistence true\n',
  })
  assert.deepEqual(
    plugins.map(plugin => [plugin.path, plugin.settings.map(({ key, value }) => `${key}=${value}`)]),
    [
      ['/a.so', ['one=1']],
      ['/b.so', ['two=2']],
    ],
  )
  assert.equal(globals.isOn('persistence'), true)
  assert.equal(hasOwnOptions, false)
})

test('mosquitto-conf 1: bridge options belong to the connection above; what nobody knows is a line like any other', () => {
  const { bridges, settings } = read({ main: 'connection a\naddress x\nconnection b\naddress y\nbogus 1\n' })
  assert.deepEqual(
    bridges.map(bridge => [bridge.place.value, bridge.last('address')?.value]),
    [
      ['a', 'x'],
      ['b', 'y'],
    ],
  )
  assert.equal(settings.at(-1)?.key, 'bogus')
})

test('cli section 6: a huge file is read up to a limit', () => {
  const { settings } = read({ main: 'log_type error\n'.repeat(mostLines + 1) })
  assert.equal(settings.length, mostLines)
})
