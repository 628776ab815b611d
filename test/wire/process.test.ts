// The broker as a process (mosquitto.conf §1, §7, §8): how it starts, listens, takes signals and ends, as scripts and
// service managers see it. What it logs, and where, is in log-destinations.test.ts.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import { throwawayPki } from '../support/authority.ts'
import { type BrokerSetup, castellanProgram, runBroker, startBroker } from '../support/broker-process.ts'
import { freePort } from '../support/free-port.ts'
import { type LineProcess, runProgram, startProgram } from '../support/line-process.ts'
import { connectBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { connectRaw, type RawClient, type RawTarget } from '../support/raw-client.ts'

const open = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\nallow_anonymous true`
const isRoot = process.getuid?.() === 0
const asRoot = isRoot ? {} : { skip: 'only root can become another user' }

async function joinAt(t: TestContext, target: RawTarget, version: 4 | 5 = 5): Promise<RawClient> {
  const client = await connectRaw(t, target)
  client.version = version
  client.send(connectBytes({ version }))
  assert.equal((await client.expectConnack()).reasonCode, 0)
  return client
}

const unstamped = ({ stderr }: LineProcess) => stderr.map(line => line.replace(/^\d+: /, ''))

/** Something else that listens on a port. */
async function occupy(t: TestContext, port: number, host = '127.0.0.1'): Promise<Server> {
  const server = createServer().listen(port, host)
  t.after(() => server.close())
  await once(server, 'listening')
  return server
}

// The end

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`conf §8: ${signal} ends the broker with exit code 0, and clients are told: DISCONNECT 0x8B, or the close before MQTT 5`, async t => {
    const broker = await startBroker(t, { config: open })
    const [five, four, waiting] = [
      await joinAt(t, broker, 5),
      await joinAt(t, broker, 4),
      await connectRaw(t, { port: broker.port }),
    ]
    broker.program.signal(signal)
    await five.expectDisconnect(0x8b)
    await four.expectClosed()
    await waiting.expectClosed()
    assert.deepEqual(await broker.program.exit(), { code: 0, signal: null })
    await assert.rejects(connectRaw(t, { port: broker.port }))
  })
}

test('conf §8: a client that takes nothing does not keep the broker from ending', async t => {
  const config = ({ port }: { port: number }) => `${open({ port })}\nwrite_timeout 1\nmax_inflight_messages 0`
  const broker = await startBroker(t, { config })
  const [deaf, sender] = [await joinAt(t, broker), await joinAt(t, broker)]
  deaf.send(subscribeBytes({ subscriptions: [{ filter: 'flood' }] }))
  await deaf.expectSuback()
  deaf.socket.pause()
  const packet = Buffer.concat([
    Buffer.from([0x30, 0x88, 0xf1, 0x04, 0, 5]),
    Buffer.from('flood\0'),
    Buffer.alloc(80_000),
  ])
  for (let i = 0; i < 200; i += 1) {
    sender.send(packet)
    await sender.expectNothing()
  }
  assert.equal((await broker.stop()).code, 0)
})

// Exit codes of a start that fails

const refusals: readonly (BrokerSetup & {
  readonly what: string
  readonly code: number
  readonly lines: readonly string[]
})[] = [
  {
    what: 'an unknown option',
    config: 'listener 0 x.sock\nno_such_option 1',
    code: 3,
    lines: ["Error: Unknown configuration variable 'no_such_option'.", 'Error found at %/broker.conf:2.'],
  },
  {
    what: 'a configuration file that is not there',
    args: ['-c', 'no/such.conf'],
    code: 3,
    lines: ["Error: Unable to open config file 'no/such.conf'."],
  },
  {
    what: 'a password file that is broken',
    config: 'listener 0 x.sock\npassword_file p',
    files: { p: 'user:$9$\n' },
    code: 3,
    lines: ["password-file: Error: Unable to decode line in password file 'p'."],
  },
  {
    what: 'an ACL file that is broken',
    config: 'listener 0 x.sock\nacl_file a',
    files: { a: 'Topic #\n' },
    code: 3,
    lines: ['Error: Invalid line in acl_file "a": Topic.'],
  },
  {
    what: 'a certificate that is not there',
    config: ({ port }) => `listener ${port} 127.0.0.1\ncertfile no.crt\nkeyfile no.key`,
    code: 1,
    lines: ['Error: Unable to load server certificate "no.crt". Check certfile.'],
  },
  {
    what: 'a unix socket whose place is taken by a file',
    config: 'listener 0 x.sock',
    files: { 'x.sock': 'precious' },
    code: 1,
    lines: ['Error: Address already in use'],
  },
  {
    what: 'a pid file that cannot be written',
    config: 'listener 0 x.sock\npid_file no/such/pid',
    code: 1,
    lines: ['Error: Unable to write pid file "no/such/pid".'],
  },
  {
    what: 'a log file that cannot be opened',
    config: 'listener 0 x.sock\nlog_dest file no/such/log',
    code: 1,
    lines: ['Error: Unable to open log file no/such/log for writing.'],
  },
]

for (const { what, code, lines, ...setup } of refusals) {
  test(`conf §8: ${what} ends the start with exit code ${code}, within a second or so, and says why on stderr`, async t => {
    const begun = performance.now()
    const program = await runBroker(t, 'castellan', setup)
    assert(performance.now() - begun < 3000)
    assert.equal(program.ended?.code, code, program.report())
    const said = unstamped(program)
    const at = said.findIndex(line => line.startsWith(lines[0]!))
    assert(at !== -1, `${lines[0]} is not among\n${said.join('\n')}`)
    for (const [index, line] of lines.entries()) {
      const [beginning = '', end = ''] = line.split('%')
      assert(said[at + index]?.startsWith(beginning) && said[at + index]?.includes(end), said[at + index])
    }
    assert.deepEqual(program.stdout, [])
  })
}

test('conf §8: a port that is taken ends the start with exit code 1, and the file in the socket’s place is left alone', async t => {
  const port = await freePort()
  await occupy(t, port)
  const config = `listener 0 x.sock\nlistener ${port} 127.0.0.1\nallow_anonymous true`
  const program = await runBroker(t, 'castellan', { config })
  assert.equal(program.ended?.code, 1)
  const said = unstamped(program)
  assert(said.includes('Error: Address already in use'), program.report())
  assert(
    said.some(line => line.includes(`${port}`)),
    'the port is named',
  )
})

test('conf §8: nobody is let in before every listener is bound', async t => {
  const [first, last] = [await freePort(), await freePort()]
  const listeners = `listener ${first} 127.0.0.1\nlistener ${last} 127.0.0.1\nallow_anonymous true`
  const blocker = await occupy(t, last)
  let over = false
  const failed = runBroker(t, 'castellan', { config: listeners }).then(() => {
    over = true
  })
  assert.equal(await dialUntil(first, () => over), false, 'the first listener let somebody in, the last has no port')
  await failed
  blocker.close()
  await once(blocker, 'close')
  const broker = startBroker(t, { config: listeners })
  await dialUntil(first, () => false)
  await joinAt(t, { port: last })
  await broker
})

/** Dials again and again. @returns whether a CONNACK came before it was to stop */
async function dialUntil(port: number, stop: () => boolean): Promise<boolean> {
  while (!stop()) {
    const socket = connect(port, '127.0.0.1')
    const answered = await new Promise<boolean>(resolve => {
      socket.on('connect', () => socket.write(connectBytes({ clientId: 'early' })))
      socket.on('data', () => resolve(true))
      socket.on('error', () => resolve(false))
      socket.on('close', () => resolve(false))
    })
    socket.destroy()
    if (answered) return true
  }
  return false
}

// --test-config

test('conf §1: --test-config reads, says that the file is good, and touches nothing', async t => {
  const pki = await throwawayPki()
  const dir = await mkdtemp(joinPath(tmpdir(), 'castellan-test-config-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const port = await freePort()
  await occupy(t, port)
  const lines = [
    `listener ${port} 127.0.0.1`,
    `certfile ${pki.server.cert}`,
    `keyfile ${pki.server.key}`,
    'listener 0 broker.sock',
    'log_dest file broker.log',
    'pid_file broker.pid',
    'password_file passwords',
    'user root',
  ]
  await writeFile(joinPath(dir, 'broker.conf'), `${lines.join('\n')}\n`)
  await writeFile(joinPath(dir, 'passwords'), '')
  const before = await snapshot(dir)
  await chmod(dir, 0o555)
  const tested = await testConfig(t, dir)
  assert.equal(tested.ended?.code, 0)
  assert.deepEqual(tested.stdout, ['Configuration file is OK.'])
  assert.deepEqual(await snapshot(dir), before)
  await chmod(dir, 0o755)
  await writeFile(joinPath(dir, 'broker.conf'), `${lines.join('\n')}\nno_such_option\n`)
  const refused = await testConfig(t, dir)
  assert.equal(refused.ended?.code, 3)
  assert.match(unstamped(refused).join('\n'), /broker\.conf:9\./)
  assert.deepEqual(refused.stdout, [])
})

test(
  'conf §1: --test-config of root reads with the eyes of the account that the broker would have',
  asRoot,
  async t => {
    const dir = await mkdtemp(joinPath(tmpdir(), 'castellan-test-config-'))
    t.after(() => rm(dir, { recursive: true, force: true }))
    await chmod(dir, 0o755)
    const passwords = joinPath(dir, 'passwords')
    await writeFile(passwords, '', { mode: 0o600 })
    await writeFile(joinPath(dir, 'broker.conf'), 'listener 0 broker.sock\npassword_file passwords\nuser nobody\n')
    const refused = await testConfig(t, dir)
    assert.equal(refused.ended?.code, 3)
    assert.match(unstamped(refused).join('\n'), /permission denied[\s\S]*runs as 'nobody' \(option 'user'\)/)
    await chown(passwords, Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' })), 0)
    const tested = await testConfig(t, dir)
    assert.equal(tested.ended?.code, 0)
    assert.deepEqual(unstamped(tested), [], 'nobody is told to give the file to root')
  },
)

const testConfig = (t: TestContext, cwd: string) =>
  runProgram(t, castellanProgram, ['run', '-c', 'broker.conf', '--test-config'], { cwd })

async function snapshot(dir: string): Promise<readonly [name: string, changed: number, bytes: string][]> {
  const names = (await readdir(dir)).sort()
  return Promise.all(
    names.map(async name => {
      const path = joinPath(dir, name)
      return [name, (await stat(path)).mtimeMs, await readFile(path, 'utf8')] as const
    }),
  ).then(entries => entries.map(([name, changed, bytes]) => [name, changed, bytes]))
}

test('conf §1: --test-config without -c asks for a file', async t => {
  const program = await runBroker(t, 'castellan', { args: ['--test-config'] })
  assert.notEqual(program.ended?.code, 0)
  assert.deepEqual(program.stderr, ['Please provide a configuration file to test.'])
})

// Listeners

const localOnly = /Starting in local only mode\./

test('conf §1: without a listener the broker is local only, lets everybody in, and says so', async t => {
  const broker = await startBroker(t, { args: ({ port }) => ['-p', `${port}`] })
  await broker.waitForLine(localOnly)
  await joinAt(t, broker)
  await joinAt(t, { port: broker.port, host: '::1' })
  await assert.rejects(connectRaw(t, { port: broker.port, host: '127.0.0.2' }))
})

test('conf §1: a file without a listener is local only too; every -p is listened on', async t => {
  const ports = [await freePort(), await freePort()]
  const args = ports.flatMap(port => ['-p', `${port}`])
  const broker = await startBroker(t, { config: 'max_keepalive 100', args })
  await broker.waitForLine(localOnly)
  for (const port of ports) await joinAt(t, { port })
})

test('conf §1: -p counts for nothing when the file defines a listener', async t => {
  const unused = await freePort()
  const broker = await startBroker(t, { config: open, args: ['-p', `${unused}`] })
  await joinAt(t, broker)
  await assert.rejects(connectRaw(t, { port: unused }))
  assert(!broker.lines.some(line => localOnly.test(line)))
})

for (const [args, text] of [
  [['-p', '0'], 'Error: Invalid port specified (0).'],
  [['-p', '65536'], 'Error: Invalid port specified (65536).'],
  [
    Array.from({ length: 11 }, (_, i) => ['-p', `${2000 + i}`]).flat(),
    'Error: Only 10 ports can be specified on the command line.',
  ],
] as const) {
  test(`conf §1: ${args.slice(0, 2).join(' ')}${args.length > 2 ? ' and ten more' : ''} is refused`, async t => {
    const program = await runBroker(t, 'castellan', { args })
    assert.notEqual(program.ended?.code, 0)
    assert.equal(program.stderr[0], text)
  })
}

test('conf §4: a listener without an address listens on both address families; socket_domain leaves one', async t => {
  const only6 = await freePort()
  const config = ({ port }: { port: number }) =>
    `listener ${port}\nlistener ${only6}\nsocket_domain ipv6\nallow_anonymous true`
  const broker = await startBroker(t, { config })
  await joinAt(t, broker)
  await joinAt(t, { port: broker.port, host: '::1' })
  await joinAt(t, { port: only6, host: '::1' })
  await assert.rejects(connectRaw(t, { port: only6 }))
})

test('features A1: port 0 with a path is a unix socket, for its owner and group alone; it is made anew after a crash', async t => {
  const broker = await startBroker(t, { config: 'listener 0 broker.sock\nallow_anonymous true' })
  const path = joinPath(broker.dir, 'broker.sock')
  assert.equal((await stat(path)).mode & 0o777, 0o660)
  await joinAt(t, { path })
  const config = ['run', '-c', 'broker.conf']
  const second = await runProgram(t, castellanProgram, config, { cwd: broker.dir })
  assert.equal(second.ended?.code, 1, 'a socket that somebody listens on is taken')
  await joinAt(t, { path })
  await broker.crash()
  const third = startProgram(t, castellanProgram, config, { cwd: broker.dir })
  await third.waitForLine(/running$/)
  await joinAt(t, { path })
})

// In the background, pid file, user

test('conf §1: -d comes back with 0 once the broker listens, and the pid file names the broker', async t => {
  const dir = await mkdtemp(joinPath(tmpdir(), 'castellan-daemon-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const port = await freePort()
  const user = isRoot ? '\nuser root' : ''
  const lines = `${open({ port })}\npid_file broker.pid\nlog_dest file broker.log${user}\n`
  await writeFile(joinPath(dir, 'broker.conf'), lines)
  const args = ['run', '-c', 'broker.conf', '-d']
  const parent = await runProgram(t, castellanProgram, args, { cwd: dir })
  const pid = Number(await readFile(joinPath(dir, 'broker.pid'), 'utf8'))
  t.after(() => kill(pid))
  assert.equal(parent.ended?.code, 0, parent.report())
  const client = await joinAt(t, { port })
  const second = await runProgram(t, castellanProgram, args, { cwd: dir })
  assert.equal(second.ended?.code, 1, 'a daemon that cannot listen tells its starter')
  process.kill(pid, 'SIGTERM')
  await client.expectDisconnect(0x8b)
})

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended, as it should.
  }
}

test('conf §3 pid_file: holds the pid that was started, and is gone after the end', async t => {
  const broker = await startBroker(t, { config: place => `${open(place)}\npid_file broker.pid` })
  const file = joinPath(broker.dir, 'broker.pid')
  assert.equal(await readFile(file, 'utf8'), `${broker.program.child.pid}\n`)
  assert.equal((await broker.stop()).code, 0)
  await assert.rejects(stat(file), { code: 'ENOENT' })
})

test('conf §3 user: a broker that root starts becomes that user before it opens anything', asRoot, async t => {
  const broker = await startBroker(t, { config: place => `${open(place)}\nuser nobody` })
  const status = await readFile(`/proc/${broker.program.child.pid}/status`, 'utf8')
  const nobody = (await readFile('/etc/passwd', 'utf8')).match(/^nobody:[^:]*:(\d+)/m)![1]
  assert.match(status, new RegExp(`^Uid:\\t${nobody}\\t${nobody}\\t${nobody}\\t${nobody}$`, 'm'))
  assert.match(status, /^Groups:\t\d+ $/m)
  await joinAt(t, broker)
})

test('conf §3 user: an unknown user ends the start', asRoot, async t => {
  const program = await runBroker(t, 'castellan', { config: place => `${open(place)}\nuser no-such-user` })
  assert.equal(program.ended?.code, 1)
  assert.match(program.stderr.join('\n'), /no-such-user/)
})

// Other signals, and the old name

test('conf §1: SIGUSR1 says that nothing is saved, SIGUSR2 prints who is subscribed to what; both leave the broker running', async t => {
  const broker = await startBroker(t, { config: open })
  const client = await joinAt(t, broker)
  client.send(subscribeBytes({ subscriptions: [{ filter: 'a/+', qos: 1 }] }))
  await client.expectSuback()
  broker.program.signal('SIGUSR1')
  await broker.waitForLine(/: Nothing saved: /)
  broker.program.signal('SIGUSR2')
  await broker.waitForLine(/: {3}a\/\+ \(\S+, QoS 1\)$/)
  await client.expectNothing()
})

test('features I4: under the name mosquitto it is the same broker, with that name’s version line and help code', async t => {
  const dir = await mkdtemp(joinPath(tmpdir(), 'castellan-name-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const mosquitto = joinPath(dir, 'mosquitto')
  await symlink(castellanProgram, mosquitto)
  const port = await freePort()
  const broker = startProgram(t, mosquitto, ['-p', `${port}`, '-v'], { cwd: dir })
  await broker.waitForLine(/running$/)
  await joinAt(t, { port })
  assert.deepEqual(await broker.stop(), { code: 0, signal: null })
  const version = await runProgram(t, mosquitto, ['--version'])
  assert.match(version.stdout[0]!, /^mosquitto version 2\.1/)
  assert.equal((await runProgram(t, mosquitto, ['-h'])).ended?.code, 3)
  assert.equal((await runProgram(t, mosquitto, ['--no-such'])).ended?.code, 3)
})
