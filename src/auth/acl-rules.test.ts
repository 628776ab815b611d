import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { naivelyMatches } from '../../test/support/topics.ts'
import type { Log } from '../base/log.ts'
import { createAccess } from './access.ts'
import { parseAclFile } from './acl-file.ts'
import type { AclAction, AclRule } from './acl-rule-tree.ts'
import { type AclClient, AclRules } from './acl-rules.ts'
import { provePrincipal } from './principal.ts'

interface Case {
  readonly name: string
  readonly acl: string
  readonly username?: string
  readonly clientId?: string
  /** Topics, each with the line that decides a publish on it. */
  readonly allowed?: Record<string, number>
  /** 0 where no rule grants. */
  readonly denied?: Record<string, number>
}

const cases: Case[] = [
  {
    name: 'features F2: lines above the first user serve clients without a username',
    acl: 'topic a',
    allowed: { a: 1 },
    denied: { b: 0 },
  },
  {
    name: 'features F2: … and nobody else, whatever an article says',
    acl: 'topic public/all\nuser bob\ntopic b',
    username: 'bob',
    allowed: { b: 3 },
    denied: { 'public/all': 0 },
  },
  {
    name: 'features F3: a user has only the lines below its name',
    acl: 'user bob\ntopic a\nuser al\ntopic b\nuser bob\ntopic c',
    username: 'bob',
    allowed: { a: 2, c: 6 },
    denied: { b: 0 },
  },
  {
    name: 'features F3: a user that the file does not name has nothing',
    acl: 'topic z\nuser bob\ntopic a',
    username: 'eve',
    denied: { a: 0, z: 0 },
  },
  {
    name: 'features F3: an empty username is a username',
    acl: 'topic a\npattern %u/b',
    username: '',
    allowed: { '/b': 2 },
    denied: { a: 0 },
  },
  {
    name: 'features F4: %u is the username, as one level',
    acl: 'pattern readwrite users/%u/mytopic',
    username: 'bob',
    allowed: { 'users/bob/mytopic': 1 },
    denied: { 'users/al/mytopic': 0, 'users/bob': 0, 'users/bobby/mytopic': 0, 'users/%u/mytopic': 0 },
  },
  {
    name: 'features F4: %c is the client id, of users and of the anonymous',
    acl: 'pattern write sensor/%c/data',
    clientId: 'c1',
    allowed: { 'sensor/c1/data': 1 },
    denied: { 'sensor/c2/data': 0, 'sensor/c1': 0, 'sensor/%c/data': 0 },
  },
  {
    name: 'features F4: a line with %u is left out without a username',
    acl: 'pattern %u/%c\npattern deny %u/#\npattern z',
    allowed: { z: 3 },
    denied: { 'undefined/c1': 0, '/c1': 0 },
  },
  {
    name: 'features F4: a variable beside other characters is no variable',
    acl: 'pattern a/x%u',
    username: 'bob',
    allowed: { 'a/x%u': 1 },
    denied: { 'a/xbob': 0 },
  },
  {
    name: 'features F4: a literal "%c" is the client whose id it is',
    acl: 'pattern a/%c',
    clientId: '%c',
    allowed: { 'a/%c': 1 },
  },
  { name: 'features F4: in a topic line %c is text', acl: 'topic a/%c', allowed: { 'a/%c': 1 }, denied: { 'a/c1': 0 } },
  {
    name: 'features F4: variables and wildcards in one pattern',
    acl: 'pattern +/%c/%u/#',
    username: 'bob',
    allowed: { 'x/c1/bob': 1, 'x/c1/bob/y/z': 1 },
    denied: { 'x/bob/c1': 0, '$x/c1/bob': 0 },
  },
  {
    name: 'features F5: a client id with + has no patterns, its own lines it has',
    acl: 'user bob\ntopic b\npattern a/%c\npattern z',
    username: 'bob',
    clientId: 'c+',
    allowed: { b: 2 },
    denied: { 'a/c+': 0, 'a/cx': 0, z: 0 },
  },
  {
    name: 'features F5: a username # has no patterns',
    acl: 'pattern users/%u',
    username: '#',
    denied: { 'users/bob': 0, 'users/#': 0, users: 0 },
  },
  {
    name: 'features 2a-17: no grant takes a name with a /, the other patterns stay',
    acl: 'pattern a/%c\npattern z',
    clientId: 'c/d',
    allowed: { z: 2 },
    denied: { 'a/c/d': 0, 'a/c': 0 },
  },
  {
    name: 'features 2a-17: nobody escapes a denial by a name with a /',
    acl: 'pattern #\npattern deny a/%c/#',
    clientId: 'c/d',
    allowed: { 'a/c': 1, 'a/c/x': 1, 'a/c/dx': 1 },
    denied: { 'a/c/d': 2, 'a/c/d/e': 2 },
  },
  {
    name: 'features F6: denials come first, wherever they stand',
    acl: 'user bob\ntopic a/#\ntopic deny a/b',
    username: 'bob',
    allowed: { a: 2, 'a/c': 2 },
    denied: { 'a/b': 3 },
  },
  {
    name: 'features F6: a denial of the user is above a pattern',
    acl: 'pattern a\nuser bob\ntopic deny #',
    username: 'bob',
    denied: { a: 3 },
  },
  {
    name: 'features F6: a grant of the user is above a denying pattern',
    acl: 'user bob\ntopic a\npattern deny a\npattern b\npattern deny b',
    username: 'bob',
    allowed: { a: 2 },
    denied: { b: 5 },
  },
  {
    name: 'features F6: read does not allow a publish, a later write does',
    acl: 'topic read a\ntopic write a',
    allowed: { a: 2 },
  },
  {
    name: 'features F6: the first of several grants is named',
    acl: 'topic +/b\ntopic a/b\ntopic #',
    allowed: { 'a/b': 1, x: 3 },
  },
  {
    name: 'features F6: only a rule that begins with $ reaches $-topics',
    acl: 'topic #\ntopic +/b\ntopic $app/a',
    allowed: { '$app/a': 3 },
    denied: { '$app/b': 0, $app: 0 },
  },
  {
    name: 'features F6: a username that begins with $ does not open $-topics',
    acl: 'pattern %u/#',
    username: '$SYS',
    denied: { '$SYS/a': 0 },
  },
  { name: 'features F6: an empty file denies', acl: '# nothing', username: 'bob', denied: { a: 0 } },
  {
    name: 'features F8: the bridge state is the only $SYS topic to write',
    acl: 'topic read $SYS/#\nuser roger\ntopic foo/bar\npattern write $SYS/broker/connection/%c/state',
    username: 'roger',
    allowed: { 'foo/bar': 3, '$SYS/broker/connection/c1/state': 4 },
    denied: { '$SYS/broker/connection/c2/state': 0, '$SYS/broker/uptime': 0 },
  },
  {
    name: '§4.7: # is its parent level too, empty levels count',
    acl: 'topic a/#\ntopic b//c',
    allowed: { a: 1, 'a/': 1, 'b//c': 2 },
    denied: { ab: 0, 'b/c': 0 },
  },
]

