import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import test, { type TestContext } from 'node:test'
import { parsePasswordFile } from '../../auth/password-file.ts'
import { verifyPassword } from '../../auth/password-hash.ts'
import { mosquittoPasswd, passwd } from './passwd.ts'

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function run(
  args: readonly string[],
  input = '',
  env: NodeJS.ProcessEnv = {},
  command = passwd,
): Promise<Outcome> {
  const written = { stdout: '', stderr: '' }
  const to = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text
    },
  })
  const stdin = Readable.from([Buffer.from(input)])
  const code = await command(args, { stdin, stdout: to('stdout'), stderr: to('stderr'), env })
  return { code, ...written }
}

/** A directory of the test's own with the file `pw` in it. */
function place(t: TestContext, text?: string): { readonly directory: string; readonly file: string } {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-passwd-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'pw')
  if (text !== undefined) writeFileSync(file, text, { mode: 0o600 })
  return { directory, file }
}

async function accepts(file: string, username: string, password: string): Promise<boolean> {
  const entry = parsePasswordFile(readFileSync(file), file).users.get(username)
  return entry !== undefined && verifyPassword(entry.hash, Buffer.from(password))
}

const quick = ['-H', 'sha512']

test('features B4: -c asks twice, says what it does, and writes a file for its owner only', async t => {
  const { file, directory } = place(t)
  assert.deepEqual(await run(['-c', file, 'john'], 'geheim ✓\ngeheim ✓\n'), {
    code: 0,
    stdout: 'Password: \nReenter password: \nAdding password for user john\n',
    stderr: '',
  })
  assert.equal(await accepts(file, 'john', 'geheim ✓'), true)
  assert.match(readFileSync(file, 'utf8'), /^john:\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(directory), ['pw'])
})

test('features B4: -c overwrites without a question', async t => {
  const { file } = place(t, 'old:$6$x$y\n')
  assert.equal((await run([...quick, '-c', file, 'john'], 'a\na\n')).code, 0)
  assert.match(readFileSync(file, 'utf8'), /^john:\$6\$[^\n]*\n$/)
})

test('features B4: - is standard output, where nothing else is written', async () => {
  const { code, stdout, stderr } = await run([...quick, '-c', '-', 'José'], 'a\na\n')
  assert.equal(code, 0)
  assert.match(stdout, /^José:\$6\$[^\n]*\n$/)
  assert.equal(stderr, 'Password: \nReenter password: \n')
})

