// Our mosquitto_ctrl beside Debian's: the same words to Mosquitto and to Castellan print the same, and what Debian's tool
// begins or ours begins opens in both brokers.

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { mosquittoCtrl } from '../../src/cli/ctl/ctl.ts'
import { initialFile, pluginLines } from '../support/administrator.ts'
import { type BrokerKind, both, startEither } from '../support/broker-process.ts'
import { runCommand } from '../support/command.ts'
import { runProgram } from '../support/line-process.ts'
import { debianCommands } from './debian-commands.ts'

interface Outcome {
  readonly isDone: boolean
  readonly stdout: string
  readonly stderr: string
}

// Not here: setDefaultACLAccess, which changes nothing when Debian's tool sends it.
/** Word by word; behind a tab what is typed. */
const lines = `
getDefaultACLAccess
createRole r
createRole r
createRole q
addRoleACL r publishClientSend a/# allow 3
addRoleACL r subscribePattern a/# deny
addRoleACL r subscribePattern a/# deny
addRoleACL r unsubscribeLiteral b allow -7
addRoleACL nope publishClientSend a/# allow 3
getRole r
getRole nope
GETROLE r
listRoles
listRoles 1
listRoles 1 1
createGroup g
createGroup h
createGroup g
addGroupRole g r 5
addGroupRole g q
addGroupRole g nope
getGroup g
getGroup nope
createClient u -p secret -c cid
createClient v -p secret
createClient w\t
createClient x\tsecret\tsecret
createClient y\tsecret\tother
createClient u -p secret
addClientRole u r
addClientRole u q 12
addClientRole u nope
addGroupClient g u 2
addGroupClient h u
addGroupClient h v 9
addGroupClient h nope
getClient u
getClient v
getClient y
getGroup g
getGroup h
listClients
listClients 2
listClients 2 1
listGroups
listGroups 1 1
setClientId u
getClient u
setClientId u other
getClient u
setClientPassword u other
setClientPassword u\tsecret\tsecret
setClientPassword nope other
disableClient u
getClient u
enableClient u
getAnonymousGroup
setAnonymousGroup g
setAnonymousGroup nope
getAnonymousGroup
removeRoleACL r publishClientSend a/#
removeRoleACL r publishClientSend a/#
getRole r
removeGroupClient g u
removeGroupRole g r
removeClientRole u r
getClient u
deleteRole q
deleteClient v
deleteClient v
deleteGroup h
deleteGroup h
listGroups
`
  .trim()
  .split('\n')

test('dynsec 6: every command that Debian’s mosquitto_ctrl helps with is among the lines', async t => {
  const used = new Set(lines.map(line => line.split(/\s/)[0]))
  // What is not here is in `ctl-shell.test.ts`.
  assert.deepEqual(
    (await debianCommands(t)).filter(command => !used.has(command)),
    ['setDefaultACLAccess'],
  )
})

test('dynsec 6: our mosquitto_ctrl prints for each command what Debian’s prints, at both brokers, and ends with an error where one is told', async t => {
  const [theirs, ours, ourBroker] = [
    await start(t, 'mosquitto'),
    await start(t, 'mosquitto'),
    await start(t, 'castellan'),
  ]
  for (const line of lines) {
    const [words = '', ...typed] = line.split('\t')
    const input = typed.map(word => `${word}\n`).join('')
    const args = ['dynsec', ...words.split(' ')]
    const [expected, atMosquitto, atCastellan] = await Promise.all([
      debian(t, theirs, args, input),
      own(ours, args, input),
      own(ourBroker, args, input),
    ])
    assert.deepEqual(atMosquitto, expected, line)
    assert.deepEqual(atCastellan, expected, `${line}, at Castellan`)
  }
})

test('dynsec 6: what is wrongly typed is refused by both, before anything is sent', async t => {
  const nobody = 1
  for (const words of [
    ['dynsec', 'createRole'],
    ['dynsec', 'createRole', 'a', 'b'],
    ['dynsec', 'listClients', '1', '2', '3'],
    ['dynsec', 'setDefaultACLAccess', 'subscribe', 'perhaps'],
    ['dynsec', 'setDefaultACLAccess', 'subscribe'],
    ['dynsec', 'addRoleACL', 'r', 'bogus', 'a', 'allow'],
    ['dynsec', 'addRoleACL', 'r', 'subscribeLiteral', 'a', 'perhaps'],
    ['dynsec', 'bogus'],
    ['bogus', 'listClients'],
    ['dynsec'],
    ['-x'],
    ['-p'],
    ['--cert', 'x', 'dynsec', 'listClients'],
    ['dynsec', 'init'],
    ['dynsec', 'init', 'x'],
  ]) {
    const debian = await runProgram(t, '/usr/bin/mosquitto_ctrl', ['-p', String(nobody), ...words])
    const { code } = await runCommand(mosquittoCtrl, ['-p', String(nobody), ...words])
    const { code: expected } = await debian.exit()
    // What it makes of `init` without a file it says, and ends with 3; a certificate without its key, too.
    assert.equal(code, words[0] === '--cert' ? 1 : expected, words.join(' '))
  }
})

