// `$CONTROL/broker/v1` and `castellan ctl broker`: who listens, who is connected, and an end to it, for whom the rules let.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test, { type TestContext } from 'node:test'
import { acl } from '../../src/cli/acl/acl.ts'
import { ctl } from '../../src/cli/ctl/ctl.ts'
import { initialFile, pluginLines } from '../support/administrator.ts'
import { runBroker } from '../support/broker-process.ts'
import { runCommand } from '../support/command.ts'
import { type ConnectFields, connectBytes, publishBytes } from '../support/packet-bytes.ts'
import { readPublish, readReason } from '../support/packet-reader.ts'
import { passwordLines } from '../support/password-lines.ts'
import { dial, join, startWireBroker, subscribe, type WireBroker } from '../support/wire-broker.ts'

const topic = '$CONTROL/broker/v1'
const administrativeAction = 0x98
const notAuthorized = 0x87
const bannedCode = 0x8a
const files = {
  acl: 'topic readwrite #\n\nuser admin\ntopic readwrite $CONTROL/broker/#\n\nuser other\ntopic readwrite #\n',
  pw: passwordLines({ admin: 'pw', other: 'pw' }),
}
const rules = 'password_file pw\nacl_file acl\nallow_anonymous true\n'

async function start(t: TestContext, config = 'enable_control_api true\n'): Promise<WireBroker> {
  return startWireBroker(t, `${rules}${config}`, files)
}

function ask(broker: WireBroker, ...args: readonly string[]) {
  return runCommand(ctl, ['-p', String(broker.port), '-i', 'ctl', '-u', 'admin', '-P', 'pw', ...args])
}

async function dataOf(broker: WireBroker, ...args: readonly string[]) {
  const { code, stdout, stderr } = await ask(broker, '-o', 'json', 'broker', ...args)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout).data
}

test('dynsec 6: listListeners and listPlugins tell what there is, in 2.1’s form', async t => {
  const broker = await startWireBroker(t, `enable_control_api true\n${pluginLines}listener 0 x.sock\n`, {
    'dynamic-security.json': initialFile,
  })
  const login = ['-p', String(broker.port), '-u', 'admin', '-P', 'adminpw']
  for (const acltype of ['publishClientSend', 'publishClientReceive', 'subscribePattern']) {
    const args = [...login, 'dynsec', 'addRoleACL', 'admin', acltype, '$CONTROL/broker/#', 'allow']
    assert.equal((await runCommand(ctl, args)).code, 0)
  }
  const told = async (command: string) =>
    JSON.parse((await runCommand(ctl, [...login, '-o', 'json', 'broker', command])).stdout).data
  assert.deepEqual(await told('listListeners'), {
    listeners: [
      { port: broker.port, protocol: 'mqtt', 'bind-address': '127.0.0.1', tls: false },
      { port: 0, protocol: 'mqtt', 'socket-path': 'x.sock', tls: false },
    ],
  })
  assert.deepEqual(await told('LISTPLUGINS'), {
    plugins: [{ name: 'dynamic-security', 'control-endpoints': ['$CONTROL/dynamic-security/v1'] }],
  })
  const { stdout } = await runCommand(ctl, [...login, 'broker', 'listPlugins'])
  assert.equal(stdout, 'Plugin:            dynamic-security\nControl endpoints: $CONTROL/dynamic-security/v1\n')
})

