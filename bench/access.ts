// Who may do what while we measure: the users, the password file and the access control list, the same for every broker.

import { pbkdf2Sync, randomBytes } from 'node:crypto'

export const accesses = ['anonymous', 'acl'] as const
/** Without any check, or with passwords and an access control list. */
export type Access = (typeof accesses)[number]

/** The user that all the load's clients are. Not a secret: its broker lives for seconds, on the loopback address. */
export const loadUser = { name: 'load', password: 'correct horse battery staple' } as const

/** All that the load publishes and subscribes to lies below it. */
export const topicRoot = 'bench'

/** As many as Debian's `mosquitto_passwd` makes; Mosquitto 2.0 cannot read the dearer forms. */
const pbkdf2Iterations = 101

/** A password file in the one form that all of them read. */
export function passwordFile(): string {
  const salt = randomBytes(12)
  const hash = pbkdf2Sync(loadUser.password, salt, pbkdf2Iterations, 64, 'sha512')
  return `${loadUser.name}:$7$${pbkdf2Iterations}$${salt.toString('base64')}$${hash.toString('base64')}\n`
}

/** The few rules of a small installation: what the load may do is granted by the user's own. */
export function smallAclFile(): string {
  return [
    `user ${loadUser.name}`,
    `topic readwrite ${topicRoot}/#`,
    'topic read $SYS/#',
    '',
    'user other',
    'topic readwrite other/#',
    'topic deny other/private/#',
    '',
    'pattern readwrite clients/%c/#',
    'pattern readwrite users/%u/#',
    '',
  ].join('\n')
}

const largeAclRules = 10_000
const rulesPerOther = 20
const ownRules = 20
const patternRules = 40

/**
 * Ten thousand rules: nearly all for other users; the load's own user has some, of which the last grants; behind them
 * stand patterns, which a broker may have to look at for everybody.
 */
export function largeAclFile(): string {
  const lines: string[] = []
  const others = (largeAclRules - ownRules - patternRules) / rulesPerOther
  for (let user = 0; user < others; user += 1) {
    lines.push(`user device-${user}`)
    for (let rule = 0; rule < rulesPerOther; rule += 1) lines.push(otherRule(user, rule))
  }
  lines.push(`user ${loadUser.name}`)
  for (let rule = 1; rule < ownRules; rule += 1) lines.push(`topic read sites/${rule}/+/state`)
  lines.push(`topic readwrite ${topicRoot}/#`)
  for (let rule = 0; rule < patternRules; rule += 1) {
    lines.push(rule % 2 === 0 ? `pattern readwrite area-${rule}/%c/#` : `pattern read area-${rule}/%u/+/state`)
  }
  return `${lines.join('\n')}\n`
}

/** Exact topics and filters by turns, as rules of real devices are. */
function otherRule(user: number, rule: number): string {
  switch (rule % 4) {
    case 0:
      return `topic write devices/device-${user}/out/${rule}`
    case 1:
      return `topic read devices/device-${user}/in/${rule}`
    case 2:
      return `topic read sites/${user % 50}/+/value-${rule}`
    default:
      return `topic readwrite devices/device-${user}/${rule}/#`
  }
}
