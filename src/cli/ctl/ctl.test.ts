import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { runCommand } from '../../../test/support/command.ts'
import { passwordLines } from '../../../test/support/password-lines.ts'
import { parsePasswordHash, verifyPassword } from '../../auth/password-hash.ts'
import { commandsLine, fileLine } from '../../dynsec/change-record.ts'
import { readPassword } from '../../dynsec/password-fields.ts'
import { ctl, mosquittoCtrl } from './ctl.ts'
import { readRequest } from './request.ts'

const command = ['dynsec', 'listClients']
const noTime = /^Error: '.*' is no time; write 30m, 12h, 7d, never or 2030-01-31T12:00Z\.\n$/

function directory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-ctl-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return dir
}

test('cli 5: what cannot be done, or contradicts itself, is refused before anybody is asked', async () => {
  for (const [args, message] of [
    [['--tls-engine', 'x'], /^Error: --tls-engine: engines are not supported; /],
    [['--proxy', 'socks5h://x'], /^Error: --proxy: SOCKS proxies are not supported; /],
    [['--keyform', 'engine'], /^Error: --keyform: keys are read from PEM files; /],
    [['-p', '0', ...command], /^Error: Invalid port given: 0; it has to be between 1 and 65535\.\n$/],
    [['-p', '65536', ...command], /^Error: Invalid port given: 65536; /],
    [['-q', '3', ...command], /^Error: Invalid QoS given: 3; /],
    [['-V', '4', ...command], /^Error: Invalid protocol version argument given; /],
    [['-h', 'x', '--unix', 'y', ...command], /^Error: Only one of --unix, -h and -L can be given\.\n$/],
    [['-L', 'http://x', ...command], /^Error: A URL has to be mqtt:\/\//],
    [['-L', 'mqtt://%zz@x', ...command], /^Error: A % in a URL/],
    [['-c', ...command], /^Error: You must provide a client id \(-i\)/],
    [['--cert', 'x', ...command], /^Error: Both certfile and keyfile must be provided/],
    [['--psk', 'ff', ...command], /^Error: --psk takes a key in hexadecimal/],
    [['--psk', 'ff', '--psk-identity', 'x', '--cafile', 'y', ...command], /^Error: Only one of --psk and certificates/],
    [['--cafile', import.meta.filename, '--tls-version', 'tlsv1', ...command], /^Error: Invalid TLS version 'tlsv1'; /],
    [['dynsec', 'listClients', 'x'], /^Error: 'x' is not a number\.\n$/],
    [['dynsec', 'createClient', 'u', '-x', 'y'], /^Error: Invalid function arguments provided; it takes <username> /],
    [
      ['dynsec', '-o', 'json', 'listClients'],
      /^Error: '-o' stands where the command should be; options go in front of 'dynsec'\.\n$/,
    ],
    [['-f', 'x', 'dynsec', 'listClients'], /^Error: -f is for setClientPassword alone\.\n$/],
    [['-f', 'x'], /^Error: -f is for setClientPassword alone\.\n$/],
    ...['45', '2045', '1h30m', '31.1.2030', '2030-01-31T12:00'].map(
      until => [['broker', 'createBan', 'clientid', 'x', until], noTime] as const,
    ),
    [['broker', 'createBan', 'colour', 'x'], /^Error: 'colour' is none of clientid, username, address\.\n$/],
  ] as const) {
    const { code, stdout, stderr } = await runCommand(ctl, args)
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, message)
  }
})

test('dynsec 6: without a module, and without a command on standard input, it says what is missing before the page of help', async () => {
  for (const [run, code] of [
    [ctl, 2],
    [mosquittoCtrl, 1],
  ] as const) {
    for (const input of ['', '\n  \n# nothing\n']) {
      const result = await runCommand(run, [], input)
      assert.deepEqual([result.code, result.stdout], [code, ''])
      assert.match(
        result.stderr,
        /^Error: A module is missing, and there was no command on standard input\.\n\nUsage: /,
      )
    }
    assert.deepEqual(await runCommand(run, [], 'exit\n'), { code: 0, stdout: '', stderr: '' })
    assert.match((await runCommand(run, ['--help'])).stdout, /^Usage: /)
    assert.match((await runCommand(run, ['broker', 'help'])).stdout, /^Usage: .* broker COMMAND/)
  }
})

