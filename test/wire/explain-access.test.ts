// `explainAccess` of `$CONTROL/broker/v1`, and `castellan acl check` of a running broker: what is told is what is decided.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { acl } from '../../src/cli/acl/acl.ts'
import { ctl } from '../../src/cli/ctl/ctl.ts'
import { initialFile, pluginLines } from '../support/administrator.ts'
import { Authority } from '../support/authority.ts'
import { runCommand } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { connectBytes, publishBytes } from '../support/packet-bytes.ts'
import { passwordLines } from '../support/password-lines.ts'
import { connectRaw } from '../support/raw-client.ts'
import { join, startWireBroker, subscribe, type WireBroker } from '../support/wire-broker.ts'

const notAuthorized = 0x87
const aclText = `topic read news

user admin
topic readwrite $CONTROL/broker/#

user device
topic a/#
topic deny a/secret

pattern write up/%c
`
const files = { acl: aclText, pw: passwordLines({ admin: 'pw', device: 'pw' }) }
const config = 'enable_control_api true\npassword_file pw\nacl_file acl\nallow_anonymous true\n'

function check(broker: WireBroker, ...args: readonly string[]) {
  const env = { PASSWORD: 'pw' }
  const login = ['--url', `mqtt://127.0.0.1:${broker.port}`, '-u', 'admin', '--password-env', 'PASSWORD']
  return runCommand(acl, ['check', ...args, ...login], '', env)
}

