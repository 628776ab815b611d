import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { runCommand } from '../../../test/support/command.ts'
import { verbs } from '../verbs.ts'
import { completion } from './completion.ts'

const { stdout: bash } = await runCommand(completion, ['bash'])

/** What bash offers for the last of these words. */
function offered(line: string, cwd: string = tmpdir()): readonly string[] {
  const words = line.split(' ')
  const script = `${bash}
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_castellan
[ \${#COMPREPLY[@]} -eq 0 ] || printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr, status } = spawnSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8', cwd })
  assert.equal(stderr, '')
  assert.notEqual(status, null)
  return stdout.split('\n').filter(word => word !== '')
}

test('cli section 7: behind the program bash offers the verbs, and of them those that begin as typed', () => {
  assert.deepEqual(offered('castellan '), [...verbs.map(({ name }) => name), 'help', 'version'])
  assert.deepEqual(offered('castellan pass'), ['passwd'])
  assert.deepEqual(offered('castellan help comp'), ['compat', 'completion'])
  assert.deepEqual(offered('castellan nothing-of-it'), [])
  assert.deepEqual(offered('/usr/local/bin/castellan passw'), ['passwd'])
})

test('cli section 7: behind a verb bash offers its actions and, behind a dash, its options', () => {
  assert.deepEqual(offered('castellan ca pub'), ['publish-crl'])
  assert.deepEqual(offered('castellan ca publish-crl --fo'), ['--force'])
  assert.deepEqual(offered('castellan up --metr'), ['--metrics-port'])
  assert.deepEqual(offered('castellan ca publish-crl --offline'), [], 'of another action')
  assert.deepEqual(offered('castellan audit tail --li'), ['--lines'])
})

test('cli section 7: what an option can be is offered behind it, and nothing else', () => {
  assert.deepEqual(offered('castellan ca init x --key-type ec'), ['ec-p256', 'ec-p384'])
  assert.deepEqual(offered('castellan ca show -o '), ['table', 'json', 'name'])
  assert.deepEqual(offered('castellan acl test --format t'), ['tap'])
  assert.deepEqual(offered('castellan up --port '), [])
})

test('cli section 7: a value that is spelt like an action or an option is none', () => {
  assert.deepEqual(offered('castellan ctl -u broker dyn'), ['dynsec'])
  assert.deepEqual(offered('castellan ctl -u admin dynsec createR'), ['createRole'])
})

test('cli section 7: files and directories are offered where they belong, also with blanks in their names', t => {
  const dir = placeWithFiles(t)
  assert.deepEqual(offered('castellan run -c ', dir).toSorted(), ['a file.conf', 'rules.acl', 'some dir'])
  assert.deepEqual(offered('castellan up --dir ', dir), ['some dir'])
  assert.deepEqual(offered('castellan cert inspect a', dir), ['a file.conf'])
  assert.deepEqual(offered('castellan store check ', dir), ['some dir'])
  assert.deepEqual(offered('castellan ca ', dir).includes('rules.acl'), false)
})

test("cli section 7: Mosquitto's names are completed as what they are", t => {
  const dir = placeWithFiles(t)
  assert.deepEqual(offered('mosquitto --test'), ['--test-config'])
  assert.deepEqual(offered('mosquitto -c ru', dir), ['rules.acl'])
  assert.deepEqual(offered('mosquitto_passwd -H sha512-'), ['sha512-pbkdf2'])
  assert.deepEqual(offered('mosquitto_ctrl --insec'), ['--insecure'])
})

function placeWithFiles(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-completion-'))
  t.after(() => rmSync(dir, { recursive: true }))
  mkdirSync(join(dir, 'some dir'))
  for (const name of ['a file.conf', 'rules.acl']) writeFileSync(join(dir, name), '')
  return dir
}

for (const shell of ['bash', 'zsh', 'fish']) {
  const missing = spawnSync(shell, ['-c', 'true']).error !== undefined
  test(`cli section 7: ${shell} finds no mistake in its script`, { skip: missing && `no ${shell} here` }, async t => {
    const { stdout, code } = await runCommand(completion, [shell])
    assert.equal(code, 0)
    const file = join(placeWithFiles(t), 'script')
    writeFileSync(file, stdout)
    const { status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' })
    assert.deepEqual([status, stderr], [0, ''])
  })
}

test('cli section 7: fish offers what bash does', {
  skip: spawnSync('fish', ['-c', 'true']).error !== undefined && 'no fish here',
}, async t => {
  const dir = placeWithFiles(t)
  writeFileSync(join(dir, 'script'), (await runCommand(completion, ['fish'])).stdout)
  const offers = (line: string) => {
    const { stdout } = spawnSync('fish', ['-c', `source script; complete -C '${line}'`], { encoding: 'utf8', cwd: dir })
    return stdout.split('\n').flatMap(offer => offer.split('\t')[0] || [])
  }
  assert.deepEqual(offers('castellan passw'), ['passwd'])
  assert.deepEqual(offers('castellan ca init --key-type ec'), ['ec-p256', 'ec-p384'])
  assert.deepEqual(offers('castellan run -c r'), ['rules.acl'])
})

test('cli section 7: fish has a line for each option, with values where it takes some', async () => {
  const { stdout } = await runCommand(completion, ['fish'])
  assert.match(stdout, /^complete -c castellan -n 'not __fish_seen_subcommand_from [^']*' -f -a up -d 'a secure/m)
  assert.match(
    stdout,
    /^complete -c castellan -n '__fish_seen_subcommand_from ca; and __fish_seen_subcommand_from init' -l key-type -x -a 'ec-p256 /m,
  )
  assert.match(stdout, /^complete -c mosquitto -s c -l config-file -r -F -d '/m)
})

test('cli section 4: no shell, an unknown one and two are wrong usage, and nothing is printed', async () => {
  for (const [args, complaint] of [
    [[], 'a shell is missing; shells are bash, zsh, fish'],
    [['ksh\u001b'], "unknown shell 'ksh\\x1b'; shells are"],
    [['bash', 'zsh'], 'one shell is all it takes'],
  ] as const) {
    const { code, stdout, stderr } = await runCommand(completion, args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.ok(stderr.startsWith(`castellan completion: ${complaint}`), stderr)
  }
})
