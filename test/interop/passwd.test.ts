// Our mosquitto_passwd beside Debian's: the same command lines, and each one's files in the other's broker.

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { parsePasswordFile } from '../../src/auth/password-file.ts'
import { verifyPassword } from '../../src/auth/password-hash.ts'
import { castellanProgram, startMosquitto } from '../support/broker-process.ts'
import { runTool } from '../support/clients.ts'
import { runProgram } from '../support/line-process.ts'

const mosquittoPasswd = '/usr/bin/mosquitto_passwd'
const fileOfAlice =
  'alice:$7$101$FOeDCXJ2uKuootFg$l1oT5bRmdKdgC7r+VMr+CdnqALQVyNFffBnuDVqbO4clzrKuK1bWEuVPD1s+xminyjSlU+p+petNT4wlw/jbUw==\n'

interface Outcome {
  readonly code: number | null
  readonly stderr: readonly string[]
  /** The names in the file afterwards. */
  readonly users: readonly string[]
}

async function place(t: TestContext, text = fileOfAlice): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'castellan-passwd-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  await writeFile(join(directory, 'pw'), text, { mode: 0o600 })
  return directory
}

async function outcomeOf(
  t: TestContext,
  program: 'castellan' | 'mosquitto_passwd',
  args: readonly string[],
  input: string,
  text?: string,
): Promise<Outcome> {
  const cwd = await place(t, text)
  const [command, before] =
    program === 'castellan' ? [castellanProgram, ['compat', 'mosquitto_passwd']] : [mosquittoPasswd, []]
  const run = await runProgram(t, command, [...before, ...args], { cwd, input })
  const lines = (await readFile(join(cwd, 'pw'), 'utf8')).split('\n')
  const stderr = run.stderr.map(line => line.replaceAll(`${cwd}/`, '').replaceAll(cwd, '.'))
  return { code: run.ended?.code ?? null, stderr, users: lines.filter(line => line !== '').map(nameIn) }
}

function nameIn(line: string): string {
  return line.split(':')[0] ?? ''
}

/** Command lines in which nothing may differ: exit code, standard error, and who is in the file afterwards. */
const same: readonly (readonly [args: readonly string[], input: string])[] = [
  [['-b', 'pw', 'alice', 'new'], ''],
  [['-b', 'pw', 'bob', 'secret'], ''],
  [['-b', 'pw', 'Ödegård', 'geheim'], ''],
  [['-H', 'sha512', '-b', 'pw', 'bob', 'secret'], ''],
  [['-H', 'sha512-pbkdf2', '-b', 'pw', 'bob', 'secret'], ''],
  [['-b', '-c', 'pw', 'bob', 'secret'], ''],
  [['-c', 'pw', 'bob'], 'secret\nsecret\n'],
  [['pw', 'bob'], 'secret\nsecret\n'],
  [['pw', 'bob'], 'secret\nother\n'],
  [['pw', 'bob'], ''],
  [['pw', 'bob'], '\n\n'],
  [['-D', 'pw', 'alice'], ''],
  [['-D', 'pw', 'nobody'], ''],
  [['-D', 'missing', 'alice'], ''],
  [['-U', 'missing'], ''],
  [['-b', 'missing', 'a', 'b'], ''],
  [['-b', 'no/pw', 'a', 'b'], ''],
  [['-b', '-c', 'no/pw', 'a', 'b'], ''],
  [['-b', '-c', '.', 'a', 'b'], ''],
  [['-b', 'pw', 'a:b', 'c'], ''],
  [['-b', 'pw', 'a\tb', 'c'], ''],
  [['-b', 'pw', 'a'.repeat(65_536), 'c'], ''],
  [['-b', 'pw', 'a', 'c'.repeat(65_536)], ''],
  [['-b', '-D', 'pw', 'a'], ''],
  [['-c', '-D', 'pw', 'a'], ''],
  [['-c', '-U', 'pw'], ''],
  [['-D', '-U', 'pw'], ''],
  [['-c', 'pw'], ''],
  [['-c', '-b', 'pw', 'a'], ''],
  [['-D', 'pw'], ''],
  [['-U'], ''],
  [['-U', 'pw', 'pw'], ''],
  [['-H'], ''],
  [['-H', 'md5'], ''],
  [['-I'], ''],
  [['-I', '0'], ''],
  [['-I', 'x'], ''],
]