test('cli 2: acl check asks a running broker, for who is connected and for who is not', async t => {
  const broker = await startWireBroker(t, config, files)
  const device = await join(t, broker, { clientId: 'c1', username: 'device', password: 'pw' })
  for (const [topic, id, allowed, rule] of [
    ['a/x', 'c1', true, /acl:7 {2}topic readwrite a\/# {2}of user 'device'/],
    ['a/secret', 'c1', false, /acl:8 {2}topic deny a\/secret/],
    ['up/c1', 'c1', true, /acl:10 {2}pattern write up\/%c/],
    ['up/c1', 'away', false, /no line of 'acl' allows it/],
    ['up/away', 'away', true, /acl:10 {2}pattern write up\/%c/],
  ] as const) {
    const { code, stdout, stderr } = await check(broker, 'device', 'publish', topic, '--id', id)
    assert.deepEqual([code, stderr], [allowed ? 0 : 1, ''], topic)
    assert.match(stdout, rule)
    assert.equal(/^ {2}note {3}the client is connected, as 'device'$/m.test(stdout), id === 'c1')
    if (id !== 'c1') continue
    device.send(publishBytes({ version: 5, topic, payload: 'x', qos: 1, packetId: 1 }))
    const { reasonCode } = await device.expectAcknowledgement('PUBACK')
    assert.equal(reasonCode === notAuthorized, !allowed, `the broker decides alike about ${topic}`)
  }
})

test('explainAccess: a connected client is asked about by its id alone, and the log says who asked', async t => {
  const broker = await startWireBroker(t, config, files)
  await join(t, broker, { clientId: 'c1', username: 'device', password: 'pw' })
  const ask = (...args: readonly string[]) =>
    runCommand(ctl, [
      '-p',
      String(broker.port),
      '-i',
      'ctl',
      '-u',
      'admin',
      '-P',
      'pw',
      '-o',
      'json',
      'broker',
      'explainAccess',
      ...args,
    ])
  const told = JSON.parse((await ask('-', 'publish', 'a/x', 'c1')).stdout).data
  assert.deepEqual(told.client, { username: 'device', clientid: 'c1', connected: true, roles: [], groups: [] })
  assert.deepEqual([told.answers.length, told.answers[0].allowed], [1, true])
  await broker.process.waitForLine(
    /broker: ctl\/admin \| explainAccess \| username=none \| clientid=c1 \| action=publish \| topic=a\/x$/,
  )
  const other = JSON.parse((await ask('admin', 'publish', 'a/x', 'c1')).stdout).data
  assert.deepEqual([other.client.username, other.client.connected, other.answers[0].allowed], ['admin', false, false])
  const nobody = JSON.parse((await ask('-', 'receive', 'news')).stdout).data
  assert.deepEqual([nobody.client.username, nobody.answers[0].allowed], [undefined, true])
})

test('explainAccess is refused to whoever has no right to it, and what nobody can ask is no answer', async t => {
  const broker = await startWireBroker(t, config, files)
  const device = await join(t, broker, { clientId: 'c1', username: 'device', password: 'pw' })
  const payload = '{"commands":[{"command":"explainAccess","username":"admin","action":"publish","topic":"t"}]}'
  device.send(publishBytes({ version: 5, topic: '$CONTROL/broker/v1', payload, qos: 1, packetId: 1 }))
  assert.equal((await device.expectAcknowledgement('PUBACK')).reasonCode, notAuthorized)
  await device.expectNothing()
  const ask = (...args: readonly string[]) =>
    runCommand(ctl, ['-p', String(broker.port), '-u', 'admin', '-P', 'pw', 'broker', 'explainAccess', ...args])
  assert.match((await ask('device', 'fly', 't')).stderr, /^explainAccess: Error: Invalid\/missing action\n$/)
  assert.match((await ask('device', 'publish', 'a/#')).stderr, /^explainAccess: Error: Invalid topic\n$/)
  const printed = await ask('device', 'publish', 'a/secret')
  assert.match(printed.stdout, /^ {2}DENY {3}decided by {2}acl:8 {2}topic deny a\/secret {2}of user 'device'\n/)
  const unreachable = await runCommand(acl, ['check', 'u', 'publish', 't', '--unix', '/nowhere.sock'])
  assert.deepEqual([unreachable.code, unreachable.stdout], [2, ''])
})

test('explainAccess: dynamic security answers by the rules in force, from the next question on', async t => {
  const broker = await startWireBroker(t, `enable_control_api true\n${pluginLines}`, {
    'dynamic-security.json': initialFile,
  })
  const login = ['-p', String(broker.port), '-u', 'admin', '-P', 'adminpw', 'dynsec']
  for (const command of [
    'addRoleACL admin publishClientSend $CONTROL/broker/# allow',
    'addRoleACL admin publishClientReceive $CONTROL/broker/# allow',
    'addRoleACL admin subscribePattern $CONTROL/broker/# allow',
    'createRole sensor',
    'addRoleACL sensor publishClientSend sensors/%c/up allow',
    'createGroup devices',
    'addGroupRole devices sensor',
    'createClient device-17 -p pw',
    'addGroupClient devices device-17',
  ]) {
    assert.equal((await runCommand(ctl, [...login, ...command.split(' ')])).code, 0, command)
  }
  const told = async (topic: string) => {
    const args = ['-p', String(broker.port), '-u', 'admin', '--password-env', 'PASSWORD']
    const { stdout } = await runCommand(acl, ['check', 'device-17', 'publish', topic, ...args], '', {
      PASSWORD: 'adminpw',
    })
    return stdout.split('\n')[0]
  }
  const rule = "role 'sensor' acl #1 (priority 0): publishClientSend allow sensors/%c/up  via group 'devices'"
  assert.equal(await told('sensors/device-17/up'), `  ALLOW  decided by  ${rule}`)
  assert.equal(await told('sensors/device-18/up'), '  DENY   decided by  default access: publishClientSend deny')
  assert.equal((await runCommand(ctl, [...login, 'disableClient', 'device-17'])).code, 0)
  assert.equal(await told('sensors/device-17/up'), "  DENY   decided by  the client 'device-17' is disabled")
})

test('cli 2: acl check --as-cert, --ip and --qos of a running broker foretell what it does to who comes so', async t => {
  const authority = await Authority.create()
  const [server, sensor] = await Promise.all([
    authority.issueServer(),
    authority.issue({ subject: '/OU=Line 2/CN=s7', extensions: [] }),
  ])
  const plain = await freePort()
  const config = `enable_control_api true
ban_file bans.json
${pluginLines}certfile server.crt
keyfile server.key
cafile ca.crt
require_certificate true
use_identity_as_username true
certificate_role plant subject.OU=Line 2
max_qos 1

listener ${plain} 127.0.0.1
`
  const security = JSON.parse(initialFile)
  const onBroker = (acltype: string) => ({ acltype, topic: '$CONTROL/broker/#', allow: true })
  security.roles[0].acls.push(...['publishClientSend', 'publishClientReceive', 'subscribePattern'].map(onBroker))
  const acls = [{ acltype: 'publishClientSend', topic: 'plant/%{cert.cn}/#', allow: true }]
  security.roles.push({ rolename: 'plant', acls })
  const broker = await startWireBroker(t, config, {
    'server.crt': readFileSync(server.cert, 'utf8'),
    'server.key': readFileSync(server.key, 'utf8'),
    'ca.crt': readFileSync(authority.ca.cert, 'utf8'),
    'dynamic-security.json': JSON.stringify(security),
  })
  const login = ['-p', String(plain), '-u', 'admin', '--password-env', 'PASSWORD']
  const env = { PASSWORD: 'adminpw' }
  const check = (topic: string, ...args: readonly string[]) =>
    runCommand(acl, ['check', '-', 'publish', topic, '--id', 'c7', ...args, ...login], '', env)
  const onTls = ({ stdout }: { readonly stdout: string }) =>
    stdout.split(/^(?=listener)/m).find(part => part.includes(`:${broker.port}:`)) ?? stdout
  const asCert = ['--as-cert', sensor.cert]

  const tls = { ca: readFileSync(authority.ca.cert), cert: readFileSync(sensor.cert), key: readFileSync(sensor.key) }
  const client = await connectRaw(t, { port: broker.port, tls: { ...tls, servername: 'localhost' } })
  client.send(connectBytes({ clientId: 'c7' }))
  assert.equal((await client.expectConnack()).reasonCode, 0)
  for (const [index, topic] of ['plant/s7/up', 'plant/s8/up'].entries()) {
    const told = onTls(await check(topic, ...asCert, '--qos', '1'))
    client.send(publishBytes({ version: 5, topic, qos: 1, packetId: index + 1 }))
    const { reasonCode } = await client.expectAcknowledgement('PUBACK')
    assert.match(
      told,
      reasonCode === notAuthorized ? /^ {2}DENY /m : /^ {2}ALLOW {2}decided by {2}role 'plant' acl #1/m,
    )
    assert.match(told, /by this certificate \(cn\) the user name is 's7'\n/)
  }
  assert.match(onTls(await check('plant/s7/up', ...asCert, '--qos', '2')), /decided by {2}max_qos 1 of the listener/)
  client.send(publishBytes({ version: 5, topic: 'plant/s7/up', qos: 2, packetId: 9 }))
  await client.expectDisconnect(0x9b)

  const ban = ['createBan', 'address', '192.0.2.7', 'never', 'noise']
  const ctlLogin = ['-p', String(plain), '-u', 'admin', '-P', 'adminpw']
  assert.equal((await runCommand(ctl, [...ctlLogin, 'broker', ...ban])).code, 0)
  const banned = onTls(await check('plant/s7/up', ...asCert, '--ip', '192.0.2.7'))
  assert.match(banned, /decided by {2}the address '192\.0\.2\.7' is banned: noise\n/)
  assert.match(onTls(await check('plant/s7/up', ...asCert, '--ip', '192.0.2.8')), /^ {2}ALLOW /m)
})

test('explainAccess: a certificate, address or QoS that is none is refused', async t => {
  const broker = await startWireBroker(t, config, files)
  const admin = await join(t, broker, { clientId: 'a', username: 'admin', password: 'pw' })
  await subscribe(admin, '$CONTROL/broker/v1/response')
  const question = { command: 'explainAccess', username: 'device', action: 'publish', topic: 'a/x' }
  const given = [{ certificate: 'x' }, { certificate: 1 }, { address: 'here' }, { qos: 3 }, { qos: '1' }]
  const commands = [...given.map(more => ({ ...question, ...more })), { ...question, action: 'receive', qos: 1 }]
  const payload = JSON.stringify({ commands })
  admin.send(publishBytes({ version: 5, topic: '$CONTROL/broker/v1', payload, qos: 0 }))
  const { responses } = JSON.parse(String((await admin.expectPublish()).payload))
  const errors = responses.map(({ error }: { error: string }) => error)
  const [certificate, qos] = ['Invalid certificate', 'Invalid qos']
  assert.deepEqual(errors, [certificate, certificate, 'Invalid address', qos, qos, qos])
})