test('cli 5: the options file comes first, what was typed counts, and a mistake has its line', t => {
  const dir = directory(t)
  const path = join(dir, 'mosquitto_ctrl')
  writeFileSync(path, '# a comment\n\n  -h far  \r\n--username  a name\n--insecure\n')
  const { options, words } = readRequest(['-u', 'u', '-p', '1', ...command], { XDG_CONFIG_HOME: dir })
  assert.deepEqual(options, { host: 'far', username: 'u', insecure: true, port: '1' })
  assert.deepEqual(words, command)
  assert.deepEqual(readRequest(['--unix', 'x'], { XDG_CONFIG_HOME: dir }).options, {
    username: 'a name',
    insecure: true,
    unix: 'x',
  })
  assert.deepEqual(readRequest(command, { HOME: dir }).options, {})
  for (const [text, message] of [
    ['-p 1\n-Psecret\n', /^Error: Unknown option '-P…'\. \(.*, line 2\)$/],
    ['-p\n', /^Error: -p argument given but no port specified\. \(.*, line 1\)$/],
    ['--insecure yes\n', /^Error: --insecure takes no value\. \(.*, line 1\)$/],
  ] as const) {
    writeFileSync(path, text)
    assert.throws(() => readRequest(['-o', path], {}), { message })
  }
  assert.throws(
    () => readRequest(['-o', join(dir, 'nope')], {}),
    /Unable to read the options file '.*nope' \(no such file or directory\)/,
  )
})

test('cli 5: a password file that cannot be read is called by that name', async () => {
  const { code, stderr } = await runCommand(ctl, ['-u', 'u', '--password-file', '/nonexistent', ...command])
  assert.equal(code, 1)
  assert.equal(stderr, "Error: Unable to read the password file '/nonexistent' (no such file or directory).\n")
})

test('dynsec 2: init makes a file once, for its owner alone, and asks for the password twice', async t => {
  const path = join(directory(t), 'd.json')
  const asked = ['dynsec', 'init', path, 'boss']
  assert.equal(
    (await runCommand(ctl, asked, 'one\nother\n')).stderr.split('\n').at(-2),
    'Error: Passwords do not match.',
  )
  assert.equal((await runCommand(ctl, asked, '\n')).stderr.split('\n').at(-2), 'Error: Empty password.')
  const made = await runCommand(ctl, asked, 'one\none\n')
  assert.equal(made.code, 0)
  assert.match(made.stdout, /^The client 'boss' has been created in the file '.*d\.json'\.\n/)
  const text = readFileSync(path, 'utf8')
  assert.doesNotMatch(text, /"one"/)
  const again = await runCommand(mosquittoCtrl, [...asked, 'two'])
  assert.deepEqual([again.code, again.stdout], [1, ''])
  assert.match(again.stderr, /^dynsec init: Unable to open '.*' for writing \(File exists\)\.\n$/)
  assert.equal(readFileSync(path, 'utf8'), text)
})

test('dynsec 6: -f changes the password of one client, and leaves everything else as it was', async t => {
  const path = join(directory(t), 'd.json')
  const other = { username: 'b', encoded_password: '$6$x$y', unknown: [1] }
  writeFileSync(
    path,
    JSON.stringify({ mine: 1, clients: [{ username: 'a', salt: 'x', Password: 'y', disabled: true }, other] }),
  )
  const set = (...args: readonly string[]) => runCommand(ctl, ['-f', path, 'dynsec', 'setClientPassword', ...args])
  assert.equal((await set('a', 'new')).code, 0)
  const { clients, ...rest } = JSON.parse(readFileSync(path, 'utf8'))
  assert.deepEqual(rest, { mine: 1 })
  assert.deepEqual(clients[1], other)
  assert.deepEqual(Object.keys(clients[0]).sort(), ['disabled', 'iterations', 'password', 'salt', 'username'])
  assert.notEqual(clients[0].salt, 'x')
  const nobody = await set('c', 'new')
  assert.deepEqual([nobody.code, nobody.stderr], [1, 'setClientPassword: Error: Client not found\n'])
  assert.equal((await set('a', 'new', '-i', 'x')).code, 2)
  writeFileSync(path, '{"secret')
  const broken = await set('a', 'new')
  assert.match(broken.stderr, /^Error: '.*d\.json' is no file of dynamic security\.\n$/)
})