for (const [args, input] of same) {
  const shown = args.map(word => (word.length > 20 ? `${word.length} characters` : JSON.stringify(word))).join(' ')
  test(`features B4–B10: as with mosquitto_passwd 2.0.11: ${shown} ${JSON.stringify(input)}`, async t => {
    const theirs = await outcomeOf(t, 'mosquitto_passwd', args, input)
    assert.deepEqual(await outcomeOf(t, 'castellan', args, input), theirs)
  })
}

/** Command lines in which we differ, and why. `text` is in the file before. */
const different: readonly {
  readonly why: string
  readonly args: readonly string[]
  readonly text?: string
  readonly theirs: Partial<Outcome>
  readonly ours: Partial<Outcome>
}[] = [
  {
    why: 'B6: the -d of an article is answered with a hint (theirs: usage, on standard output)',
    args: ['-d', 'pw', 'alice'],
    theirs: { code: 1, stderr: [] },
    ours: { code: 1, stderr: ['Error: -d is not an option. To delete a user: mosquitto_passwd -D FILE USER'] },
  },
  {
    why: 'B5: comments and blank lines are kept (theirs: an error, exit code 0, and all that follows is lost)',
    args: ['-b', 'pw', 'bob', 'secret'],
    text: `# plant\n\n${fileOfAlice}`,
    theirs: { code: 0, stderr: ['Error: Corrupt password file at line 1.'], users: ['bob'] },
    ours: { code: 0, stderr: [], users: ['# plant', 'alice', 'bob'] },
  },
  {
    why: 'B10: an empty name is refused (theirs: writes a line that no broker reads)',
    args: ['-b', 'pw', '', 'secret'],
    theirs: { code: 0, users: ['alice', ''] },
    ours: { code: 1, stderr: ['Error: Username must not be empty.'], users: ['alice'] },
  },
  {
    why: 'B10: a name that would make a comment is refused (theirs: writes a user who cannot log in)',
    args: ['-b', 'pw', '#bob', 'secret'],
    theirs: { code: 0, users: ['alice', '#bob'] },
    ours: { code: 1, stderr: ["Error: Username must not begin with '#', which makes a comment."], users: ['alice'] },
  },
  {
    why: 'B4: an empty password is refused with -b too',
    args: ['-b', 'pw', 'bob', ''],
    theirs: { code: 0, users: ['alice', 'bob'] },
    ours: { code: 1, stderr: ['Error: Empty password.'], users: ['alice'] },
  },
  {
    why: 'B7: a password without -b is ignored by both; we say so',
    args: ['-c', 'pw', 'bob', 'secret'],
    theirs: { code: 1, stderr: ['Error: Empty password.'] },
    ours: {
      code: 1,
      stderr: [
        'Note: what follows USER was ignored. A password there needs -b, and other users of this machine can see it.',
        'Error: Empty password.',
      ],
    },
  },
  {
    why: 'B9: few iterations are written as asked, with a note',
    args: ['-I', '5', '-b', 'pw', 'bob', 'secret'],
    theirs: { code: 0, stderr: [], users: ['alice', 'bob'] },
    ours: {
      code: 0,
      stderr: ['Note: 5 iterations are quick to guess through; without -I it is 210000.'],
      users: ['alice', 'bob'],
    },
  },
  {
    why: 'mistakes are answered on standard error (theirs: the usage page on standard output)',
    args: ['pw'],
    theirs: { code: 1, stderr: [] },
    ours: {
      code: 1,
      stderr: [
        'Usage: mosquitto_passwd [-c] [OPTIONS] FILE USER',
        '       mosquitto_passwd -D FILE USER',
        '       mosquitto_passwd -U [OPTIONS] FILE',
        'mosquitto_passwd --help tells more.',
      ],
    },
  },
  {
    why: 'a page that was asked for is no mistake',
    args: ['--help'],
    theirs: { code: 1 },
    ours: { code: 0, stderr: [] },
  },
]

