import assert from 'node:assert/strict'
import test from 'node:test'
import { deviceCertificate, fileRealm, hashOfPw, identity } from '../../test/support/realms.ts'
import { parseAclFile } from './acl-file.ts'
import type { PatternValues } from './acl-rule-tree.ts'
import type { FileRealmOptions } from './file-realm.ts'
import type { Identity } from './identity.ts'
import { parsePasswordEntry, parsePasswordFile } from './password-file.ts'
import { defaultDecoyHash } from './password-hash.ts'
import { provePrincipal, withCertificate } from './principal.ts'
import type { Realm } from './realm.ts'
import type { DirectoryUser, RightsHolder, RightsSubject, UserDirectory } from './user-directory.ts'

const password = parsePasswordEntry(hashOfPw)

/** Whoever it knows may do what `allowed` holds; who has no name, what begins with `open`. */
class Directory implements UserDirectory {
  version = 0
  readonly decoy = defaultDecoyHash()
  readonly users = new Map<string, DirectoryUser>()
  readonly allowed = new Set<string>()
  readonly asked: RightsSubject[] = []

  user(username: string): DirectoryUser | undefined {
    return this.users.get(username)
  }

  rights({ username, roles }: RightsHolder) {
    const consult = () => assert.fail('nobody asks why')
    if (username === undefined) return { consult, allows: (_: string, topic: string) => topic.startsWith('open') }
    if (!this.users.has(username) && roles.length === 0) return undefined
    return {
      consult,
      allows: (action: string, topic: string, subject: RightsSubject) => {
        this.asked.push(subject)
        return this.allowed.has(`${action} ${topic}`)
      },
    }
  }

  set(username: string, user: Partial<DirectoryUser> = {}): void {
    this.version++
    this.users.set(username, { password, isDisabled: false, clientId: undefined, ...user })
  }
}

function realm(directory: Directory, options: Partial<FileRealmOptions> = {}): Realm {
  return fileRealm({ directory, ...options })
}

const certificate = { ...deviceCertificate, subject: 'CN=device', commonName: 'device', printedSubject: 'CN=device' }

/** As the broker asks: proven first, then with the client id. */
async function comesIn(by: Realm, who: Identity, clientId = 'c'): Promise<boolean> {
  const outcome = await by.authenticate(who)
  return outcome.allowed && by.stillAdmits(outcome.principal, clientId)
}

test('dynsec 3: a user comes in with its own password, and not with another one or none', async () => {
  const directory = new Directory()
  directory.set('u')
  directory.set('bare', { password: undefined })
  const by = realm(directory)
  assert.equal(await comesIn(by, identity('u', 'pw')), true)
  assert.equal(await comesIn(by, identity('u', 'wrong')), false)
  assert.equal(await comesIn(by, identity('u')), false)
  assert.equal(await comesIn(by, identity('bare', 'pw')), false)
  assert.equal(await comesIn(by, identity('x', 'pw')), false)
})

test('dynsec 3: a password that is changed while it is checked lets nobody in any more', async () => {
  const directory = new Directory()
  directory.set('u')
  const by = realm(directory)
  const underWay = comesIn(by, identity('u', 'pw'))
  directory.set('u', { password: parsePasswordEntry(hashOfPw.replace('$D9N', '$D9M')) })
  assert.equal(await underWay, false)
})

test('dynsec 3: who is disabled is refused with the right password too', async () => {
  const directory = new Directory()
  directory.set('u', { isDisabled: true })
  assert.equal(await comesIn(realm(directory), identity('u', 'pw')), false)
  directory.set('u', { isDisabled: false })
  assert.equal(await comesIn(realm(directory), identity('u', 'pw')), true)
})

test('features G6: a user with a client id has that one or none', async () => {
  const directory = new Directory()
  directory.set('u', { clientId: 'c' })
  assert.equal(await comesIn(realm(directory), identity('u', 'pw'), 'c'), true)
  assert.equal(await comesIn(realm(directory), identity('u', 'pw'), 'd'), false)
})

