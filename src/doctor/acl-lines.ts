// An ACL file, line by line: the rules that a broker would read, and what it would refuse or hardly anybody means. Reading goes
// on where a broker would stop.

import { AclFileError, parseAclLines } from '../auth/acl-file.ts'
import type { AclRule } from '../auth/acl-rule-tree.ts'

/** Lines that are looked at. */
export const mostAclLines = 50_000

export interface AclOddity {
  /** From 1. */
  readonly line: number
  /** What is odd, and what would be right: escaped. */
  readonly text: string
}

export interface AclLines {
  readonly rules: readonly AclRule[]
  /** By name, the first line of each. */
  readonly users: ReadonlyMap<string, number>
  readonly oddities: readonly AclOddity[]
}

/** @param note takes, in words, what was not looked at */
export function readAclLines(text: string, note: (what: string) => void): AclLines {
  const reader = new AclReader()
  const lines = text.split('\n')
  if (lines.length > mostAclLines) note(`of ${lines.length} lines only the first ${mostAclLines} were looked at`)
  for (const [index, line] of lines.slice(0, mostAclLines).entries()) reader.take(line, index + 1)
  return reader
}

class AclReader implements AclLines {
  readonly rules: AclRule[] = []
  readonly users = new Map<string, number>()
  readonly oddities: AclOddity[] = []
  #username: string | undefined

  take(line: string, number: number): void {
    try {
      const { rules, warnings } = parseAclLines(line, '')
      for (const warning of warnings) this.#note(number, warning)
      if (rules.length === 0) this.#takeUser(line, number)
      for (const rule of rules) {
        const username = rule.kind === 'topic' ? this.#username : undefined
        this.rules.push({ ...rule, line: number, username })
      }
      // Carriage returns of a file from Windows are no surprise to anybody.
      if (/[\t ]\r?$/.test(line) && !line.startsWith('#')) this.#note(number, 'blanks end the line')
    } catch (error) {
      if (!(error instanceof AclFileError)) throw error
      this.#note(number, `a broker refuses the file here: ${error.hint}`)
    }
  }

  #takeUser(line: string, number: number): void {
    const name = /^\s*user +(.*?)\s*$/.exec(line)?.[1]
    if (name === undefined) return
    this.#username = name
    if (!this.users.has(name)) this.users.set(name, number)
  }

  /** A pattern for everybody is a rule of its own, D26. */
  #note(line: number, warning: string): void {
    if (warning.includes("does not contain '%c' or '%u'")) return
    this.oddities.push({ line, text: warning.replace(/^Warning: acl_file "" line 1: /, '') })
  }
}