test('listConnections and inspectConnection tell who is connected, and nobody who is not', async t => {
  const broker = await start(t)
  const device = await join(t, broker, { clientId: 'device', username: 'other', password: 'pw', keepAlive: 17 })
  await subscribe(device, 'a/+')
  await join(t, broker, { clientId: 'nameless', version: 4 })
  const { connections, totalCount } = await dataOf(broker, 'listConnections')
  assert.equal(totalCount, 3)
  assert.deepEqual(
    connections.map(({ port: _, ...rest }: { port: number }) => rest),
    [
      { clientid: 'device', username: 'other', address: '127.0.0.1' },
      { clientid: 'nameless', address: '127.0.0.1' },
      { clientid: 'ctl', username: 'admin', address: '127.0.0.1' },
    ],
  )
  assert.equal((await ask(broker, 'broker', 'listConnections', '1', '1')).stdout, 'nameless\t\t127.0.0.1\n')
  const { connection } = await dataOf(broker, 'inspectConnection', 'device')
  assert.deepEqual([connection.protocol, connection.keepalive, connection.subscriptions], ['5.0', 17, ['a/+']])
  assert.match((await ask(broker, 'broker', 'inspectConnection', 'device')).stdout, /^subscriptions: {2}a\/\+$/m)
  const nobody = await ask(broker, 'broker', 'inspectConnection', 'nobody')
  assert.deepEqual([nobody.code, nobody.stderr], [3, 'inspectConnection: Error: Client not found\n'])
})

test('disconnectClient ends one connection with 0x98 and the reason, and the log says who did it', async t => {
  const broker = await start(t)
  const [gone, stays] = [await join(t, broker, { clientId: 'gone' }), await join(t, broker, { clientId: 'stays' })]
  assert.equal((await ask(broker, 'broker', 'disconnectClient', 'gone', 'moved house')).code, 0)
  const told = await gone.expectPacket('DISCONNECT')
  assert.equal(readReason(told).reasonCode, administrativeAction)
  assert.ok(Buffer.from(told.body).includes('moved house'))
  await gone.expectClosed()
  await stays.expectNothing()
  await broker.process.waitForLine(/broker: ctl\/admin \| disconnectClient \| clientid=gone \| reason=moved house$/)
  assert.equal((await ask(broker, 'broker', 'disconnectClient', 'gone')).code, 3)
  assert.match((await ask(broker, 'broker', 'disconnectClient', 'stays', 'a\u0007')).stderr, /Error: Invalid reason\n$/)
  assert.match((await ask(broker, 'broker', 'disconnectClient', 'stays', 'a'.repeat(257))).stderr, /Invalid reason/)
  // Whoever ends the own connection is answered first.
  assert.deepEqual(await ask(broker, 'broker', 'disconnectClient', 'ctl'), { code: 0, stdout: '', stderr: '' })
  await stays.expectNothing()
})

test('$CONTROL/broker answers nobody to whom the rules do not give it', async t => {
  const broker = await start(t)
  const other = await join(t, broker, { clientId: 'other', username: 'other', password: 'pw' })
  const payload = '{"commands":[{"command":"disconnectClient","clientid":"other"}]}'
  other.send(publishBytes({ version: 5, topic, payload, qos: 1, packetId: 1 }))
  assert.equal((await other.expectAcknowledgement('PUBACK')).reasonCode, notAuthorized)
  await other.expectNothing()
})

test('enable_control_api false: the topic is answered as one that is not there', async t => {
  const broker = await startWireBroker(t, rules, { ...files, acl: 'user admin\ntopic readwrite $CONTROL/#\n' })
  const { code, stderr } = await ask(broker, 'broker', 'listListeners')
  const why = 'Error: endpoint not available (the broker needs enable_control_api true)\n'
  assert.deepEqual([code, stderr], [1, `listListeners: ${why}`])
  const login = ['-p', String(broker.port), '-u', 'admin', '--password-env', 'PASSWORD']
  const check = await runCommand(acl, ['check', 'u', 'publish', 't', ...login], '', { PASSWORD: 'pw' })
  assert.deepEqual([check.code, check.stderr], [2, `castellan acl check: explainAccess: ${why}`])
  const dynsec = await ask(broker, 'dynsec', 'listRoles')
  assert.match(dynsec.stderr, /endpoint not available \(the broker needs the plugin line of dynamic security\)\n$/)
})

