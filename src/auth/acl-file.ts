// Mosquitto's ACL file (mosquitto.conf(5), `acl_file`; features F1–F4): text to rules, or the reason why not.

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { topicFilterFault } from '../topic/name.ts'
import type { AclAccess, AclRule } from './acl-rule-tree.ts'
import { AclRules } from './acl-rules.ts'
import { accessHint, denialFault, keywordHint, topicWarnings, usernameWarning, variableFault } from './acl-traps.ts'
import { isCertificateVariable } from './certificate-variables.ts'

export interface ParsedAclFile<Rules = AclRules> {
  readonly rules: Rules
  /** For the log, type `warning`: lines that are legal and hardly meant so. */
  readonly warnings: readonly string[]
  /** For the log, type `information`. */
  readonly notes: readonly string[]
}

/** `message` is Mosquitto's own text, for those who search for it; `hint` and `line` say what to mend, and where. */
export class AclFileError extends AppError {
  readonly line: number
  readonly hint: string
  constructor(line: number, message: string, hint: string) {
    super('ERR_AUTH_ACL_FILE', message)
    this.line = line
    this.hint = hint
  }
}

/**
 * Parses an ACL file; its rules are ready to be asked.
 *
 * @throws AclFileError as `parseAclLines`
 */
export function parseAclFile(text: string, path: string): ParsedAclFile {
  const parsed = parseAclLines(text, path)
  return { ...parsed, rules: new AclRules(parsed.rules, path) }
}

/**
 * Parses the lines of an ACL file to rules in their order.
 *
 * @param text decoded as UTF-8 with replacement, and with its byte order mark if it has one: rules with U+FFFD in them
 *   are refused, comments in other encodings do no harm
 * @param path for messages
 * @throws AclFileError at the first line that Mosquitto would refuse, or that would deny less than it says
 */
export function parseAclLines(text: string, path: string): ParsedAclFile<readonly AclRule[]> {
  const parser = new AclFileParser(path)
  for (const line of text.split('\n')) parser.parseLine(line)
  return { rules: parser.rules, warnings: parser.warnings, notes: parser.notes }
}

const replacementCharacter = '\ufffd'

class AclFileParser {
  readonly rules: AclRule[] = []
  readonly warnings: string[] = []
  readonly notes: string[] = []
  readonly #path: string
  #line = 0
  #username: string | undefined = undefined

  constructor(path: string) {
    this.#path = escapeText(path, 4096)
  }

  parseLine(rawLine: string): void {
    this.#line++
    const line = trimEnd(rawLine)
    if (line === '' || line.startsWith('#')) return
    const [keyword, rest] = splitWord(line)
    if (keyword !== 'topic' && keyword !== 'pattern' && keyword !== 'user') {
      throw this.#invalidLine(line, keywordHint(keyword))
    }
    if (line.includes('\0')) throw this.#invalidLine(line, 'the line contains U+0000')
    if (line.includes(replacementCharacter)) {
      throw this.#invalidLine(line, 'the line is not valid UTF-8; save the file as UTF-8')
    }
    if (keyword === 'user') this.#parseUser(rest)
    else this.#parseRule(keyword, rest)
  }

  #parseUser(rest: string): void {
    const username = trimStart(rest)
    if (username === '') {
      throw this.#error(`Error: Missing username in acl_file "${this.#path}".`, 'the name has to follow "user "')
    }
    this.#warn(usernameWarning(username))
    this.#username = username
  }

  #parseRule(kind: 'topic' | 'pattern', rest: string): void {
    const { access, topicFilter } = this.#parseAccess(rest)
    const fault =
      topicFilterFault(topicFilter) ?? denialFault(kind, access, topicFilter) ?? variableFault(kind, topicFilter)
    if (fault !== undefined) {
      throw this.#error(
        `Error: Invalid ACL topic "${escapeText(topicFilter)}" in acl_file "${this.#path}".`,
        topicFilter.includes(' #') ? `${fault}; a comment needs a line of its own` : fault,
      )
    }
    if (kind === 'pattern') this.#checkVariables(topicFilter)
    for (const warning of topicWarnings(kind, topicFilter)) this.#warn(warning)
    const username = kind === 'topic' ? this.#username : undefined
    if (kind === 'topic' && username === undefined) this.#noteAnonymous()
    this.rules.push({ line: this.#line, kind, access, topicFilter, username })
  }

  /** The access is optional: a line with a single word behind its keyword has a topic only. */
  #parseAccess(rest: string): { access: AclAccess; topicFilter: string } {
    const [word, remainder] = splitWord(rest)
    if (word === '') {
      throw this.#error(`Error: Empty topic in acl_file "${this.#path}".`, 'a topic has to follow the keyword')
    }
    const topicFilter = trimStart(remainder)
    if (topicFilter === '') {
      if (isAccess(word)) this.#warn(`grants everything on the topic named "${word}"; a topic may be missing behind it`)
      return { access: 'readwrite', topicFilter: word }
    }
    if (isAccess(word)) return { access: word, topicFilter }
    throw this.#error(
      `Error: Invalid topic access type "${escapeText(word)}" in acl_file "${this.#path}".`,
      accessHint(word),
    )
  }

  /** In Mosquitto's words, for those who search the log for them. */
  #checkVariables(pattern: string): void {
    if (pattern.includes('%c') || pattern.includes('%u') || pattern.split('/').some(isCertificateVariable)) return
    this.warnings.push(`Warning: ACL pattern '${escapeText(pattern)}' does not contain '%c' or '%u'.`)
  }

  #noteAnonymous(): void {
    if (this.notes.length > 0) return
    this.notes.push(
      `acl_file "${this.#path}" line ${this.#line}: topic lines above the first user line apply only to clients without a username`,
    )
  }

  #warn(text: string | undefined): void {
    if (text !== undefined) this.warnings.push(`Warning: acl_file "${this.#path}" line ${this.#line}: ${text}`)
  }

  /** Shows the line up to its first word's end, as Mosquitto does. */
  #invalidLine(line: string, hint: string): AclFileError {
    const end = line.indexOf(' ', firstNonSpace(line))
    const shown = escapeText(end === -1 ? line : line.slice(0, end))
    return this.#error(`Error: Invalid line in acl_file "${this.#path}": ${shown}.`, hint)
  }

  #error(message: string, hint: string): AclFileError {
    return new AclFileError(this.#line, message, hint)
  }
}

function isAccess(word: string): word is AclAccess {
  return word === 'read' || word === 'write' || word === 'readwrite' || word === 'deny'
}

// Only the space separates words; at a line's end and around a topic every blank of C's `isspace` is dropped.
function splitWord(text: string): [word: string, rest: string] {
  const start = firstNonSpace(text)
  const end = text.indexOf(' ', start)
  return end === -1 ? [text.slice(start), ''] : [text.slice(start, end), text.slice(end)]
}

function firstNonSpace(text: string): number {
  let start = 0
  while (text.charAt(start) === ' ') start++
  return start
}

function trimStart(text: string): string {
  let start = 0
  while (isBlank(text.charCodeAt(start))) start++
  return text.slice(start)
}

function trimEnd(text: string): string {
  let end = text.length
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(0, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d)
}
