import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { deviceCertificate as certificate, hashOfPw, identity, fileRealm as realm } from '../../test/support/realms.ts'
import { parseAclFile } from './acl-file.ts'
import type { CertificateMapping } from './file-realm.ts'
import type { Identity } from './identity.ts'
import { parsePasswordFile } from './password-file.ts'
import { PasswordVerifier, passwordVerifierDefaults } from './password-verifier.ts'
import type { Principal } from './principal.ts'
import { parsePskFile } from './psk-file.ts'
import type { Realm } from './realm.ts'

const scram =
  'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='
const passwords = parsePasswordFile(`alice:${hashOfPw}\nuser:${scram}\n`, 'f')

async function admitted(by: Realm, who: Identity): Promise<Principal> {
  const outcome = await by.authenticate(who)
  assert.ok(outcome.allowed, 'refused')
  return outcome.principal
}

type Case = readonly [what: string, realm: Realm, who: Identity, outcome: string]
const nameless = { ...certificate, commonName: undefined }
const withFile = realm({ passwords })
const openWithFile = realm({ passwords, allowAnonymous: true })
const open = realm({ allowAnonymous: true })
const commonName = realm({ passwords, allowAnonymous: true, certificateIdentity: 'common-name' })
const subject = realm({ certificateIdentity: 'subject' })

/** The outcome: the user name and how it was proven, or the reason of the denial. */
const cases: readonly Case[] = [
  ['B1: anonymous, where nobody may be', realm(), identity(), 'not-authorized'],
  ['B1: anonymous, where everybody may be', open, identity(), '- by anonymous'],
  ['B1: a name without proof, where nobody may be anonymous', realm(), identity('alice', 'pw'), 'not-authorized'],
  [
    'B1: a name without proof, where everybody may be: kept, and unproven',
    open,
    identity('alice', 'x'),
    'alice by anonymous',
  ],
  ['B1: anonymous beside a password file', openWithFile, identity(), '- by anonymous'],
  ['B1: a name beside a password file has to be proven', openWithFile, identity('alice', 'x'), 'not-authorized'],
  ['B1: anonymous, where there is only the password file', withFile, identity(), 'not-authorized'],
  ['B11: the right password', withFile, identity('alice', 'pw'), 'alice by password'],
  ['B11: a wrong password', withFile, identity('alice', 'PW'), 'not-authorized'],
  ['B11: no password', withFile, identity('alice'), 'not-authorized'],
  ['B11: an unknown user', withFile, identity('mallory', 'pw'), 'not-authorized'],
  ['B11: an empty name', withFile, identity('', 'pw'), 'not-authorized'],
  ['B3: a plain password against a SCRAM entry', withFile, identity('user', 'pencil'), 'user by password'],
  [
    'C5: the common name, whatever CONNECT says',
    commonName,
    identity('alice', 'x', certificate),
    'device 7 by certificate',
  ],
  [
    'C5: no certificate, even with the right password',
    commonName,
    identity('alice', 'pw'),
    'bad-user-name-or-password',
  ],
  [
    'C5: a certificate without a common name',
    commonName,
    identity('alice', 'pw', nameless),
    'bad-user-name-or-password',
  ],
  ['C6: the subject', subject, identity(undefined, undefined, nameless), 'CN=device 7,O=Example by certificate'],
  [
    'C6: an empty subject',
    subject,
    identity(undefined, undefined, { ...certificate, subject: '' }),
    'bad-user-name-or-password',
  ],
  ['C7: a certificate alone proves no name', withFile, identity(undefined, undefined, certificate), 'not-authorized'],
  [
    "C7: a certificate and another user's password",
    withFile,
    identity('alice', 'pw', certificate),
    'alice by password',
  ],
  ['C7: a certificate and a wrong password', withFile, identity('alice', 'x', certificate), 'not-authorized'],
  [
    'C7: a certificate where everybody may be anonymous',
    open,
    identity(undefined, undefined, certificate),
    '- by anonymous',
  ],
]

for (const [what, by, who, wanted] of cases) {
  test(`features ${what}`, async () => {
    const outcome = await by.authenticate(who)
    const { username = '-', method = '' } = outcome.allowed ? outcome.principal : {}
    assert.equal(outcome.allowed ? `${username} by ${method}` : outcome.reason, wanted)
  })
}

test('features B13: one user may hold several client ids at once, all with one owner', async () => {
  const one = await admitted(withFile, identity('alice', 'pw'))
  const other = await admitted(withFile, { ...identity('alice', 'pw'), clientId: 'd' })
  assert.equal(one.owner, other.owner)
})