test('features B5: a user is added, then updated; comments, blank lines and mode stay', async t => {
  const { file, directory } = place(t, '# plant\n\nalice:$6$x$y\n')
  chmodSync(file, 0o640)
  const added = await run([...quick, '-b', file, 'bob', 'one'])
  assert.deepEqual(added, { code: 0, stdout: 'Adding password for user bob\n', stderr: '' })
  const updated = await run([...quick, file, 'bob'], 'two\ntwo\n')
  assert.equal(updated.stdout, 'Password: \nReenter password: \nUpdating password for user bob\n')
  assert.match(readFileSync(file, 'utf8'), /^# plant\n\nalice:\$6\$x\$y\nbob:\$6\$[^\n]*\n$/)
  assert.equal(statSync(file).mode & 0o777, 0o640)
  assert.deepEqual(readdirSync(directory), ['pw'])
})

test('features B4: -c does not take the place of what is no regular file', async t => {
  const { file } = place(t)
  execFileSync('mkfifo', [file])
  assert.deepEqual(await run([...quick, '-b', '-c', file, 'john', 'pw']), {
    code: 1,
    stdout: '',
    stderr: `Error: Unable to open file ${file} for writing. Not a regular file.\n`,
  })
  assert.equal(statSync(file).isFIFO(), true)
})

test('RFC 5802 §5.1: a name that SASLprep changes is refused for SCRAM, in any other form and for any other hash taken', async t => {
  const { file } = place(t, '')
  for (const [kind, name] of [
    ['scram-sha-256', 'caf\u00e9'],
    ['sha512', 'cafe\u0301'],
  ] as const) {
    assert.equal((await run(['-H', kind, '-b', file, name, 'pw'])).code, 0, name)
  }
  assert.equal((await run(['-H', 'scram-sha-256', '-b', file, 'ane\u0301', 'pw'])).code, 2)
  assert.deepEqual([...parsePasswordFile(readFileSync(file), file).users.keys()], ['caf\u00e9', 'cafe\u0301'])
})

test('features B5: a symbolic link is refused, and followed, staying one, where the environment allows it', async t => {
  const { file, directory } = place(t, '')
  const link = join(directory, 'link')
  symlinkSync('pw', link)
  for (const args of [
    ['-b', link, 'bob', 'one'],
    ['-b', '-c', link, 'bob', 'one'],
    ['-D', link, 'bob'],
    ['-U', link],
  ]) {
    const { code, stderr } = await run([...quick, ...args])
    assert.equal(code, 1)
    assert.equal(
      stderr,
      `Error: Password file ${link} is a symbolic link, which is followed only if MOSQUITTO_UNSAFE_ALLOW_SYMLINKS is set.\n`,
    )
  }
  assert.equal(readFileSync(file, 'utf8'), '')
  const env = { MOSQUITTO_UNSAFE_ALLOW_SYMLINKS: '' }
  assert.equal((await run([...quick, '-b', link, 'bob', 'one'], '', env)).code, 0)
  assert.equal(readlinkSync(link), 'pw')
  assert.equal(await accepts(file, 'bob', 'one'), true)
})

test('features B4: a file that everybody could read is closed, and that is said', async t => {
  const { file } = place(t, '')
  chmodSync(file, 0o644)
  const { stderr } = await run([...quick, '-b', file, 'bob', 'one'])
  assert.equal(stderr, `Note: everybody could read ${file}; now only its owner and group can.\n`)
  assert.equal(statSync(file).mode & 0o777, 0o640)
})

test('features B6: -D removes a user and nothing else', async t => {
  const { file } = place(t, '# plant\nalice:$6$x$y\nbob:$6$x$y\n')
  assert.deepEqual(await run(['-D', file, 'alice']), { code: 0, stdout: '', stderr: '' })
  assert.equal(readFileSync(file, 'utf8'), '# plant\nbob:$6$x$y\n')
})

test('features B8: -U hashes plain passwords only, and a second time changes nothing', async t => {
  const { file } = place(t, '# plant\nalice:secret\nbob:$6$x$y\n')
  assert.deepEqual(await run([...quick, '-U', file]), { code: 0, stdout: '', stderr: '' })
  const text = readFileSync(file, 'utf8')
  assert.match(text, /^# plant\nalice:\$6\$[^\n]*\nbob:\$6\$x\$y\n$/)
  assert.equal((await run(['-U', file])).code, 0)
  assert.equal(readFileSync(file, 'utf8'), text)
})

const kinds: readonly (readonly [args: readonly string[], entry: RegExp, stderr: RegExp])[] = [
  [[], /^u:\$argon2id\$v=19\$m=19456,t=2,p=1\$/, /^$/],
  [['-H', 'argon2id'], /^u:\$argon2id\$/, /^$/],
  [['-H', 'sha512-pbkdf2'], /^u:\$7\$210000\$/, /^$/],
  [['-H', 'sha512-pbkdf2', '-I', '250000'], /^u:\$7\$250000\$/, /^$/],
  [['-I', '300000'], /^u:\$7\$300000\$/, /^$/],
  [['-H', 'sha512-pbkdf2', '-I', '101'], /^u:\$7\$101\$/, /^Note: 101 iterations are quick to guess through/],
  [['-H', 'sha512'], /^u:\$6\$/, /^$/],
  [['-H', 'sha512', '-I', '5'], /^u:\$6\$/, /^Note: -I does nothing with sha512\.\n$/],
  [
    ['-H', 'argon2id', '-I', '5'],
    /^u:\$argon2id\$v=19\$m=19456,t=2,p=1\$/,
    /^Note: -I does nothing with argon2id\.\n$/,
  ],
  [['-H', 'scram-sha-256'], /^u:SCRAM-SHA-256\$100000:/, /^$/],
  [['-H', 'scram-sha-256', '-I', '4096'], /^u:SCRAM-SHA-256\$4096:/, /^Note: 4096 iterations/],
]

for (const [args, entry, wanted] of kinds) {
  test(`features B9: castellan passwd ${args.join(' ')} writes what it says`, async t => {
    const { file } = place(t)
    const { code, stderr } = await run([...args, '-b', '-c', file, 'u', 'pw'])
    assert.equal(code, 0)
    assert.match(readFileSync(file, 'utf8'), entry)
    assert.match(stderr, wanted)
    assert.equal(await accepts(file, 'u', 'pw'), true)
  })
}

test('cli 1.3: a password comes from standard input, a file or the environment, and is asked for once only', async t => {
  const { file, directory } = place(t, '')
  const secret = join(directory, 'secret')
  writeFileSync(secret, 'from a file\n', { mode: 0o600 })
  const ways = [
    [['--password-stdin'], 'from stdin'],
    [['--password-file', secret], 'from a file'],
    [[`--password-file=${secret}`], 'from a file'],
    [['--password-env', 'DEVICE_SECRET'], 'from the environment'],
  ] as const
  for (const [args, password] of ways) {
    const outcome = await run([...quick, ...args, file, 'u'], 'from stdin\n', { DEVICE_SECRET: 'from the environment' })
    assert.deepEqual([outcome.code, outcome.stderr], [0, ''])
    assert.doesNotMatch(outcome.stdout, /Password/)
    assert.equal(await accepts(file, 'u', password), true)
  }
})

test('features B4: Ctrl-C at the prompt changes nothing, and the terminal is as it was', async t => {
  const { file } = place(t, 'alice:$6$x$y\n')
  const modes: boolean[] = []
  const setRawMode = (raw: boolean) => modes.push(raw)
  const stdin = Object.assign(Readable.from([Buffer.from('sec\u0003')]), { isTTY: true, setRawMode })
  const nowhere = { write: () => {} }
  assert.equal(await passwd([file, 'alice'], { stdin, stdout: nowhere, stderr: nowhere, env: {} }), 130)
  assert.deepEqual(modes, [true, false])
  assert.equal(readFileSync(file, 'utf8'), 'alice:$6$x$y\n')
})

test('features B7: without -b a word behind the user is no password: it is not used, not printed, and warned about', async t => {
  const { file } = place(t)
  const { code, stdout, stderr } = await run([...quick, '-c', file, 'john', 'hunter2'], 'other\nother\n')
  assert.equal(code, 0)
  assert.match(stderr, /^Note: what follows USER was ignored\. A password there needs -b/)
  assert.doesNotMatch(stdout + stderr, /hunter2/)
  assert.equal(await accepts(file, 'john', 'hunter2'), false)
})

const usage = /^Usage: castellan passwd/
const exactly = (text: string) => (actual: string) => actual === `${text}\n`
/** `F` stands for a file with one user, `N` for one that is missing, `X` for a directory that is. */
type Refusal = readonly [args: string, input: string, stderr: ((text: string) => boolean) | RegExp]

const misused: readonly Refusal[] = [
  ['', '', usage],
  ['F', '', usage],
  ['F u one two', '', usage],
  ['-b F u', '', usage],
  ['-x F u', '', /^Error: Unknown option -x\.\n\nUsage: castellan passwd/],
  ['-psecret F u', '', /^Error: Unknown option\.\n\nUsage: castellan passwd/],
  ['-d F u', '', exactly('Error: -d is not an option. To delete a user: castellan passwd -D FILE USER')],
  ['-H', '', exactly('Error: -H argument given but not enough other arguments.')],
  ['-H md5 F u', '', exactly("Error: Unknown hash type 'md5'")],
  ['-I', '', exactly('Error: -I argument given but not enough other arguments.')],
  ['-I 0 F u', '', exactly('Error: Number of iterations must be > 0.')],
  ['-I many F u', '', exactly('Error: Number of iterations must be > 0.')],
  ['-I 2000001 F u', '', exactly('Error: Number of iterations must be at most 2000000.')],
  [
    '-H scram-sha-256 -I 4095 F u',
    '',
    exactly('Error: Number of iterations must be at least 4096 with scram-sha-256.'),
  ],
  [
    '-H scram-sha-256 F cafe\u0301',
    '',
    exactly(
      "Error: Username 'cafe\u0301' cannot log in by SCRAM: SASLprep makes 'caf\u00e9' of it, so use that, even if the two look alike.",
    ),
  ],
  [
    '-H scram-sha-256 F a\u202eb',
    '',
    exactly("Error: Username 'a\\u{202e}b' cannot log in by SCRAM: it has a character that SASLprep prohibits."),
  ],
  ['-c -D F u', '', exactly('Error: -c and -D cannot be used together.')],
  ['-c -U F', '', exactly('Error: -c and -U cannot be used together.')],
  ['-D -U F', '', exactly('Error: -D and -U cannot be used together.')],
  ['-b -D F u', '', exactly('Error: -b and -D cannot be used together.')],
  ['-b --password-stdin F u', '', exactly('Error: -b and --password-stdin cannot be used together.')],
  [
    '--password-stdin --password-env A F u',
    '',
    exactly('Error: --password-stdin and --password-env cannot be used together.'),
  ],
  ['-c F', '', exactly('Error: -c argument given but password file or username missing.')],
  ['-c -b F u', '', exactly('Error: -c argument given but password file, username, or password missing.')],
  ['-D F', '', exactly('Error: -D argument given but password file or username missing.')],
  ['-U', '', exactly('Error: -U argument given but password file missing.')],
  ['-U F F', '', exactly('Error: -U argument given but password file missing.')],
  ['-b F a:b pw', '', exactly("Error: Username must not contain the ':' character.")],
  ['-b F #u pw', '', exactly("Error: Username must not begin with '#', which makes a comment.")],
]

const failing: readonly Refusal[] = [
  ['-D F nobody', '', exactly('Warning: User nobody not found in password file.')],
  ['F u', '', exactly('Error: Empty password.')],
  ['F u', '\n\n', exactly('Error: Empty password.')],
  ['F u', 'one\ntwo\n', exactly('Error: Passwords do not match.')],
  ['--password-stdin F u', '\n', exactly('Error: Empty password.')],
  ['--password-env MISSING F u', '', exactly('Error: The variable that --password-env names is not set.')],
  [
    '--password-file N F u',
    '',
    /^Error: Unable to read the password: '.*' cannot be opened \(no such file or directory\)\.\n$/,
  ],
  ['--password-stdin -H scram-sha-256 F u', 'a\tb', /^Error: SCRAM cannot carry this password: .*\.\n$/],
  ['-b N u pw', '', /^Error: Unable to open password file .*\. No such file or directory\.\n$/],
  ['-U N', '', /^Error: Unable to open password file .*\. No such file or directory\.\n$/],
  ['-b -c X/pw u pw', '', /^Error: Unable to open file .* for writing\. No such file or directory\.\n$/],
  ['-b F/pw u pw', '', /^Error reading password file: Not a directory\n$/],
]

const refused = [...misused.map(row => [...row, 2] as const), ...failing.map(row => [...row, 1] as const)]

for (const [line, input, wanted, code] of refused) {
  test(`features B4–B10: refused with its own text, the file untouched: passwd ${line} ${JSON.stringify(input)}`, async t => {
    const { file, directory } = place(t, 'alice:$6$x$y\n')
    const paths = new Map([
      ['F', file],
      ['N', `${file}.no`],
      ['X/pw', join(directory, 'no', 'pw')],
      ['F/pw', join(file, 'pw')],
    ])
    const args = line
      .split(' ')
      .filter(word => word !== '')
      .map(word => paths.get(word) ?? word)
    const outcome = await run(args, input)
    assert.ok(wanted instanceof RegExp ? wanted.test(outcome.stderr) : wanted(outcome.stderr), outcome.stderr)
    assert.equal(outcome.code, code)
    assert.equal(readFileSync(file, 'utf8'), 'alice:$6$x$y\n')
    assert.deepEqual(readdirSync(directory), ['pw'])
  })
}

const badNames: readonly (readonly [username: string, text: string])[] = [
  ['a\tb', 'Error: Username must not contain control characters.'],
  ['a\u007f', 'Error: Username must not contain control characters.'],
  ['a'.repeat(65_536), 'Error: Username must be less than 65536 characters long.'],
  ['', 'Error: Username must not be empty.'],
  [' a', 'Error: Username must not begin or end with a blank.'],
]

for (const [username, text] of badNames) {
  test(`features B10: refused as a user name: ${JSON.stringify(username.slice(0, 10))}`, async t => {
    assert.deepEqual(await run(['-b', place(t, '').file, username, 'pw']), { code: 2, stdout: '', stderr: `${text}\n` })
  })
}

test('features B10: names are UTF-8, up to 65535 bytes', async t => {
  const { file } = place(t, '')
  for (const username of ['Ann Ödegård', 'a'.repeat(65_535), '用户'])
    assert.equal((await run([...quick, '-b', file, username, 'pw'])).code, 0)
  assert.equal(await accepts(file, '用户', 'pw'), true)
})

test('features B4: a password has at most 65535 bytes', async t => {
  const { file } = place(t, '')
  const tooLong = { code: 1, stderr: 'Error: Password must be less than 65536 characters long.\n' }
  const long = 'a'.repeat(65_536)
  for (const args of [
    ['--password-stdin', file, 'u'],
    ['-b', file, 'u', long],
  ]) {
    const { code, stderr } = await run([...quick, ...args], `${long}\n`)
    assert.deepEqual({ code, stderr }, tooLong)
  }
  assert.equal((await run([...quick, '--password-stdin', file, 'u'], `${long.slice(1)}\n`)).code, 0)
})

test('features B5: a corrupt file is not touched', async t => {
  const { file } = place(t, 'alice:$6$x$y\nbob:\n')
  for (const args of [
    ['-b', file, 'u', 'pw'],
    ['-D', file, 'alice'],
    ['-U', file],
  ]) {
    const { code, stderr } = await run([...quick, ...args])
    assert.deepEqual([code, stderr], [1, 'Error: Corrupt password file at line 2.\n'])
  }
  assert.equal(readFileSync(file, 'utf8'), 'alice:$6$x$y\nbob:\n')
})

test('cli 5: --help is printed to standard output, in lines that fit a terminal, and names every option', async () => {
  const { code, stdout, stderr } = await run(['--help'])
  assert.deepEqual([code, stderr], [0, ''])
  for (const option of ['-b', '-c', '-D', '-H', '-I', '-U', '--password-stdin', '--password-file', '--password-env'])
    assert.ok(stdout.includes(` ${option} `), option)
  assert.ok(stdout.split('\n').every(line => line.length <= 120))
  assert.deepEqual(await run(['-h']), await run(['-c', '--help', 'x']))
})

test('cli 4: as mosquitto_passwd it has the codes of that tool, and names itself so', async t => {
  const { file } = place(t, '')
  const as = (args: readonly string[], input = '') => run(args, input, {}, mosquittoPasswd)
  const wrong = await as([file])
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /^Usage: mosquitto_passwd \[-c\] .*\n {7}mosquitto_passwd -D FILE USER\n/)
  assert.doesNotMatch(wrong.stderr + (await as(['--help'])).stdout + (await as(['-d'])).stderr, /castellan passwd/)
  assert.equal((await as([file, 'u'], 'one\ntwo\n')).code, 2)
  assert.equal((await as(['-b', file, 'a:b', 'pw'])).code, 1)
})
