// The order in which rules are asked (dynsec 4, features F2 to F9), written down once more without anything compiled, looked up or
// remembered, and compared with the engine for random files, clients and topics. `CASTELLAN_RULE_SETS` says for how many.

import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { deviceCertificate } from '../../test/support/realms.ts'
import { explainAccess } from '../auth/access.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import { accessBy } from '../auth/directory-access.ts'
import { type Explanation, questionFault, type SpeakingRule } from '../auth/explanation.ts'
import { defaultDecoyHash } from '../auth/password-hash.ts'
import type { DirectoryAction, RightsHolder, UserDirectory } from '../auth/user-directory.ts'
import { silentLog } from '../base/log.ts'
import { aclTypes } from './model.ts'
import { readState } from './read-file.ts'

/** A million before a release. */
const ruleSets = Number(process.env['CASTELLAN_RULE_SETS'] ?? 10_000)

interface FileAcl {
  readonly acltype: string
  readonly topic: string
  readonly priority?: number
  readonly allow?: boolean
}

interface FileRole {
  readonly rolename: string
  readonly allowwildcardsubs?: boolean
  readonly acls: readonly FileAcl[]
}

interface Held {
  readonly rolename: string
  readonly priority?: number
}

interface FileClient {
  readonly username: string
  readonly clientid?: string
  readonly disabled?: boolean
  readonly roles: readonly Held[]
}

interface FileGroup {
  readonly groupname: string
  readonly roles: readonly Held[]
  readonly clients: readonly { readonly username: string; readonly priority?: number }[]
}

interface AclLine {
  readonly kind: 'topic' | 'pattern'
  readonly access: 'read' | 'write' | 'readwrite' | 'deny'
  readonly filter: string
}

/** Lines above the first user line, and below each. */
interface AclSection {
  readonly user?: string
  readonly lines: readonly AclLine[]
}

interface RuleSet {
  readonly defaultACLAccess?: Readonly<Record<string, boolean>>
  readonly clients: readonly FileClient[]
  readonly groups: readonly FileGroup[]
  readonly anonymousGroup?: string
  readonly roles: readonly FileRole[]
  readonly acl?: readonly AclSection[]
}

interface Who extends RightsHolder {
  readonly clientId: string
  /** Of the certificate that was shown, what `%{cert.cn}` stands for. */
  readonly commonName: string | undefined
}

const actions = ['publish', 'receive', 'subscribe', 'unsubscribe'] as const

test('dynsec 4, features F2 to F9: engine, explanation and a naive model decide alike, for any rules, names and topics', t => {
  const deciders = new Map<string, number>()
  const property = fc.property(
    anyRules,
    anyWho,
    fc.array(anyTopic, { minLength: 2, maxLength: 2 }),
    (rules, who, topics) => {
      const access = engineOf(rules, who)
      for (const topic of topics) {
        for (const action of actions) {
          const question = { action, topic, isWill: false, isRetained: false }
          if (questionFault(question) !== undefined) continue
          const expected = decide(rules, who, action, topic)
          assert.equal(isAllowed(access, action, topic), expected, `${action} ${topic}`)
          const explanation = explainAccess(access, question)
          assert.equal(explanation.allowed, expected, `explanation of ${action} ${topic}`)
          checkWithout(explanation, rules, who)
          const kind = kindOf(explanation)
          deciders.set(kind, (deciders.get(kind) ?? 0) + 1)
        }
      }
    },
  )
  fc.assert(property, { numRuns: ruleSets })
  t.diagnostic(`${ruleSets} rule sets: ${[...deciders].map(([kind, count]) => `${kind} ${count}`).join(', ')}`)
  const all = ['acl_file', 'broker', 'default', 'excluded', 'literal', 'pattern', 'wildcards']
  assert.deepEqual([...deciders.keys()].sort(), all, 'each kind of rule has decided')
})

