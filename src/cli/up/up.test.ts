import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { freePort } from '../../../test/support/free-port.ts'
import { shellQuote } from '../shell-quote.ts'
import type { Io } from '../verbs.ts'
import { clientRecipe } from './arguments.ts'
import { type StartOptions, up } from './up.ts'

const program = resolve(import.meta.dirname, '../../../bin/castellan')

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly started: readonly StartOptions[]
}

/** Runs the command with a broker that listens at once and stops. */
async function run(...args: readonly string[]): Promise<Outcome> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const io = { stdin: process.stdin, stdout, stderr, env: {} } as unknown as Io
  const started: StartOptions[] = []
  const code = await up(args, io, async options => {
    started.push(options)
    options.onListening()
    return 0
  })
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? ''), started }
}

function place(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'castellan-up-'))
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  return parent
}

async function portArguments(): Promise<string[]> {
  return ['--port', String(await freePort()), '--local-port', String(await freePort())]
}

/** Every file with its content, mode and time. */
function snapshot(dir: string): unknown {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .sort()
    .map(name => {
      const stat = statSync(join(dir, name))
      return [name, stat.mode, stat.mtimeMs, stat.isFile() ? readFileSync(join(dir, name), 'utf8') : '']
    })
}

test('an absent directory is made with authority, server, two clients, rules and configuration; then the broker starts', async t => {
  const dir = join(place(t), 'a', 'data')
  const { code, err, started } = await run('--dir', dir, ...(await portArguments()))
  assert.deepEqual([code, err], [0, ''])
  assert.deepEqual(readdirSync(dir).sort(), ['acl', 'ca', 'castellan.conf', 'clients', 'passwords', 'server'])
  assert.deepEqual(readdirSync(join(dir, 'server')).sort(), ['server.crt', 'server.key'])
  const clients = ['admin.crt', 'admin.key', 'device-1.crt', 'device-1.key']
  assert.deepEqual(readdirSync(join(dir, 'clients')).sort(), clients)
  for (const file of ['ca.json', 'trust/root.pem', 'trust/devices.pem', 'crl/all.pem', 'device/private/ca.key']) {
    assert.ok(existsSync(join(dir, 'ca', file)), file)
  }
  assert.deepEqual(readdirSync(join(dir, '..')), ['data'], 'nothing is left beside it')
  assert.equal(started[0]?.configFile, join(dir, 'castellan.conf'))
})

test('private keys are for their owner alone, and there is no password', async t => {
  const dir = join(place(t), 'data')
  await run('--dir', dir, ...(await portArguments()))
  const mode = (name: string) => statSync(join(dir, name)).mode & 0o777
  assert.deepEqual([mode(''), mode('ca'), mode('ca/device/private'), mode('passwords')], [0o700, 0o700, 0o700, 0o600])
  for (const id of ['root', 'server', 'device']) assert.equal(mode(`ca/${id}/private/ca.key`), 0o400)
  for (const name of ['server/server.key', 'clients/admin.key', 'clients/device-1.key']) assert.equal(mode(name), 0o600)
  assert.equal(readFileSync(join(dir, 'passwords'), 'utf8'), '')
})

test("the certificates verify for their purpose; the server's holds for this machine and every --host", async t => {
  const dir = join(place(t), 'data')
  await run('--dir', dir, '--host', 'broker.example.org', '--host', '192.0.2.7', ...(await portArguments()))
  const verify = (leaf: string, purpose: string) =>
    spawnSync('openssl', [
      'verify',
      '-x509_strict',
      '-purpose',
      purpose,
      '-crl_check_all',
      '-CRLfile',
      join(dir, 'ca/crl/all.pem'),
      '-CAfile',
      join(dir, 'ca/trust/root.pem'),
      '-untrusted',
      join(dir, leaf),
      join(dir, leaf),
    ]).status
  assert.equal(verify('server/server.crt', 'sslserver'), 0)
  assert.equal(verify('clients/admin.crt', 'sslclient'), 0)
  assert.equal(verify('clients/device-1.crt', 'sslclient'), 0)
  assert.notEqual(verify('clients/admin.crt', 'sslserver'), 0)
  const server = new X509Certificate(readFileSync(join(dir, 'server/server.crt')))
  for (const name of ['localhost', 'broker.example.org']) assert.equal(server.checkHost(name), name)
  for (const address of ['127.0.0.1', '::1', '192.0.2.7']) assert.ok(server.checkIP(address))
})

