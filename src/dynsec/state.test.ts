import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { DirectoryAction, RightsSubject } from '../auth/user-directory.ts'
import { type Acl, aclTypes, Client, Group, Role } from './model.ts'
import { closedByDefault, SecurityState } from './state.ts'

const subject: RightsSubject = {
  denied: { clientId: 'c1', username: 'u' },
  granted: { clientId: 'c1', username: 'u' },
}

class Rules {
  readonly state = new SecurityState()
  readonly client = new Client('u')

  constructor() {
    this.state.clients.add(this.client)
  }

  role(name: string, acls: readonly (Partial<Acl> & Pick<Acl, 'topic'>)[], allowWildcardSubs = true): Role {
    const role = new Role(name)
    this.state.roles.add(role)
    const usual = { type: 'publishClientSend', priority: 0, allow: true } as const
    const full = acls.map(acl => ({ ...usual, ...acl }))
    this.state.setRules(role, full, allowWildcardSubs)
    return role
  }

  group(name: string, priority = -1): Group {
    const group = new Group(name)
    this.state.groups.add(group)
    this.state.addMember(group, this.client, priority)
    return group
  }

  allows(topic: string, action: DirectoryAction = 'publish'): boolean {
    return this.state.rights(this.client).allows(action, topic, subject)
  }
}

test('dynsec 4: the role with the highest priority decides, and of the same priority the first by name', () => {
  const rules = new Rules()
  const { state, client } = rules
  state.giveRole(client, rules.role('a', [{ topic: 't', allow: false }]), 1)
  state.giveRole(client, rules.role('b', [{ topic: 't', allow: true }]), 2)
  assert.equal(rules.allows('t'), true)
  state.giveRole(client, rules.role('c', [{ topic: 't', allow: false }]), 3)
  assert.equal(rules.allows('t'), false)
  state.giveRole(client, rules.role('B', [{ topic: 't', allow: true }]), 3)
  assert.equal(rules.allows('t'), true)
})

test('dynsec 4: the roles of groups come after the client’s own, those of the group with the highest priority first', () => {
  const rules = new Rules()
  const { state, client } = rules
  const [low, high] = [rules.group('low', 1), rules.group('high', 2)]
  state.giveRole(low, rules.role('deny', [{ topic: 't', allow: false }, { topic: 'l' }]), 100)
  assert.equal(rules.allows('t'), false)
  state.giveRole(high, rules.role('allow', [{ topic: 't' }]), -1)
  assert.equal(rules.allows('t'), true)
  assert.equal(rules.allows('l'), true)
  state.giveRole(client, rules.role('own', [{ topic: 'l', allow: false }]), -1)
  assert.equal(rules.allows('l'), false)
})

test('dynsec 4: in a role the ACL with the highest priority decides, and of the same priority the first that was added', () => {
  const rules = new Rules()
  const acls = [
    { topic: 'a/#', allow: true },
    { topic: 'a/b', allow: false },
    { topic: 'a/+', allow: false, priority: 1 },
  ]
  rules.state.giveRole(rules.client, rules.role('r', acls), -1)
  assert.deepEqual([rules.allows('a/b'), rules.allows('a/b/c'), rules.allows('a')], [false, true, true])
  rules.state.setRules(rules.state.roles.get('r') as Role, rules.role('s', acls.slice(0, 2)).acls, true)
  assert.equal(rules.allows('a/b'), true)
})

test('dynsec 4: a literal goes before patterns, whatever their priority, and means the filter as it is written', () => {
  const rules = new Rules()
  const acls = [
    { type: 'subscribePattern', topic: 'a/#', allow: true, priority: 9 },
    { type: 'subscribeLiteral', topic: 'a/+', allow: false },
    { type: 'subscribeLiteral', topic: '%c', allow: true },
  ] as const
  rules.state.giveRole(rules.client, rules.role('r', acls), -1)
  assert.equal(rules.allows('a/+', 'subscribe'), false)
  assert.equal(rules.allows('a/b', 'subscribe'), true)
  assert.equal(rules.allows('c1', 'subscribe'), false)
  assert.equal(rules.allows('%c', 'subscribe'), true)
})

test('dynsec 4: a role without wildcard subscriptions refuses them before its ACLs, and shadows the roles after it', () => {
  const rules = new Rules()
  const { state, client } = rules
  const closed = rules.role('a', [{ type: 'subscribePattern', topic: '#' }], false)
  state.giveRole(client, closed, 1)
  state.giveRole(client, rules.role('b', [{ type: 'subscribePattern', topic: '#' }]), 0)
  assert.deepEqual([rules.allows('x/#', 'subscribe'), rules.allows('x', 'subscribe')], [false, true])
  state.setRules(closed, closed.acls, true)
  assert.equal(rules.allows('x/#', 'subscribe'), true)
})

