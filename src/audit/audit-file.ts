// The file that records are added to: opened at its end, which is checked and mended; replaced when it is long enough. One
// process writes, at places that it knows: what anybody else adds is noticed before the next line.

import { hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { syncDirectory } from '../base/sync-directory.ts'
import { AuditFileError, reasonOf } from './errors.ts'
import { headPath, olderFiles, olderPath } from './file-names.ts'
import { formatHead, isCut, parseHead } from './head.ts'
import { type ChainEnd, genesis, longestLine, readRecord } from './record.ts'

/** What a crash has left behind the last whole line. */
export interface TornEnd {
  readonly bytes: number
  /** Over them, hex: they are gone. */
  readonly sha256: string
}

/** What a rotation has done. */
export interface Rotation {
  /** The name that the file before has now. */
  readonly file: string
  /** Names of earlier files that are gone. */
  readonly removed: readonly string[]
  /** The number of the first record that is still there. */
  readonly first: number
}

/** A broker's account alone may read it; a symbolic link is not followed. */
const openFlags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NOCTTY
const mode = 0o600

interface Opened {
  readonly handle: FileHandle
  readonly size: number
  /** The number of the first record; undefined in an empty file. */
  readonly first: number | undefined
}

export class AuditFile {
  readonly path: string
  /** Where the chain had come to when the file was opened. */
  readonly end: ChainEnd
  readonly torn: TornEnd | undefined
  /** The head, when it speaks of records that are not there: somebody has cut off the end. */
  readonly cutFrom: ChainEnd | undefined
  readonly #head: FileHandle
  #handle: FileHandle
  #size: number
  #first: number | undefined
  /** A write has failed half-way. */
  #isTorn = false

  private constructor(
    path: string,
    opened: Opened,
    found: Pick<AuditFile, 'end' | 'torn' | 'cutFrom'>,
    head: FileHandle,
  ) {
    this.path = path
    this.end = found.end
    this.torn = found.torn
    this.cutFrom = found.cutFrom
    this.#head = head
    this.#handle = opened.handle
    this.#size = opened.size
    this.#first = opened.first
  }

  /**
   * Opens the file, or makes it; cuts off what a crash has left half-written.
   *
   * @throws AuditFileError when it cannot be used, or its last line is not as it was written
   */
  static async open(path: string): Promise<AuditFile> {
    const handles: FileHandle[] = []
    const openOwn = async (name: string) => {
      const handle = await open(name, openFlags, mode)
      handles.push(handle)
      return handle
    }
    try {
      const handle = await openOwn(path)
      const { size } = await regularFile(handle, path)
      const head = await openOwn(headPath(path))
      const { lineEnd, end = await endBefore(path) } = await readEnd(handle, size, path)
      const torn = lineEnd === size ? undefined : await cutOff(handle, lineEnd, size)
      const first = lineEnd === 0 ? undefined : await firstNumber(handle)
      const told = parseHead((await readAt(head, 0, 128)).toString('latin1'))
      const cutFrom = told !== undefined && isCut(end, told) ? told : undefined
      return new AuditFile(path, { handle, size: lineEnd, first }, { end, torn, cutFrom }, head)
    } catch (cause) {
      for (const handle of handles) await handle.close()
      if (cause instanceof AuditFileError) throw cause
      throw new AuditFileError(path, reasonOf(cause), cause)
    }
  }

  /** Bytes of whole lines. */
  get size(): number {
    return this.#size
  }

  /**
   * Adds whole lines.
   *
   * @param first the number of the first of them
   * @throws the operating system's error, or one that says that somebody else writes; the file has what it had then, once
   *   the next call is through
   */
  async append(lines: Uint8Array, first: number): Promise<void> {
    const { size } = await this.#handle.stat()
    if (size !== this.#size) await this.#mend(size)
    this.#isTorn = true
    for (let at = 0; at < lines.length; ) {
      const { bytesWritten } = await this.#handle.write(lines, at, lines.length - at, this.#size + at)
      at += bytesWritten
    }
    this.#isTorn = false
    this.#size += lines.length
    this.#first ??= first
  }

  /** Makes safe what was added, and then writes down beside it where that ends. @throws the operating system's error */
  async sync(end: ChainEnd): Promise<void> {
    await this.#handle.datasync()
    await this.#head.write(Buffer.from(formatHead(end)), 0, undefined, 0)
  }

  /**
   * Begins a new file.
   *
   * @param most how many earlier ones are kept
   * @throws the operating system's error; what was added stays, and the next call goes on with it
   */
  async rotate(most: number): Promise<Rotation> {
    const first = this.#first ?? 1
    const older = olderPath(this.path, first)
    const fresh = `${this.path}.new`
    await this.#handle.datasync()
    await rm(fresh, { force: true })
    const handle = await open(fresh, openFlags | constants.O_EXCL, mode)
    try {
      await moveAway(this.path, older)
      await rename(fresh, this.path)
    } catch (error) {
      await handle.close()
      throw error
    }
    const before = this.#handle
    this.#handle = handle
    this.#size = 0
    this.#first = undefined
    await before.close()
    const removed = await this.#removeOldest(most)
    await syncDirectory(dirname(this.path))
    const [oldest] = olderFiles(this.path)
    return { file: basename(older), removed, first: oldest?.first ?? first }
  }

  async close(): Promise<void> {
    await this.#handle.close()
    await this.#head.close()
  }

  /** After a write that failed half-way only what is ours is there to be cut off. */
  async #mend(size: number): Promise<void> {
    if (!this.#isTorn || size < this.#size) throw new Error('somebody else writes to the file, or has cut it')
    await this.#handle.truncate(this.#size)
  }

  async #removeOldest(most: number): Promise<readonly string[]> {
    const older = olderFiles(this.path)
    const old = older.slice(0, Math.max(0, older.length - most))
    for (const { path } of old) await rm(path, { force: true })
    return old.map(({ path }) => basename(path))
  }
}

async function regularFile(handle: FileHandle, path: string): Promise<{ readonly size: number }> {
  const stats = await handle.stat()
  if (!stats.isFile()) throw new AuditFileError(path, 'it is no regular file')
  return stats
}

/**
 * Finds the last whole line and checks it.
 *
 * @returns where it ends, and what it says; no `end` for a file without one
 * @throws AuditFileError
 */
async function readEnd(
  handle: FileHandle,
  size: number,
  path: string,
): Promise<{ readonly lineEnd: number; readonly end: ChainEnd | undefined }> {
  const from = Math.max(0, size - 2 * longestLine)
  const tail = await readAt(handle, from, size - from)
  const newline = tail.lastIndexOf(10)
  if (newline < 0 && from === 0) return { lineEnd: 0, end: undefined }
  const record = readRecord(tail.subarray(tail.lastIndexOf(10, newline - 1) + 1, Math.max(newline, 0)))
  if (typeof record !== 'string') return { lineEnd: from + newline + 1, end: record }
  const advice = 'castellan audit verify tells more; moved away, with the files beside it, a new audit begins'
  throw new AuditFileError(path, `its last whole line is not as it was written (${record}); ${advice}`)
}

async function cutOff(handle: FileHandle, lineEnd: number, size: number): Promise<TornEnd> {
  const rest = await readAt(handle, lineEnd, Math.min(size - lineEnd, 2 * longestLine))
  await handle.truncate(lineEnd)
  return { bytes: size - lineEnd, sha256: hash('sha256', rest, 'hex') }
}

async function firstNumber(handle: FileHandle): Promise<number> {
  const start = await readAt(handle, 0, 32)
  return Number(/^\{"seq":(\d{1,16}),/.exec(start.toString('latin1'))?.[1] ?? 1)
}

/** The end of the newest of the earlier files: a crash came between two of them, or the last was moved away. */
async function endBefore(path: string): Promise<ChainEnd> {
  const newest = olderFiles(path).at(-1)
  if (newest === undefined) return { seq: 0, hash: genesis }
  const handle = await open(newest.path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { size } = await handle.stat()
    const { end } = await readEnd(handle, size, newest.path)
    if (end === undefined) throw new AuditFileError(newest.path, 'it has no line')
    return end
  } finally {
    await handle.close()
  }
}

/** Whoever has the name already keeps it; nothing at the old place is what an earlier attempt has left. */
async function moveAway(path: string, older: string): Promise<void> {
  const isTaken = await stat(older).then(
    () => true,
    () => false,
  )
  const isThere = await stat(path).then(
    () => true,
    () => false,
  )
  if (isTaken && isThere) throw new Error(`'${basename(older)}' is there already`)
  if (isThere) await rename(path, older)
}

async function readAt(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  let count = 0
  while (count < length) {
    const { bytesRead } = await handle.read(bytes, count, length - count, from + count)
    if (bytesRead === 0) break
    count += bytesRead
  }
  return bytes.subarray(0, count)
}