function engineOf(rules: RuleSet, who: Who) {
  const { acl, ...file } = rules
  const { state } = readState(Buffer.from(JSON.stringify(file)), 'file')
  const directory: UserDirectory = {
    version: 0,
    decoy: defaultDecoyHash(),
    user: username => state.clients.get(username),
    rights: holder => state.rightsOf(holder),
  }
  const parsed = acl === undefined ? undefined : parseAclFile(aclText(acl), 'acl').rules
  return accessBy({ acl: parsed, directory, log: silentLog }, { ...who, certificate: certificateOf(who) }, who.clientId)
}

function certificateOf({ commonName }: Who) {
  if (commonName === undefined) return undefined
  return { identity: { ...deviceCertificate, commonName, printedSubject: `CN=${commonName}` } }
}

function isAllowed(access: ReturnType<typeof engineOf>, action: DirectoryAction, topic: string): boolean {
  return action === 'publish' ? access.publish({ topicName: topic }) !== undefined : access[action](topic)
}

function kindOf({ decidedBy, sources }: Explanation): string {
  const { details } = decidedBy
  if (details['username'] !== undefined && details['line'] === undefined) return 'excluded'
  if (details['allowwildcardsubs'] !== undefined) return 'wildcards'
  if (typeof details['acl'] === 'number') return String(details['acltype']).endsWith('Literal') ? 'literal' : 'pattern'
  return sources.find(({ rules }) => rules.length > 0)?.name ?? ''
}

/** Takes the rule away, and asks the model. */
function checkWithout({ action, topic, decidedBy, without }: Explanation, rules: RuleSet, who: Who): void {
  const rest = withoutRule(rules, decidedBy)
  if (rest === undefined) assert.equal(without, undefined)
  else assert.equal(without?.allows, decide(rest, who, action, topic), `${action} ${topic} without ${decidedBy.text}`)
}

function withoutRule(rules: RuleSet, { details, text, isFixed }: SpeakingRule): RuleSet | undefined {
  const { role: name, acltype, topic, line, username } = details
  if (isFixed === true) return undefined
  if (name !== undefined) {
    const roles = rules.roles.map(role => {
      if (role.rolename !== name) return role
      if (acltype === undefined) return { ...role, allowwildcardsubs: true }
      return { ...role, acls: role.acls.filter(acl => acl.acltype !== acltype || acl.topic !== topic) }
    })
    return { ...rules, roles }
  }
  if (line !== undefined) return { ...rules, acl: withoutLine(rules.acl ?? [], Number(line)) }
  const clients = rules.clients.map(client => {
    if (client.username !== username) return client
    if (text.endsWith('is disabled')) return { ...client, disabled: false }
    const { clientid: _, ...unbound } = client
    return unbound
  })
  return { ...rules, clients }
}

function withoutLine(sections: readonly AclSection[], line: number): readonly AclSection[] {
  let at = 0
  return sections.map(section => {
    if (section.user !== undefined) at++
    return { ...section, lines: section.lines.filter(() => ++at !== line) }
  })
}

function aclText(sections: readonly AclSection[]): string {
  const lines = sections.flatMap(({ user, lines }) => [
    ...(user === undefined ? [] : [`user ${user}`]),
    ...lines.map(({ kind, access, filter }) => `${kind} ${access} ${filter}`),
  ])
  return lines.join('\n')
}

/** The model. */
function decide(rules: RuleSet, who: Who, action: DirectoryAction, topic: string): boolean {
  if (action === 'publish' && topic.startsWith('$SYS') && !/^\$SYS\/broker\/connection\/.+\/state$/.test(topic))
    return false
  const client = rules.clients.find(({ username }) => username === who.username)
  if (client?.disabled === true) return false
  if (client?.clientid !== undefined && client.clientid !== who.clientId) return false
  const given = namesOf(who.roles, rules.roles, 'rolename')
  const givenGroups = namesOf(who.groups, rules.groups, 'groupname')
  if (client === undefined && who.username !== undefined && given.length + givenGroups.length === 0) {
    return decideByAclFile(rules.acl, who, action, topic)
  }
  const roles = [
    ...rolesIn(rules, client?.roles ?? []),
    ...given,
    ...[...groupsOf(rules, who.username), ...givenGroups].flatMap(group => rolesIn(rules, group.roles)),
  ]
  for (const role of roles) {
    const verdict = verdictOf(role, who, action, topic)
    if (verdict !== undefined) return verdict
  }
  const key = {
    publish: 'publishClientSend',
    receive: 'publishClientReceive',
    subscribe: 'subscribe',
    unsubscribe: 'unsubscribe',
  }
  return rules.defaultACLAccess?.[key[action]] === true && !topic.startsWith('$CONTROL')
}

