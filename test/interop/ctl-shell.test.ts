// The shell of `castellan ctl`: from a pipe, to Debian's Mosquitto and to Castellan alike; and on a real terminal, where names are
// completed and passwords not shown.

import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { ctl, mosquittoCtrl } from '../../src/cli/ctl/ctl.ts'
import { initialFile, pluginLines } from '../support/administrator.ts'
import { type BrokerKind, both, castellanProgram, startEither } from '../support/broker-process.ts'
import { runCommand } from '../support/command.ts'
import { Terminal } from '../support/terminal.ts'

/** @returns the port */
async function start(t: TestContext, kind: BrokerKind = 'castellan'): Promise<number> {
  const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\n${pluginLines}`
  return (await startEither(t, kind, { config, files: { 'dynamic-security.json': initialFile } })).port
}

const login = ['-h', '127.0.0.1', '-u', 'admin', '-P', 'adminpw']

const script = `
# as a file of commands has it
dynsec
createRole reader
addRoleACL reader subscribePattern allow 5 a/#
addRoleACL reader publishClientReceive a/# allow
modifyRole reader textName all that "can be read"
getRole reader
createGroup everybody
addGroupRole everybody reader
createClient u secret its
createClient v
typed
typed
addGroupClient everybody u 3
getClient u
getGroup everybody
setDefaultACLAccess subscribe allow
getDefaultACLAccess
listClients 2 1
return
dynsec listRoles
disconnect
exit
listRoles
`

const printed = `OK
OK
OK
OK
Rolename: reader
ACLs:     publishClientReceive : allow : a/# (priority: 0)
          subscribePattern     : allow : a/# (priority: 5)
OK
OK
OK
OK
OK
Username: u
Clientid: its
Groups:   everybody (priority: 3)
Groupname: everybody
Roles:     reader (priority: -1)
Clients:   u
OK
publishClientSend    : deny
publishClientReceive : allow
subscribe            : allow
unsubscribe          : allow
u
v
admin
reader
`

for (const kind of both) {
  test(`dynsec 6: the shell takes commands from a pipe and prints what they answer, at ${kind}`, async t => {
    const port = await start(t, kind)
    const outcome = await runCommand(mosquittoCtrl, [...login, '-p', String(port)], script)
    assert.equal(outcome.stdout, printed)
    assert.equal(
      outcome.stderr,
      'Press return for no password: v cannot log in by one then.\nNew password for v: \nReenter password for v: \n',
    )
    assert.equal(outcome.code, 0)
  })
}

test('cli 4: from a pipe the shell goes on behind what failed, and ends with the code of the first that did', async t => {
  const port = await start(t)
  const lines = [
    'dynsec',
    'getRole nope',
    'createRole admin',
    'getRole "admin',
    'addRoleACL admin',
    'nope',
    'listRoles',
  ]
  const args = [...login, '-p', String(port)]
  const outcome = await runCommand(ctl, args, lines.join('\n'))
  assert.deepEqual(outcome, {
    code: 3,
    stdout: 'admin\n',
    stderr: [
      'getRole: Error: Role not found',
      'createRole: Error: Role already exists',
      'Error: A " is not closed.',
      'Error: Invalid function arguments provided; it takes <rolename> <acltype> <topic> <access> [priority].',
      "Command 'nope' not recognised.",
      '',
    ].join('\n'),
  })
  assert.equal((await runCommand(mosquittoCtrl, args, lines.join('\n'))).code, 1)
  assert.deepEqual(await runCommand(ctl, ['--quiet', ...args], 'dynsec getRole nope\n'), {
    code: 3,
    stdout: '',
    stderr: '',
  })
})

test('dynsec 6: without a broker there are auth, connect, help and exit; with one, its modules', async t => {
  const port = await start(t)
  const told = async (...lines: readonly string[]) => runCommand(ctl, [], lines.join('\n'))
  const unknown = (word: string) => `Unknown command '${word}'; help lists those there are.\n`
  const tooEarly = (word: string) => `Unknown command '${word}' before connect; help lists those there are.\n`
  assert.equal((await told('dynsec')).stderr, tooEarly('dynsec'))
  const url = `127.0.0.1:${port}`
  const connected = await told(
    `connect mqtt://admin:adminpw@${url}`,
    'auth',
    'help',
    'dynsec',
    'help return',
    'getDetails',
  )
  assert.equal(connected.stderr, unknown('auth'))
  assert.match(connected.stdout, /^dynsec \[command\] +the commands of dynsec$/m)
  assert.match(connected.stdout, /^disconnect +lets go of the broker$/m)
  assert.match(connected.stdout, /^return +leaves the module\nclientCount: 1$/m)
  const asked = await told('auth admin', 'adminpw', `connect ${url}`, 'dynsec listClients')
  assert.deepEqual([asked.code, asked.stdout], [0, 'admin\n'], asked.stderr)
  const refused = await told('auth admin', 'wrong', `connect ${url}`, 'dynsec listClients')
  assert.equal(refused.code, 4)
  assert.equal(refused.stderr, `Password for admin: \nConnection error: Not authorized\n${tooEarly('dynsec')}`)
  const other = await told('auth nobody', 'wrong', `connect mqtt://admin:adminpw@${url}`, 'dynsec listClients')
  assert.deepEqual([other.code, other.stdout], [0, 'admin\n'], other.stderr)
  assert.match((await told('exit now')).stderr, /^Error: Invalid function arguments provided; nothing follows it\.$/m)
  assert.match((await told('connect a b')).stderr, /; it takes \[url\]\.$/m)
  assert.equal((await told('constructor')).stderr, tooEarly('constructor'))
  assert.match((await told('connect http://x')).stderr, /^Error: A URL has to be mqtt:/)
})