test('features G7: where no role speaks the default decides, and never about $CONTROL', () => {
  const rules = new Rules()
  for (const action of ['publish', 'receive', 'subscribe', 'unsubscribe'] as const) {
    assert.equal(rules.allows('t', action), false, action)
  }
  rules.state.defaultAccess = {
    publishClientSend: true,
    publishClientReceive: true,
    subscribe: true,
    unsubscribe: true,
  }
  for (const action of ['publish', 'receive', 'subscribe', 'unsubscribe'] as const) {
    assert.equal(rules.allows('t', action), true, action)
    assert.equal(rules.allows('$CONTROL/dynamic-security/v1', action), false, action)
  }
})

test('features K4: roles that were given come after the client’s own and before those of its groups, then groups that were given', () => {
  const rules = new Rules()
  const { state, client } = rules
  const says = (name: string, ...topics: string[]) =>
    rules.role(
      name,
      topics.map(topic => ({ topic })),
    )
  const denies = (name: string, ...topics: string[]) =>
    rules.role(
      name,
      topics.map(topic => ({ topic, allow: false })),
    )
  state.giveRole(client, says('own', 'a'), -1)
  denies('first', 'a', 'b')
  says('second', 'b', 'c')
  state.giveRole(rules.group('member'), denies('member', 'c', 'd'), 100)
  const given = new Group('given')
  state.groups.add(given)
  state.giveRole(given, says('last', 'd', 'e'), 100)
  const rights = state.rightsOf({ username: 'u', roles: ['first', 'second', 'none'], groups: ['given', 'none'] })
  const allowed = [...'abcdef'].map(topic => rights?.allows('publish', topic, subject))
  assert.deepEqual(allowed, [true, false, true, false, true, false])
  assert.equal(rules.allows('c'), false, 'without them')
})

test('features K4: who is no client has what was given, and with nothing that is known no rights at all', () => {
  const rules = new Rules()
  const { state } = rules
  rules.role('r', [{ topic: 't' }])
  const of = (roles: readonly string[], groups: readonly string[] = []) =>
    state.rightsOf({ username: 'x', roles, groups })
  assert.deepEqual([of([]), of(['none'], ['none'])], [undefined, undefined])
  assert.equal(of(['r'])?.allows('publish', 't', subject), true)
  assert.equal(of(['r'])?.allows('publish', 'u', subject), false)
})

test('features K4: a client without a name has what was given before the anonymous group', () => {
  const rules = new Rules()
  const { state } = rules
  const group = new Group('anonymous')
  state.groups.add(group)
  state.anonymousGroup = group
  state.giveRole(group, rules.role('deny', [{ topic: 't', allow: false }, { topic: 'u' }]), 1)
  rules.role('r', [{ topic: 't' }])
  const allows = (roles: readonly string[], topic: string) =>
    state.rightsOf({ username: undefined, roles, groups: [] })?.allows('publish', topic, subject)
  assert.deepEqual([allows([], 't'), allows(['r'], 't'), allows(['r'], 'u')], [false, true, true])
})

test('features G9: clients without a name have the rights of the anonymous group, and the default', () => {
  const { state, ...rules } = new Rules()
  const group = new Group('g')
  state.groups.add(group)
  const allows = () => state.rights(undefined).allows('publish', 't', subject)
  assert.equal(allows(), false)
  state.anonymousGroup = group
  const role = new Role('r')
  state.roles.add(role)
  state.giveRole(group, role, -1)
  assert.equal(allows(), false)
  state.setRules(role, [{ type: 'publishClientSend', topic: 't', priority: 0, allow: true }], true)
  assert.equal(allows(), true)
  assert.equal(state.rights(rules.client).allows('publish', 't', subject), false)
  state.deleteGroup(group)
  assert.equal(allows(), false)
})

test('every change of a role, a group or a membership is seen at once', () => {
  const rules = new Rules()
  const { state, client } = rules
  const role = rules.role('r', [{ topic: 't' }])
  const group = rules.group('g')
  const seen = () => rules.allows('t')
  state.giveRole(group, role, -1)
  assert.equal(seen(), true)
  state.removeMember(group, client)
  assert.equal(seen(), false)
  state.addMember(group, client, -1)
  assert.equal(seen(), true)
  state.setRules(role, [], true)
  assert.equal(seen(), false)
  state.setRules(role, [{ type: 'publishClientSend', topic: 't', priority: 0, allow: true }], true)
  state.takeRole(group, role)
  assert.equal(seen(), false)
  state.giveRole(client, role, -1)
  assert.equal(seen(), true)
  state.deleteRole(role)
  assert.equal(seen(), false)
  assert.deepEqual([client.roles.size, group.roles.size, state.roles.size], [0, 0, 0])
})

