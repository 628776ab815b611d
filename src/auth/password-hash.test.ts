import assert from 'node:assert/strict'
import test from 'node:test'
import {
  createPasswordHash,
  decoyHash,
  formatPasswordHash,
  type HashKind,
  hashLimits,
  PasswordHashError,
  parsePasswordHash,
  verifyPassword,
} from './password-hash.ts'

const bytes = (text: string) => Buffer.from(text)

/** Written by other programs: the password, and the entry. */
const foreign = [
  [
    'mosquitto_passwd 2.0.11',
    'secret',
    '$7$101$FOeDCXJ2uKuootFg$l1oT5bRmdKdgC7r+VMr+CdnqALQVyNFffBnuDVqbO4clzrKuK1bWEuVPD1s+xminyjSlU+p+petNT4wlw/jbUw==',
  ],
  [
    'mosquitto_passwd 2.0.11 -H sha512',
    'pw',
    '$6$D9Nz427RJ08cR3rn$NZdnllRUHPv+LRMv28neP2lzFxOjeMiXycwv75EtSCYesaC48DvYfvGimp0wS7u9j6cl14+B3EDF3CUMKB2SVw==',
  ],
  [
    'the reference argon2 program',
    'password',
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  ],
  [
    'RFC 7677 §3',
    'pencil',
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  ],
] as const

for (const [writer, password, entry] of foreign) {
  test(`features B3: the entry that ${writer} wrote is read, checked and written back unchanged`, async () => {
    const hash = parsePasswordHash(entry)
    assert.equal(await verifyPassword(hash, bytes(password)), true)
    assert.equal(await verifyPassword(hash, bytes(`${password} `)), false)
    assert.equal(await verifyPassword(hash, bytes('')), false)
    assert.equal(formatPasswordHash(hash), entry)
  })
}

for (const kind of ['sha512', 'sha512-pbkdf2', 'argon2id', 'scram-sha-256'] as const satisfies readonly HashKind[]) {
  test(`features B3: a new ${kind} entry fits its own password only, and has a salt of its own`, async () => {
    const [hash, again] = await Promise.all([
      createPasswordHash(kind, bytes('geheim ✓')),
      createPasswordHash(kind, bytes('geheim ✓')),
    ])
    const read = parsePasswordHash(formatPasswordHash(hash))
    assert.deepEqual(read, hash)
    assert.equal(await verifyPassword(read, bytes('geheim ✓')), true)
    assert.equal(await verifyPassword(read, bytes('geheim')), false)
    assert.notDeepEqual(hash.salt, again.salt)
  })
}

test('features B9: new entries cost what the defaults say, and Mosquitto 2.0 can read their salts', async () => {
  const pbkdf2 = formatPasswordHash(await createPasswordHash('sha512-pbkdf2', bytes('x')))
  assert.match(pbkdf2, /^\$7\$210000\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}==$/)
  assert.match(
    formatPasswordHash(await createPasswordHash('argon2id', bytes('x'))),
    /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
  )
  assert.match(formatPasswordHash(await createPasswordHash('sha512-pbkdf2', bytes('x'), 101)), /^\$7\$101\$/)
})

test('features B3: a decoy costs as much as what it imitates, and no password fits it', async () => {
  for (const [, password, entry] of foreign) {
    const real = parsePasswordHash(entry)
    const decoy = decoyHash(real)
    assert.equal(formatPasswordHash(decoy).length, entry.length)
    assert.equal(await verifyPassword(decoy, bytes(password)), false)
  }
})

const salt = 'FOeDCXJ2uKuootFg'
const sha512 = `${'A'.repeat(86)}==`
const argonTail = 'c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
const key = `${'A'.repeat(43)}=`
const scramTail = `W22ZaJ0SNY7soEsUEjb6gQ==$${key}:${key}`
const tooMany = hashLimits.pbkdf2Iterations + 1

