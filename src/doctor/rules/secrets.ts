// Passwords and pre-shared keys that are easier to guess or steal than they need to be.

import type { PasswordHash } from '../../auth/password-hash.ts'
import { hashDefaults } from '../../auth/password-hash.ts'
import type { Facts } from '../facts.ts'
import { type Observation, quoted, quotedList, type Rule, word } from '../finding.ts'
import type { PasswordLine } from '../password-lines.ts'
import type { PskLine } from '../psk-lines.ts'
import type { SecurityClient } from '../security-file.ts'

/** RFC 4279 §7.2: shorter keys can be guessed from one recorded handshake. */
const leastKeyBytes = 16

export const secretRules: readonly Rule[] = [
  {
    id: 'D17',
    severity: 'high',
    title: 'passwords that are kept badly',
    why: 'Whoever gets the file tries millions of passwords a second; a line that cannot be read keeps its user out, and some brokers from starting.',
    fix: 'castellan passwd FILE NAME, and so on for each user: the new entry is argon2id',
    check: facts => [...badlyKept(facts), ...badlyKeptClients(facts)],
  },
  {
    id: 'D18',
    severity: 'high',
    title: 'passwords that everybody would try, or that two users share',
    why: 'Names of users, and the words that devices and guides come with, are what is tried first.',
    fix: 'castellan passwd FILE NAME, with a password that a program made: openssl rand -base64 18',
    check: ({ passwords, securities }) => [
      ...securities.flatMap(({ path, content }) => guessedClients(path, content.clients)),
      ...passwords.flatMap(({ path, content }) => [
        ...emptyAndGuessed(path, content),
        ...repeated(path, content, ({ username }) => username, 'is there twice'),
        ...repeated(path, content.filter(hasSecret), ({ fingerprint }) => fingerprint, 'has the same entry as another'),
      ]),
    ],
  },
  {
    id: 'D22',
    severity: 'high',
    title: 'pre-shared keys that are short or shared, or a hint that tells names',
    why: 'A short key is guessed from one recorded handshake; with a shared one a device passes for another; the hint is sent to whoever asks, before any key is used.',
    fix: 'openssl rand -hex 32 for each identity, and a psk_hint that says nothing',
    check: facts => [...facts.psks.flatMap(({ path, content }) => weakKeys(path, content)), ...tellingHints(facts)],
  },
]

/** One finding for each way of keeping, however many users there are. */
function badlyKept({ passwords }: Facts): readonly Observation[] {
  return passwords.flatMap(({ path, content }) => {
    const ways = new Map<string, PasswordLine[]>()
    for (const entry of content) {
      const way = wayOf(entry)
      if (way !== undefined) ways.set(way, [...(ways.get(way) ?? []), entry])
    }
    return [...ways].map(([way, entries]) => ({
      place: { file: path, line: entries[0]?.line ?? 1 },
      evidence: `${way}: ${quotedList(entries.map(({ username }) => username))}`,
      fix: `castellan passwd ${word(path, 'FILE')} ${word(entries[0]?.username ?? '', 'NAME')}, and so on for each user: the new entry is argon2id`,
    }))
  })
}

function wayOf({ kind, iterations = 0 }: PasswordLine): string | undefined {
  switch (kind) {
    case 'plain':
      return 'not hashed at all'
    case 'sha512':
      return '$6$, one round of SHA-512'
    case 'sha512-pbkdf2':
      return iterations < hashDefaults.pbkdf2Iterations ? `$7$ with ${iterations} rounds` : undefined
    case 'unreadable':
      return 'a hash that cannot be read, cut short perhaps'
    default:
      return undefined
  }
}

function badlyKeptClients({ securities }: Facts): readonly Observation[] {
  return securities.flatMap(({ path, content }) => {
    const weak = content.clients.filter(({ hash }) => isWeak(hash))
    const [first] = weak
    if (first === undefined) return []
    const names = quotedList(weak.map(({ name }) => name))
    const limit = hashDefaults.pbkdf2Iterations
    return [{ place: { file: path, line: first.line }, evidence: `fewer than ${limit} rounds: ${names}` }]
  })
}

function isWeak(hash: PasswordHash | undefined): boolean {
  if (hash?.kind === 'sha512-pbkdf2') return hash.iterations < hashDefaults.pbkdf2Iterations
  return hash?.kind === 'sha512'
}

function emptyAndGuessed(file: string, entries: readonly PasswordLine[]): readonly Observation[] {
  return entries.flatMap(({ username, line, kind, isGuessed }) => {
    const command = `castellan passwd ${word(file, 'FILE')} ${word(username, 'NAME')}`
    const made = 'with a password that a program made: openssl rand -base64 18'
    const found = (what: string, how = command) => [
      { place: { file, line }, evidence: `the password of ${quoted(username)} ${what}`, fix: `${how}, ${made}` },
    ]
    if (kind === 'empty') return found('is empty', `take the line out, then ${command}`)
    return isGuessed ? found('is the name, or of the words that are tried first') : []
  })
}

function guessedClients(file: string, clients: readonly SecurityClient[]): readonly Observation[] {
  return clients
    .filter(({ isGuessed }) => isGuessed)
    .map(({ name, line }) => ({
      place: { file, line },
      evidence: `the password of ${quoted(name)} is the name, or of the words that are tried first`,
      fix: `castellan ctl dynsec setClientPassword ${word(name, 'NAME')}`,
    }))
}

function hasSecret({ kind }: PasswordLine): boolean {
  return kind !== 'empty'
}

function repeated<
  T extends { readonly line: number } & ({ readonly username: string } | { readonly identity: string }),
>(file: string, entries: readonly T[], keyOf: (entry: T) => string, what: string): readonly Observation[] {
  const seen = new Set<string>()
  return entries.flatMap(entry => {
    const key = keyOf(entry)
    if (!seen.has(key)) {
      seen.add(key)
      return []
    }
    const name = 'username' in entry ? entry.username : entry.identity
    return [{ place: { file, line: entry.line }, evidence: `${quoted(name)} ${what}` }]
  })
}

function weakKeys(file: string, lines: readonly PskLine[]): readonly Observation[] {
  const short = lines.flatMap(({ identity, line, keyBytes }) => {
    if (keyBytes === undefined)
      return [{ place: { file, line }, evidence: `the key of ${quoted(identity)} is not hex` }]
    if (keyBytes >= leastKeyBytes) return []
    return [{ place: { file, line }, evidence: `the key of ${quoted(identity)} has ${keyBytes} bytes` }]
  })
  return [...short, ...repeated(file, lines, ({ fingerprint }) => fingerprint, 'has the same key as another')]
}

function tellingHints({ configuration, psks }: Facts): readonly Observation[] {
  const identities = psks.flatMap(({ content }) => content.map(({ identity }) => identity))
  return configuration.every('psk_hint').flatMap(setting => {
    const told = identities.filter(identity => setting.value.includes(identity))
    const looksLikeName = /[@.]/.test(setting.value)
    if (told.length === 0 && !looksLikeName) return []
    const what = told.length > 0 ? 'holds an identity of the psk_file' : 'looks like the name of a host or account'
    return [{ place: setting, evidence: `psk_hint ${quoted(setting.value)} ${what}` }]
  })
}
