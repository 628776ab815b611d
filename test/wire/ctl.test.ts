// `castellan ctl` and a running Castellan: the ways to it, what a shell is told, and what is never said.

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { ctl, mosquittoCtrl } from '../../src/cli/ctl/ctl.ts'
import { initialFile, pluginLines } from '../support/administrator.ts'
import { throwawayPki } from '../support/authority.ts'
import { type BrokerProcess, type Place, startBroker } from '../support/broker-process.ts'
import { runCommand } from '../support/command.ts'

const who = ['-u', 'admin', '-P', 'adminpw']

function start(
  t: TestContext,
  listener = ({ port }: Place) => `listener ${port} 127.0.0.1`,
  files: Readonly<Record<string, string>> = {},
): Promise<BrokerProcess> {
  const config = (place: Place) => `${listener(place)}\n${pluginLines}`
  return startBroker(t, { config, files: { ...files, 'dynamic-security.json': initialFile } })
}

function at(port: number, ...args: readonly string[]) {
  return runCommand(ctl, ['-p', String(port), ...who, 'dynsec', ...args])
}

test('cli 4: how it ended a shell is told by the exit code, under both names', async t => {
  const { port } = await start(t)
  const there = ['-p', String(port)]
  for (const [args, own, old, stderr] of [
    [[...there, ...who, 'dynsec', 'createRole', 'r'], 0, 0, ''],
    [[...there, ...who, 'dynsec', 'getRole', 'nope'], 3, 1, 'getRole: Error: Role not found\n'],
    [[...there, ...who, 'dynsec', 'createRole', 'admin'], 5, 1, 'createRole: Error: Role already exists\n'],
    [
      [...there, ...who, 'dynsec', 'modifyRole', 'nope', 'textName', 'x'],
      3,
      1,
      'modifyRole: Error: Role does not exist\n',
    ],
    [
      [...there, ...who, 'dynsec', 'addRoleACL', 'r', 'subscribeLiteral', 'a#', 'allow'],
      1,
      1,
      /: Error: Invalid ACL topic\n$/,
    ],
    [[...there, '-u', 'admin', '-P', 'no', 'dynsec', 'listRoles'], 4, 1, 'Connection error: Not authorized\n'],
    [['-p', '1', ...who, 'dynsec', 'listRoles'], 6, 14, 'Error: Connection refused\n'],
    [['--unix', '/nonexistent', ...who, 'dynsec', 'listRoles'], 6, 14, 'Error: No such file or directory\n'],
    [[...there, ...who, 'dynsec', 'nope'], 2, 13, "Command 'nope' not recognised.\n"],
    [[...there, ...who, 'nope', 'x'], 2, 10, /^Error: Module 'nope' not supported; modules are dynsec, broker/],
  ] as const) {
    for (const [command, code] of [
      [ctl, own],
      [mosquittoCtrl, old],
    ] as const) {
      // What was done once is there already.
      await runCommand(ctl, [...there, ...who, 'dynsec', 'deleteRole', 'r'])
      if (args.includes('addRoleACL')) await at(port, 'createRole', 'r')
      const result = await runCommand(command, args)
      assert.equal(result.code, code, args.join(' '))
      if (typeof stderr === 'string') assert.equal(result.stderr, stderr)
      else assert.match(result.stderr, stderr)
    }
  }
})

test('cli 5: -o json prints the response as it came, of a refusal too, and --quiet says nothing besides', async t => {
  const { port } = await start(t)
  const json = async (...args: readonly string[]) =>
    runCommand(ctl, ['-p', String(port), ...who, '--quiet', '-o', 'json', 'dynsec', ...args])
  assert.deepEqual(await json('listRoles', '1'), {
    code: 0,
    stdout: '{"command":"listRoles","data":{"totalCount":1,"roles":["admin"]}}\n',
    stderr: '',
  })
  assert.deepEqual(await json('getRole', 'nope'), {
    code: 3,
    stdout: '{"command":"getRole","error":"Role not found"}\n',
    stderr: '',
  })
  // But that nothing in it steers the terminal.
  await at(port, 'createRole', 'r\u202e')
  const { stdout } = await json('listRoles')
  assert.match(stdout, /^[\x20-\x7e]+\n$/)
  assert.deepEqual(JSON.parse(stdout).data.roles, ['admin', 'r\u202e'])
})

