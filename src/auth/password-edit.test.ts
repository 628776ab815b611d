import assert from 'node:assert/strict'
import test from 'node:test'
import { CorruptPasswordFileError, hashPlainPasswords, removeUser, setUser } from './password-edit.ts'

const mixed = '# users of the plant\n\nalice:$7$1$a$b\nnote without colon\n bob : $6$c$d \r\n'

test('features B5: a user is replaced where he stands, and comments, blank and other lines stay as they are', () => {
  assert.deepEqual(setUser(mixed, 'alice', 'NEW'), { text: mixed.replace('$7$1$a$b', 'NEW'), existed: true })
  assert.deepEqual(setUser(mixed, 'bob', 'NEW'), {
    text: '# users of the plant\n\nalice:$7$1$a$b\nnote without colon\nbob:NEW\n',
    existed: true,
  })
})

test('features B5: a new user is added at the end, on a line of his own', () => {
  assert.deepEqual(setUser(mixed, 'carol', 'NEW'), { text: `${mixed}carol:NEW\n`, existed: false })
  assert.equal(setUser('alice:x', 'carol', 'NEW').text, 'alice:x\ncarol:NEW\n')
  assert.equal(setUser('', 'carol', 'NEW').text, 'carol:NEW\n')
})

test('features B5: an old password does not live on in a second line', () => {
  assert.equal(setUser('a:1\nb:2\na:3\n', 'a', 'NEW').text, 'a:NEW\nb:2\n')
  assert.equal(removeUser('a:1\nb:2\na:3\n', 'a'), 'b:2\n')
})

test('features B6: a user is removed, and one who is not there is reported', () => {
  assert.equal(removeUser(mixed, 'alice'), mixed.replace('alice:$7$1$a$b\n', ''))
  assert.equal(removeUser(mixed, 'al'), undefined)
  assert.equal(removeUser('#alice:x\n', '#alice'), undefined)
})

test('features B8: plain passwords are hashed, and entries that are hashed already stay', async () => {
  const hashed: string[] = []
  const text =
    '# old:ones\na:plain\nb:$6$x$y\nc:$7$1$x$y\nd:$argon2id$v=19$x\ne:SCRAM-SHA-256$4096:x$y:z\nf: with:colon \n'
  const result = await hashPlainPasswords(text, async password => {
    hashed.push(password.toString())
    return `HASH${hashed.length}`
  })
  assert.deepEqual(hashed, ['plain', 'with:colon'])
  assert.equal(result, text.replace('a:plain', 'a:HASH1').replace('f: with:colon ', 'f:HASH2'))
})

test('features B8: two users with one password get hashes of their own', async () => {
  const hashes = ['HASH1', 'HASH2']
  const result = await hashPlainPasswords('a:same\nb:same\n', async () => hashes.shift() ?? '')
  assert.equal(result, 'a:HASH1\nb:HASH2\n')
})

test('features B5: a line that the broker would refuse stops every change', async () => {
  const corrupt = (error: unknown) =>
    error instanceof CorruptPasswordFileError && error.message === 'Error: Corrupt password file at line 2.'
  for (const line of [':hash', 'a:', ' : ']) {
    assert.throws(() => setUser(`x:y\n${line}\n`, 'b', 'NEW'), corrupt)
    assert.throws(() => removeUser(`x:y\n${line}\n`, 'x'), corrupt)
    await assert.rejects(
      hashPlainPasswords(`x:y\n${line}\n`, async () => 'NEW'),
      corrupt,
    )
  }
})

test('features B10: names are UTF-8, and bytes that are not stay as they were', () => {
  const text = Buffer.from([0x23, 0xe9, 0x0a, ...Buffer.from('José:x\n')]).toString('latin1')
  const edited = Buffer.from(setUser(text, 'José', 'NEW').text, 'latin1')
  assert.deepEqual(edited, Buffer.from([0x23, 0xe9, 0x0a, ...Buffer.from('José:NEW\n')]))
})