test('features H4: a name without proof does not own the sessions of the user who has it', async () => {
  const proven = await admitted(withFile, identity('alice', 'pw'))
  const unproven = await admitted(open, identity('alice', 'x'))
  assert.notEqual(unproven.owner, proven.owner)
})

test('max_pending_authentications: too many checks at once are answered as busy', async () => {
  const single = new PasswordVerifier({ ...passwordVerifierDefaults, maxPending: 1 }, fakeClock())
  const by = realm({ passwords, verifier: single })
  const [first, second] = await Promise.all([1, 2].map(() => by.authenticate(identity('alice', 'pw'))))
  assert.equal(first?.allowed, true)
  assert.ok(second?.allowed === false)
  assert.deepEqual([second.reason, second.rule], ['busy', 'max_pending_authentications'])
})

const changed = parsePasswordFile(`alice:${hashOfPw.replace('D9Nz', 'E9Nz')}\n`, 'f')
const gone = parsePasswordFile(`bob:${hashOfPw}\n`, 'f')
const same = parsePasswordFile(`# moved\nbob:${hashOfPw}\nalice:${hashOfPw}\n`, 'f')

const reloads: readonly (readonly [what: string, by: Realm, who: Identity, next: Realm, stays: boolean])[] = [
  ['the entry is as it was', withFile, identity('alice', 'pw'), realm({ passwords: same }), true],
  ['the password was changed', withFile, identity('alice', 'pw'), realm({ passwords: changed }), false],
  ['the user is gone', withFile, identity('alice', 'pw'), realm({ passwords: gone, allowAnonymous: true }), false],
  ['the password file is gone', withFile, identity('alice', 'pw'), open, false],
  ['names come from certificates now', withFile, identity('alice', 'pw'), commonName, false],
  ['anonymous, and still allowed', open, identity(), openWithFile, true],
  ['anonymous, and no longer allowed', open, identity(), withFile, false],
  ['anonymous, where certificates are needed now', open, identity(), commonName, false],
  ['an unproven name, and still no password file', open, identity('alice'), realm({ allowAnonymous: true }), true],
  ['an unproven name, and now a password file', open, identity('alice'), openWithFile, false],
  ['a certificate, still mapped', commonName, identity(undefined, undefined, certificate), commonName, true],
  ['a certificate, no longer mapped', commonName, identity(undefined, undefined, certificate), openWithFile, false],
]

for (const [what, by, who, next, stays] of reloads) {
  test(`features B12: after a reload a session ${stays ? 'stays' : 'goes'}: ${what}`, async () => {
    assert.equal(next.stillAdmits(await admitted(by, who), 'c'), stays)
  })
}

test('features H1: clientid_prefixes is one prefix, compared byte for byte', () => {
  const by = realm({ clientIdPrefixes: 'C_ID-' })
  assert.deepEqual(
    ['C_ID-7', 'C_ID-'].map(id => by.admitsClientId(id)),
    [true, true],
  )
  assert.deepEqual(
    ['C_ID_Client01', 'c_id-7', '', 'C_ID'].map(id => by.admitsClientId(id)),
    [false, false, false, false],
  )
  assert.equal(realm().admitsClientId(''), true)
})

test('MQTT 5 §4.12: SCRAM is offered where the password file has entries for it and names are not from certificates', () => {
  assert.equal(withFile.beginExchange('SCRAM-SHA-256', identity())?.method, 'SCRAM-SHA-256')
  assert.equal(withFile.beginExchange('SCRAM-SHA-1', identity()), undefined)
  assert.equal(realm({ passwords: gone }).beginExchange('SCRAM-SHA-256', identity()), undefined)
  assert.equal(realm().beginExchange('SCRAM-SHA-256', identity()), undefined)
  assert.equal(commonName.beginExchange('SCRAM-SHA-256', identity()), undefined)
})

test('features F3, B1: the ACL knows a user by name; without an ACL file everything is allowed', async () => {
  const acl = parseAclFile('topic read public\nuser alice\ntopic write private\n', 'acl').rules
  const named = realm({ passwords, acl }).access(await admitted(withFile, identity('alice', 'pw')), 'c')
  const nobody = realm({ acl }).access(await admitted(open, identity()), 'c')
  const toPrivate = { topicName: 'private' }
  assert.equal(named.publish(toPrivate), toPrivate)
  assert.deepEqual(
    [nobody.publish(toPrivate), nobody.receive('public'), named.receive('public')],
    [undefined, true, false],
  )
  assert.equal(open.access(await admitted(open, identity()), 'c').receive('anything'), true)
})

