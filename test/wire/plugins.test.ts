// The plugins that are parts of this program, as the lines of mosquitto.conf name them: whom they are for, and what they are told.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import { runBroker, startBroker } from '../support/broker-process.ts'
import { freePort } from '../support/free-port.ts'
import { sqliteSchema } from '../support/mosquitto-sqlite.ts'
import { connectBytes } from '../support/packet-bytes.ts'
import { passwordLines } from '../support/password-lines.ts'
import { dial, join, lasting, leave, publish, subscribe, type WireBroker } from '../support/wire-broker.ts'

const files = { pw: passwordLines({ user: 'secret' }), acl: 'user user\ntopic read a\n' }

test('mosquitto-conf 3 plugin_load, plugin_use: a plugin that is loaded counts where it is used, and nowhere else', async t => {
  const port = await freePort()
  const config = (place: { port: number }) => `
plugin_load passwords /usr/lib/mosquitto_password_file.so
plugin_opt_password_file pw
listener ${place.port} 127.0.0.1
allow_anonymous true
listener ${port} 127.0.0.1
plugin_use passwords
listener_allow_anonymous false
`
  const process = await startBroker(t, { config, files })
  const open: WireBroker = { port: process.port, process }
  const closed: WireBroker = { port, process }
  await join(t, open)
  await join(t, closed, { username: 'user', password: 'secret' })
  const stranger = await dial(t, closed)
  stranger.send(connectBytes({ username: 'user', password: 'wrong' }))
  assert.equal((await stranger.expectConnack()).reasonCode, 0x87)
})

test('mosquitto-conf 3 plugin_use: the lines behind it are about the plugin that was loaded', async t => {
  const config = ({ port }: { port: number }) => `
plugin_load rules /usr/lib/mosquitto_acl_file.so
listener ${port} 127.0.0.1
plugin_use rules
plugin_opt_acl_file acl
password_file pw
`
  const process = await startBroker(t, { config, files })
  const broker: WireBroker = { port: process.port, process }
  const client = await join(t, broker, { username: 'user', password: 'secret' })
  await subscribe(client, 'a')
  await publish(client, { topic: 'a' })
  await client.expectNothing()
})

const refused: readonly (readonly [lines: string, says: RegExp])[] = [
  [
    'plugin_load a /x/mosquitto_acl_file.so\nplugin_load a /x/mosquitto_acl_file.so',
    /Error: Duplicate plugin name 'a'\./,
  ],
  ['plugin_load a /x/mine.so', /Error: This 'plugin_load' is refused by Castellan; nothing is loaded into the broker/],
  ['plugin_use a', /Error: Plugin 'a' not previously loaded\./],
  ['plugin /x/mosquitto_password_file.so\nplugin_opt_file pw', /password-file: Error: Unknown option 'file'\./],
  ['plugin /x/mosquitto_acl_file.so\nplugin_opt_file pw', /acl-file: Error: Unknown option 'file'\./],
  [
    'persistence true\nglobal_plugin /x/mosquitto_persist_sqlite.so\nplugin_opt_db_file m.sqlite3',
    /Error: `persistence true` cannot be used with a persistence plugin\./,
  ],
  [
    'plugin /x/mosquitto_persist_sqlite.so\nplugin_opt_db_file m.sqlite3\nplugin_opt_sync sometimes',
    /Sqlite persistence: Invalid plugin_opt_sync value 'sometimes'\./,
  ],
  [
    'acl_file a\nplugin /x/mosquitto_acl_file.so\nplugin_opt_acl_file b',
    /Error: The rules of a listener are in one acl_file, and "a" and "b" are named\./,
  ],
  [
    'global_plugin /x/mosquitto_acl_file.so\nplugin_opt_acl_file a\nplugin /x/mosquitto_acl_file.so\nplugin_opt_acl_file b',
    /Error: The rules of a listener are in one acl_file, and "a" and "b" are named\./,
  ],
  [
    'plugin /x/cedalo_certificate_management.so',
    /Error: This 'plugin' is refused by Castellan; use `castellan ca` and `castellan cert`/,
  ],
]

