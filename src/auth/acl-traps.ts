// What goes wrong when ACL lines are pasted or half remembered, and the sentence that names the mistake. Mosquitto's
// own messages do not.

import { escapeText } from '../base/escape.ts'
import type { AclAccess } from './acl-rule-tree.ts'
import { isCertificateVariable, variableAttribute } from './certificate-variables.ts'

const keywords = ['topic', 'user', 'pattern']
const accessWords = ['read', 'write', 'readwrite', 'deny']

/** Why this is none of `topic`, `user` and `pattern`. */
export function keywordHint(word: string): string {
  if (word.startsWith('\ufeff')) return 'the file begins with a UTF-8 byte order mark; save it without'
  if (word.startsWith('#')) return 'a comment\'s "#" has to be the first character of its line'
  return lowerCaseHint(word, keywords) ?? strangeCharacter(word) ?? 'a line begins with "topic", "user" or "pattern"'
}

/** Why this is none of `read`, `write`, `readwrite` and `deny`. */
export function accessHint(word: string): string {
  return (
    lowerCaseHint(word, accessWords) ??
    strangeCharacter(word) ??
    'the access is "read", "write", "readwrite" or "deny", and needed before a topic that contains a space'
  )
}

/**
 * Why a valid topic filter is refused all the same: a denial that would deny nothing. Some versions of Mosquitto
 * replace `%c` and `%u` inside a level, its manual says that they have to fill one.
 */
export function denialFault(kind: 'topic' | 'pattern', access: AclAccess, topicFilter: string): string | undefined {
  if (kind !== 'pattern' || access !== 'deny') return undefined
  return partialVariable(topicFilter)
}

/** Why a pattern with something like `%{cert.cn}` in it is refused: it would match nothing, and nobody would notice. */
export function variableFault(kind: 'topic' | 'pattern', topicFilter: string): string | undefined {
  if (kind !== 'pattern') return undefined
  const level = topicFilter.split('/').find(part => part.includes('%{cert.') && variableAttribute(part) === undefined)
  if (level === undefined) return undefined
  return isCertificateVariable(level)
    ? `"${escapeText(level)}" names no attribute of a certificate, as "%{cert.cn}" or "%{cert.subject.O}" does`
    : `"%{cert.…}" is replaced only where it fills a level, not in "${escapeText(level)}"`
}

/** What is odd about a rule's topic, which is legal and probably not what its author meant. */
export function topicWarnings(kind: 'topic' | 'pattern', topicFilter: string): string[] {
  const shown = escapeText(topicFilter)
  const warnings: string[] = []
  if (topicFilter.startsWith('|')) {
    warnings.push(`the topic is literally "${shown}"; "|" separates nothing, write "readwrite" for both`)
  }
  const strange = strangeCharacter(topicFilter)
  if (strange !== undefined) warnings.push(`the topic is literally "${shown}": ${strange}`)
  const partial = partialVariable(topicFilter)
  if (kind === 'pattern' && partial !== undefined) warnings.push(`the topic is literally "${shown}": ${partial}`)
  if (kind === 'topic' && hasVariableLevel(topicFilter)) {
    warnings.push(`the topic is literally "${shown}"; "%c", "%u" and "%{cert.…}" are replaced in pattern lines only`)
  }
  return warnings
}

/** What is odd about a user line. */
export function usernameWarning(username: string): string | undefined {
  const strange = strangeCharacter(username)
  return strange === undefined ? undefined : `the user is literally "${escapeText(username)}": ${strange}`
}

function lowerCaseHint(word: string, known: readonly string[]): string | undefined {
  const [first = ''] = word.split('\t')
  const lower = first.toLowerCase()
  if (first === lower || !known.includes(lower)) return undefined
  return `keywords are lower case: "${lower}", not "${first}"`
}

const strangeCharacters: readonly { readonly characters: RegExp; readonly hint: string }[] = [
  { characters: /\t/, hint: 'words are separated by spaces, a tab belongs to the word' },
  { characters: /\u00a0/, hint: 'a no-break space (U+00A0) belongs to the word; type plain spaces' },
  { characters: /[\u2018-\u201f]/, hint: 'a typographic quote belongs to the word; nothing is quoted in this file' },
  { characters: /[\u2010-\u2015\u2212]/, hint: 'a typographic dash is not the "-" of the keyboard' },
  { characters: /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/, hint: 'an invisible character belongs to the word' },
  { characters: /^(["']).*\1$/, hint: 'the quotes belong to the word; nothing is quoted in this file' },
]

function strangeCharacter(text: string): string | undefined {
  return strangeCharacters.find(({ characters }) => characters.test(text))?.hint
}

function hasVariableLevel(topicFilter: string): boolean {
  return topicFilter.split('/').some(level => level === '%c' || level === '%u' || isCertificateVariable(level))
}

function partialVariable(topicFilter: string): string | undefined {
  const partial = topicFilter.split('/').find(level => /%[cu]/.test(level) && level !== '%c' && level !== '%u')
  if (partial === undefined) return undefined
  return `"%c" and "%u" are replaced only where they fill a level, not in "${escapeText(partial)}"`
}