test('decision 7: whom another broker let in under a name is who proves it here, and nobody where it is not known', () => {
  const byPassword = realm({ passwords, allowAnonymous: true })
  assert.equal(byPassword.provesNames, true)
  const alice = byPassword.recall('alice')
  assert.equal(alice?.owner, 'user:alice')
  assert.equal(alice !== undefined && byPassword.stillAdmits(alice, 'c'), true)
  assert.equal(byPassword.recall('mallory'), undefined)
  assert.equal(byPassword.recall(undefined)?.owner, 'anonymous')
  assert.equal(realm({ passwords }).recall(undefined), undefined)
})

test('decision 7: where names are not proven, whoever gave one was anonymous', () => {
  const open = realm({ allowAnonymous: true })
  assert.equal(open.provesNames, false)
  assert.equal(open.recall('alice')?.owner, 'anonymous')
  assert.equal(realm().recall('alice'), undefined)
})

test('decision 7: with names from certificates, whoever had none cannot come back', () => {
  const certified = realm({ certificateIdentity: 'common-name', allowAnonymous: true })
  assert.equal(certified.provesNames, true)
  const device = certified.recall('device 7')
  assert.deepEqual([device?.owner, device?.method], ['user:device 7', 'certificate'])
  assert.equal(device !== undefined && certified.stillAdmits(device, 'c'), true)
  assert.equal(certified.recall(undefined), undefined)
})

const keys = parsePskFile(Buffer.from('device:c0ffee'), 'keys')
const proven = { identity: 'device', fingerprint: keys.get('device')?.fingerprint ?? '' }
const byKey = realm({ presharedKeys: keys, certificateIdentity: 'preshared-key', allowAnonymous: true })

test('psk_file with use_identity_as_username: the identity is the user, whatever CONNECT says; without a key nobody is', async () => {
  const principal = await admitted(byKey, { ...identity('root', 'x'), presharedKey: proven })
  assert.deepEqual([principal.username, principal.method], ['device', 'preshared-key'])
  const denial = await byKey.authenticate(identity('device', 'x', certificate))
  assert.ok(!denial.allowed && denial.reason === 'bad-user-name-or-password')
})

test('psk_file: a key that changed between handshake and CONNECT opens nothing, also where a password gives the name', async () => {
  const changed = parsePskFile(Buffer.from('device:c0ffef'), 'keys')
  for (const certificateIdentity of ['preshared-key', 'none'] as const) {
    const now = realm({ presharedKeys: changed, certificateIdentity, passwords, allowAnonymous: true })
    const denial = await now.authenticate({ ...identity('alice', 'pw'), presharedKey: proven })
    assert.ok(!denial.allowed && denial.rule === 'psk_file changed since the handshake')
    assert.equal(now.beginExchange('SCRAM-SHA-256', { ...identity('user'), presharedKey: proven }), undefined)
  }
})

test('psk_file: a reload keeps who has the same key, knows who has a new one, and forgets who has none', async () => {
  const principal = await admitted(byKey, { ...identity(), presharedKey: proven })
  const standing = (by: Realm) => [by.stillAdmits(principal, 'c'), by.knows(principal)]
  const later = (text: string) =>
    realm({ presharedKeys: parsePskFile(Buffer.from(text), 'keys'), certificateIdentity: 'preshared-key' })
  assert.deepEqual(standing(later('a:01\ndevice:c0ffee')), [true, true])
  assert.deepEqual(standing(later('device:01')), [false, true])
  assert.deepEqual(standing(later('a:01')), [false, false])
  assert.deepEqual(standing(realm({ allowAnonymous: true, certificateIdentity: 'common-name' })), [false, false])
  assert.equal(byKey.recall('device')?.evidence, principal.evidence)
  assert.equal(byKey.recall('nobody'), undefined)
})

test('certificate_username: the name is where the option says, and a certificate without it is refused', () => {
  const fields = { ...certificate, printedSubject: 'OU=line 7\nCN=user1', alternativeNames: 'URI:urn:device:1' }
  const named = (certificateIdentity: CertificateMapping) => {
    const outcome = realm({ certificateIdentity }).authenticate(identity(undefined, undefined, fields))
    assert.ok(!(outcome instanceof Promise))
    return outcome.allowed ? outcome.principal.username : outcome.rule
  }
  assert.equal(named('subject.OU'), 'line 7')
  assert.equal(named('san.uri'), 'urn:device:1')
  assert.equal(named('san.dns'), 'client certificate without san.dns')
})