for (const { why, args, text, theirs, ours } of different) {
  test(`features B4–B10: other than mosquitto_passwd 2.0.11: ${why}`, async t => {
    const partOf = (outcome: Outcome, expected: Partial<Outcome>) =>
      Object.fromEntries(Object.entries(outcome).filter(([key]) => key in expected))
    assert.deepEqual(partOf(await outcomeOf(t, 'mosquitto_passwd', args, '', text), theirs), theirs)
    assert.deepEqual(partOf(await outcomeOf(t, 'castellan', args, '', text), ours), ours)
  })
}

async function accepts(file: string, username: string, password: string): Promise<boolean> {
  const entry = parsePasswordFile(await readFile(file), file).users.get(username)
  return entry !== undefined && verifyPassword(entry.hash, Buffer.from(password))
}

/** User names and passwords that a file has to carry unharmed. */
const accounts = [
  ['john', 'secret'],
  ['Ann Ödegård', 'päss wörd: $6$ # ✓'],
  ['用户', 'a'.repeat(1000)],
] as const

test('features B3: files that mosquitto_passwd wrote are accepted by us', async t => {
  const cwd = await place(t, '')
  const kinds = [['-H', 'sha512'], ['-H', 'sha512-pbkdf2'], ['-I', '1000'], []]
  for (const options of kinds) {
    for (const [username, password] of accounts)
      await runProgram(t, mosquittoPasswd, [...options, '-b', 'pw', username, password], { cwd })
    for (const [username, password] of accounts) {
      assert.equal(await accepts(join(cwd, 'pw'), username, password), true, `${options.join(' ')} ${username}`)
      assert.equal(await accepts(join(cwd, 'pw'), username, `${password}x`), false)
    }
  }
  await writeFile(join(cwd, 'pw'), 'plain:old secret\n')
  await runProgram(t, mosquittoPasswd, ['-U', 'pw'], { cwd })
  assert.equal(await accepts(join(cwd, 'pw'), 'plain', 'old secret'), true)
})

for (const kind of ['sha512', 'sha512-pbkdf2']) {
  test(`features B3: files that castellan passwd -H ${kind} wrote are accepted by Debian's Mosquitto`, async t => {
    const cwd = await place(t, '# plant\nplain:old secret\n')
    await runProgram(t, castellanProgram, ['passwd', '-H', kind, '-U', 'pw'], { cwd })
    for (const [username, password] of accounts) {
      const args = ['passwd', '-H', kind, '--password-stdin', 'pw', username]
      assert.equal((await runProgram(t, castellanProgram, args, { cwd, input: password })).ended?.code, 0)
    }
    const config = `listener 0 127.0.0.1\npassword_file ${join(cwd, 'pw')}\n`
    const broker = await startMosquitto(t, {
      config: ({ port }) => config.replace('listener 0', `listener ${port}`),
    })
    const logIn = async (username: string, password: string) => {
      const args = ['-h', '127.0.0.1', '-p', String(broker.port), '-u', username, '-P', password, '-t', 't', '-m', 'm']
      return (await runTool(t, 'mosquitto_pub', args)).code
    }
    for (const [username, password] of [...accounts, ['plain', 'old secret'] as const]) {
      assert.equal(await logIn(username, password), 0, username)
      assert.equal(await logIn(username, `${password}x`), 5, username)
    }
  })
}

/** Answers each prompt at a terminal of its own, and prints all that the terminal showed. */
const typist = `
import os, pty, sys
answers = sys.argv[2].split(',')
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:2] + sys.argv[3:])
shown = b''
while True:
    try:
        piece = os.read(terminal, 1024)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    while answers and shown.count(b'assword: ') > len(sys.argv[2].split(',')) - len(answers):
        os.write(terminal, answers.pop(0).encode() + b'\\r')
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`

// Not run with mosquitto_passwd: it prompts first and hides what is typed a moment later, and so fails now and then.
test('features B4: at a terminal the prompts show and the password does not', async t => {
  const cwd = await place(t)
  const args = ['-c', typist, castellanProgram, 'geheim,geheim', 'passwd', '-H', 'sha512', 'pw', 'bob']
  const { ended, stdout } = await runProgram(t, '/usr/bin/python3', args, { cwd })
  assert.deepEqual(stdout, ['Password: ', 'Reenter password: ', 'Adding password for user bob'])
  assert.equal(ended?.code, 0)
  assert.equal(await accepts(join(cwd, 'pw'), 'bob', 'geheim'), true)
})