test('a message with something that is no command, and an unknown command, are answered as dynamic security does', async t => {
  const broker = await start(t)
  const admin = await join(t, broker, { clientId: 'raw', username: 'admin', password: 'pw' })
  await subscribe(admin, `${topic}/response`)
  for (const [payload, answer] of [
    ['x', '{"responses":[{"command":"Unknown command","error":"Payload not valid JSON"}]}'],
    [
      '{"commands":[{"command":"nope","correlationData":"q"},1]}',
      '{"responses":[{"command":"nope","error":"Unknown command","correlationData":"q"},{"command":"Unknown command","error":"Command not an object"}]}',
    ],
    [
      '{"commands":[{"command":"inspectConnection"}]}',
      '{"responses":[{"command":"inspectConnection","error":"Invalid/missing client id"}]}',
    ],
  ] as const) {
    admin.send(publishBytes({ version: 5, topic, payload, qos: 0 }))
    const { payload: bytes } = readPublish(await admin.nextPacket('the response'), 5)
    assert.equal(Buffer.from(bytes).toString(), answer)
  }
})

const withBans = 'enable_control_api true\nban_file bans.json\n'

test('createBan ends who is meant at once and keeps them out, deleteBan lets them in again', async t => {
  const broker = await start(t, withBans)
  for (const [kind, value, banned, others] of [
    ['clientid', 'gone', { clientId: 'gone' }, { clientId: 'stays' }],
    ['username', 'other', { clientId: 'a', username: 'other', password: 'pw' }, { clientId: 'b' }],
  ] as const) {
    const [gone, stays] = [await join(t, broker, banned), await join(t, broker, others)]
    assert.deepEqual(await ask(broker, 'broker', 'createBan', kind, value, '1h', 'loud'), {
      code: 0,
      stdout: '',
      stderr: '',
    })
    await gone.expectDisconnect(administrativeAction)
    await stays.expectNothing()
    await expectBanned(t, broker, banned)
    const { stdout } = await ask(broker, 'broker', 'listBans')
    assert.match(stdout, new RegExp(`^${kind}\t${value}\t\\d{4}-\\d\\d-\\d\\dT[^\t]+Z\tloud\n$`))
    assert.equal((await ask(broker, 'broker', 'deleteBan', kind, value)).code, 0)
    assert.equal((await ask(broker, 'broker', 'deleteBan', kind, value)).code, 3)
    await join(t, broker, banned)
  }
  await broker.process.waitForLine(/broker: ctl\/admin \| createBan \| clientid=gone \| until=.* \| reason=loud$/)
})

test('a banned address is kept out before a password is looked at', async t => {
  const broker = await start(t, `${withBans}listener 0 x.sock\n`)
  const bySocket = (...args: readonly string[]) =>
    runCommand(ctl, ['--unix', `${broker.process.dir}/x.sock`, '-u', 'admin', '-P', 'pw', 'broker', ...args])
  const gone = await join(t, broker, { clientId: 'gone' })
  assert.equal((await bySocket('createBan', 'address', '127.0.0.1')).code, 0)
  await gone.expectDisconnect(administrativeAction)
  await expectBanned(t, broker, { clientId: 'x', username: 'admin', password: 'wrong' })
  assert.equal((await bySocket('listBans')).stdout, 'address\t127.0.0.1\tnever\t\n')
})