test('a second start changes nothing, prints the same, and loads the X.509 library no earlier than the broker', async t => {
  const dir = join(place(t), 'data')
  const ports = await portArguments()
  const first = await run('--dir', dir, ...ports)
  const before = snapshot(dir)
  const second = await run('--dir', dir)
  assert.deepEqual([second.code, second.out], [0, first.out])
  assert.deepEqual(snapshot(dir), before)
  assert.equal((await run('--dir', dir, ...ports)).out, first.out)
  const up = JSON.stringify(new URL('./up.ts', import.meta.url).href)
  const script = `
    const { up } = await import(${up})
    await up(['--dir', ${JSON.stringify(dir)}], process, async () => 0)
    process.exit(globalThis.Reflect.getMetadata === undefined ? 0 : 1)`
  assert.equal(spawnSync(process.execPath, ['--input-type=module', '-e', script]).status, 0)
})

test('the two commands stand on lines of their own, absolute, and a shell reads them back as meant', async t => {
  const dir = join(place(t), "it's a place")
  const ports = await portArguments()
  const { out } = await run('--dir', dir, ...ports)
  const lines = out.split('\n').filter(line => line.startsWith('mosquitto_'))
  const words = lines.map(line =>
    execFileSync('sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' })
      .trimEnd()
      .split('\n'),
  )
  const common = (name: string) => [
    ...['-h', 'localhost', '-p', ports[1], '--cafile', join(dir, 'ca/trust/root.pem')],
    ...['--cert', join(dir, `clients/${name}.crt`), '--key', join(dir, `clients/${name}.key`)],
  ]
  assert.deepEqual(words, [
    ['mosquitto_sub', ...common('admin'), '-t', 'devices/#', '-v'],
    ['mosquitto_pub', ...common('device-1'), '-t', 'devices/device-1/hello', '-m', 'hello'],
  ])
})

test('the page names what the certificate holds for, as people write it', async t => {
  const dir = join(place(t), 'data')
  const { out } = await run('--dir', dir, '--host', '2001:db8:0:0::7', ...(await portArguments()))
  assert.match(out, /, as (\S+, )?localhost, 127\.0\.0\.1, ::1, 2001:db8::7; until \d{4}-\d\d-\d\d\n/)
})

test('nothing is printed before the broker listens, and its exit code is ours', async t => {
  const dir = join(place(t), 'data')
  const stdout = new PassThrough()
  const io = { stdout, stderr: new PassThrough() } as unknown as Io
  assert.equal(await up(['--dir', dir, ...(await portArguments())], io, async () => 3), 3)
  assert.equal(stdout.read(), null)
})

test('a directory that is empty is used; one that holds anything else is refused and left alone', async t => {
  const parent = place(t)
  const empty = join(parent, 'empty')
  mkdirSync(empty)
  assert.equal((await run('--dir', empty, ...(await portArguments()))).code, 0)
  const taken = join(parent, 'taken')
  mkdirSync(taken)
  writeFileSync(join(taken, 'castellan.conf'), '# mine\n')
  const { code, err, started } = await run('--dir', taken, ...(await portArguments()))
  assert.equal(code, 5)
  assert.equal(
    err,
    `castellan up: '${taken}' is not empty and castellan up did not make it; choose another directory with --dir\n`,
  )
  assert.deepEqual([readdirSync(taken), started], [['castellan.conf'], []])
  const file = join(taken, 'castellan.conf')
  assert.equal((await run('--dir', file)).code, 1)
})

