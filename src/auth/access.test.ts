import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileRealm } from '../../test/support/realms.ts'
import type { Log } from '../base/log.ts'
import { silentLog } from '../base/log.ts'
import { createAccess } from './access.ts'
import { parseAclFile } from './acl-file.ts'
import { provePrincipal } from './principal.ts'
import type { Access } from './realm.ts'

function accessOf(
  text: string | undefined,
  username: string | undefined,
  clientId: string,
  log: Log = silentLog,
): Access {
  const rules = text === undefined ? undefined : parseAclFile(text, 'acl').rules
  const method = username === undefined ? 'anonymous' : 'password'
  return createAccess(rules, provePrincipal(username, method, ''), clientId, log)
}

describe('createAccess', () => {
  it('hands back the very message that the rules allow, and undefined for one that they refuse', () => {
    const access = accessOf('user bob\ntopic write a', 'bob', 'c1')
    const message = { topicName: 'a', payload: 'x' }
    assert.equal(access.publish(message), message)
    assert.equal(access.publish({ topicName: 'b' }), undefined)
  })

  it('asks write rules for a publish and read rules for a delivery', () => {
    const access = accessOf('user bob\ntopic write up\ntopic read down', 'bob', 'c1')
    assert.equal(access.receive('down'), true)
    assert.equal(access.receive('up'), false)
    assert.equal(access.publish({ topicName: 'down' }), undefined)
  })

  it('features F6: without an ACL file everything is allowed, with an empty one nothing', () => {
    const open = accessOf(undefined, 'bob', 'c+')
    const message = { topicName: 'a' }
    assert.equal(open.publish(message), message)
    assert.equal(open.receive('$SYS/a'), true)
    assert.equal(open.subscribe('#'), true)
    const closed = accessOf('', 'bob', 'c1')
    assert.equal(closed.publish({ topicName: 'a' }), undefined)
    assert.equal(closed.receive('a'), false)
  })

  it('features F8: of $SYS a client may write the state of a bridge and nothing else, whatever the rules say', () => {
    const state = { topicName: '$SYS/broker/connection/c1/state' }
    for (const access of [accessOf(undefined, 'bob', 'c1'), accessOf('user bob\ntopic $SYS/#', 'bob', 'c1')]) {
      assert.equal(access.publish(state), state)
      for (const topicName of ['$SYS', '$SYS/broker/version', '$SYS/broker/connection/state', '$SYS/x/state']) {
        assert.equal(access.publish({ topicName }), undefined, topicName)
      }
    }
    assert.equal(accessOf('user bob\ntopic read $SYS/#', 'bob', 'c1').publish(state), undefined)
  })

  it('features F7: every subscription passes, and a deny below a broader grant holds at delivery', () => {
    const access = accessOf('user bob\ntopic read a/#\ntopic deny a/secret', 'bob', 'c1')
    assert.equal(access.subscribe('a/secret'), true)
    assert.equal(access.subscribe('#'), true)
    assert.equal(access.receive('a/open'), true)
    assert.equal(access.receive('a/secret'), false)
  })

  it('features F5: says once that a dangerous name kept patterns from a client, when it first mattered', () => {
    const lines: string[] = []
    const log: Log = { enabled: () => true, write: (type, line) => lines.push(`${type}: ${line}`) }
    const access = accessOf('user +\ntopic read own\npattern readwrite %u/#', '+', 'c1', log)
    assert.equal(access.receive('own'), true)
    assert.deepEqual(lines, [])
    assert.equal(access.receive('victim/a'), false)
    assert.equal(access.receive('victim/a'), false)
    assert.deepEqual(lines, ['notice: ACL denying access to client with dangerous username "+"'])
  })
})

describe('Realm.explain', () => {
  const question = (topic: string) => ({ action: 'publish', topic, isWill: false, isRetained: false }) as const

  it('decides as access does, with a token that lists topics, and for somebody who has proven nothing', () => {
    const realm = fileRealm({ acl: parseAclFile('user bob\ntopic a', 'acl').rules })
    const given = provePrincipal('bob', 'token', '', { topics: { publish: ['t/#'], subscribe: [] } })
    for (const principal of [given, provePrincipal('bob', 'password', ''), provePrincipal('ann', 'password', '')]) {
      for (const topic of ['a', 't/x', '$SYS/x']) {
        const isAllowed = realm.access(principal, 'c').publish({ topicName: topic }) !== undefined
        assert.equal(realm.explain(principal, 'c', question(topic)).allowed, isAllowed, topic)
      }
    }
    assert.equal(realm.explain(given, 'c', question('t/x')).decidedBy.text, 'token  publish t/#')
    const stranger = { username: 'bob', roles: [], groups: [] }
    assert.equal(realm.explain(stranger, 'c', question('a')).decidedBy.text, "acl:2  topic readwrite a  of user 'bob'")
  })

  it('writes no line to the log: nobody was refused', () => {
    const lines: string[] = []
    const log: Log = { enabled: () => true, write: (_, line) => lines.push(line) }
    const realm = fileRealm({ acl: parseAclFile('pattern a/%c', 'acl').rules, log })
    assert.equal(realm.explain({ username: undefined, roles: [], groups: [] }, '+', question('a/b')).allowed, false)
    assert.deepEqual(lines, [])
  })
})
