// The lines of an audit in the order in which they were written, from its earlier files and from the one in use, which may be
// replaced meanwhile.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { AuditReadError, reasonOf } from './errors.ts'
import { olderFiles } from './file-names.ts'
import { longestLine } from './record.ts'

export interface AuditLine {
  readonly file: string
  /** In its file, from 1. */
  readonly number: number
  /** Without the newline. */
  readonly bytes: Buffer
  /** False for what stands behind the last newline: being written, or left by a crash. */
  readonly isWhole: boolean
}

interface OpenFile {
  readonly path: string
  readonly descriptor: number
}

const chunkBytes = 1 << 18

/** Of all files, the oldest first. @throws AuditReadError */
export function* auditLines(path: string): Generator<AuditLine> {
  const files = openAll(path)
  try {
    for (const file of files) yield* linesOf(file)
  } finally {
    for (const { descriptor } of files) closeSync(descriptor)
  }
}

/** The last whole lines, at most so many. @throws AuditReadError */
export function lastLines(path: string, most: number): readonly AuditLine[] {
  const files = openAll(path)
  let last: AuditLine[] = []
  try {
    for (const file of files.toReversed()) {
      const own: AuditLine[] = []
      for (const line of linesOf(file)) {
        if (!line.isWhole) continue
        own.push(line)
        if (own.length > 2 * most + 1) own.splice(0, own.length - most)
      }
      last = [...own, ...last].slice(-most)
      if (last.length >= most) break
    }
    return most === 0 ? [] : last
  } finally {
    for (const { descriptor } of files) closeSync(descriptor)
  }
}

/** What is added to an audit behind a line, through rotations. */
export class AuditFollower {
  readonly #path: string
  #file: OpenFile | undefined
  #position = 0
  #number = 0

  /** @param last the line to begin behind; without one all lines of the file in use are new @throws AuditReadError */
  constructor(path: string, last: AuditLine | undefined) {
    this.#path = path
    this.#file = last === undefined ? openIfThere(path) : openIfThere(last.file)
    if (last === undefined || this.#file === undefined) return
    for (const line of linesOf(this.#file)) {
      this.#pass(line)
      if (line.bytes.equals(last.bytes)) return
    }
    // The line was rotated away between two looks: what is in the file in use is new.
    this.#position = 0
    this.#number = 0
  }

  /** The whole lines that have come since the last call. @throws AuditReadError */
  *more(): Generator<AuditLine> {
    for (;;) {
      yield* this.#newLines()
      const next = this.#next()
      if (next === undefined) return
      // What was added between the first look and the rotation.
      yield* this.#newLines()
      this.close()
      this.#file = next
      this.#position = 0
      this.#number = 0
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.descriptor)
    this.#file = undefined
  }

  /** The file behind this one; undefined when it is the last. */
  #next(): OpenFile | undefined {
    const [file, current] = [this.#file, openIfThere(this.#path)]
    if (file === undefined || current === undefined) return current
    const isLast = isSame(file, current)
    closeSync(current.descriptor)
    if (isLast) return undefined
    const files = openAll(this.#path)
    const next = files[files.findIndex(other => isSame(other, file)) + 1]
    for (const other of files) if (other !== next) closeSync(other.descriptor)
    return next
  }

  *#newLines(): Generator<AuditLine> {
    if (this.#file === undefined) return
    for (const line of linesOf(this.#file, this.#position, this.#number)) {
      if (!line.isWhole) return
      this.#pass(line)
      yield line
    }
  }

  #pass({ bytes, number }: AuditLine): void {
    this.#position += bytes.length + 1
    this.#number = number
  }
}

/** The one in use first: what is rotated meanwhile is still open, and not read twice. */
function openAll(path: string): readonly OpenFile[] {
  const open: OpenFile[] = []
  try {
    const current = openIfThere(path)
    for (const older of olderFiles(path)) {
      const file = openIfThere(older.path)
      if (file === undefined) continue
      if (current !== undefined && isSame(file, current)) closeSync(file.descriptor)
      else open.push(file)
    }
    if (current !== undefined) open.push(current)
  } catch (cause) {
    for (const { descriptor } of open) closeSync(descriptor)
    if (cause instanceof AuditReadError) throw cause
    throw new AuditReadError(path, reasonOf(cause), cause)
  }
  if (open.length === 0) throw new AuditReadError(path, 'no such file or directory')
  return open
}

function openIfThere(path: string): OpenFile | undefined {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK)
    if (fstatSync(descriptor).isFile()) return { path, descriptor }
    closeSync(descriptor)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new AuditReadError(path, reasonOf(cause), cause)
  }
  throw new AuditReadError(path, 'it is no regular file')
}

function isSame(one: OpenFile, other: OpenFile): boolean {
  const [first, second] = [fstatSync(one.descriptor), fstatSync(other.descriptor)]
  return first.dev === second.dev && first.ino === second.ino
}

function* linesOf({ path, descriptor }: OpenFile, from = 0, before = 0): Generator<AuditLine> {
  let rest: Buffer = Buffer.alloc(0)
  let number = before
  for (let position = from; ; ) {
    const chunk = Buffer.allocUnsafe(chunkBytes)
    const count = readSync(descriptor, chunk, 0, chunkBytes, position)
    if (count === 0) break
    position += count
    const bytes = rest.length === 0 ? chunk.subarray(0, count) : Buffer.concat([rest, chunk.subarray(0, count)])
    let start = 0
    for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, start)) {
      yield { file: path, number: ++number, bytes: bytes.subarray(start, newline), isWhole: true }
      start = newline + 1
    }
    rest = bytes.subarray(start)
    if (rest.length > longestLine)
      throw new AuditReadError(path, `line ${number + 1} has more than ${longestLine} bytes`)
  }
  if (rest.length > 0) yield { file: path, number: number + 1, bytes: rest, isWhole: false }
}