test('a directory whose key is gone is refused, not made anew', async t => {
  const dir = join(place(t), 'data')
  await run('--dir', dir, ...(await portArguments()))
  rmSync(join(dir, 'server/server.key'))
  const { code, err } = await run('--dir', dir)
  assert.equal(code, 5)
  assert.match(err, /server\.key' is gone; put it back/)
})

test('another --port or --host than the directory was made with is refused', async t => {
  const dir = join(place(t), 'data')
  const ports = await portArguments()
  await run('--dir', dir, ...ports)
  const before = snapshot(dir)
  const port = await run('--dir', dir, '--port', '9')
  assert.equal(port.code, 5)
  assert.match(port.err, /--port 9: the directory was made with \d+, and castellan up changes nothing that is there/)
  const host = await run('--dir', dir, '--host', 'other.example')
  assert.equal(host.code, 5)
  assert.match(host.err, /does not hold for 'other\.example'/)
  assert.equal((await run('--dir', dir, '--host', 'localhost', '--host', '127.0.0.1')).code, 0)
  assert.deepEqual(snapshot(dir), before)
})

test('--metrics-port has health and metrics answered on this machine, at each start; without it nothing of it is there', async t => {
  const [dir, closed] = [join(place(t), 'data'), join(place(t), 'data')]
  const metrics = ['--metrics-port', String(await freePort())]
  assert.equal((await run('--dir', dir, ...(await portArguments()), ...metrics)).code, 0)
  assert.match(readFileSync(join(dir, 'castellan.conf'), 'utf8'), new RegExp(`^metrics_listener ${metrics[1]}$`, 'm'))
  assert.equal((await run('--dir', dir, ...metrics)).code, 0)
  const other = await run('--dir', dir, '--metrics-port', '9')
  assert.deepEqual([other.code, /--metrics-port 9: the directory was made with \d+/.test(other.err)], [5, true])
  await run('--dir', closed, ...(await portArguments()))
  assert.doesNotMatch(readFileSync(join(closed, 'castellan.conf'), 'utf8'), /metrics_listener/)
  const twice = await run('--dir', closed, '--metrics-port', '1883')
  assert.deepEqual([twice.code, /is a port for clients, too/.test(twice.err)], [2, true])
})

test('a directory that was moved or copied is refused while its configuration names the old place', async t => {
  const parent = place(t)
  const [dir, moved] = [join(parent, 'data'), join(parent, 'moved')]
  await run('--dir', dir, ...(await portArguments()))
  symlinkSync('data', join(parent, 'link'))
  assert.equal((await run('--dir', join(parent, 'link'))).code, 0, 'another name for the same place')
  cpSync(dir, moved, { recursive: true })
  for (const there of [true, false]) {
    if (!there) rmSync(dir, { recursive: true })
    const { code, err } = await run('--dir', moved)
    assert.equal(code, 5)
    const cure = `move it back, or write '${moved}' for '${dir}' in '${moved}/castellan.conf'`
    assert.equal(err, `castellan up: '${moved}' was made as '${dir}', and its paths still begin so; ${cure}\n`)
  }
  const config = join(moved, 'castellan.conf')
  const text = readFileSync(config, 'utf8').replaceAll(dir, moved)
  writeFileSync(config, text)
  assert.equal((await run('--dir', moved)).code, 0)
  writeFileSync(config, text.replace(/^acl_file .*$/m, 'acl_file /etc/acl'))
  assert.equal((await run('--dir', moved)).code, 0, 'a file somewhere else is the choice of whoever wrote it')
})

const asRoot = { skip: process.geteuid?.() !== 0 && 'needs root' }

test(
  "root is told that the broker stays root, and does not start somebody else's directory as a third",
  asRoot,
  async t => {
    const dir = join(place(t), 'data')
    const own = await run('--dir', dir, ...(await portArguments()))
    assert.match(
      own.out,
      /\nWarning: the broker runs as root, and every network reaches it\. Better an account of its own: /,
    )
    chownSync(dir, 65_534, 65_534)
    const config = join(dir, 'castellan.conf')
    const text = readFileSync(config, 'utf8')
    for (const [line, user] of [
      ['user root', 'root'],
      ['', 'mosquitto'],
    ] as const) {
      writeFileSync(config, text.replace(/^user root$/m, line))
      const { code, err, started } = await run('--dir', dir)
      assert.deepEqual([code, started], [5, []])
      assert.match(
        err,
        new RegExp(`'${dir}' belongs to 'nobody', but started by root its broker would run as '${user}'`),
      )
      assert.match(err, new RegExp(`\\(runuser -u nobody -- castellan up --dir ${dir}\\), or write 'user nobody' into`))
    }
    writeFileSync(config, text.replace(/^user root$/m, 'user nobody'))
    assert.equal((await run('--dir', dir)).code, 0)
  },
)

test('a place that cannot be made or read is one clear line', async t => {
  const parent = place(t)
  writeFileSync(join(parent, 'file'), '')
  for (const [dir, reason] of [
    [
      join(parent, 'file', 'data'),
      'cannot be read (not a directory); start it as a user who may, or choose another directory with --dir',
    ],
    ['/proc/castellan/data', 'cannot be made (no such file or directory); choose another directory with --dir'],
  ] as const) {
    const { code, err } = await run('--dir', dir, ...(await portArguments()))
    assert.deepEqual([code, err], [1, `castellan up: '${dir}' ${reason}\n`])
  }
})

test('a port in use is a clear error, and nothing was made', async t => {
  const dir = join(place(t), 'data')
  const [, port, , localPort] = await portArguments()
  const taken = createServer().listen(Number(localPort), '127.0.0.1')
  t.after(() => taken.close())
  const { code, err } = await run('--dir', dir, '--port', String(port), '--local-port', String(localPort))
  assert.equal(code, 1)
  assert.equal(
    err,
    `castellan up: port ${localPort} on 127.0.0.1 is in use; stop what listens there (ss -lntp shows it), or choose another with --local-port\n`,
  )
  assert.throws(() => statSync(dir), { code: 'ENOENT' })
})

test('wrong usage exits with 2 and says what is right', async () => {
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [['--port', '0'], /--port '0' is no port; it is a number from 1 to 65535/],
    [['--port', '1e3'], /--port '1e3' is no port/],
    [['--local-port', '70000'], /--local-port '70000' is no port/],
    [['--port', '1883'], /--port and --local-port are both 1883/],
    [['--nonsense'], /Unknown option '--nonsense'; castellan up --help/],
    [['here'], /Unexpected argument 'here'/],
    [['--host', ''], /--host '' is no host name or IP address; it is one like 'broker\.example\.org'/],
    [['--host', 'bad host'], /--host 'bad host' is no host name/],
    [['--host', '*.example.org'], /--host '\*\.example\.org' is no host name .* without a wildcard/],
    [['--host', 'fe80::1%eth0'], /--host 'fe80::1%eth0' is no host name/],
    [['--dir', '/tmp/a\nb'], /--dir '\/tmp\/a\\x0ab' has a blank at its end/],
  ]
  for (const [args, message] of wrong) {
    const { code, err, started } = await run(...args)
    assert.deepEqual([code, started], [2, []], args.join(' '))
    assert.match(err, message)
  }
})

