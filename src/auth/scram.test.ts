import assert from 'node:assert/strict'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import test from 'node:test'
import { parsePasswordFile } from './password-file.ts'
import { createPasswordHash, formatPasswordHash } from './password-hash.ts'
import type { ExchangeStep } from './realm.ts'
import { createScramExchange, maximumScramMessageBytes } from './scram.ts'

const entryOf = async (password: string) =>
  formatPasswordHash(await createPasswordHash('scram-sha-256', Buffer.from(password), 4096))
const pencil =
  'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='
const file = parsePasswordFile(
  `user:${pencil}\na,b=c:${await entryOf('comma')}\nJosé:${await entryOf('x')}\nplain:$6$D9Nz427RJ08cR3rn$${'A'.repeat(86)}==\n`,
  'f',
)

function begin(connectUsername?: string, serverNonce?: string) {
  const decoy = file.scramDecoy
  assert.ok(decoy)
  return createScramExchange({ users: file.users, decoy, connectUsername, ...(serverNonce && { serverNonce }) })
}

function challengeOf(step: ExchangeStep | Promise<ExchangeStep>): string {
  assert.ok('kind' in step && step.kind === 'continue')
  return Buffer.from(step.data).toString()
}

function ruleOf(step: ExchangeStep | Promise<ExchangeStep>): string {
  assert.ok('kind' in step && step.kind === 'denied')
  assert.equal(step.denial.reason, 'not-authorized')
  return step.denial.rule
}

/** RFC 5802 §3 as a client does it, written apart from the server's code. */
function finalMessage(password: string, bare: string, challenge: string, gs2Header = 'n,,'): string {
  const [, nonce = '', salt = '', rounds = ''] = /^r=(.*),s=(.*),i=(\d+)$/.exec(challenge) ?? []
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(rounds), 32, 'sha256')
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  const storedKey = createHash('sha256').update(clientKey).digest()
  const withoutProof = `c=${Buffer.from(gs2Header).toString('base64')},r=${nonce}`
  const signature = createHmac('sha256', storedKey).update(`${bare},${challenge},${withoutProof}`).digest()
  return `${withoutProof},p=${Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!)).toString('base64')}`
}

function logIn(password: string, bare: string, gs2Header = 'n,,', connectUsername?: string): ExchangeStep {
  const exchange = begin(connectUsername)
  const challenge = challengeOf(exchange.step(Buffer.from(gs2Header + bare)))
  return exchange.step(Buffer.from(finalMessage(password, bare, challenge, gs2Header))) as ExchangeStep
}

