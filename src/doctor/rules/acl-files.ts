// What ACL files say and their authors hardly meant, and who is named in one file and not in the other.

import { isDeceptive } from '../../x509/certificate-name.ts'
import type { AclLines } from '../acl-lines.ts'
import type { Facts, Named } from '../facts.ts'
import { type Observation, quoted, quotedList, type Rule } from '../finding.ts'

export const aclFileRules: readonly Rule[] = [
  {
    id: 'D25',
    severity: 'medium',
    title: 'a line of an ACL file that does not mean what it looks like',
    why: 'A broker refuses the file, or takes the line for a rule about a topic that nobody has: what was to be allowed is denied, or the reverse.',
    fix: 'topic readwrite public/all: small letters, single blanks, readwrite for both, and nothing behind the topic',
    check: ({ acls }) =>
      acls.flatMap(({ path, content }) =>
        content.oddities.map(({ line, text }) => ({ place: { file: path, line }, evidence: text })),
      ),
  },
  {
    id: 'D26',
    severity: 'medium',
    title: 'an ACL pattern for everybody',
    why: 'A pattern without %c and %u is the same for every client: whoever gets in has the topic.',
    fix: 'pattern readwrite devices/%u/state; or a topic line below the user it is for',
    check: ({ acls }) =>
      acls.flatMap(({ path, content }) =>
        content.rules
          .filter(({ kind, access, topicFilter }) => kind === 'pattern' && access !== 'deny' && !/%/.test(topicFilter))
          .map(({ line, access, topicFilter }) => ({
            place: { file: path, line },
            evidence: `pattern ${access} ${quoted(topicFilter)} holds for every client`,
          })),
      ),
  },
  {
    id: 'D27',
    severity: 'medium',
    title: 'topic lines above the first user line, where nobody is anonymous',
    why: 'They are for clients without a user name alone, not for all users: nobody has what they grant.',
    fix: 'topic readwrite public/all again below each user line that is to have it',
    check: facts => facts.acls.flatMap(acl => linesForNobody(facts, acl)),
  },
  {
    id: 'D28',
    severity: 'medium',
    title: 'users that only one of password file and ACL file knows',
    why: 'Rules of somebody who cannot log in wait for whoever gets that name; somebody without rules can do nothing and does not know why.',
    fix: 'castellan passwd FILE NAME for who is missing, or remove the lines; user NAME in the ACL file for who has no rules',
    check: facts => facts.acls.flatMap(acl => strangers(facts, acl)),
  },
  {
    id: 'D29',
    severity: 'medium',
    title: 'names that reach other topics through a pattern, or look like other names',
    why: 'A + or # in the place of %u is a wildcard, a / reaches levels that the pattern does not name, and an invisible character makes a twin of another user.',
    fix: 'names of letters, digits, - and _ alone',
    check: facts => facts.acls.flatMap(acl => dangerousNames(facts, acl)),
  },
  {
    id: 'D30',
    severity: 'medium',
    title: 'a prefix of client ids taken for authentication',
    why: 'A client chooses its id: whoever knows the prefix, which every id shows, has it. The comparison is to the letter, C_ID- does not let C_ID_1 in.',
    fix: 'remove the line, and use password_file or require_certificate',
    check: ({ configuration }) =>
      configuration.every('clientid_prefixes').map(setting => ({
        place: setting,
        evidence: `clientid_prefixes ${quoted(setting.value)}`,
      })),
  },
]

function linesForNobody({ configuration }: Facts, { path, content }: Named<AclLines>): readonly Observation[] {
  if (configuration.listeners.some(listener => configuration.allowsAnonymous(listener))) return []
  const lines = content.rules.filter(({ kind, username }) => kind === 'topic' && username === undefined)
  const [first] = lines
  if (first === undefined) return []
  const topics = quotedList(lines.map(({ topicFilter }) => topicFilter))
  return [
    { place: { file: path, line: first.line }, evidence: `${topics} for clients without a name, and none gets in` },
  ]
}

/** Who logs in by certificate stands in no password file. */
function strangers({ configuration, passwords }: Facts, { path, content }: Named<AclLines>): readonly Observation[] {
  const [file] = passwords
  if (file === undefined || configuration.plugins.length > 0) return []
  const known = new Set(file.content.map(({ username }) => username))
  const byCertificate = configuration.listeners.some(listener => listener.namesClients)
  const withoutPassword = byCertificate ? [] : [...content.users].filter(([name]) => !known.has(name))
  const hasPatterns = content.rules.some(({ kind }) => kind === 'pattern')
  const withoutRules = hasPatterns ? [] : file.content.filter(({ username }) => !content.users.has(username))
  return [
    ...told(
      path,
      withoutPassword.map(([name, line]) => [name, line] as const),
      'has rules and no password',
    ),
    ...told(
      file.path,
      withoutRules.map(({ username, line }) => [username, line] as const),
      'has a password and no rules',
    ),
  ]
}

function told(
  file: string,
  names: readonly (readonly [name: string, line: number])[],
  what: string,
): readonly Observation[] {
  const [first] = names
  if (first === undefined) return []
  return [{ place: { file, line: first[1] }, evidence: `${quotedList(names.map(([name]) => name))} ${what}` }]
}

function dangerousNames({ passwords, securities }: Facts, { path, content }: Named<AclLines>): readonly Observation[] {
  const usesNames = content.rules.some(({ kind, topicFilter }) => kind === 'pattern' && /%[cu]/.test(topicFilter))
  if (!usesNames) return []
  const named = [
    ...passwords.flatMap(file => file.content.map(({ username, line }) => ({ file: file.path, name: username, line }))),
    ...securities.flatMap(file => file.content.clients.map(({ name, line }) => ({ file: file.path, name, line }))),
    ...[...content.users].map(([name, line]) => ({ file: path, name, line })),
  ]
  return named
    .filter(({ name }) => /[+#/]/.test(name) || isDeceptive(name))
    .map(({ file, name, line }) => ({ place: { file, line }, evidence: `${quoted(name)}, and a pattern uses names` }))
}
