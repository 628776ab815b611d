import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { parsePasswordFile } from './password-file.ts'
import type { PasswordHash, verifyPassword } from './password-hash.ts'
import { PasswordVerifier, passwordVerifierDefaults } from './password-verifier.ts'

const pw =
  '$6$D9Nz427RJ08cR3rn$NZdnllRUHPv+LRMv28neP2lzFxOjeMiXycwv75EtSCYesaC48DvYfvGimp0wS7u9j6cl14+B3EDF3CUMKB2SVw=='
const otherSalt = pw.replace('D9Nz', 'E9Nz')
const file = parsePasswordFile(`alice:${pw}\nbob:${pw}\n`, 'f')
const right = Buffer.from('pw')
const settings = { ...passwordVerifierDefaults, rememberForMs: 1000 }

/** Notes each check; each ends when the test says so. */
function gatedVerify() {
  const checks: { readonly hash: PasswordHash; readonly password: string; end(result: boolean): void }[] = []
  const verify: typeof verifyPassword = (hash, password) =>
    new Promise(resolve => checks.push({ hash, password: Buffer.from(password).toString(), end: resolve }))
  return { checks, verify }
}

const turnOfLoop = () => new Promise(resolve => setImmediate(resolve))

test('features B11: the right password is right; a wrong one, an unknown user and no password are wrong', async () => {
  const verifier = new PasswordVerifier(settings, fakeClock())
  assert.equal(await verifier.verify(file, 'alice', right), 'right')
  assert.equal(await verifier.verify(file, 'alice', Buffer.from('PW')), 'wrong')
  assert.equal(await verifier.verify(file, 'mallory', right), 'wrong')
  assert.equal(await verifier.verify(file, 'alice', undefined), 'wrong')
})

test('features B11: an unknown user and a missing password are checked too, against the decoy, and never let in', async () => {
  const { checks, verify } = gatedVerify()
  const verifier = new PasswordVerifier(settings, fakeClock(), verify)
  const verdicts = [verifier.verify(file, 'mallory', right), verifier.verify(file, 'alice', undefined)]
  await turnOfLoop()
  assert.deepEqual(
    checks.map(check => check.hash === file.decoy),
    [true, true],
  )
  for (const check of checks) check.end(true)
  assert.deepEqual(await Promise.all(verdicts), ['wrong', 'wrong'])
})

test('max_pending_authentications: two run, the rest wait in order, and one more than the limit is busy', async () => {
  const { checks, verify } = gatedVerify()
  const verifier = new PasswordVerifier({ ...settings, maxPending: 4 }, fakeClock(), verify)
  const verdicts = ['1', '2', '3', '4'].map(word => verifier.verify(file, 'alice', Buffer.from(word)))
  assert.equal(await verifier.verify(file, 'alice', Buffer.from('5')), 'busy')
  assert.deepEqual(
    checks.map(check => check.password),
    ['1', '2'],
  )
  checks[1]?.end(false)
  await turnOfLoop()
  assert.deepEqual(
    checks.map(check => check.password),
    ['1', '2', '3'],
  )
  checks[0]?.end(true)
  checks[2]?.end(false)
  await turnOfLoop()
  checks[3]?.end(true)
  assert.deepEqual(await Promise.all(verdicts), ['right', 'wrong', 'wrong', 'right'])
})

test('a check that fails gives its place to the next', async () => {
  let calls = 0
  const verifier = new PasswordVerifier({ ...settings, maxUnderWay: 1 }, fakeClock(), async () => {
    calls += 1
    if (calls === 1) throw new Error('out of memory')
    return true
  })
  const first = verifier.verify(file, 'alice', right)
  const second = verifier.verify(file, 'bob', right)
  await assert.rejects(first, /out of memory/)
  assert.equal(await second, 'right')
})

test('a login that was right is remembered for a while: for this user, this password and this entry only', async () => {
  const clock = fakeClock()
  let checks = 0
  const verifier = new PasswordVerifier(settings, clock, async () => {
    checks += 1
    return true
  })
  const checksFor = async (...login: Parameters<PasswordVerifier['verify']>) => {
    checks = 0
    assert.equal(await verifier.verify(...login), 'right')
    return checks
  }
  assert.equal(await checksFor(file, 'alice', right), 1)
  assert.equal(await checksFor(file, 'alice', right), 0)
  assert.equal(await checksFor(file, 'bob', right), 1)
  assert.equal(await checksFor(file, 'alice', Buffer.from('pw2')), 1)
  assert.equal(await checksFor(parsePasswordFile(`alice:${otherSalt}`, 'f'), 'alice', right), 1)
  clock.advance(999)
  assert.equal(await checksFor(file, 'alice', right), 0)
  clock.advance(1)
  assert.equal(await checksFor(file, 'alice', right), 1)
})

test('a wrong login is not remembered, and of right ones only the latest few are', async () => {
  const passwords: string[] = []
  const verifier = new PasswordVerifier({ ...settings, maxRemembered: 2 }, fakeClock(), async (_, password) => {
    passwords.push(Buffer.from(password).toString())
    return password[0] !== 0x78
  })
  for (const word of ['x', 'x', '1', '2', '3', '3', '2', '1']) await verifier.verify(file, 'alice', Buffer.from(word))
  assert.deepEqual(passwords, ['x', 'x', '1', '2', '3', '1'])
})