test('dynsec 6: help says what each command takes, in the order in which it is typed', async t => {
  const args = [...login, '-p', String(await start(t))]
  const { stdout } = await runCommand(ctl, args, 'dynsec\nhelp\nhelp ADDROLEACL\nhelp nope\n')
  for (const line of [
    'addRoleACL <rolename> <acltype> <access> [priority] <topic>',
    'createClient <username> [password] [clientid]',
    'getDetails',
    'modifyGroup <groupname> <field> <text>',
  ]) {
    assert.ok(stdout.split('\n').includes(line), line)
  }
  assert.equal(stdout.split('\n').filter(line => line.startsWith('addRoleACL ')).length, 2)
})

test('dynsec 6: on a terminal the password is asked for and not shown, names are completed, and nothing secret comes back', async t => {
  const port = await start(t)
  const terminal = new Terminal(t, `${castellanProgram} ctl -p ${port} -u admin`)
  const prompt = new RegExp(`mqtt://localhost:${port}\\|dynsec> $`)
  await terminal.expect(/help lists the commands/)
  await terminal.expect(/Password for admin: /)
  terminal.type('adminpw\r')
  await terminal.expect(new RegExp(`mqtt://localhost:${port}> `))
  terminal.type('dyn\t')
  await terminal.expect(/dynsec /)
  terminal.type('\r')
  await terminal.expect(prompt)
  terminal.type('createRole reader\r')
  await terminal.expect(/OK/)
  await terminal.expect(prompt)
  terminal.type('getro\t')
  await terminal.expect(/getRole /)
  terminal.type('re\t')
  await terminal.expect(/reader /)
  terminal.type('\r')
  await terminal.expect(/Rolename: reader/)
  await terminal.expect(prompt)
  terminal.type('createClient u\r')
  await terminal.expect(/New password for u: /)
  terminal.type('hidden1\r')
  await terminal.expect(/Reenter password for u: /)
  terminal.type('hidden1\r')
  await terminal.expect(/OK/)
  await terminal.expect(prompt)
  assert.doesNotMatch(terminal.shown, /adminpw|hidden1/)
  terminal.type('createClient v hidden2 its\r')
  await terminal.expect(/OK/)
  await terminal.expect(prompt)
  const before = terminal.shown.length
  // The arrow goes back past the line with the password in it, and past the passwords.
  terminal.type('\u001b[A')
  await terminal.expect(/createClient u/)
  assert.doesNotMatch(terminal.shown.slice(before), /hidden/)
  // Ctrl-C gives up the line; at a password, the command.
  terminal.type('\u0003')
  await terminal.expect(prompt)
  terminal.type('setClientPassword u\r')
  await terminal.expect(/New password for u: /)
  terminal.type('half\u0003')
  await terminal.expect(prompt)
  terminal.type('getClient v\r')
  await terminal.expect(/Clientid: its/)
  await terminal.expect(prompt)
  terminal.type('\u0004')
  assert.equal(await terminal.end(), 0)
  assert.doesNotMatch(terminal.shown, /half|hidden1|adminpw/)
})
