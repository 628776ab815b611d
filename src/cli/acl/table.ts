// The tables of `castellan acl test`: one expectation a line, `allow|deny CLIENT ACTION TOPIC`, and
// how the client comes.

import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'
import { UsageError } from '../command.ts'
import type { CircumstanceWords } from './circumstances.ts'
import { type ClientQuestion, readQuestion } from './question.ts'

export interface Expectation extends ClientQuestion {
  /** From 1. */
  readonly line: number
  /** As it was written. */
  readonly text: string
  readonly allows: boolean
}

/** A table cannot be read, or a line of it is no expectation. */
export class AclTableError extends AppError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_CLI_ACL_TABLE', message, options)
  }
}

/** Bytes of a table. */
const largestTable = 16 * 1024 * 1024

/** @throws AclTableError, or the operating system's error */
export function readTable(path: string): string {
  if (statSync(path).size > largestTable) {
    throw new AclTableError(`'${escapeText(path, 4096)}' is larger than ${largestTable} bytes`)
  }
  return readFileSync(path, 'utf8')
}

/**
 * @param path for messages, and for the files that lines name: these begin from its directory
 * @param defaults for lines that do not say it themselves
 * @throws AclTableError at the first line that is none
 */
export function parseTable(text: string, path: string, defaults: CircumstanceWords): readonly Expectation[] {
  const directory = dirname(path)

  const rows = text.split('\n').flatMap((line, index) => {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) return []
    try {
      return [{ ...parseRow(trimmed, directory, defaults), line: index + 1, text: trimmed }]
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      throw new AclTableError(`${escapeText(path, 4096)}:${index + 1}: ${error.message}`, { cause: error })
    }
  })
  if (rows.length === 0)
    throw new AclTableError(`'${escapeText(path, 4096)}' expects nothing: it has no line but comments`)
  return rows
}

/** A word, with or without a name before it; with quotes around it, it is a string of JSON. */
const wordPattern = /(?:([a-z]+)=)?("(?:[^"\\]|\\.)*"|[^\s"]+)(?:\s+|$)/y

interface Word {
  readonly name: string | undefined
  readonly value: string
}

function parseRow(
  line: string,
  directory: string,
  defaults: CircumstanceWords,
): ClientQuestion & { readonly allows: boolean } {
  const [expected, client, action, topic, ...options] = wordsOf(line)
  if (topic === undefined || client === undefined || action === undefined) {
    throw new UsageError('an expectation is allow or deny, a client, an action and a topic')
  }
  const given: { id?: string; certificate?: string; ip?: string; qos?: string; will?: boolean; retain?: boolean } = {}
  for (const { name, value } of options) {
    if (name === 'id' || name === 'ip' || name === 'qos') given[name] = value
    else if (name === 'cert') given.certificate = resolve(directory, value)
    else if (name === undefined && (value === 'will' || value === 'retain')) given[value] = true
    else
      throw new UsageError(`'${escapeText(value, 64)}' is none of id=ID, cert=FILE, ip=ADDRESS, qos=N, retain and will`)
  }
  const words = { client: whole(client), action: whole(action), topic: whole(topic) }
  const question = readQuestion({ ...defaults, ...words, ...given })
  return { ...question, allows: allowsBy(whole(expected as Word)) }
}

function wordsOf(line: string): readonly Word[] {
  const words: Word[] = []
  wordPattern.lastIndex = 0
  while (wordPattern.lastIndex < line.length) {
    const start = wordPattern.lastIndex
    const [, name, value = ''] = wordPattern.exec(line) ?? []
    if (value === '') throw new UsageError(`a quote in '${escapeText(line.slice(start), 64)}' does not end a word`)
    words.push({ name, value: value.startsWith('"') ? quoted(value) : value })
  }
  return words
}

function quoted(word: string): string {
  try {
    return JSON.parse(word) as string
  } catch {
    throw new UsageError(`${escapeText(word, 64)} is no string of JSON`)
  }
}

/** Topics and names may have a `=` in them. */
function whole({ name, value }: Word): string {
  return name === undefined ? value : `${name}=${value}`
}

function allowsBy(word: string): boolean {
  if (word === 'allow' || word === 'deny') return word === 'allow'
  throw new UsageError(`'${escapeText(word, 64)}' is neither allow nor deny`)
}