function namesOf<T, K extends keyof T>(names: readonly string[], entries: readonly T[], key: K): readonly T[] {
  return names.flatMap(name => entries.filter(entry => entry[key] === name))
}

function rolesIn(rules: RuleSet, held: readonly Held[]): readonly FileRole[] {
  const sorted = highestFirst(held, ({ rolename }) => rolename)
  return sorted.flatMap(({ rolename }) => rules.roles.filter(role => role.rolename === rolename))
}

function groupsOf(rules: RuleSet, username: string | undefined): readonly FileGroup[] {
  if (username === undefined) return rules.groups.filter(({ groupname }) => groupname === rules.anonymousGroup)
  if (!rules.clients.some(client => client.username === username)) return []
  const memberships = rules.groups.flatMap(group =>
    group.clients.filter(client => client.username === username).map(({ priority }) => ({ group, priority })),
  )
  return highestFirst(memberships, ({ group }) => group.groupname).map(({ group }) => group)
}

/** By priority, then by the bytes of the name. */
function highestFirst<T extends { readonly priority?: number | undefined }>(
  list: readonly T[],
  nameOf: (entry: T) => string,
): T[] {
  return [...list].sort(
    (one, other) =>
      (other.priority ?? -1) - (one.priority ?? -1) ||
      Buffer.compare(Buffer.from(nameOf(one)), Buffer.from(nameOf(other))),
  )
}