test('dynsec 3: whom the directory does not know, the password file may; whom it knows, the file is not asked about', async () => {
  const directory = new Directory()
  directory.set('u', { password: undefined })
  const passwords = parsePasswordFile(`u:${hashOfPw}\nfile:${hashOfPw}\n`, 'f')
  const by = realm(directory, { passwords })
  assert.equal(await comesIn(by, identity('file', 'pw')), true)
  assert.equal(await comesIn(by, identity('u', 'pw')), false)
})

test('dynsec 3: a name without a password needs proof, and no name needs allow_anonymous', async () => {
  const directory = new Directory()
  const open = realm(directory, { allowAnonymous: true })
  assert.equal(await comesIn(open, identity()), true)
  assert.equal(await comesIn(open, identity('u')), false)
  assert.equal(await comesIn(realm(directory), identity()), false)
})

test('features G6, C: a certificate whose name is disabled, bound to another client id or not known is refused', async () => {
  const directory = new Directory()
  const by = realm(directory, { certificateIdentity: 'common-name' })
  const device = identity(undefined, undefined, certificate)
  assert.equal(await comesIn(by, device), false)
  directory.set('device', { password: undefined })
  assert.equal(await comesIn(by, device), true)
  directory.set('device', { isDisabled: true })
  assert.equal(await comesIn(by, device), false)
  directory.set('device', { clientId: 'other' })
  assert.equal(await comesIn(by, device), false)
})

test('allow_certificates_without_client lets unknown names in, and still keeps out who is disabled', async () => {
  const directory = new Directory()
  const by = realm(directory, { certificateIdentity: 'common-name', admitsUnknownNames: true })
  const device = identity(undefined, undefined, certificate)
  assert.equal(await comesIn(by, device), true)
  const access = by.access(provePrincipal('device', 'certificate', ''), 'c')
  assert.equal(access.publish({ topicName: 't' }), undefined)
  directory.set('device', { isDisabled: true })
  assert.equal(await comesIn(by, device), false)
})

test('features K4: a certificate whose name is not known is let in with a role that was given, and has its rights', () => {
  const directory = new Directory()
  directory.allowed.add('receive t')
  const by = realm(directory, { certificateIdentity: 'common-name' })
  const evidence = 'common-name:'
  const given = provePrincipal('device', 'certificate', evidence, { roles: ['r'] })
  assert.equal(by.stillAdmits(provePrincipal('device', 'certificate', evidence), 'c'), false)
  assert.equal(by.stillAdmits(given, 'c'), true)
  assert.deepEqual([by.access(given, 'c').receive('t'), by.access(given, 'c').receive('u')], [true, false])
  directory.set('device', { isDisabled: true })
  assert.equal(by.stillAdmits(given, 'c'), false)
})

test('a user who is deleted is not known any more, one who is disabled or has a new password is', async () => {
  const directory = new Directory()
  directory.set('u')
  const by = realm(directory)
  const principal = provePrincipal('u', 'password', password.fingerprint)
  const standing = () => [by.stillAdmits(principal, 'c'), by.knows(principal)]
  assert.deepEqual(standing(), [true, true])
  directory.set('u', { isDisabled: true })
  assert.deepEqual(standing(), [false, true])
  directory.set('u', { password: { ...password, fingerprint: 'other' } })
  assert.deepEqual(standing(), [false, true])
  directory.users.delete('u')
  assert.deepEqual(standing(), [false, false])
})

