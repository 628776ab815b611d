import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import type { Waiting } from './identity.ts'
import { type PasswordFile, parsePasswordFile } from './password-file.ts'
import type { PasswordHash, verifyPassword } from './password-hash.ts'
import { PasswordVerifier, passwordVerifierDefaults } from './password-verifier.ts'

const pw =
  '$6$D9Nz427RJ08cR3rn$NZdnllRUHPv+LRMv28neP2lzFxOjeMiXycwv75EtSCYesaC48DvYfvGimp0wS7u9j6cl14+B3EDF3CUMKB2SVw=='
const otherSalt = pw.replace('D9Nz', 'E9Nz')
const file = parsePasswordFile(`alice:${pw}\nbob:${pw}\n`, 'f')
const right = Buffer.from('pw')
/** A unix socket: no address, and no share of one. */
const home = ''
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
  assert.equal(await verifier.verify(file, 'alice', right, home), 'right')
  assert.equal(await verifier.verify(file, 'alice', Buffer.from('PW'), home), 'wrong')
  assert.equal(await verifier.verify(file, 'mallory', right, home), 'wrong')
  assert.equal(await verifier.verify(file, 'alice', undefined, home), 'wrong')
})

test('features B11: an unknown user and a missing password are checked too, against the decoy, and never let in', async () => {
  const { checks, verify } = gatedVerify()
  const verifier = new PasswordVerifier(settings, fakeClock(), verify)
  const verdicts = [verifier.verify(file, 'mallory', right, home), verifier.verify(file, 'alice', undefined, home)]
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
  const verdicts = ['1', '2', '3', '4'].map(word => verifier.verify(file, 'alice', Buffer.from(word), home))
  assert.equal(await verifier.verify(file, 'alice', Buffer.from('5'), home), 'busy')
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

test('max_pending_authentications: one address has a quarter of the places, and the others still get in', async () => {
  const { checks, verify } = gatedVerify()
  const verifier = new PasswordVerifier({ ...settings, maxPending: 8, maxUnderWay: 8 }, fakeClock(), verify)
  const from = (address: string) => verifier.verify(file, 'alice', right, address)
  const first = from('192.0.2.1')
  const others = [from('::ffff:192.0.2.1'), from('192.0.2.2'), from('2001:db8::1'), from('2001:db8::2')]
  assert.equal(await from('192.0.2.1'), 'busy')
  assert.equal(await from('2001:db8::3'), 'busy', 'an IPv6 host owns its whole /64')
  checks[0]?.end(true)
  assert.equal(await first, 'right')
  others.push(verifier.verify(file, 'bob', right, '192.0.2.1'))
  assert.equal(await verifier.verify(file, 'bob', right, '192.0.2.1'), 'busy')
  for (const check of checks) check.end(true)
  assert.deepEqual(await Promise.all(others), Array(5).fill('right'))
})

test('max_pending_authentications: a share is one place at least, and a unix socket has all of them', async () => {
  const { checks, verify } = gatedVerify()
  const verifier = new PasswordVerifier({ ...settings, maxPending: 3, maxUnderWay: 3 }, fakeClock(), verify)
  const verdicts = ['192.0.2.1', home, home].map(address => verifier.verify(file, 'alice', right, address))
  assert.equal(await verifier.verify(file, 'alice', right, home), 'busy')
  for (const check of checks) check.end(true)
  assert.deepEqual(await Promise.all(verdicts), ['right', 'right', 'right'])
})

/** One check at a time, from the given addresses, each with its own place in the list as password. */
function inLine(addresses: readonly string[], waiting: readonly (Waiting | undefined)[] = []) {
  const { checks, verify } = gatedVerify()
  const verifier = new PasswordVerifier({ ...settings, maxUnderWay: 1 }, fakeClock(), verify)
  const verdicts = addresses.map((address, index) =>
    verifier.verify(file, 'alice', Buffer.from(`${index}`), address, waiting[index]),
  )
  const endAll = async () => {
    for (let done = 0; done < checks.length; done++) {
      checks[done]?.end(false)
      await turnOfLoop()
    }
    return checks.map(check => check.password)
  }
  return { verifier, verdicts, endAll, checks }
}

test('a thousand attempts from one address hold another back by one of them, not by all', async () => {
  const { endAll } = inLine([
    '192.0.2.1',
    '192.0.2.1',
    '192.0.2.1',
    '192.0.2.1',
    '192.0.2.2',
    '192.0.2.2',
    '2001:db8::1',
  ])
  assert.deepEqual(await endAll(), ['0', '1', '4', '6', '2', '5', '3'])
})

test('attempts from one address, and those over unix sockets, are checked in the order they came', async () => {
  assert.deepEqual(await inLine(Array(4).fill('192.0.2.1')).endAll(), ['0', '1', '2', '3'])
  assert.deepEqual(await inLine(Array(4).fill(home)).endAll(), ['0', '1', '2', '3'])
})

/** Somebody who waits until the test says otherwise. */
class Guest implements Waiting {
  leave = () => {}

  whenGone(forget: () => void): void {
    this.leave = forget
  }
}

test('whoever has gone before its turn is not checked, and its place is free at once', async () => {
  const guest = new Guest()
  const { verifier, verdicts, endAll } = inLine([home, '192.0.2.1', '192.0.2.2'], [undefined, guest])
  verifier.settings = { ...verifier.settings, maxPending: 3 }
  assert.equal(await verifier.verify(file, 'alice', right, '192.0.2.1'), 'busy')
  guest.leave()
  assert.equal(await verdicts[1], 'busy')
  const next = verifier.verify(file, 'bob', Buffer.from('3'), '192.0.2.1')
  assert.deepEqual(await endAll(), ['0', '2', '3'])
  assert.equal(await next, 'wrong')
  guest.leave()
})

test('whoever goes while it is being checked is checked to the end', async () => {
  const guest = new Guest()
  const { verdicts, checks } = inLine([home], [guest])
  guest.leave()
  checks[0]?.end(true)
  assert.equal(await verdicts[0], 'right')
})

test('a remembered login is answered without a promise, and past a full queue', async () => {
  const { checks, verify } = gatedVerify()
  const verifier = new PasswordVerifier({ ...settings, maxPending: 1 }, fakeClock(), verify)
  const first = verifier.verify(file, 'alice', right, home)
  checks[0]?.end(true)
  assert.equal(await first, 'right')
  verifier.verify(file, 'bob', right, home)
  assert.equal(verifier.verify(file, 'alice', right, home), 'right')
  assert.equal(verifier.verify(file, 'alice', Buffer.from('PW'), home), 'busy')
})

test('a check that fails gives its place to the next', async () => {
  let calls = 0
  const verifier = new PasswordVerifier({ ...settings, maxUnderWay: 1 }, fakeClock(), async () => {
    calls += 1
    if (calls === 1) throw new Error('out of memory')
    return true
  })
  const first = verifier.verify(file, 'alice', right, home)
  const second = verifier.verify(file, 'bob', right, home)
  await assert.rejects(Promise.resolve(first), /out of memory/)
  assert.equal(await second, 'right')
})

test('a login that was right is remembered for a while: for this user, this password and this entry only', async () => {
  const clock = fakeClock()
  let checks = 0
  const verifier = new PasswordVerifier(settings, clock, async () => {
    checks += 1
    return true
  })
  const checksFor = async (of: PasswordFile, username: string, password: Uint8Array) => {
    checks = 0
    assert.equal(await verifier.verify(of, username, password, home), 'right')
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
  for (const word of ['x', 'x', '1', '2', '3', '3', '2', '1'])
    await verifier.verify(file, 'alice', Buffer.from(word), home)
  assert.deepEqual(passwords, ['x', 'x', '1', '2', '3', '1'])
})

test('metrics: checks that run and checks that wait are pending, and one that has ended is not', async () => {
  const { checks, verify } = gatedVerify()
  const verifier = new PasswordVerifier({ ...settings, maxPending: 3 }, fakeClock(), verify)
  assert.equal(verifier.pending, 0)
  const verdicts = ['1', '2', '3', '4'].map(word => verifier.verify(file, 'alice', Buffer.from(word), home))
  assert.equal(verifier.pending, 3)
  checks[0]?.end(false)
  await verdicts[0]
  assert.equal(verifier.pending, 2)
})
