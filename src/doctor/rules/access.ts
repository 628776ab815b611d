// What rules of access give away, and to whom.

import type { AclRule } from '../../auth/acl-rule-tree.ts'
import type { Acl } from '../../dynsec/model.ts'
import { matchesFilter } from '../../topic/name.ts'
import type { Configuration, Listener, PluginLines } from '../configuration.ts'
import type { Facts } from '../facts.ts'
import { type Observation, quoted, quotedList, type Rule } from '../finding.ts'

export const accessRules: readonly Rule[] = [
  {
    id: 'D05',
    severity: 'critical',
    title: 'rules that let everybody write everything, or control the broker',
    why: 'One stolen device commands all others; who writes below $CONTROL makes users and roles.',
    fix: 'name the topics that each user needs, and give # and $CONTROL/# to a user for administration alone',
    check: facts => [...aclGifts(facts), ...securityGifts(facts), ...withoutRules(facts)],
  },
  {
    id: 'D24',
    severity: 'high',
    title: 'dynamic security that is open by default',
    why: 'Where no rule speaks, the default does; a client without a password is left to whatever else lets clients in, and what the group of the anonymous may do anybody may.',
    fix: 'castellan ctl dynsec setDefaultACLAccess publishClientSend deny, the same for subscribe; setClientPassword for who administers',
    check: ({ securities }) =>
      securities.flatMap(({ path, content: { openByDefault, clients, anonymousAllows } }) => [
        ...openByDefault.map(type => ({ place: { file: path, line: 1 }, evidence: `the default of ${type} is allow` })),
        ...clients
          .filter(({ hash, allows }) => hash === undefined && allows.some(controls))
          .map(({ name, line }) => ({
            place: { file: path, line },
            evidence: `client ${quoted(name)} may control the broker and has no password`,
          })),
        ...(anonymousAllows.some(({ type }) => type === 'publishClientSend')
          ? [{ place: { file: path, line: 1 }, evidence: 'the group of the anonymous may publish' }]
          : []),
      ]),
  },
  {
    id: 'D38',
    severity: 'medium',
    title: 'anonymous clients read $SYS or everything that is retained',
    why: 'Versions, numbers of clients and the last value of every topic are a map for whoever looks for a way in.',
    fix: 'allow_anonymous false; or an acl_file whose lines above the first user line name only what is public',
    check: facts => facts.configuration.listeners.flatMap(listener => openToRead(facts, listener)).slice(0, 1),
    probe: ({ place, anonymous }) =>
      (anonymous?.granted ?? []).map(filter => ({
        place,
        evidence: `an anonymous client was allowed to subscribe to ${quoted(filter)}`,
      })),
  },
]

/** Names that say themselves that they are for administration. */
function isAdmin(username: string | undefined): boolean {
  return username !== undefined && /admin|^root$/i.test(username)
}

function aclGifts({ acls }: Facts): readonly Observation[] {
  return acls.flatMap(({ path, content }) =>
    content.rules.filter(givesTooMuch).map(rule => ({
      place: { file: path, line: rule.line },
      evidence: `${rule.kind} ${rule.access} ${quoted(rule.topicFilter)} for ${holderOf(rule)}`,
    })),
  )
}

function givesTooMuch({ access, topicFilter, username, kind }: AclRule): boolean {
  if (access === 'deny' || (kind === 'topic' && isAdmin(username))) return false
  return topicFilter.startsWith('$CONTROL/') || (access !== 'read' && isEverything(topicFilter))
}

function isEverything(topicFilter: string): boolean {
  return topicFilter === '#' || topicFilter === '+/#'
}

function holderOf({ kind, username }: AclRule): string {
  if (kind === 'pattern') return 'everybody'
  return username === undefined ? 'clients without a name' : quoted(username)
}

function securityGifts({ securities }: Facts): readonly Observation[] {
  return securities.flatMap(({ path, content: { clients, anonymousAllows } }) => [
    ...clients
      .filter(({ name, allows }) => !isAdmin(name) && allows.some(isGift))
      .map(({ name, line, allows }) => ({
        place: { file: path, line },
        evidence: `a role gives client ${quoted(name)} ${quotedList(allows.filter(isGift).map(shown))}`,
      })),
    ...(anonymousAllows.some(isGift)
      ? [{ place: { file: path, line: 1 }, evidence: 'the group of the anonymous may write everything or control' }]
      : []),
  ])
}

function isGift(acl: Acl): boolean {
  return controls(acl) || (acl.type === 'publishClientSend' && isEverything(acl.topic))
}

function controls({ type, topic }: Acl): boolean {
  return type === 'publishClientSend' && topic.startsWith('$CONTROL/')
}

function shown({ type, topic }: Acl): string {
  return `${type} ${topic}`
}

/** "No rules" is not "no rights": every client that is let in reads and writes everything but $CONTROL. */
function withoutRules({ configuration }: Facts): readonly Observation[] {
  const open = configuration.listeners.find(listener => !listener.isLocal && !hasRules(configuration, listener))
  if (open === undefined) return []
  return [
    {
      place: open.place,
      severity: 'high',
      evidence: `${quoted(open.name)} has neither acl_file nor a plugin with rules: every client that gets in reads and writes everything`,
      fix: 'acl_file /etc/mosquitto/aclfile, with lines such as: pattern readwrite devices/%u/#',
    },
  ]
}

function hasRules(configuration: Configuration, listener: Listener): boolean {
  return configuration.security(listener, 'acl_file') !== undefined || hasRulesOfPlugin(configuration)
}

/** Of plugins that nobody knows it is supposed. */
function hasRulesOfPlugin({ plugins }: Configuration): boolean {
  return plugins.some(plugin => plugin.isUsed && hasRulesItself(plugin))
}

function hasRulesItself(plugin: PluginLines): boolean {
  if (plugin.baseName.includes('acl_file')) return plugin.last('acl_file') !== undefined
  return !/password_file|certificate_management|persist_sqlite|sparkplug/.test(plugin.baseName)
}

function openToRead({ configuration, acls }: Facts, listener: Listener): readonly Observation[] {
  if (!configuration.allowsAnonymous(listener) || hasRulesOfPlugin(configuration)) return []
  const setting = configuration.security(listener, 'acl_file')
  if (setting === undefined) {
    return [{ place: configuration.anonymousLine(listener), evidence: 'anonymous clients, and no acl_file' }]
  }
  return acls.flatMap(({ path, content }) =>
    content.rules
      .filter(({ kind, username, access }) => (kind === 'pattern' || username === undefined) && /read/.test(access))
      .filter(({ topicFilter }) => isEverything(topicFilter) || matchesFilter(topicFilter, '$SYS/broker/version'))
      .map(({ line, topicFilter }) => ({
        place: { file: path, line },
        evidence: `clients without a name may read ${quoted(topicFilter)}`,
      })),
  )
}