test('a ban is in the file before it is answered, the next start keeps to it, and none goes on without a file that is there', async t => {
  const broker = await start(t, withBans)
  assert.equal((await ask(broker, 'broker', 'createBan', 'clientid', 'gone')).code, 0)
  const path = `${broker.process.dir}/bans.json`
  const file = await readFile(path, 'utf8')
  assert.deepEqual(JSON.parse(file), { bans: [{ clientid: 'gone' }] })
  const next = await startWireBroker(t, `${rules}${withBans}`, { ...files, 'bans.json': file })
  await expectBanned(t, next, { clientId: 'gone' })
  for (const broken of ['x', '{}', '{"bans":[1]}', '{"bans":[{}]}', '{"bans":[{"clientid":"c","until":"x"}]}']) {
    const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\n${rules}${withBans}`
    const refused = await runBroker(t, 'castellan', { config, files: { ...files, 'bans.json': broken } })
    assert.equal((await refused.exit()).code, 3)
    assert.ok(
      refused.lines.some(line => /Error: ban_file "bans\.json" cannot be used: /.test(line)),
      broken,
    )
  }
})

test('a ban that was written into the file holds from SIGHUP on, for who is there too; a file that is broken changes nothing', async t => {
  const broker = await start(t, withBans)
  const [gone, stays] = [await join(t, broker, { clientId: 'gone' }), await join(t, broker, { clientId: 'stays' })]
  await broker.process.writeFile('bans.json', '{"bans":[{"clientid":"gone"}]}')
  await broker.process.reload(/Configuration reloaded/)
  await gone.expectDisconnect(administrativeAction)
  await expectBanned(t, broker, { clientId: 'gone' })
  await stays.expectNothing()
  await broker.process.writeFile('bans.json', '{"bans":[')
  await broker.process.reload(/Nothing was reloaded/)
  await expectBanned(t, broker, { clientId: 'gone' })
  await broker.process.writeFile('bans.json', '{"bans":[]}')
  await broker.process.reload(/Configuration reloaded/)
  await join(t, broker, { clientId: 'gone' })
  assert.equal((await ask(broker, 'broker', 'createBan', 'clientid', 'other')).code, 0)
  assert.match(await readFile(`${broker.process.dir}/bans.json`, 'utf8'), /"other"/)
})

test('a configuration whose ban_file cannot be read is not OK', async t => {
  const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\n${rules}${withBans}`
  const args = ['--test-config']
  for (const [text, code] of [
    ['{"bans":[]}', 0],
    ['{', 3],
  ] as const) {
    const tested = await runBroker(t, 'castellan', { config, args, files: { ...files, 'bans.json': text } })
    assert.equal((await tested.exit()).code, code, tested.lines.join('\n'))
  }
})

test('a ban of oneself, one that has ended, and one that nothing would keep are refused', async t => {
  const broker = await start(t, withBans)
  for (const [args, message] of [
    [['clientid', 'ctl'], 'Ban would include yourself'],
    [['username', 'admin'], 'Ban would include yourself'],
    [['address', '127.0.0.1'], 'Ban would include yourself'],
    [['clientid', 'x', '2001-01-01T00:00:00Z'], 'Invalid until'],
    [['address', 'x'], 'Invalid address'],
  ] as const) {
    const { code, stderr } = await ask(broker, 'broker', 'createBan', ...args)
    assert.deepEqual([code, stderr], [1, `createBan: Error: ${message}\n`])
  }
  assert.equal((await ask(broker, 'broker', 'createBan', 'clientid', 'x', 'soon')).code, 2)
  assert.deepEqual(await ask(broker, 'broker', 'listBans'), { code: 0, stdout: '', stderr: '' })
  const without = await start(t)
  const refused = await ask(without, 'broker', 'createBan', 'clientid', 'x')
  assert.deepEqual([refused.code, refused.stderr], [1, 'createBan: Error: No ban_file to keep bans in\n'])
})

test('a ban that cannot be saved holds, and nobody is told that it was made', async t => {
  const broker = await start(t, 'enable_control_api true\nban_file nowhere/bans.json\n')
  const refused = await ask(broker, 'broker', 'createBan', 'clientid', 'gone')
  assert.deepEqual([refused.code, refused.stderr], [1, 'createBan: Error: Internal error\n'])
  await broker.process.waitForLine(/Error: ban_file could not be written: ENOENT/)
  await expectBanned(t, broker, { clientId: 'gone' })
})

async function expectBanned(t: TestContext, broker: WireBroker, fields: ConnectFields): Promise<void> {
  const client = await dial(t, broker)
  client.send(connectBytes(fields))
  assert.equal((await client.expectConnack()).reasonCode, bannedCode)
  await client.expectClosed()
}