test('dynsec 2: lists are in the order of the names’ bytes, whatever came first, in lines and as JSON, whole and by parts', async t => {
  const { port } = await start(t)
  const names = ['b', 'Z', '\u{1f600}', 'a10', '\uffee', 'a9', 'ä']
  for (const name of names) await at(port, 'createRole', name)
  const sorted = ['Z', 'a10', 'a9', 'admin', 'b', 'ä', '\uffee', '\u{1f600}']
  assert.equal((await at(port, 'listRoles')).stdout, sorted.map(name => `${name}\n`).join(''))
  const json = async (...page: readonly string[]) => {
    const args = ['-p', String(port), ...who, '-o', 'json', 'dynsec', 'listRoles', ...page]
    return JSON.parse((await runCommand(ctl, args)).stdout).data.roles
  }
  assert.deepEqual([await json(), await json('3', '2')], [sorted, sorted.slice(2, 5)])
})

test('dynsec 6: what only the shell of 2.1 has is a command here', async t => {
  const { port } = await start(t)
  await at(port, 'createClient', 'u', '-p', 'x', '-i', 'only')
  await at(port, 'createGroup', 'g')
  for (const args of [
    ['modifyClient', 'u', 'textName', 'a name'],
    ['modifyGroup', 'g', 'textDescription', 'a group'],
    ['modifyRole', 'admin', 'allowWildcardSubs', 'false'],
    ['setDefaultACLAccess', 'subscribe', 'allow'],
  ]) {
    assert.deepEqual(await at(port, ...args), { code: 0, stdout: '', stderr: '' })
  }
  const told = async (...args: readonly string[]) => {
    const { stdout } = await runCommand(ctl, ['-p', String(port), ...who, '-o', 'json', 'dynsec', ...args])
    return JSON.parse(stdout).data
  }
  assert.equal((await told('getClient', 'u')).client.textname, 'a name')
  assert.equal((await told('getClient', 'u')).client.clientid, 'only')
  assert.equal((await told('getGroup', 'g')).group.textdescription, 'a group')
  assert.equal((await told('getRole', 'admin')).role.allowwildcardsubs, false)
  assert.match((await at(port, 'getDefaultACLAccess')).stdout, /^subscribe {12}: allow$/m)
  assert.match((await at(port, 'getDetails')).stdout, /^clientCount: 2$/m)
  assert.equal((await at(port, 'modifyClient', 'u', 'password', 'x')).code, 2)
  assert.match((await at(port, 'getClient', 'admin')).stdout, /^Connections: 127\.0\.0\.1$/m)
})