test('RFC 7677 §3: the published exchange, byte for byte', () => {
  const exchange = begin(undefined, '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0')
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
  assert.equal(
    challengeOf(exchange.step(Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'))),
    `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
  )
  const proof = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='
  const end = exchange.step(Buffer.from(`c=biws,r=${nonce},p=${proof}`)) as ExchangeStep
  assert.ok(end.kind === 'success' && end.data)
  assert.equal(Buffer.from(end.data).toString(), 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  assert.equal(end.principal.username, 'user')
  assert.equal(end.principal.method, 'SCRAM-SHA-256')
  assert.equal(end.principal.evidence, file.users.get('user')?.fingerprint)
})

const admitted: readonly (readonly [what: string, password: string, bare: string, gs2Header: string, name: string])[] =
  [
    ['a client that could bind a channel, and believes that we cannot', 'pencil', 'n=user,r=abc', 'y,,', 'user'],
    ['a client that names itself twice', 'pencil', 'n=user,r=abc', 'n,a=user,', 'user'],
    ['a name with comma and equals sign', 'comma', 'n=a=2Cb=3Dc,r=abc', 'n,,', 'a,b=c'],
    ['a name in another Unicode form', 'x', 'n=Jose\u0301,r=abc', 'n,,', 'José'],
    ['extensions that may be passed over', 'pencil', 'n=user,r=abc,x=1,y=', 'n,,', 'user'],
  ]

for (const [what, password, bare, gs2Header, name] of admitted) {
  test(`RFC 5802 §7: let in: ${what}`, () => {
    const end = logIn(password, bare, gs2Header)
    assert.ok(end.kind === 'success')
    assert.equal(end.principal.username, name)
  })
}

test('features B11: wrong password, unknown user and a user without a SCRAM entry fail at the same step', () => {
  for (const bare of ['n=user,r=abc', 'n=mallory,r=abc', 'n=plain,r=abc'])
    assert.match(ruleOf(logIn('wrong', bare)), /unknown user or wrong password/)
})

test('features B11: an unknown user has a salt that stays, of the usual length, and the usual rounds', () => {
  const parts = (name: string) => challengeOf(begin().step(Buffer.from(`n,,n=${name},r=abc`))).replace(/^r=[^,]*,/, '')
  assert.equal(parts('mallory'), parts('mallory'))
  assert.notEqual(parts('mallory'), parts('mallet'))
  assert.equal(parts('mallory').length, parts('user').length)
  assert.match(parts('mallory'), /^s=[A-Za-z0-9+/]{22}==,i=4096$/)
})

test('RFC 5802 §5.1: the server adds fresh random text to the nonce', () => {
  const nonces = [1, 2].map(() => challengeOf(begin().step(Buffer.from('n,,n=user,r=abc'))))
  assert.match(nonces[0] ?? '', /^r=abc[A-Za-z0-9+/]{32},/)
  assert.notEqual(nonces[0], nonces[1])
})

test('MQTT 5 §4.12: the user of the exchange must be the user of CONNECT, if that names one', () => {
  assert.equal(logIn('pencil', 'n=user,r=abc', 'n,,', 'user').kind, 'success')
  assert.match(ruleOf(begin('admin').step(Buffer.from('n,,n=user,r=abc'))), /differs from that of CONNECT/)
  assert.match(ruleOf(begin('').step(Buffer.from('n,,n=user,r=abc'))), /differs from that of CONNECT/)
})

const badFirst: readonly (readonly [what: string, message: string | Buffer, rule: RegExp])[] = [
  ['nothing', '', /is empty/],
  ['channel binding', 'p=tls-exporter,,n=user,r=abc', /channel binding is not offered/],
  ['another user to act as', 'n,a=admin,n=user,r=abc', /acting as another user/],
  ['an extension that must be understood', 'n,,m=x,n=user,r=abc', /malformed first/],
  ['no name', 'n,,n=,r=abc', /SASLprep/],
  ['a stray equals sign', 'n,,n=us=er,r=abc', /SASLprep/],
  ['a control character in the name', 'n,,n=us\u0007er,r=abc', /SASLprep/],
  ['no nonce', 'n,,n=user,r=', /malformed first/],
  ['a nonce with a blank', 'n,,n=user,r=a b', /malformed first/],
  ['an unknown flag', 'x,,n=user,r=abc', /malformed first/],
  ['bytes that are not UTF-8', Buffer.from([0x6e, 0x2c, 0x2c, 0xff]), /not UTF-8/],
  ['a message longer than the limit', `n,,n=user,r=${'a'.repeat(maximumScramMessageBytes)}`, /too long/],
]

for (const [what, message, rule] of badFirst) {
  test(`RFC 5802 §7: refused as a first message: ${what}`, () => {
    assert.match(ruleOf(begin().step(Buffer.from(message))), rule)
  })
}

const tampered: readonly (readonly [what: string, change: (final: string) => string, rule: RegExp])[] = [
  ['another header than was sent', final => final.replace('c=biws', 'c=eSws'), /was altered/],
  ["a nonce cut back to the client's own", final => final.replace(/r=[^,]*/, 'r=abc'), /wrong nonce/],
  ['a proof of the wrong length', final => final.replace(/p=.*/, 'p=AAAA'), /malformed proof/],
  ['no proof', final => final.replace(/,p=.*/, ''), /malformed final/],
  ['a proof of zeros', final => final.replace(/p=.*/, `p=${'A'.repeat(43)}=`), /wrong password/],
  ['an extension that the proof does not cover', final => final.replace(',p=', ',x=1,p='), /wrong password/],
]

for (const [what, change, rule] of tampered) {
  test(`RFC 5802 §5.1: refused as a final message: ${what}`, () => {
    const exchange = begin()
    const challenge = challengeOf(exchange.step(Buffer.from('n,,n=user,r=abc')))
    const final = finalMessage('pencil', 'n=user,r=abc', challenge)
    assert.match(ruleOf(exchange.step(Buffer.from(change(final)))), rule)
    assert.match(ruleOf(exchange.step(Buffer.from(final))), /has ended/)
  })
}