for (const maker of both) {
  test(`dynsec 2: the file that init of ${maker === 'castellan' ? 'ours' : 'Debian’s'} begins lets its administrator in at both brokers`, async t => {
    const dir = await mkdtemp(join(tmpdir(), 'castellan-ctl-'))
    t.after(() => rm(dir, { recursive: true, force: true }))
    const path = join(dir, 'new.json')
    const args = ['dynsec', 'init', path, 'admin', 'adminpw']
    if (maker === 'mosquitto') await runProgram(t, '/usr/bin/mosquitto_ctrl', args)
    else assert.equal((await runCommand(mosquittoCtrl, args)).code, 0)
    const [roles, access] = [
      ['dynsec', 'getRole', 'admin'],
      ['dynsec', 'getDefaultACLAccess'],
    ]
    const answers: Outcome[][] = []
    for (const kind of both) {
      const port = await start(t, kind, await readFile(path, 'utf8'))
      answers.push([await own(port, roles as string[]), await own(port, access as string[])])
      await own(port, ['dynsec', 'createClient', 'u', '-p', 'x'])
      assert.equal((await own(port, ['dynsec', 'listClients'])).stdout, 'admin\nu\n')
    }
    assert.deepEqual(answers[0], answers[1])
    if (maker === 'castellan') assert.equal((await stat(path)).mode & 0o777, 0o600)
  })
}

test('dynsec 6: a password that -f sets in a file lets in at both brokers, and the old one does not any more', async t => {
  for (const kind of both) {
    const dir = await mkdtemp(join(tmpdir(), 'castellan-ctl-'))
    t.after(() => rm(dir, { recursive: true, force: true }))
    const path = join(dir, 'd.json')
    await runCommand(mosquittoCtrl, ['dynsec', 'init', path, 'admin', 'old'])
    const args = ['-f', path, 'dynsec', 'setClientPassword', 'admin', 'adminpw', '-i', '2000']
    assert.deepEqual(await runCommand(mosquittoCtrl, args), { code: 0, stdout: '', stderr: '' })
    const text = await readFile(path, 'utf8')
    assert.equal(JSON.parse(text).clients[0].iterations, 2000)
    const port = await start(t, kind, text)
    assert.equal((await own(port, ['dynsec', 'listClients'])).stdout, 'admin\n')
    const old = await runCommand(mosquittoCtrl, ['-p', String(port), '-u', 'admin', '-P', 'old', 'dynsec', 'listRoles'])
    assert.deepEqual(old, { code: 1, stdout: '', stderr: 'Connection error: Not authorized\n' })
  }
})

/** @returns the port */
async function start(t: TestContext, kind: BrokerKind, file = initialFile): Promise<number> {
  const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\n${pluginLines}`
  return (await startEither(t, kind, { config, files: { 'dynamic-security.json': file } })).port
}

function login(port: number): readonly string[] {
  return ['-h', '127.0.0.1', '-p', String(port), '-u', 'admin', '-P', 'adminpw']
}

async function own(port: number, args: readonly string[], input = ''): Promise<Outcome> {
  const { code, stdout, stderr } = await runCommand(mosquittoCtrl, [...login(port), ...args], input)
  return { isDone: code === 0, stdout, stderr: withoutNotes(stderr) }
}

/** What it says of an error counts, and not that it ends with 0 all the same. */
async function debian(t: TestContext, port: number, args: readonly string[], input: string): Promise<Outcome> {
  const program = await runProgram(t, '/usr/bin/mosquitto_ctrl', [...login(port), ...args], { input })
  const [stdout, stderr] = [program.stdout, program.stderr].map(text => text.map(line => `${line}\n`).join(''))
  const told = withoutNotes(stderr ?? '')
  return { isDone: told === '', stdout: withoutPrompts(stdout ?? ''), stderr: told }
}

/** The prompts of Debian's tool are on standard output, without a line of their own. */
function withoutPrompts(text: string): string {
  return text.replaceAll(/^(Enter n|N|Ree).*password for .*\n?/gm, '')
}

/** What is asked, and said of missing encryption. */
function withoutNotes(text: string): string {
  return text.replaceAll(
    /^(Warning: You are running|This means all|Press return|New password|Reenter password|$).*\n/gm,
    '',
  )
}