const topics = ['a', 'a/b', 'a/b/c', 'b', '$SYS/a', '$CONTROL/x', 'a/c1', 'a/+', 'a/#', '#', '+', '$share/g/a']
const patterns = ['a', 'a/b', 'a/+', 'a/#', '#', '+', '$SYS/#', '$CONTROL/#', 'a/%c', '%u/#', '+/b', '$share/+/a']

const anyAcl = fc.record({
  type: fc.constantFrom(...aclTypes),
  topic: fc.constantFrom(...patterns, ...topics),
  priority: fc.integer({ min: -2, max: 2 }),
  allow: fc.boolean(),
})
const anyRole = fc.record({ acls: fc.array(anyAcl, { maxLength: 5 }), wildcards: fc.boolean() })
const anyHoldings = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: -1, max: 2 })), { maxLength: 3 })
const anyRules = fc.record({
  roles: fc.array(anyRole, { minLength: 4, maxLength: 4 }),
  own: anyHoldings,
  groups: fc.array(fc.tuple(fc.integer({ min: -1, max: 2 }), anyHoldings), { maxLength: 3 }),
  open: fc.boolean(),
})

// Written down as the specification says it, without anything remembered: dynsec 4.
test('dynsec 4: what is decided is what the order of evaluation says, for any rules', () => {
  const property = fc.property(
    anyRules,
    fc.constantFrom(...topics),
    fc.constantFrom<DirectoryAction>('publish', 'receive', 'subscribe', 'unsubscribe'),
    ({ roles, own, groups, open }, topic, action) => {
      const rules = new Rules()
      const { state, client } = rules
      const made = roles.map(({ acls, wildcards }, i) => rules.role(`r${i}`, firstOfEach(acls), wildcards))
      for (const [role, priority] of own) state.giveRole(client, made[role] as Role, priority)
      groups.forEach(([priority, held], i) => {
        const group = rules.group(`g${i}`, priority)
        for (const [role, of] of held) state.giveRole(group, made[role] as Role, of)
      })
      if (open) state.defaultAccess = { ...closedByDefault, subscribe: true, publishClientSend: true }
      assert.equal(rules.allows(topic, action), bySpecification(rules, action, topic))
    },
  )
  fc.assert(property, { numRuns: 3000 })
})

function firstOfEach(acls: readonly Acl[]): readonly Acl[] {
  return acls.filter((acl, i) => acls.findIndex(({ type, topic }) => type === acl.type && topic === acl.topic) === i)
}

function bySpecification({ state, client }: Rules, action: DirectoryAction, topic: string): boolean {
  const inOrder = <T extends { readonly name: string }>(held: ReadonlyMap<T, number>) =>
    [...held]
      .sort(([one, p], [other, q]) => (p === q ? (one.name < other.name ? -1 : 1) : q - p))
      .map(([entry]) => entry)
  const roles = [...inOrder(client.roles), ...inOrder(client.groups).flatMap(group => inOrder(group.roles))]
  const word = { publish: 'publishClientSend', receive: 'publishClientReceive' } as Partial<Record<string, string>>
  for (const role of roles) {
    if (action === 'subscribe' && !role.allowWildcardSubs && /[+#]/.test(topic)) return false
    const literal = role.acls.find(({ type, topic: filter }) => type === `${action}Literal` && filter === topic)
    if (literal !== undefined) return literal.allow
    const matching = role.acls
      .filter(({ type }) => type === (word[action] ?? `${action}Pattern`))
      .filter(({ topic: pattern }) => coversByRegExp(pattern, topic))
    const highest = Math.max(...matching.map(({ priority }) => priority))
    const first = matching.find(({ priority }) => priority === highest)
    if (first !== undefined) return first.allow
  }
  const byDefault = { publish: 'publishClientSend', receive: 'publishClientReceive' } as const
  const key = action === 'publish' || action === 'receive' ? byDefault[action] : action
  return state.defaultAccess[key] && !topic.startsWith('$CONTROL')
}

function coversByRegExp(pattern: string, topic: string): boolean {
  if (topic.startsWith('$') && !pattern.startsWith('$')) return false
  const source = pattern
    .replaceAll('%c', 'c1')
    .replaceAll('%u', 'u')
    .replaceAll('$', '\\$')
    .replaceAll('+', '[^/#]*')
    .replace(/^#$/, '.*')
    .replace(/\/#$/, '(/.*)?')
  return new RegExp(`^${source}$`).test(topic)
}