for (const [lines, says] of refused) {
  test(`mosquitto-conf 6: \`${lines.replaceAll('\n', '`, `')}\` is refused`, async t => {
    const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\n${lines}\n`
    const program = await runBroker(t, 'castellan', { config })
    assert.match(program.report(), says)
    assert.equal(program.ended?.code, 3)
  })
}

test('mosquitto-conf 3 plugin_load: one that no listener uses, and plugins that do nothing as they stand, are warned of', async t => {
  const config = ({ port }: { port: number }) => `
plugin_load passwords /usr/lib/mosquitto_password_file.so
plugin_opt_password_file pw
listener ${port} 127.0.0.1
allow_anonymous true
plugin /usr/lib/mosquitto_acl_file.so
plugin /usr/lib/mosquitto_sparkplug_aware.so
retain_available false
`
  const broker = await startBroker(t, { config, files })
  await broker.waitForLine(/Warning: mosquitto_sparkplug_aware\.so keeps nothing: retain_available is false\./)
  await broker.waitForLine(/Warning: plugin_load without plugin_use: 'passwords' holds for no listener\./)
  await broker.waitForLine(/Warning: mosquitto_acl_file\.so without plugin_opt_acl_file: there are no rules/)
})

test('mosquitto-conf 6 mosquitto_persist_sqlite: sessions outlive the broker, in the store beside the database', async t => {
  const config = ({ port, dir }: { port: number; dir: string }) =>
    `listener ${port} 127.0.0.1\nallow_anonymous true\nplugin /usr/lib/mosquitto_persist_sqlite.so\nplugin_opt_db_file ${dir}/data/m.sqlite3\nplugin_opt_sync off\nplugin_opt_flush_period 5\nplugin_opt_page_size 4096\n`
  const first = await startBroker(t, { config, files: { 'data/other': '' } })
  await first.waitForLine(/mosquitto_persist_sqlite\.so stands for `persistence true`/)
  const subscriber = await join(t, { port: first.port, process: first }, lasting('lasting'))
  await subscribe(subscriber, 'a')
  await leave(subscriber)
  await publish(await join(t, { port: first.port, process: first }), { topic: 'a', qos: 1, payload: 'kept' })
  const { dir } = first
  assert.equal((await first.stop()).code, 0)
  const again = (place: { port: number }) => config({ port: place.port, dir })
  const second = await startBroker(t, { config: again })
  const back = await join(t, { port: second.port, process: second }, lasting('lasting'))
  assert.equal((await back.expectPublish()).payload, 'kept')
})

test('mosquitto-conf 6 mosquitto_persist_sqlite: its database is imported at the first start, wherever it lies', async t => {
  const directory = mkdtempSync(joinPath(tmpdir(), 'castellan-sqlite-'))
  t.after(() => rmSync(directory, { recursive: true }))
  new DatabaseSync(joinPath(directory, 'm.sqlite3')).exec(sqliteSchema)
  const config = ({ port, dir }: { port: number; dir: string }) =>
    `listener ${port} 127.0.0.1\npersistence_location ${dir}\nglobal_plugin /x/mosquitto_persist_sqlite.so\nplugin_opt_db_file ${directory}/m.sqlite3\n`
  const broker = await startBroker(t, { config })
  await broker.waitForLine(/Imported sessions: 0, .* from '.*\/m\.sqlite3'/)
  assert.ok(existsSync(joinPath(broker.dir, 'castellan-store')))
})

test('mosquitto-conf 6 mosquitto_persist_sqlite: without a database it is not active, which is said', async t => {
  const config = ({ port }: { port: number }) =>
    `listener ${port} 127.0.0.1\nallow_anonymous true\nplugin /usr/lib/mosquitto_persist_sqlite.so\n`
  const broker = await startBroker(t, { config })
  await broker.waitForLine(/Sqlite persistence plugin has no plugin_opt_db_file defined/)
})
