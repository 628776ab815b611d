// A manual page of section 1, made from help pages. Pure.

import { continuation, splitOptionLine, usageOf } from './help-options.ts'
import type { HelpPage } from './help-pages.ts'
import { roffHead, roffItem, roffLines, roffParagraph, roffSection, roffSubsection } from './roff.ts'

export interface ManPage {
  /** `castellan-ca`: the page's name. */
  readonly name: string
  /** What stands behind its name, in one line. */
  readonly summary: string
  readonly version: string
  /** The command's page, then one for each of its actions. */
  readonly pages: readonly HelpPage[]
  /** Names of pages of section 1, and others with theirs behind them: `castellan.conf(5)`. */
  readonly seeAlso: readonly string[]
}

/** @returns the page, in roff */
export function manPage({ name, summary, version, pages, seeAlso }: ManPage): string {
  const [own, ...actions] = pages
  const parts = [roffHead(name, 1, version, summary)]
  if (own !== undefined) parts.push(synopsis(own.text), roffSection('Description'), body(own.text))
  for (const { command, text } of actions) parts.push(roffSection(command), synopsisLines(text), body(text))
  parts.push(roffSection('See also'), roffParagraph(seeAlso.map(withSection).join(', ')))
  return parts.join('')
}

function withSection(name: string): string {
  return name.endsWith(')') ? name : `${name}(1)`
}

function synopsis(text: string): string {
  return `${roffSection('Synopsis')}${synopsisLines(text)}`
}

function synopsisLines(text: string): string {
  return usageOf(text)
    .map(({ form, doc }) => roffItem(form, doc))
    .join('')
}

/** All but the usage. */
function body(text: string): string {
  return blocksOf(text)
    .map(withoutUsage)
    .filter(lines => lines.length > 0)
    .map(block)
    .join('')
}

function withoutUsage(lines: readonly string[]): readonly string[] {
  if (!lines[0]?.startsWith('Usage: ')) return lines
  const end = lines.findIndex((line, index) => index > 0 && !line.startsWith(' '))
  return end === -1 ? [] : lines.slice(end)
}

/** Lines between empty ones. */
function blocksOf(text: string): readonly (readonly string[])[] {
  return text
    .trimEnd()
    .split(/\n(?:[ \t]*\n)+/)
    .map(part => part.split('\n'))
}

function block(lines: readonly string[]): string {
  const [first = '', ...rest] = lines
  if (first.startsWith(' ')) return indented(lines)
  const isHeading = rest.length > 0 && rest.every(line => line.startsWith(' '))
  if (isHeading) return `${roffSubsection(first.replace(/:$/, ''))}${indented(rest)}`
  const until = lines.findIndex(line => line.startsWith(' '))
  if (until === -1) return roffParagraph(lines.join(' '))
  return roffParagraph(lines.slice(0, until).join(' ')) + indented(lines.slice(until))
}

/** Options and other terms with what is said about them, and lines to copy. */
function indented(lines: readonly string[]): string {
  const parts: string[] = []
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] as string
    const term = splitOptionLine(line) ?? splitTerm(line)
    if (term === undefined) {
      parts.push(line.startsWith(' ') ? roffLines([line.trim()]) : roffParagraph(line))
      continue
    }
    const below = continuation(lines, index)
    parts.push(roffItem(term.head, [term.doc, ...below].filter(part => part !== '').join(' ')))
    index += below.length
  }
  return parts.join('')
}

/** `  createRole ROLE    what it does` */
function splitTerm(line: string): { readonly head: string; readonly doc: string } | undefined {
  const [, head, doc] = /^ {2,}(\S.*?) {2,}(\S.*)$/.exec(line) ?? []
  return head === undefined || doc === undefined ? undefined : { head, doc }
}