function verdictOf(role: FileRole, who: Who, action: DirectoryAction, topic: string): boolean | undefined {
  if (action === 'subscribe' && role.allowwildcardsubs === false && /[+#]/.test(topic)) return false
  const acls = role.acls.filter(
    (acl, index) =>
      role.acls.findIndex(({ acltype, topic }) => acltype === acl.acltype && topic === acl.topic) === index,
  )
  const literal = acls.find(acl => acl.acltype === `${action}Literal` && acl.topic === topic)
  if (literal !== undefined) return literal.allow === true
  const types = {
    publish: 'publishClientSend',
    receive: 'publishClientReceive',
    subscribe: 'subscribePattern',
    unsubscribe: 'unsubscribePattern',
  }
  const matching = acls.filter(acl => {
    const names = acl.allow === true ? namesBy(who, safe) : namesBy(who, name => name)
    return acl.acltype === types[action] && covers(acl.topic, topic, names)
  })
  const highest = Math.max(...matching.map(({ priority = 0 }) => priority))
  const first = matching.find(({ priority = 0 }) => priority === highest)
  return first && first.allow === true
}

function decideByAclFile(acl: RuleSet['acl'], who: Who, action: DirectoryAction, topic: string): boolean {
  if (acl === undefined) return false
  if (action === 'subscribe' || action === 'unsubscribe') return true
  const own = acl
    .filter(({ user }) => user === who.username)
    .flatMap(({ lines }) => lines.filter(({ kind }) => kind === 'topic'))
  const isDangerous = /[+#]/.test(`${who.username ?? ''}${who.clientId}`)
  const patterns = isDangerous ? [] : acl.flatMap(({ lines }) => lines.filter(({ kind }) => kind === 'pattern'))
  const word = action === 'publish' ? 'write' : 'read'
  const denies = ({ access }: AclLine) => access === 'deny'
  const grants = ({ access }: AclLine) => access === word || access === 'readwrite'
  const raw = namesBy(who, name => name)
  const level = { ...namesBy(who, oneLevel), cn: safe(who.commonName) }
  if (own.filter(denies).some(({ filter }) => covers(filter, topic, undefined))) return false
  if (own.filter(grants).some(({ filter }) => covers(filter, topic, undefined))) return true
  if (patterns.filter(denies).some(({ filter }) => covers(filter, topic, raw))) return false
  return patterns.filter(grants).some(({ filter }) => covers(filter, topic, level))
}

function safe(name: string | undefined): string | undefined {
  return name === undefined || name === '' || /[/+#]/.test(name) ? undefined : name
}

function oneLevel(name: string | undefined): string | undefined {
  return name?.includes('/') === true ? undefined : name
}

type Name = string | undefined

interface Names {
  readonly c: Name
  readonly u: Name
  readonly cn: Name
}

function namesBy({ clientId, username, commonName }: Who, fit: (name: Name) => Name): Names {
  return { c: fit(clientId), u: fit(username), cn: fit(commonName) }
}

const variables: Readonly<Record<string, keyof Names>> = { '%c': 'c', '%u': 'u', '%{cert.cn}': 'cn' }

/** @param names undefined where `%c` and its like are text */
function covers(pattern: string, topic: string, names: Names | undefined): boolean {
  if (topic.startsWith('$') && !pattern.startsWith('$')) return false
  const parts = isFilter(pattern) ? partsOf(pattern, names) : undefined
  if (parts === undefined) return false
  const asked = topic.split('/')
  for (const [i, { level, isText }] of parts.entries()) {
    if (level === '#' && !isText) return true
    const at = asked[i]
    if (at === undefined) return false
    if (level === '+' && !isText ? at === '#' : at !== level) return false
  }
  return asked.length === parts.length
}

function isFilter(pattern: string): boolean {
  const levels = pattern.split('/')
  const isLast = (index: number) => index === levels.length - 1
  return pattern !== '' && levels.every((at, i) => !/[+#]/.test(at) || at === '+' || (at === '#' && isLast(i)))
}

/** @returns undefined where a name is nobody's */
function partsOf(pattern: string, names: Names | undefined) {
  const parts: { readonly level: string; readonly isText: boolean }[] = []
  for (const at of pattern.split('/')) {
    const variable = names && variables[at]
    const value = variable === undefined ? at : names?.[variable]
    if (value === undefined) return undefined
    for (const part of variable === undefined ? [value] : value.split('/')) {
      parts.push({ level: part, isText: variable !== undefined })
    }
  }
  return parts
}

// Few names and levels, so that they meet.

const userNames = ['u', 'a', 'a/b', '+', '#', '$SYS', '%u', '%c'] as const
const commonNames = ['cn', 'a', 'a/b', '+', '#', '$SYS', '%c', '%{cert.cn}'] as const
const clientIds = ['c1', 'a', 'a/b', '+', '#', '$SYS', '%c', '%u', ''] as const
const roleNames = ['a', 'B', 'ä', '\u{ff5e}', '\u{1d49c}'] as const
const groupNames = ['g', 'h', 'é'] as const

const level = fc.constantFrom('a', 'b', 'c1', 'u', 'cn', '%c', '%u', '%{cert.cn}', '$SYS', '$CONTROL', '', '+')
const anyFilter = fc
  .tuple(fc.array(level, { maxLength: 2 }), fc.constantFrom('#', 'a', 'b', '+', '%c', '%u', 'c1'))
  .map(([levels, last]) => [...levels, last].join('/'))
const common = fc.constantFrom(
  'a',
  'a/b',
  'a/c1',
  'a/u',
  'a/+',
  '+',
  '+/b',
  'a/#',
  '#',
  'a/%c',
  '%u/b',
  '%u',
  'a/cn',
  'a/%{cert.cn}',
)
const special = fc.constantFrom(
  ...['$SYS/broker/connection/c1/state', '$SYS/broker/uptime', '$SYS/#', '$CONTROL/x', '$CONTROL/#'],
  ...['$share/g/a', '$share/g/a/#', '$share/g/+'],
)
const broken = fc.constantFrom('a#', '#/a', 'a+/b')
const anyTopic = fc.oneof(
  { weight: 5, arbitrary: common },
  { weight: 2, arbitrary: anyFilter },
  { weight: 2, arbitrary: special },
)
const aclTopic = fc.oneof({ weight: 30, arbitrary: anyTopic }, { weight: 1, arbitrary: broken })

const priority = fc.integer({ min: -2, max: 2 })
const optional = { noNullPrototype: true } as const
const acl = fc.record(
  { acltype: fc.constantFrom(...aclTypes), topic: aclTopic, priority, allow: fc.boolean() },
  { requiredKeys: ['acltype', 'topic'], ...optional },
)
const rarely = fc.oneof({ weight: 7, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) })
const role = fc.record(
  {
    rolename: fc.constantFrom(...roleNames),
    allowwildcardsubs: rarely.map(is => !is),
    acls: fc.array(acl, { minLength: 3, maxLength: 10 }),
  },
  { requiredKeys: ['rolename', 'acls'], ...optional },
)
const held = fc.uniqueArray(
  fc.record(
    { rolename: fc.constantFrom(...roleNames, 'nowhere'), priority },
    { requiredKeys: ['rolename'], ...optional },
  ),
  { selector: ({ rolename }) => rolename, minLength: 1, maxLength: 3 },
)
const client = fc.record(
  { username: fc.constantFrom(...userNames), disabled: rarely, roles: held },
  { requiredKeys: ['username', 'roles'], ...optional },
)
const boundClient = fc
  .tuple(client, fc.constantFrom(...clientIds.slice(0, -1)))
  .map(([who, clientid]) => ({ ...who, clientid }))
const anyClient = fc.oneof({ weight: 7, arbitrary: client }, { weight: 1, arbitrary: boundClient })
const member = fc.record(
  { username: fc.constantFrom(...userNames), priority },
  { requiredKeys: ['username'], ...optional },
)
const group = fc.record({
  groupname: fc.constantFrom(...groupNames),
  roles: held,
  clients: fc.uniqueArray(member, { selector: ({ username }) => username, maxLength: 6 }),
})
const aclLine = fc.record({
  kind: fc.constantFrom('topic' as const, 'pattern' as const),
  access: fc.constantFrom('read' as const, 'write' as const, 'readwrite' as const, 'deny' as const),
  filter: fc.oneof(common, anyFilter),
})
const aclLines = fc.array(aclLine, { maxLength: 4 })
const aclSections = fc
  .tuple(aclLines, fc.array(fc.record({ user: fc.constantFrom(...userNames), lines: aclLines }), { maxLength: 3 }))
  .map(([anonymous, users]): readonly AclSection[] => [{ lines: anonymous }, ...users])
const defaults = fc.record(
  {
    publishClientSend: fc.boolean(),
    publishClientReceive: fc.boolean(),
    subscribe: fc.boolean(),
    unsubscribe: fc.boolean(),
  },
  { requiredKeys: [], ...optional },
)
const anyRules: fc.Arbitrary<RuleSet> = fc.record(
  {
    defaultACLAccess: defaults,
    clients: fc.uniqueArray(anyClient, { selector: ({ username }) => username, minLength: 3, maxLength: 8 }),
    groups: fc.uniqueArray(group, { selector: ({ groupname }) => groupname, maxLength: 3 }),
    anonymousGroup: fc.constantFrom(...groupNames, 'nowhere'),
    roles: fc.uniqueArray(role, { selector: ({ rolename }) => rolename, minLength: 2, maxLength: 5 }),
    acl: aclSections,
  },
  { requiredKeys: ['clients', 'groups', 'roles'], ...optional },
)
const nothingGiven = fc.constant([])
const anyWho: fc.Arbitrary<Who> = fc.record({
  username: fc.option(fc.constantFrom(...userNames), { nil: undefined }),
  clientId: fc.constantFrom(...clientIds),
  commonName: fc.option(fc.constantFrom(...commonNames), { nil: undefined }),
  roles: fc.oneof(nothingGiven, fc.array(fc.constantFrom(...roleNames, 'nowhere'), { maxLength: 2 })),
  groups: fc.oneof(nothingGiven, fc.array(fc.constantFrom(...groupNames, 'nowhere'), { maxLength: 2 })),
})
