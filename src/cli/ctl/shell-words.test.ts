import assert from 'node:assert/strict'
import test from 'node:test'
import { CtlUsageError } from './error.ts'
import { commandLineWords, mayHoldSecret, splitWords } from './shell-words.ts'

test('dynsec 6: words of a line stand between blanks, and quotes keep blanks in a word', () => {
  for (const [line, words] of [
    ['', []],
    ['   ', []],
    [' getRole\ta ', ['getRole', 'a']],
    ['getRole "a b" \'c "d"\'', ['getRole', 'a b', 'c "d"']],
    ['a"b c"d ""', ['ab cd', '']],
    ['addRoleACL r t $SYS/# #', ['addRoleACL', 'r', 't', '$SYS/#', '#']],
  ] as const) {
    assert.deepEqual(splitWords(line), words, line)
  }
  for (const line of ['getRole "a', "it's", 'a "b" \'']) assert.throws(() => splitWords(line), CtlUsageError, line)
})

test('dynsec 6: what the shell of 2.1 takes in its own order becomes the order of the command line, which is taken too', () => {
  for (const [command, typed, words] of [
    ['addRoleACL', 'r subscribeLiteral allow a/#', 'r subscribeLiteral a/# allow'],
    ['addRoleACL', 'r subscribeLiteral DENY 5 a/#', 'r subscribeLiteral a/# DENY 5'],
    ['addRoleACL', 'r subscribeLiteral a/# deny 5', 'r subscribeLiteral a/# deny 5'],
    ['addRoleACL', 'r subscribeLiteral allow', 'r subscribeLiteral allow'],
    ['addRoleACL', 'r subscribeLiteral allow 5 a more', 'r subscribeLiteral allow 5 a more'],
    ['createClient', 'u', 'u'],
    ['createClient', 'u pw', 'u -p pw'],
    ['createClient', 'u pw id', 'u -p pw -c id'],
    ['createClient', 'u pw id more', 'u -p pw -c id more'],
    ['createClient', 'u -c id', 'u -c id'],
    ['getClient', 'u v', 'u v'],
  ] as const) {
    assert.deepEqual(commandLineWords(command, typed.split(' ')), words.split(' '), typed)
  }
  assert.deepEqual(commandLineWords('modifyClient', ['u', 'textName', 'a', 'name']), ['u', 'textName', 'a name'])
  assert.deepEqual(commandLineWords('modifyRole', ['r', 'textName']), ['r', 'textName'])
  assert.deepEqual(commandLineWords('disconnectClient', ['c', 'too', 'loud']), ['c', 'too loud'])
})

test('cli 1: a line with a password in it is known as such', () => {
  for (const line of [
    'createClient u secret',
    'CREATECLIENT u -p secret',
    'dynsec setClientPassword u secret',
    'connect mqtt://u:secret@host',
  ]) {
    assert.equal(mayHoldSecret(line), true, line)
  }
  for (const line of ['createClient u', 'setClientPassword u ', 'getClient u', 'connect mqtt://host:1883']) {
    assert.equal(mayHoldSecret(line), false, line)
  }
})