test('cli 1: passwords need not be on the command line, and none is ever shown', async t => {
  const { port } = await start(t)
  const dir = await mkdtemp(join(tmpdir(), 'castellan-ctl-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await writeFile(join(dir, 'pw'), 'adminpw\n')
  await writeFile(join(dir, 'options'), `# ours\n\n-p ${port}\n--username admin\n-P adminpw\n`)
  await writeFile(join(dir, 'mosquitto_ctrl'), `-h 127.0.0.1\n-p 1\n-u admin\n`)
  const there = ['-p', String(port), '-u', 'admin']
  const command = ['dynsec', 'listClients']
  for (const [args, input, env] of [
    [[...there, ...command], 'adminpw\n', {}],
    [[...there, '--password-file', join(dir, 'pw'), ...command], '', {}],
    [[...there, '--password-env', 'PW', ...command], '', { PW: 'adminpw' }],
    [['-o', join(dir, 'options'), ...command], '', {}],
    [['-p', String(port), '-P', 'adminpw', ...command], '', { XDG_CONFIG_HOME: dir }],
    [['-L', `mqtt://admin:adminpw@127.0.0.1:${port}/x`, ...command], '', {}],
  ] as const) {
    const { code, stdout, stderr } = await runCommand(ctl, args, input, env)
    assert.deepEqual([code, stdout], [0, 'admin\n'], stderr)
    assert.doesNotMatch(stderr, /adminpw/)
  }
  const created = await runCommand(ctl, [...there, 'dynsec', 'createClient', 'u'], 'adminpw\nsecret\nsecret\n')
  assert.equal(created.code, 0, created.stderr)
  const asU = await runCommand(ctl, ['-p', String(port), '-u', 'u', '-P', 'secret', ...command])
  assert.deepEqual([asU.code, asU.stderr], [4, 'Subscribe error: Not authorized\n'])
  assert.equal(
    (await runCommand(ctl, [...there, ...command], '\n')).stderr,
    'Password for admin: \nError: Empty password.\n',
  )
  for (const refused of [
    ['-P', 'adminpw', ...command],
    ['-L', 'mqtt://admin:adminpw@', ...command],
    ['-Padminpw', ...command],
  ]) {
    const { code, stderr } = await runCommand(ctl, refused)
    assert.equal(code, 2, stderr)
    assert.doesNotMatch(stderr, /adminpw/)
  }
})

test('dynsec 6: it speaks each version and QoS, and through a unix socket', async t => {
  const broker = await start(t, ({ port }) => `listener ${port} 127.0.0.1\nlistener 0 x.sock`)
  for (const version of ['31', '311', '5', 'mqttv5']) {
    for (const qos of ['0', '1', '2']) {
      const args = ['-V', version, '-q', qos, '-p', String(broker.port), ...who, 'dynsec', 'listRoles']
      assert.deepEqual(await runCommand(ctl, args), { code: 0, stdout: 'admin\n', stderr: '' }, `${version}, ${qos}`)
    }
  }
  const bySocket = await runCommand(ctl, ['--unix', join(broker.dir, 'x.sock'), ...who, 'dynsec', 'listRoles'])
  assert.deepEqual(bySocket, { code: 0, stdout: 'admin\n', stderr: '' })
})

test('cli 5: with TLS the broker has to show a certificate that is trusted and has its name', async t => {
  const pki = await throwawayPki()
  const { cert, key } = await pki.authority.issueServer('/CN=localhost')
  const broker = await start(t, ({ port }) => `listener ${port} 127.0.0.1\ncertfile ${cert}\nkeyfile ${key}`)
  const { cert: ca } = pki.authority.ca
  const ask = (...args: readonly string[]) =>
    runCommand(ctl, ['-p', String(broker.port), ...args, ...who, 'dynsec', 'listRoles'])
  for (const version of ['tlsv1.2', 'tlsv1.3']) {
    const trusted = await ask('-h', 'localhost', '--cafile', ca, '--tls-version', version)
    assert.deepEqual(trusted, { code: 0, stdout: 'admin\n', stderr: '' })
  }
  const stranger = await ask('-h', 'localhost', '--tls-use-os-certs')
  assert.deepEqual([stranger.code, stranger.stdout], [6, ''])
  const badFile = await ask('--cafile', '/nonexistent')
  assert.equal(badFile.code, 1)
  assert.match(
    badFile.stderr,
    /^Error: Problem setting TLS options: '\/nonexistent' cannot be read \(no such file or directory\)\.\n$/,
  )
  // Nothing is sent in clear to whoever asks for TLS by half.
  assert.equal((await ask('--insecure')).code, 2)
  assert.equal((await ask('--tls-version', 'tlsv1.3')).code, 2)
})

test('cli 5: a pre-shared key stands for both certificates', async t => {
  const broker = await start(
    t,
    ({ port, dir }) => `listener ${port} 127.0.0.1\npsk_hint x\npsk_file ${dir}/keys\nuse_identity_as_username false`,
    { keys: 'device:00112233445566778899aabbccddeeff\n' },
  )
  const ask = (key: string) =>
    runCommand(ctl, [
      '-p',
      String(broker.port),
      '--psk',
      key,
      '--psk-identity',
      'device',
      ...who,
      'dynsec',
      'listRoles',
    ])
  assert.deepEqual(await ask('00112233445566778899aabbccddeeff'), { code: 0, stdout: 'admin\n', stderr: '' })
  assert.equal((await ask('ff112233445566778899aabbccddeeff')).code, 6)
  assert.equal((await ask('xyz')).code, 2)
})