describe('createAccess and the rule that decides', () => {
  for (const { name, acl, username, clientId = 'c1', allowed = {}, denied = {} } of cases) {
    it(name, () => {
      const { publishes, decidingLine } = clientOf(acl, username, clientId)
      for (const [topicName, line] of Object.entries(allowed)) {
        assert.deepEqual([publishes(topicName), decidingLine(topicName)], [true, line], topicName)
      }
      for (const [topicName, line] of Object.entries(denied)) {
        assert.deepEqual([publishes(topicName), decidingLine(topicName)], [false, line], topicName)
      }
    })
  }

  it('features F5: names the dangerous username or client id, escaped, and only where it mattered', () => {
    const acl = 'user +\ntopic own\npattern %u/%c'
    const refusals = (username: string, clientId: string, topicName = 'x'): readonly string[] => {
      const { publishes, lines } = clientOf(acl, username, clientId)
      publishes(topicName)
      return lines
    }
    const denying = 'ACL denying access to client with dangerous'
    assert.deepEqual(refusals('+', 'c1'), [`${denying} username "+"`])
    assert.deepEqual(refusals('bob', 'c\n#'), [`${denying} client id "c\\x0a#"`])
    assert.deepEqual(refusals('bob', 'c/d'), [`${denying} client id "c/d"`])
    assert.deepEqual(refusals('b/c', 'c1'), [`${denying} username "b/c"`])
    assert.deepEqual(refusals('+', 'c1', 'own'), [])
    assert.deepEqual(refusals('bob', 'c1'), [])
  })

  it('features 2a-17: a / in a name that no grant uses is nobody’s danger', () => {
    const { publishes, lines } = clientOf('pattern read %u/a', 'bob', 'c/d')
    assert.deepEqual([publishes('x'), lines], [false, []])
  })

  it('stands rules and topics of thousands of levels', () => {
    const deep = 'a/'.repeat(30_000)
    const acl = `topic ${'+/'.repeat(30_000)}x\npattern ${deep}%c`
    assert.equal(clientOf(acl, undefined, 'c1').decidingLine(`${deep}x`), 1)
    const bob = clientOf(acl, 'bob', 'c1')
    assert.equal(bob.decidingLine(`${deep}c1`), 2)
    assert.equal(bob.decidingLine(deep), 0)
  })
})