const undecodable: readonly (readonly [what: string, entry: string, message: RegExp])[] = [
  ['the line printed in an article, without its hash', '$7$101$06zHuiwDelQjsNg==', /needs a count, a salt and a hash/],
  ['a plain password', 'hunter2', /unknown kind of hash/],
  ['nothing', '', /unknown kind of hash/],
  ['a kind that nobody wrote', '$5$abc$def', /unknown kind of hash/],
  ['words before the kind', 'x$6$abc$def', /unknown kind of hash/],
  ['another argon2', `$argon2i$v=19$m=65536,t=2,p=1$${argonTail}`, /unknown kind of hash/],
  ['a part too many', `$6$${salt}$${sha512}$`, /needs a salt and a hash/],
  ['a hash cut short', `$6$${salt}$${sha512.slice(4)}`, /base64 of 64 bytes/],
  ['a hash without its padding', `$6$${salt}$${'A'.repeat(86)}`, /base64 of 64 bytes/],
  ['a hash with a blank in it', `$6$${salt}$ ${sha512}`, /base64 of 64 bytes/],
  ['base64 for URLs', `$6$${salt}$${sha512.replace('A', '_')}`, /base64 of 64 bytes/],
  ['bits behind the last byte', `$6$${salt}$${'A'.repeat(85)}B==`, /base64 of 64 bytes/],
  ['no salt', `$6$$${sha512}`, /salt is not base64/],
  ['a salt of 65 bytes', `$6$${Buffer.alloc(65).toString('base64')}$${sha512}`, /salt is not base64 of 8 to 64 bytes/],
  ['no rounds', `$7$0$${salt}$${sha512}`, /iterations must be a whole number from 1 to 2000000/],
  ['rounds below zero', `$7$-1$${salt}$${sha512}`, /iterations must be/],
  ['rounds in hex', `$7$0x65$${salt}$${sha512}`, /iterations must be/],
  ['rounds that would stall every login', `$7$${tooMany}$${salt}$${sha512}`, /iterations must be/],
  ['rounds beyond any number', `$7$${'9'.repeat(400)}$${salt}$${sha512}`, /iterations must be/],
  ['memory that would exhaust the machine', `$argon2id$v=19$m=4194304,t=1,p=1$${argonTail}`, /argon2 m must be/],
  ['memory too small for its lanes', `$argon2id$v=19$m=15,t=1,p=2$${argonTail}`, /argon2 m must be .* from 16/],
  ['passes that would stall every login', `$argon2id$v=19$m=65536,t=11,p=1$${argonTail}`, /argon2 t must be/],
  ['a thousand lanes', `$argon2id$v=19$m=65536,t=1,p=1000$${argonTail}`, /argon2 p must be/],
  ['an old argon2', `$argon2id$v=16$m=65536,t=2,p=1$${argonTail}`, /argon2 version/],
  ['argon2 without a version', `$argon2id$m=65536,t=2,p=1$${argonTail}`, /needs four parts/],
  ['a padded argon2 hash', `$argon2id$v=19$m=65536,t=2,p=1$${argonTail}=`, /argon2 hash is not base64/],
  ['SCRAM rounds that clients refuse', `SCRAM-SHA-256$4095:${scramTail}`, /iterations must be .* from 4096/],
  ['SCRAM without its second key', `SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$${key}`, /SCRAM entry needs/],
  ['SCRAM with a short key', `SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$AAAA:${key}`, /base64 of 32 bytes/],
  ['a text without end', `$6$${'A'.repeat(70_000)}`, /at most 512 are read/],
]

for (const [what, entry, message] of undecodable) {
  test(`features B3: refused as undecodable, and not quoted: ${what}`, () => {
    assert.throws(
      () => parsePasswordHash(entry),
      (error: unknown) => {
        assert.ok(error instanceof PasswordHashError)
        assert.match(error.message, message)
        assert.ok(entry === '' || !error.message.includes(entry))
        return true
      },
    )
  })
}

test('features B3: making an entry keeps to the same bounds as reading one', async () => {
  await assert.rejects(createPasswordHash('sha512-pbkdf2', bytes('x'), tooMany), PasswordHashError)
  await assert.rejects(createPasswordHash('sha512-pbkdf2', bytes('x'), 0), PasswordHashError)
  await assert.rejects(createPasswordHash('scram-sha-256', bytes('x'), 4095), PasswordHashError)
})

test('RFC 4013: SCRAM takes a password in any of its Unicode forms, and cannot carry controls or bad UTF-8', async () => {
  const composed = await createPasswordHash('scram-sha-256', bytes('caf\u00e9\u00a0\u2168'), 4096)
  assert.equal(await verifyPassword(composed, bytes('cafe\u0301 IX')), true)
  await assert.rejects(createPasswordHash('scram-sha-256', bytes('a\u0007b'), 4096), /cannot carry/)
  await assert.rejects(createPasswordHash('scram-sha-256', Buffer.from([0xff]), 4096), /cannot carry/)
  assert.equal(await verifyPassword(composed, Buffer.from([0xff])), false)
})

test('features B3: hashing leaves the event loop free', async () => {
  const hash = await createPasswordHash('argon2id', bytes('x'))
  let turns = 0
  let checking = true
  const turn = () => {
    turns += 1
    if (checking) setImmediate(turn)
  }
  setImmediate(turn)
  await verifyPassword(hash, bytes('x'))
  checking = false
  assert.ok(turns > 10, `the loop turned ${turns} times`)
})
