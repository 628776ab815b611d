import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { loadPasswordFile, PasswordFileError, parsePasswordFile } from './password-file.ts'
import { verifyPassword } from './password-hash.ts'

const secret =
  '$7$101$FOeDCXJ2uKuootFg$l1oT5bRmdKdgC7r+VMr+CdnqALQVyNFffBnuDVqbO4clzrKuK1bWEuVPD1s+xminyjSlU+p+petNT4wlw/jbUw=='
const pw =
  '$6$D9Nz427RJ08cR3rn$NZdnllRUHPv+LRMv28neP2lzFxOjeMiXycwv75EtSCYesaC48DvYfvGimp0wS7u9j6cl14+B3EDF3CUMKB2SVw=='
const scram =
  'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='
const names = (text: string | Uint8Array) => [...parsePasswordFile(text, 'f').users.keys()]

const accepted: readonly (readonly [what: string, text: string, names: readonly string[]])[] = [
  ['one user to a line', `alice:${secret}\nbob:${pw}\ncarol:${scram}\n`, ['alice', 'bob', 'carol']],
  ['the last line needs no end', `alice:${secret}`, ['alice']],
  ['a file without users', '', []],
  ['comments, empty lines and lines without a colon are passed over', `# a:b\n\nnote\nalice:${secret}\n`, ['alice']],
  ['blanks around name and hash are cut', ` alice\t:  ${secret} \n`, ['alice']],
  ['lines may end as on Windows', `alice:${secret}\r\nbob:${pw}\r\n`, ['alice', 'bob']],
  ['a name may hold blanks and any letters', `Ann Ödegård:${pw}\n`, ['Ann Ödegård']],
  ['a no-break space belongs to the name', `\u00a0ann:${pw}\n`, ['\u00a0ann']],
  ['what follows a further colon is passed over', `alice:${secret}:1000:/home\n`, ['alice']],
  ['only a # in the first column makes a comment', ` #alice:${pw}\n`, ['#alice']],
  ['names that differ in case are different', `alice:${pw}\nAlice:${pw}\n`, ['alice', 'Alice']],
]

for (const [what, text, wanted] of accepted) {
  test(`features B2: ${what}`, () => {
    assert.deepEqual(names(text), wanted)
    assert.deepEqual(names(Buffer.from(text)), wanted)
  })
}

const decode = "password-file: Error: Unable to decode line in password file '/etc/pw'."
const refused: readonly (readonly [
  what: string,
  text: string | Buffer,
  line: number,
  message: string,
  hint: RegExp,
])[] = [
  [
    'a user twice',
    `a:${pw}\n#\na:${pw}\n`,
    3,
    "password-file: Error: Duplicate user 'a' in password file '/etc/pw'.",
    /delete one/,
  ],
  [
    'a user twice, but for blanks',
    `a:${pw}\na :${pw}\n`,
    2,
    "password-file: Error: Duplicate user 'a' in password file '/etc/pw'.",
    /delete/,
  ],
  [
    'no name',
    `:${pw}\n`,
    1,
    "password-file: Error: Empty username in password file '/etc/pw'.",
    /before the first colon/,
  ],
  [
    'a blank name',
    `\n  :${pw}\n`,
    2,
    "password-file: Error: Empty username in password file '/etc/pw'.",
    /before the first colon/,
  ],
  [
    'a name without end',
    `${'a'.repeat(65_536)}:${pw}`,
    1,
    "password-file: Error: Invalid line in password file '/etc/pw', username too long.",
    /65535/,
  ],
  [
    'the entry printed in an article',
    'cedalo:$7$101$06zHuiwDelQjsNg==\n',
    1,
    decode,
    /needs a count, a salt and a hash/,
  ],
  ['a plain password', 'a:hunter2\n', 1, decode, /unknown kind/],
  ['no password', `a:${pw}\nb:\n`, 2, decode, /unknown kind/],
  ['a name in Latin-1', Buffer.from(`a:${pw}\nM\u00fcller:${pw}\n`, 'latin1'), 2, decode, /not UTF-8/],
]

for (const [what, text, line, message, hint] of refused) {
  test(`features B2: refused with Mosquitto's text, the line and what to mend: ${what}`, () => {
    assert.throws(
      () => parsePasswordFile(text, '/etc/pw'),
      (error: unknown) => {
        assert.ok(error instanceof PasswordFileError)
        assert.deepEqual([error.message, error.path, error.line], [message, '/etc/pw', line])
        assert.match(error.hint, hint)
        assert.ok(!`${error.message}${error.hint}`.includes('hunter2'))
        return true
      },
    )
  })
}

test('features B2: a name cannot steer the terminal through a message', () => {
  assert.throws(() => parsePasswordFile(`\u001b[2J:${pw}\n\u001b[2J:${pw}`, 'f'), /Duplicate user '\\x1b\[2J' in/)
})

test('features B12: the fingerprint tells a changed entry from an unchanged one, and is not the entry', () => {
  const one = parsePasswordFile(`a:${pw}\nb:${pw}\n`, 'f').users
  const other = parsePasswordFile(` a : ${pw}\nb:${secret}\n`, 'f').users
  assert.equal(one.get('a')?.fingerprint, other.get('a')?.fingerprint)
  assert.notEqual(one.get('b')?.fingerprint, other.get('b')?.fingerprint)
  assert.match(one.get('a')?.fingerprint ?? '', /^[0-9a-f]{64}$/)
})

test('features B11: the decoy costs what most entries cost, and no password of the file fits it', async () => {
  const file = parsePasswordFile(`a:${pw}\nb:${secret}\nc:${secret}\nd:${scram}\n`, 'f')
  assert.ok(file.decoy.kind === 'sha512-pbkdf2' && file.decoy.iterations === 101)
  assert.equal(await verifyPassword(file.decoy, Buffer.from('secret')), false)
  assert.equal(file.scramDecoy?.iterations, 4096)
  const empty = parsePasswordFile('', 'f')
  assert.deepEqual([empty.decoy.kind, empty.scramDecoy], ['argon2id', undefined])
})

test("features B2: a file that cannot be opened is refused with Mosquitto's text and the reason", t => {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-pw-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'pw')
  assert.throws(
    () => loadPasswordFile(path, {}),
    (error: unknown) =>
      error instanceof PasswordFileError &&
      error.message === `password-file: Error: Unable to open pwfile "${path}".` &&
      error.hint.includes('no such file or directory'),
  )
  writeFileSync(path, `alice:${pw}\n`, { mode: 0o644 })
  const { file, warnings } = loadPasswordFile(path, {})
  assert.ok(file.users.has('alice'))
  assert.match(warnings[0] ?? '', /has world readable permissions/)
})

test('RFC 5802 §5.1: a SCRAM entry under a name that no login can have is named in a warning, any other is not', t => {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-password-file-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'pw')
  writeFileSync(path, `cafe\u0301:${scram}\ncaf\u00e9:${scram}\nane\u0301:${pw}\n`, { mode: 0o600 })
  assert.deepEqual(loadPasswordFile(path, {}).warnings, [
    `Warning: User 'cafe\u0301' in password file '${path}' cannot log in by SCRAM: SASLprep makes another name of it.`,
  ])
})