describe('AclRules', () => {
  const word = fc.constantFrom('a', 'b', '', '$S', 'c1')
  const name = fc.constantFrom('a', 'b', 'c1', '$S', 'a/b', 'x+', '#', '%u')
  const topicFilter = fc
    .tuple(
      fc.array(fc.oneof(word, fc.constantFrom('+', '%c', '%u')), { maxLength: 3 }),
      fc.constantFrom('a', 'b', '+', '#', '%c', '%u'),
    )
    .map(([levels, last]) => [...levels, last].join('/'))
  const unnumbered = fc.record({
    kind: fc.constantFrom('topic' as const, 'pattern' as const),
    access: fc.constantFrom('read' as const, 'write' as const, 'readwrite' as const, 'deny' as const),
    topicFilter,
    username: fc.option(name, { nil: undefined }),
  })
  const topicName = fc
    .array(fc.oneof(word, fc.constantFrom('%c', '%u')), { minLength: 1, maxLength: 4 })
    .map(levels => levels.join('/'))
    .filter(topic => topic !== '')
  const client = fc.record({ username: fc.option(name, { nil: undefined }), clientId: name })

  it('features F6: the trees decide, and list what matches, as a list of rules that is asked one by one does', () => {
    fc.assert(
      fc.property(
        fc.array(unnumbered, { maxLength: 12 }),
        client,
        fc.constantFrom<AclAction>('read', 'write'),
        fc.array(topicName, { minLength: 1, maxLength: 6 }),
        (drafts, who, action, topicNames) => {
          const list = drafts.map((draft, index) => ({ ...draft, line: index + 1 }))
          const subject = new AclRules(list).subject(who)
          for (const topic of topicNames) {
            const matching = naivelyMatching(list, who, action, topic)
            assert.equal(subject.decidingRule(action, topic), matching[0], topic)
            assert.deepEqual(subject.matchingRules(action, topic, 100), matching, topic)
            assert.deepEqual(subject.matchingRules(action, topic, 2), matching.slice(0, 2), topic)
          }
        },
      ),
      { numRuns: 1500 },
    )
  })

  it('finds one rule among ten thousand of a user, and one user among ten thousand', () => {
    const list: AclRule[] = []
    for (let line = 1; line <= 10_000; line++) {
      list.push({ line, kind: 'topic', access: 'readwrite', topicFilter: `devices/${line}/+`, username: 'bob' })
      list.push({
        line: 10_000 + line,
        kind: 'topic',
        access: 'readwrite',
        topicFilter: 'own',
        username: `user${line}`,
      })
    }
    const rules = new AclRules(list)
    const bob = rules.subject({ username: 'bob', clientId: 'c1' })
    for (let line = 1; line <= 10_000; line++) {
      assert.equal(bob.decidingRule('read', `devices/${line}/state`)?.line, line)
      const user = rules.subject({ username: `user${line}`, clientId: 'c1' })
      assert.equal(user.decidingRule('read', 'own')?.line, 10_000 + line)
    }
  })
})

/** A client as the broker asks for it, and the line of the rule that decides. */
function clientOf(acl: string, username: string | undefined, clientId: string) {
  const { rules } = parseAclFile(acl, 'acl')
  const lines: string[] = []
  const log: Log = { enabled: () => true, write: (_, line) => lines.push(line) }
  const principal = provePrincipal(username, username === undefined ? 'anonymous' : 'password', '')
  const access = createAccess(rules, principal, clientId, log)
  const subject = rules.subject({ username, clientId })
  return {
    lines,
    publishes: (topicName: string) => access.publish({ topicName }) !== undefined,
    decidingLine: (topicName: string) => subject.decidingRule('write', topicName)?.line ?? 0,
  }
}

/** The rules of features F4 to F6 as they read, one after the other, in the order in which they count. */
function naivelyMatching(list: AclRule[], who: AclClient, action: AclAction, topicName: string): AclRule[] {
  const dangerous = /[+#]/.test(who.username ?? '') || /[+#]/.test(who.clientId)
  const own = list.filter(rule => rule.kind === 'topic' && rule.username === who.username)
  const patterns = dangerous ? [] : list.filter(rule => rule.kind === 'pattern')
  const concerns = (rule: AclRule): boolean => rule.access === action || rule.access === 'readwrite'
  const denies = (rule: AclRule): boolean => rule.access === 'deny'
  const inOrder = [own.filter(denies), own.filter(concerns), patterns.filter(denies), patterns.filter(concerns)].flat()
  return inOrder.filter(rule => naivelyApplies(rule, who, topicName))
}

function naivelyApplies(rule: AclRule, who: AclClient, topicName: string): boolean {
  if (topicName.startsWith('$') && !rule.topicFilter.startsWith('$')) return false
  if (rule.kind === 'topic') return naivelyMatches(rule.topicFilter, topicName)
  const levels = rule.topicFilter.split('/')
  const used = [...(levels.includes('%u') ? [who.username] : []), ...(levels.includes('%c') ? [who.clientId] : [])]
  if (used.includes(undefined)) return false
  if (rule.access !== 'deny' && used.some(value => value?.includes('/'))) return false
  const filled = levels.map(level => (level === '%u' ? who.username : level === '%c' ? who.clientId : level)).join('/')
  return naivelyMatches(filled, topicName)
}
