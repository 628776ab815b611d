// Entries of a password file as the doctor sees them: kinds, guesses, limits.

import assert from 'node:assert/strict'
import test from 'node:test'
import { createPasswordHash, formatPasswordHash } from '../auth/password-hash.ts'
import { mostPasswords, readPasswordLines } from './password-lines.ts'

async function read(text: string) {
  const notes: string[] = []
  return { lines: await readPasswordLines(text, note => notes.push(note)), notes }
}

test('cli D17: the kind of each entry, by its line; comments and lines without a colon are none', async () => {
  const scram = formatPasswordHash(await createPasswordHash('scram-sha-256', Buffer.from('x'), 4096))
  const { lines, notes } = await read(`# a:b\nnothing\nplain:some words\nempty:\ncut:$7$101$abc\nscram:${scram}\n`)
  assert.deepEqual(
    lines.map(({ line, username, kind, iterations }) => [line, username, kind, iterations]),
    [
      [3, 'plain', 'plain', undefined],
      [4, 'empty', 'empty', undefined],
      [5, 'cut', 'unreadable', undefined],
      [6, 'scram', 'scram-sha-256', 4096],
    ],
  )
  assert.deepEqual(notes, [])
})

test('cli D18: the name of a user and the words that are tried first are guessed, of every kind; others are not', async () => {
  const hash = async (kind: 'sha512' | 'sha512-pbkdf2' | 'argon2id', password: string, rounds?: number) =>
    formatPasswordHash(await createPasswordHash(kind, Buffer.from(password), rounds))
  const { lines } = await read(
    [
      `one:${await hash('sha512', 'one')}`,
      `two:${await hash('sha512-pbkdf2', 'mosquitto', 101)}`,
      `three:${await hash('argon2id', 'password')}`,
      `four:${await hash('sha512', 'qc7Jm2xV')}`,
      'five:Secret',
    ].join('\n'),
  )
  assert.deepEqual(
    lines.map(({ username, isGuessed }) => [username, isGuessed]),
    [
      ['one', true],
      ['two', true],
      ['three', true],
      ['four', false],
      ['five', true],
    ],
  )
})

test('cli D18: guessing ends when it has cost enough, and says so; names come before the list', async () => {
  const dear = async (password: string) =>
    formatPasswordHash(await createPasswordHash('sha512-pbkdf2', Buffer.from(password), 300_000))
  const { lines, notes } = await read(`a:${await dear('a')}\nb:${await dear('b')}\n`)
  assert.deepEqual(
    lines.map(({ isGuessed }) => isGuessed),
    [true, true],
  )
  assert.deepEqual(notes, [], 'both are guessed')
  const { notes: cut } = await read(`a:${await dear('qc7Jm2xV')}\nb:${await dear('qc7Jm2xV')}\n`)
  assert.match(cut.join(), /^not every word was tried/)
})

test('cli section 6: a huge file is looked at up to a limit, and that is told', async () => {
  const { lines, notes } = await read('u:\n'.repeat(mostPasswords + 1))
  assert.equal(lines.length, mostPasswords)
  assert.match(notes.join(), /^of 10001 users only the first 10000 were looked at$/)
})
