import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { maximumSecretFileBytes, readSecretFile, SecretFileError } from './secret-file.ts'

function secretFile(t: TestContext, mode = 0o600): string {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-secret-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'users.pw')
  writeFileSync(path, 'alice:x\n')
  chmodSync(path, mode)
  return path
}

test('mosquitto-conf 1: a file that only its owner may read is read without a warning', t => {
  const { bytes, warnings } = readSecretFile(secretFile(t), {})
  assert.equal(bytes.toString(), 'alice:x\n')
  assert.deepEqual(warnings, [])
})

test("mosquitto-conf 1: what a group may read brings no warning, what everybody may read does, in Mosquitto's words", t => {
  assert.deepEqual(readSecretFile(secretFile(t, 0o640), {}).warnings, [])
  const path = secretFile(t, 0o644)
  assert.deepEqual(readSecretFile(path, {}).warnings, [
    `Warning: File ${path} has world readable permissions. Future versions will refuse to load this file.`,
    `To fix this, use \`chmod 0600 ${path}\`.`,
  ])
})

test("mosquitto-conf 1: somebody else's file brings a warning", {
  skip: process.geteuid?.() !== 0 && 'needs root',
}, t => {
  const path = secretFile(t)
  chownSync(path, 12_345, 12_345)
  const { username } = userInfo()
  assert.equal(
    readSecretFile(path, {}).warnings[0],
    `Warning: File ${path} owner is not ${username}. Future versions will refuse to load this file.`,
  )
})

test('mosquitto-conf 1: a symbolic link is followed only if MOSQUITTO_UNSAFE_ALLOW_SYMLINKS is set', t => {
  const path = secretFile(t)
  symlinkSync(path, `${path}.link`)
  assert.throws(() => readSecretFile(`${path}.link`, {}), /is a symbolic link.*MOSQUITTO_UNSAFE_ALLOW_SYMLINKS/)
  assert.equal(readSecretFile(`${path}.link`, { MOSQUITTO_UNSAFE_ALLOW_SYMLINKS: '1' }).bytes.length, 8)
})

test('what is missing, is no file or is too large is refused with a reason', t => {
  const path = secretFile(t)
  const refusal = (wanted: RegExp) => (error: unknown) => error instanceof SecretFileError && wanted.test(error.message)
  assert.throws(() => readSecretFile(`${path}.no`, {}), refusal(/cannot be opened \(no such file or directory\)$/))
  assert.throws(() => readSecretFile(tmpdir(), {}), refusal(/is not a file$/))
  truncateSync(path, maximumSecretFileBytes + 1)
  assert.throws(() => readSecretFile(path, {}), refusal(/67108865 bytes, at most 67108864 are read$/))
})