test('request_certificate: a certificate gives the name; without one, name and password count as ever', async () => {
  const either = realm({ passwords, certificateIdentity: 'common-name', certificateIsOptional: true })
  assert.equal((await admitted(either, identity(undefined, undefined, certificate))).method, 'certificate')
  const byPassword = await admitted(either, identity('alice', 'pw'))
  assert.equal(byPassword.method, 'password')
  assert.equal(either.stillAdmits(byPassword, 'c'), true)
  for (const who of [identity('alice', 'wrong'), identity()]) {
    assert.equal((await either.authenticate(who)).allowed, false)
  }
})

test('features C7: certificate_username_match wants certificate and password of one user', async () => {
  const both = realm({ passwords, certificateMatch: 'common-name' })
  const rule = async (who: Identity) => {
    const outcome = await both.authenticate(who)
    return outcome.allowed ? outcome.principal.method : outcome.rule
  }
  const own = { ...certificate, commonName: 'alice' }
  assert.equal(await rule(identity('alice', 'pw', own)), 'password')
  assert.equal(await rule(identity('alice', 'wrong', own)), 'unknown user or wrong password')
  for (const who of [
    identity('alice', 'pw', certificate),
    identity('alice', 'pw'),
    identity(undefined, undefined, own),
  ]) {
    assert.equal(await rule(who), 'certificate_username_match')
  }
})

test('features C7: under new rules a certificate is compared with the user name again, unless it gives the name itself', () => {
  const both = realm({ passwords, certificateMatch: 'common-name' })
  const own = { ...certificate, commonName: 'alice' }
  assert.equal(both.admitsCertificate({ certificate: own, username: 'alice' }), true)
  for (const who of [
    { certificate, username: 'alice' },
    { certificate: undefined, username: 'alice' },
    { certificate: own, username: undefined },
  ]) {
    assert.equal(both.admitsCertificate(who), false)
    assert.equal(realm({ passwords }).admitsCertificate(who), true)
  }
  const named = realm({ passwords, certificateMatch: 'common-name', certificateIdentity: 'serial' })
  assert.equal(named.admitsCertificate({ certificate, username: 'alice' }), true)
})

test('pki §4: a name that looks like another one names nobody: right-to-left marks, zero-width blanks, control characters', async () => {
  const byName = realm({ certificateIdentity: 'common-name' })
  const marks = ['admin\u200f', '\u202enimda', 'ad\u200bmin', 'admin\x07', 'admin\ufeff']
  const unseen = ['ad\u00admin', 'ad\u2062min', 'admin\u3164', 'admin\u{e0041}', 'admin\u2028', 'ad\ufff9min']
  for (const commonName of [...marks, ...unseen]) {
    const outcome = await byName.authenticate(identity(undefined, undefined, { ...certificate, commonName }))
    assert.ok(!outcome.allowed)
    assert.equal(outcome.rule, 'client certificate with invisible characters in its common-name')
  }
  for (const commonName of ['ünï€😀', 'مدير', 'می\u200cخواهم', '\u2764\ufe0f', 'ad min']) {
    const shown = identity(undefined, undefined, { ...certificate, commonName })
    assert.equal((await admitted(byName, shown)).username, commonName)
  }
})

test('enable_proxy_protocol 2 with use_identity_as_username: the verified name is the user; without one nobody is', async () => {
  const proxied = realm({ certificateIdentity: 'proxied-common-name', allowAnonymous: true, passwords })
  const principal = await admitted(proxied, { ...identity('root', 'x'), proxiedCommonName: 'device' })
  assert.deepEqual([principal.username, principal.method], ['device', 'certificate'])
  assert.equal(proxied.stillAdmits(principal, 'c'), true)
  assert.equal(commonName.stillAdmits(principal, 'c'), false)
  const denial = await proxied.authenticate(identity('alice', 'pw', certificate))
  assert.ok(!denial.allowed && denial.reason === 'bad-user-name-or-password')
  const lookAlike = await proxied.authenticate({ ...identity(), proxiedCommonName: 'ad\u200bmin' })
  assert.ok(!lookAlike.allowed)
  assert.equal(lookAlike.rule, 'common name from the load balancer with invisible characters')
})
