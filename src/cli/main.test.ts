import assert from 'node:assert/strict'
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import test, { type TestContext } from 'node:test'
import { oldNames } from './compat.ts'
import { main } from './main.ts'
import { type Io, verbs } from './verbs.ts'

test('cli section 2: --help, -h and help list every verb with its summary on stdout and exit 0', async () => {
  for (const args of [['--help'], ['-h'], ['help']]) {
    const { code, stdout, stderr } = await call('castellan', args)
    assert.deepEqual([code, stderr], [0, ''])
    for (const { name, summary } of verbs) assert.ok(stdout.includes(`  ${name.padEnd(10)}  ${summary}`), name)
    assert.match(stdout, /\nExamples\n {2}castellan up /)
    assert.ok(
      stdout.split('\n').every(line => line.length <= 120),
      'every line fits a terminal',
    )
  }
})

test('cli section 2: no verb is wrong usage: the help on stderr, nothing on stdout, exit 2', async () => {
  const { code, stdout, stderr } = await call('castellan', [])
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /Usage: castellan VERB/)
})

test("cli section 2: help VERB is the verb's own --help", async () => {
  const page = await call('castellan', ['help', 'run'])
  assert.match(page.stdout, /^Usage: castellan run /)
  assert.deepEqual(await call('castellan', ['run', '--help']), page)
})

test('cli section 5: an unknown verb exits 2 and names the one that was probably meant', async () => {
  const { code, stderr } = await call('castellan', ['passwrd'])
  assert.equal(code, 2)
  assert.match(stderr, /^castellan: unknown verb 'passwrd'; did you mean 'passwd'/)
  assert.match((await call('castellan', ['help', '\u001b[2J'])).stderr, /unknown verb '\\x1b\[2J'/)
})

test('cli section 5: a pasted dash is answered before anything runs, and before the verb too', async () => {
  assert.match((await call('castellan', ['run', '–c', 'x'])).stderr, /an en dash \(U\+2013\)/)
  assert.match((await call('castellan', ['—help'])).stderr, /an em dash \(U\+2014\)/)
})

test('castellan --version prints the version of package.json', async () => {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'))
  for (const args of [['--version'], ['-v'], ['version'], ['run', '--version']]) {
    assert.equal((await call('castellan', args)).stdout, `castellan version ${manifest.version}\n`)
  }
})

test('cli section 1: called as mosquitto, or as compat mosquitto, it is the broker with Mosquitto exit codes', async () => {
  for (const [calledAs, args] of [
    ['mosquitto', []],
    ['castellan', ['compat', 'mosquitto']],
  ] as const) {
    const unknown = await call(calledAs, [...args, '--bogus'])
    assert.equal(unknown.code, 3)
    assert.match(unknown.stderr, /^Error: Unknown option '--bogus'\.\n\nUsage: mosquitto /)
    assert.equal((await call(calledAs, [...args, '--help'])).code, 3)
    assert.match((await call(calledAs, [...args, '--version'])).stdout, /^mosquitto version 2\.1 \(castellan /)
  }
  assert.equal((await call('castellan', ['run', '--bogus'])).code, 2)
})

test('cli section 1: a name that never was one is refused by name', async () => {
  const unknown = await call('castellan', ['compat', 'mosquito'])
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /'mosquito' is not a name this program answers to/)
})

test('a renamed program that has no old name is castellan', async () => {
  assert.match((await call('castellan-0.1', ['help'])).stdout, /^castellan /)
})

test('cli section 1: compat install links the names, says which, and changes nothing the second time', async t => {
  const dir = temporaryDirectory(t)
  const first = await call('castellan', ['compat', 'install', '--dir', dir])
  const built = [...oldNames.keys()].map(name => `${dir}/${name}\n`)
  assert.deepEqual([first.code, first.stdout], [0, built.join('')])
  assert.equal(realpathSync(join(dir, 'mosquitto')), join(import.meta.dirname, '../../bin/castellan'))
  assert.deepEqual(await call('castellan', ['compat', 'install', '--dir', dir]), first)
})

test('cli section 1: compat install refuses to shadow a file, touching none, unless forced', async t => {
  const dir = temporaryDirectory(t)
  writeFileSync(join(dir, 'mosquitto_passwd'), 'theirs')
  const refused = await call('castellan', ['compat', 'install', '--dir', dir])
  assert.equal(refused.code, 5)
  assert.match(refused.stderr, /mosquitto_passwd already there, nothing was changed; --force/)
  assert.equal(lstatSync(join(dir, 'mosquitto'), { throwIfNoEntry: false }), undefined)
  assert.equal(readFileSync(join(dir, 'mosquitto_passwd'), 'utf8'), 'theirs')
  assert.equal((await call('castellan', ['compat', 'install', '--dir', dir, '--force'])).code, 0)
  assert.ok(lstatSync(join(dir, 'mosquitto_passwd')).isSymbolicLink())
})

test('cli section 1: compat install says in one line what the system refused', async t => {
  const dir = temporaryDirectory(t)
  writeFileSync(join(dir, 'file'), '')
  mkdirSync(join(dir, 'taken/mosquitto'), { recursive: true })
  const refused = [
    [join(dir, 'file'), 'lstat', 'not a directory'],
    [join(dir, 'file', 'below'), 'mkdir', 'not a directory'],
    ['/proc/castellan', 'mkdir', 'no such file or directory'],
    [join(dir, 'taken'), 'unlink', '(illegal operation on a directory|operation not permitted)'],
  ]
  for (const [place, syscall, reason] of refused) {
    const { code: exit, stderr, stdout } = await call('castellan', ['compat', 'install', '--force', '--dir', place!])
    assert.deepEqual([exit, stdout], [1, ''], stderr)
    const line = `^castellan: no links in '${place}': ${syscall} '.*' failed \\(${reason}\\); choose another directory with --dir, or [^\n]*\n$`
    assert.match(stderr, new RegExp(line))
  }
})

test('cli section 2: compat --help and compat install --help are pages that were asked for', async () => {
  for (const args of [
    ['compat', '--help'],
    ['compat', 'install', '--help'],
    ['help', 'compat'],
  ]) {
    const { code, stdout, stderr } = await call('castellan', args)
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^Usage: castellan compat NAME/)
  }
})

test('cli section 1: compat without a name, or install without a directory, is wrong usage', async () => {
  for (const args of [
    ['compat'],
    ['compat', 'install'],
    ['compat', 'install', '--bogus'],
    ['compat', 'install', '--dir', ''],
  ]) {
    const { code, stderr } = await call('castellan', args)
    assert.equal(code, 2)
    assert.match(stderr, /^Usage: castellan compat NAME/)
  }
})

async function call(calledAs: string, args: readonly string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const io = { stdin: new PassThrough(), stdout, stderr, env: {} } as unknown as Io
  const code = await main(calledAs, args, io)
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }
}

function temporaryDirectory(t: TestContext): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'castellan-cli-')))
  t.after(() => rmSync(dir, { recursive: true }))
  return dir
}
