// Whether an audit is as it was written: each record follows from the one before it, none is missing at the beginning but those
// that a rotation has removed, and none at the end but what was written after the last head.

import { readFileSync } from 'node:fs'
import { headPath } from './file-names.ts'
import { isCut, parseHead } from './head.ts'
import { type AuditLine, auditLines } from './read.ts'
import { type AuditRecord, type ChainEnd, followsFrom, genesis, readRecord } from './record.ts'

export interface AuditFault {
  readonly file: string
  /** Undefined where a line is missing. */
  readonly line: number | undefined
  readonly why: string
}

export interface AuditVerdict {
  readonly files: number
  readonly records: number
  /** The number of the first record that is there. */
  readonly first: number | undefined
  readonly last: ChainEnd | undefined
  /** Where the chain had come to when the file was last made safe; undefined when nothing beside it says so. */
  readonly head: ChainEnd | undefined
  /** The record that has the expected hash. */
  readonly expectedAt: number | undefined
  /** Behind the last whole line stands a part of another. */
  readonly isTorn: boolean
  /** The first that there is; nothing behind it was looked at. */
  readonly fault: AuditFault | undefined
}

/**
 * Reads all of it; constant in memory.
 *
 * @param expected a hash that some record has to have, lower-case hex
 * @throws AuditReadError
 */
export function verifyAudit(path: string, expected?: string): AuditVerdict {
  const walk = new Walk(readHead(path), expected)
  for (const line of auditLines(path)) {
    walk.take(line)
    if (walk.fault !== undefined) break
  }
  return walk.finish(path)
}

class Walk {
  fault: AuditFault | undefined = undefined
  readonly #head: ChainEnd | undefined
  readonly #expected: string | undefined
  readonly #files = new Set<string>()
  #records = 0
  #first: number | undefined = undefined
  #last: ChainEnd | undefined = undefined
  #expectedAt: number | undefined = undefined
  #isTorn = false
  /** What a start has found and told. */
  #cut: string | undefined = undefined
  /** The record that the head speaks of has another hash. */
  #isRewritten = false
  /** What the last rotation says is the first record that it has left. */
  #firstKept = 1

  constructor(head: ChainEnd | undefined, expected: string | undefined) {
    this.#head = head
    this.#expected = expected
  }

  take({ file, number, bytes, isWhole }: AuditLine): void {
    this.#files.add(file)
    if (this.#isTorn) {
      this.fault = { file, line: number, why: 'the file before it ends within a line' }
      return
    }
    if (!isWhole) {
      this.#isTorn = true
      return
    }
    const record = readRecord(bytes)
    if (typeof record === 'string') {
      this.fault = { file, line: number, why: record }
      return
    }
    const why = this.#misplaced(record)
    if (why === undefined) this.#accept(record)
    else this.fault = { file, line: number, why }
  }

  finish(path: string): AuditVerdict {
    this.fault ??= this.#missing(path)
    const { fault } = this
    const [first, last, head, expectedAt] = [this.#first, this.#last, this.#head, this.#expectedAt]
    return {
      files: this.#files.size,
      records: this.#records,
      first,
      last,
      head,
      expectedAt,
      isTorn: this.#isTorn,
      fault,
    }
  }

  #misplaced(record: AuditRecord): string | undefined {
    if (this.#last !== undefined) return followsFrom(record, this.#last)
    return record.seq === 1 ? followsFrom(record, { seq: 0, hash: genesis }) : undefined
  }

  #accept(record: AuditRecord): void {
    const { seq, hash, kind, what } = record
    this.#first ??= seq
    this.#last = { seq, hash }
    this.#records++
    if (hash === this.#expected) this.#expectedAt = seq
    if (seq === this.#head?.seq && isCut({ seq, hash }, this.#head)) this.#isRewritten = true
    if (kind !== 'audit') return
    if (what?.['event'] === 'rotated') this.#firstKept = Number(what['first'])
    if (what?.['event'] === 'cut')
      this.#cut ??= `the end was cut off before record ${seq} was written: ${what['head']} were`
  }

  #missing(file: string): AuditFault | undefined {
    const missing = (why: string): AuditFault => ({ file, line: undefined, why })
    const first = this.#first ?? 1
    if (first > this.#firstKept) {
      return missing(`the records before number ${first} are not there, and no rotation has removed them`)
    }
    if (this.#cut !== undefined) return missing(this.#cut)
    const { seq: last = 0 } = this.#last ?? {}
    const { seq: head = 0 } = this.#head ?? {}
    if (last < head) return missing(`it ends with record ${last}, and ${head} were written: its end was cut off`)
    if (this.#isRewritten) return missing(`record ${head} does not have the hash that was written down beside the file`)
    if (this.#expected === undefined || this.#expectedAt !== undefined) return undefined
    return missing('no record has the expected hash: the end was cut off, or the whole was written anew')
  }
}

/** @returns undefined when there is none, or it is none of ours */
function readHead(path: string): ChainEnd | undefined {
  try {
    return parseHead(readFileSync(headPath(path), 'latin1'))
  } catch {
    return undefined
  }
}
