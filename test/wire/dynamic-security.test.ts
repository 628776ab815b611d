// Dynamic security on the running program: who comes in, what a change does to whom, and what survives.

import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { recover } from '../../src/dynsec/recover.ts'
import { Administrator, initialFile, pluginLines, type SentCommand, writtenFile } from '../support/administrator.ts'
import { throwawayPki } from '../support/authority.ts'
import { runBroker, startBroker } from '../support/broker-process.ts'
import { type ConnectFields, connectBytes, publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { connectRaw } from '../support/raw-client.ts'
import {
  dial,
  join,
  lasting,
  leave,
  publish,
  startWireBroker,
  subscribe,
  type WireBroker,
} from '../support/wire-broker.ts'

const notAuthorized = 0x87
const administrativeAction = 0x98
const files = { 'dynamic-security.json': initialFile }

async function start(t: TestContext, options = ''): Promise<{ broker: WireBroker; admin: Administrator }> {
  const broker = await startWireBroker(t, `${pluginLines}${options}`, files)
  return { broker, admin: await Administrator.join(t, broker) }
}

function fileOf(broker: WireBroker): string {
  return joinPath(broker.process.dir, 'dynamic-security.json')
}

const acl = (acltype: string, topic: string, allow = true) => ({ acltype, topic, allow })
/** May do everything below `name/`. */
const role = (name: string): SentCommand => ({
  command: 'createRole',
  rolename: name,
  acls: ['publishClientSend', 'publishClientReceive', 'subscribePattern'].map(type => acl(type, `${name}/#`)),
})
const client = (username: string, more: object = {}): SentCommand => ({
  command: 'createClient',
  username,
  password: username,
  ...more,
})
const as = (username: string, more: ConnectFields = {}): ConnectFields => ({ username, password: username, ...more })

async function expectRefused(t: TestContext, broker: WireBroker, fields: ConnectFields): Promise<void> {
  const stranger = await dial(t, broker, fields.version)
  stranger.send(connectBytes({ clientId: 'x', ...fields }))
  assert.equal((await stranger.expectConnack()).reasonCode, fields.version === 4 ? 5 : notAuthorized)
  await stranger.expectClosed()
}

test('features G4, G6, G7: a client that was created comes in with its password and client id alone, and may do nothing', async t => {
  const { admin, broker } = await start(t)
  await admin.do(client('u', { clientid: 'its' }))
  const user = await join(t, broker, as('u', { clientId: 'its' }))
  user.send(publishBytes({ version: 5, topic: 't', qos: 1, packetId: 1 }))
  assert.equal((await user.expectAcknowledgement('PUBACK')).reasonCode, notAuthorized)
  user.send(subscribeBytes({ version: 5, packetId: 1, subscriptions: [{ filter: 't' }] }))
  assert.deepEqual((await user.expectSuback()).reasonCodes, [notAuthorized])
  for (const version of [4, 5] as const) {
    await expectRefused(t, broker, as('u', { clientId: 'another', version }))
    await expectRefused(t, broker, { username: 'u', password: 'wrong', clientId: 'its', version })
    await expectRefused(t, broker, { username: 'nobody', password: 'u', version })
    await expectRefused(t, broker, { version })
  }
})

test('features G5: a role takes effect at once, the one it concerns is told to come back, and nobody else is disturbed', async t => {
  const { admin, broker } = await start(t)
  await admin.do(role('r'), client('u'), client('v', { roles: [{ rolename: 'r' }] }))
  const [user, other] = [await join(t, broker, as('u')), await join(t, broker, as('v'))]
  await admin.do({ command: 'addClientRole', username: 'u', rolename: 'r' })
  await user.expectDisconnect(administrativeAction)
  await other.expectNothing()
  const again = await join(t, broker, as('u'))
  await subscribe(again, 'r/#')
  await publish(other, { topic: 'r/1', payload: 'x', qos: 1 })
  assert.equal((await again.expectPublish()).payload, 'x')
})

test('features G5: with disconnect_on_role_change false the session goes on under its new rights', async t => {
  const { admin, broker } = await start(t, 'disconnect_on_role_change false\n')
  await admin.do(role('r'), client('u', { roles: [{ rolename: 'r' }] }))
  const user = await join(t, broker, as('u'))
  await subscribe(user, 'r/#')
  await admin.do({ command: 'removeClientRole', username: 'u', rolename: 'r' })
  user.send(publishBytes({ version: 5, topic: 'r/1', qos: 1, packetId: 1 }))
  assert.equal((await user.expectAcknowledgement('PUBACK')).reasonCode, notAuthorized)
  await admin.do({ command: 'addClientRole', username: 'u', rolename: 'r' })
  user.send(publishBytes({ version: 5, topic: 'r/1', qos: 1, packetId: 2 }))
  // Nobody is subscribed any more: the subscription went with the role.
  assert.equal((await user.expectAcknowledgement('PUBACK')).reasonCode, 0x10)
})

const endings: readonly (readonly [command: string, given: object])[] = [
  ['disableClient', {}],
  ['deleteClient', {}],
  ['setClientPassword', { password: 'new' }],
  ['setClientId', { clientid: 'other' }],
]

for (const [command, given] of endings) {
  test(`dynsec 5: ${command} ends a subscriber at QoS 1 at once, and nothing more reaches it`, async t => {
    const { admin, broker } = await start(t, 'disconnect_on_role_change false\n')
    await admin.do(role('r'), ...['u', 'v'].map(name => client(name, { roles: [{ rolename: 'r' }] })))
    const user = await join(t, broker, { ...lasting('c'), ...as('u') })
    await subscribe(user, 'r/#')
    const publisher = await join(t, broker, as('v'))
    await admin.do({ command, username: 'u', ...given })
    await publish(publisher, { topic: 'r/1', payload: 'secret', qos: 1 })
    await user.expectDisconnect(administrativeAction)
    await expectRefused(t, broker, as('u', { clientId: 'c' }))
  })
}

test('dynsec 5: who is enabled again finds the session and what has waited; who was deleted and made again finds nothing', async t => {
  const { admin, broker } = await start(t)
  await admin.do(role('r'), client('u', { roles: [{ rolename: 'r' }] }))
  const fields = { ...lasting('c'), ...as('u') }
  await subscribe(await join(t, broker, fields), 'r/#')
  await admin.do({ command: 'disableClient', username: 'u' }, { command: 'enableClient', username: 'u' })
  const again = await dial(t, broker)
  again.send(connectBytes(fields))
  assert.equal((await again.expectConnack()).sessionPresent, true)
  await admin.do({ command: 'deleteClient', username: 'u' }, client('u'))
  await again.expectDisconnect(administrativeAction)
  const anew = await dial(t, broker)
  anew.send(connectBytes(fields))
  assert.equal((await anew.expectConnack()).sessionPresent, false)
})

test('features G9, G11 (2): clients without a name have the rights of the anonymous group, and go when it changes', async t => {
  const { admin, broker } = await start(t, 'allow_anonymous true\n')
  await admin.do(role('r'), { command: 'createGroup', groupname: 'g', roles: [{ rolename: 'r' }] }, client('u'))
  const [nobody, user] = [await join(t, broker), await join(t, broker, as('u'))]
  await admin.do({ command: 'setAnonymousGroup', groupname: 'g' })
  await nobody.expectDisconnect(administrativeAction)
  await user.expectNothing()
  const again = await join(t, broker)
  await publish(again, { topic: 'r/1', qos: 1 })
  await expectRefused(t, broker, { username: 'named', password: 'x' })
})

test('features G11 (6): certificate users fall under it: unknown, disabled and bound to another client id are refused', async t => {
  const { server, client: device, authority } = await throwawayPki()
  const read = (path: string) => readFile(path, 'utf8')
  const tls =
    'certfile server.crt\nkeyfile server.key\ncafile ca.crt\nrequire_certificate true\nuse_identity_as_username true\n'
  const pem = {
    'server.crt': await read(server.cert),
    'server.key': await read(server.key),
    'ca.crt': await read(authority.ca.cert),
  }
  const states: readonly (readonly [entry: object | undefined, reasonCode: number])[] = [
    [undefined, notAuthorized],
    [{ username: 'user1' }, 0],
    [{ username: 'user1', disabled: true }, notAuthorized],
    [{ username: 'user1', clientid: 'c' }, 0],
    [{ username: 'user1', clientid: 'd' }, notAuthorized],
  ]
  const broker = await startWireBroker(t, `${pluginLines}${tls}`, { ...files, ...pem })
  for (const [entry, reasonCode] of states) {
    const file = JSON.parse(initialFile)
    if (entry !== undefined) file.clients.push(entry)
    await broker.process.writeFile('dynamic-security.json', JSON.stringify(file))
    await broker.process.reload(/Configuration reloaded/)
    const [ca, cert, key] = [pem['ca.crt'], await read(device.cert), await read(device.key)]
    const socket = await connectRaw(t, { port: broker.port, tls: { ca, cert, key } })
    socket.send(connectBytes({ clientId: 'c' }))
    assert.equal((await socket.expectConnack()).reasonCode, reasonCode, JSON.stringify(entry))
  }
})

test('features G10: the file is read again at SIGHUP; whoever it excludes goes, and one that is broken changes nothing', async t => {
  const { admin, broker } = await start(t)
  await admin.do(client('u'), client('v'))
  const [user, other] = [await join(t, broker, as('u')), await join(t, broker, as('v'))]
  const text = await writtenFile(broker.process.dir)
  await broker.process.writeFile('dynamic-security.json', '{"clients":')
  await broker.process.reload(/Nothing was reloaded/)
  await user.expectNothing()
  const edited = JSON.parse(text)
  edited.clients = edited.clients.filter(({ username }: { username: string }) => username !== 'u')
  await broker.process.writeFile('dynamic-security.json', JSON.stringify(edited))
  await broker.process.reload(/Configuration reloaded/)
  await user.expectDisconnect(administrativeAction)
  await other.expectNothing()
  assert.match((await admin.ask({ command: 'getClient', username: 'u' }))[0]?.error ?? '', /not found/)
})

test('features G10: an edit that is made before the file says what was answered holds, and so does that', async t => {
  const { admin, broker } = await start(t)
  const edited = JSON.parse(await readFile(fileOf(broker), 'utf8'))
  edited.clients.push({ username: 'by-hand' })
  const created = admin.do(client('u'))
  await broker.process.writeFile('dynamic-security.json', JSON.stringify(edited))
  await created
  while ((await admin.ask({ command: 'getClient', username: 'by-hand' }))[0]?.error !== undefined) await delay(20)
  await join(t, broker, as('u'))
  const { clients } = JSON.parse(await writtenFile(broker.process.dir))
  assert.deepEqual(clients.map(({ username }: { username: string }) => username).sort(), ['admin', 'by-hand', 'u'])
  await broker.process.stop()
  await assert.rejects(stat(`${fileOf(broker)}.changes`), { code: 'ENOENT' })
})

test('features G10: the file is read again when it was edited, also after the broker has written it', async t => {
  const { admin, broker } = await start(t)
  await admin.do(client('u'))
  const user = await join(t, broker, as('u'))
  const edited = JSON.parse(await writtenFile(broker.process.dir))
  edited.clients.find(({ username }: { username: string }) => username === 'u').disabled = true
  await broker.process.writeFile('dynamic-security.json', JSON.stringify(edited))
  await user.expectDisconnect(administrativeAction)
  const was = (end: string) =>
    new RegExp(
      `: Dynamic security: 2 clients, 0 groups and 1 roles from dynamic-security\\.json, which was edited${end}\\.$`,
    )
  await broker.process.waitForLine(was(''))
  edited.clients.push({ username: 'u' })
  await broker.process.writeFile('dynamic-security.json', JSON.stringify(edited))
  await broker.process.waitForLine(/: Warning: Dynamic security config: "u" a second time\.$/)
  await broker.process.waitForLine(was(', with the warnings above'))
  const from = broker.process.lines.length
  await broker.process.writeFile('dynamic-security.json', '{')
  await broker.process.waitForLine(/cannot be used: it is not JSON/, from)
  assert.equal((await admin.ask({ command: 'getClient', username: 'u' }))[0]?.error, undefined)
})

test('features G10: what was answered is in the file or its log after kill -9, and both are whole', async t => {
  const { broker } = await start(t)
  const answered: string[] = []
  const administrators = await Promise.all(['a', 'b', 'c', 'd'].map(() => Administrator.join(t, broker)))
  const enough = Promise.withResolvers<void>()
  const working = administrators.map(async (admin, i) => {
    for (let n = 0; ; n++) {
      const username = `u${i}-${n}`
      await admin.do({ command: 'createClient', username })
      answered.push(username)
      if (answered.length > 60) enough.resolve()
    }
  })
  // Each ends when the broker does.
  const ended = Promise.allSettled(working)
  await Promise.race([enough.promise, ended])
  assert.ok(answered.length > 60, 'commands were answered')
  await broker.process.crash()
  await ended
  const { clients } = recover(fileOf(broker)).state
  assert.deepEqual(
    answered.filter(username => clients.get(username) === undefined),
    [],
  )
})

test('features G3: the first start makes the file for MOSQUITTO_DYNSEC_PASSWORD, and admin may control the broker', async t => {
  const broker = await startFirst(t, { MOSQUITTO_DYNSEC_PASSWORD: 'a long password' })
  const admin = await Administrator.join(t, broker, { password: 'a long password' })
  const [details] = await admin.ask({ command: 'getDetails' })
  assert.deepEqual(details?.data, { clientCount: 1, groupCount: 1, roleCount: 7, changeIndex: 0 })
  assert.equal((await stat(fileOf(broker))).mode & 0o777, 0o600)
  assert.ok(broker.process.lines.some(line => /config not found, generating a default config\.$/.test(line)))
})

test('dynsec 2: without a password the first start makes them up, for its owner alone to read', async t => {
  const broker = await startFirst(t, {})
  const path = `${fileOf(broker)}.pw`
  const [, password] = /^admin (\S{20})$/m.exec(await readFile(path, 'utf8')) ?? []
  await Administrator.join(t, broker, { password: password ?? '' })
  assert.equal((await stat(path)).mode & 0o777, 0o600)
})

async function startFirst(t: TestContext, env: Readonly<Record<string, string | undefined>>): Promise<WireBroker> {
  const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\n${pluginLines}`
  const process = await startBroker(t, { config, env: { MOSQUITTO_DYNSEC_PASSWORD: undefined, ...env } })
  return { port: process.port, process }
}

const refusedStarts: readonly (readonly [sentence: string, config: string, file: string, message: RegExp])[] = [
  ['a short password', pluginLines, '', /Not generating dynsec config, MOSQUITTO_DYNSEC_PASSWORD must be at least 12/],
  ['a file that is broken', pluginLines, '{', /dynamic-security\.json" cannot be used: it is not JSON\./],
  [
    'no config file',
    'plugin /x/mosquitto_dynamic_security.so\n',
    '',
    /needs its config file: add `plugin_opt_config_file`/,
  ],
  ['no place for it', 'global_plugin /x/cedalo_mosquitto_ha.so\n', '', /its config file: add `persistence_location`/],
  ['another plugin', 'plugin /x/mine.so\n', '', /This 'plugin' is refused by Castellan; nothing is loaded/],
]

for (const [sentence, config, file, message] of refusedStarts) {
  test(`features G1, G3: ${sentence} ends the start, and nobody comes in`, async t => {
    const program = await runBroker(t, 'castellan', {
      config: ({ port }) => `listener ${port} 127.0.0.1\n${config}`,
      env: { MOSQUITTO_DYNSEC_PASSWORD: 'short' },
      ...(file !== '' && { files: { 'dynamic-security.json': file } }),
    })
    assert.ok(
      program.lines.some(line => message.test(line)),
      program.lines.join('\n'),
    )
  })
}

test('features G1: the high availability plugin stands for the dynamic security in it, in persistence_location, and says what is missing', async t => {
  const config = 'global_plugin /x/cedalo_mosquitto_ha.so\npersistence_location state\n'
  const broker = await startWireBroker(t, config, { 'state/dynamic-security.json': initialFile })
  const admin = await Administrator.join(t, broker)
  await admin.do(client('u'))
  await join(t, broker, as('u'))
  await expectRefused(t, broker, { username: 'u', password: 'wrong' })
  await broker.process.stop()
  assert.match(await writtenFile(joinPath(broker.process.dir, 'state')), /"u"/)
  assert.ok(
    broker.process.lines.some(line => /of cedalo_mosquitto_ha\.so dynamic security alone is built in/.test(line)),
  )
})

test('features G1: the plugins for password and ACL files are their options', async t => {
  const hash =
    '$6$D9Nz427RJ08cR3rn$NZdnllRUHPv+LRMv28neP2lzFxOjeMiXycwv75EtSCYesaC48DvYfvGimp0wS7u9j6cl14+B3EDF3CUMKB2SVw=='
  const config =
    'plugin /x/mosquitto_password_file.so\nplugin_opt_password_file pw\nplugin /x/mosquitto_acl_file.so\nplugin_opt_acl_file acl\n'
  const broker = await startWireBroker(t, config, { pw: `alice:${hash}\n`, acl: 'user alice\ntopic read t\n' })
  const alice = await join(t, broker, { username: 'alice', password: 'pw' })
  alice.send(publishBytes({ version: 5, topic: 't', qos: 1, packetId: 1 }))
  assert.equal((await alice.expectAcknowledgement('PUBACK')).reasonCode, notAuthorized)
  await expectRefused(t, broker, { username: 'alice', password: 'wrong' })
})

test('features G10: sessions that were saved have what they may have now, when the file was edited between two starts', async t => {
  const options = 'persistence true\n'
  const { admin, broker } = await start(t, options)
  await admin.do(role('r'), client('u', { roles: [{ rolename: 'r' }] }), client('v', { roles: [{ rolename: 'r' }] }))
  const fields = { ...lasting('c'), ...as('u') }
  const user = await join(t, broker, fields)
  await subscribe(user, 'r/#')
  await leave(user)
  const { dir } = broker.process
  await broker.process.stop()
  const file = JSON.parse(await readFile(fileOf(broker), 'utf8'))
  file.clients.find(({ username }: { username: string }) => username === 'u').roles = []
  await broker.process.writeFile('dynamic-security.json', JSON.stringify(file))
  const next = await startWireBroker(
    t,
    `${pluginLines.replace(' dynamic', ` ${dir}/dynamic`)}${options}persistence_location ${dir}\n`,
  )
  await publish(await join(t, next, as('v')), { topic: 'r/1', payload: 'secret', qos: 1 })
  const again = await dial(t, next)
  again.send(connectBytes(fields))
  assert.equal((await again.expectConnack()).sessionPresent, true)
  await again.expectNothing()
})