test('cli 5: init and -f set the password that an option gives, and never leave it aside', async t => {
  const dir = directory(t)
  const secret = join(dir, 'secret')
  writeFileSync(secret, 'from the file\n')
  const password = (path: string) => {
    const [client] = JSON.parse(readFileSync(path, 'utf8')).clients
    return parsePasswordHash(readPassword(client) ?? '')
  }
  const env = { NEW: 'of the environment' }
  for (const [option, value, expected] of [
    ['--password-file', secret, 'from the file'],
    ['--password-env', 'NEW', 'of the environment'],
  ] as const) {
    const path = join(dir, `${expected}.json`)
    const init = await runCommand(ctl, [option, value, 'dynsec', 'init', path, 'boss'], '', env)
    assert.deepEqual([init.code, init.stderr], [0, ''])
    assert.equal(await verifyPassword(password(path), Buffer.from(expected)), true)
    const set = ['-f', path, option, value, 'dynsec', 'setClientPassword', 'boss']
    const before = readFileSync(path, 'utf8')
    assert.equal((await runCommand(ctl, set, '', env)).code, 0)
    assert.notEqual(readFileSync(path, 'utf8'), before)
    assert.equal(await verifyPassword(password(path), Buffer.from(expected)), true)
    const twice = await runCommand(ctl, [...set, 'another'], '', env)
    assert.deepEqual([twice.code, /The password is given twice/.test(twice.stderr)], [2, true])
  }
})

test('cli 5: init goes with no -f, and the options file gives the password of a login, not that of a new client', async t => {
  const dir = directory(t)
  const path = join(dir, 'd.json')
  const both = await runCommand(ctl, ['-f', path, 'dynsec', 'init', path, 'boss', 'pw'])
  assert.deepEqual(
    [both.code, both.stderr, existsSync(path)],
    [2, 'Error: -f is for setClientPassword alone.\n', false],
  )
  const options = join(dir, 'options')
  writeFileSync(options, '-u admin\n-P of-a-login\n')
  const asked = await runCommand(ctl, ['-o', options, 'dynsec', 'init', path, 'boss'], 'asked for\nasked for\n')
  assert.equal(asked.code, 0)
  assert.match(asked.stderr, /^New password for boss: /)
})

test('dynsec 6: -f says so where a command that is not in the file yet would count instead', async t => {
  const path = join(directory(t), 'd.json')
  const text = JSON.stringify({ changeIndex: 1, clients: [{ username: 'a' }, { username: 'b' }] })
  writeFileSync(path, text, { mode: 0o600 })
  const digest = createHash('sha256').update(text).digest('hex')
  const [, hash] = passwordLines({ a: 'pw' }).trimEnd().split(':')
  const changes = [{ command: 'setClientPassword', username: 'a', encoded_password: hash }]
  const log = [fileLine({ digest, holds: 1 }), commandsLine(1, changes)]
  writeFileSync(`${path}.changes`, Buffer.concat(log), { mode: 0o600 })
  const set = (name: string) => runCommand(ctl, ['-f', path, 'dynsec', 'setClientPassword', name, 'new'])
  const refused = await set('a')
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    /^Error: A command that set a password of 'a' is in '.*d\.json\.changes', not in the file yet/,
  )
  assert.equal(readFileSync(path, 'utf8'), text)
  assert.equal((await set('b')).code, 0, 'about others nothing is newer')
})