test('what a client may do is asked again after each change, on the same object', () => {
  const directory = new Directory()
  directory.set('u')
  const access = realm(directory).access(provePrincipal('u', 'password', password.fingerprint), 'c')
  const message = { topicName: 't' }
  assert.equal(access.publish(message), undefined)
  for (const action of ['publish', 'receive', 'subscribe', 'unsubscribe']) directory.allowed.add(`${action} t`)
  assert.equal(access.publish(message), message)
  assert.deepEqual([access.receive('t'), access.subscribe('t'), access.unsubscribe('t')], [true, true, true])
  directory.set('u', { isDisabled: true })
  assert.deepEqual([access.publish(message), access.receive('t'), access.unsubscribe('t')], [undefined, false, false])
  directory.set('u', { clientId: 'd' })
  assert.equal(access.receive('t'), false)
  directory.set('u', { clientId: 'c' })
  assert.equal(access.receive('t'), true)
})

test('nobody speaks for the broker, whatever the rights say', () => {
  const directory = new Directory()
  directory.set('u')
  directory.allowed.add('publish $SYS/broker/uptime')
  const access = realm(directory).access(provePrincipal('u', 'password', ''), 'c')
  assert.equal(access.publish({ topicName: '$SYS/broker/uptime' }), undefined)
})

test('dynsec 4: an unknown user may do what the ACL file allows, and without one nothing; a known one is not its matter', () => {
  const directory = new Directory()
  directory.set('u')
  const acl = parseAclFile('user x\ntopic t\nuser u\ntopic t\ntopic $CONTROL/#', 'acl').rules
  const of = (username: string, by: Realm) => by.access(provePrincipal(username, 'password', ''), 'c')
  assert.notEqual(of('x', realm(directory, { acl })).publish({ topicName: 't' }), undefined)
  assert.equal(of('x', realm(directory)).publish({ topicName: 't' }), undefined)
  assert.equal(of('u', realm(directory, { acl })).publish({ topicName: 't' }), undefined)
})

test('features G9: clients without a name have the rights of nobody', () => {
  const access = realm(new Directory()).access(provePrincipal(undefined, 'anonymous', ''), 'c')
  assert.deepEqual([access.receive('open/t'), access.receive('t')], [true, false])
})

test('dynsec 4: names that reach further than a level grant nothing, and are denied by all that they reach', () => {
  const directory = new Directory()
  for (const name of ['plain', 'a/b', '+', '#', '']) {
    directory.set(name)
    realm(directory)
      .access(provePrincipal(name, 'password', ''), name)
      .receive('t')
  }
  const [plain, ...dangerous] = directory.asked
  assert.deepEqual(plain?.granted, { clientId: 'plain', username: 'plain', certificate: undefined })
  for (const { granted } of dangerous) {
    assert.deepEqual(granted, { clientId: undefined, username: undefined, certificate: undefined })
  }
  assert.deepEqual(dangerous[0]?.denied, { clientId: 'a/b', username: 'a/b', certificate: undefined })
})

test('features K4: what a certificate says reaches one level in what grants, and as far as it goes in what denies', () => {
  const directory = new Directory()
  directory.set('u')
  const shown = { ...certificate, printedSubject: 'O=a/b\nCN=device' }
  const principal = withCertificate(provePrincipal('u', 'password', ''), { identity: shown, roles: [], groups: [] })
  realm(directory).access(principal, 'c').receive('t')
  const [subject] = directory.asked
  const values = (by: PatternValues | undefined) =>
    ['%{cert.subject.O}', '%{cert.cn}'].map(variable => by?.certificate?.get(variable))
  assert.deepEqual(
    [values(subject?.granted), values(subject?.denied)],
    [
      [undefined, 'device'],
      ['a/b', 'device'],
    ],
  )
})

test('dynsec 1: where no rules are, nobody may control the broker or listen to what it answers', () => {
  const open = fileRealm({ allowAnonymous: true })
  const access = open.access(provePrincipal(undefined, 'anonymous', ''), 'c')
  assert.equal(access.publish({ topicName: '$CONTROL/dynamic-security/v1' }), undefined)
  assert.equal(access.receive('$CONTROL/dynamic-security/v1/response'), false)
  assert.equal(access.receive('t'), true)
})