test('the recipe of the help makes a client that verifies, with a key for its owner alone; and revoked it verifies no more', async t => {
  const parent = place(t)
  const dir = join(parent, 'castellan-data')
  await run('--dir', dir, ...(await portArguments()))
  const help = (await run('--help')).out
  assert.ok(help.includes(clientRecipe))
  const shell = (line: string) =>
    execFileSync('sh', ['-ec', line.trim().replace(/^castellan/, program)], { cwd: parent, stdio: 'ignore' })
  shell(clientRecipe)
  const bundle = join(dir, 'clients/device-2')
  const certificate = join(bundle, 'device-2.crt')
  const verify = (purpose: string) => {
    const lists = ['-crl_check_all', '-CRLfile', join(dir, 'ca/crl/all.pem')]
    const trust = ['-CAfile', join(bundle, 'ca.crt'), '-untrusted', certificate]
    return spawnSync('openssl', ['verify', '-purpose', purpose, ...lists, ...trust, certificate]).status
  }
  assert.equal(verify('sslclient'), 0)
  assert.notEqual(verify('sslserver'), 0)
  assert.match(new X509Certificate(readFileSync(certificate)).subject, /^CN=device-2$/)
  assert.equal(statSync(join(bundle, 'device-2.key')).mode & 0o777, 0o400)
  shell(/^ +castellan cert revoke .*$/m.exec(help)?.[0] ?? 'false')
  assert.notEqual(verify('sslclient'), 0)
})

test('--help tells all and starts nothing', async () => {
  const { code, out, started } = await run('--help')
  assert.deepEqual([code, started], [0, []])
  for (const option of ['--dir', '--host', '--port', '--local-port', '--help']) assert.ok(out.includes(option))
})

test('shellQuote leaves plain words alone and quotes the rest', () => {
  assert.equal(shellQuote('/srv/mqtt/ca.crt'), '/srv/mqtt/ca.crt')
  assert.equal(shellQuote('devices/#'), "'devices/#'")
  assert.equal(shellQuote("it's"), "'it'\\''s'")
  assert.equal(shellQuote('$HOME'), "'$HOME'")
  assert.equal(shellQuote(''), "''")
})
