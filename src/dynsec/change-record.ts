// The lines of the change log: each has a checksum, so that the one which was being written when the broker was killed is known,
// and so is any other damage.

import { crc32 } from 'node:zlib'
import { unusableFile } from './errors.ts'
import { isObject, type JsonObject, member, objectsOf, textOf } from './json.ts'

/** A command that has changed something, as it is carried out again: see `logged-command.ts`. */
export type LoggedCommand = JsonObject

/** What tells a state of the file from any other. */
export interface FileMark {
  /** SHA-256 of its bytes, hex. */
  readonly digest: string
  /** Its change index. */
  readonly holds: number
}

export interface LogContent {
  /** The files that the log belongs to. */
  readonly files: readonly FileMark[]
  /** The change index before the first command. */
  readonly from: number
  readonly commands: readonly LoggedCommand[]
  /** Bytes of whole lines. */
  readonly wholeBytes: number
  /** Bytes behind them, of a line that was never finished. */
  readonly tornBytes: number
}

const newline = 0x0a
const checksumDigits = 8
const lineStart = /[0-9a-f]{8} \{/g

/** A line that says which file the commands follow: the one that is there, or the one that will be there next. */
export function fileLine({ digest, holds }: FileMark): Buffer {
  return lineOf({ file: digest, holds })
}

/** @param from the change index before the first of the commands */
export function commandsLine(from: number, commands: readonly LoggedCommand[]): Buffer {
  return lineOf({ from, commands })
}

/**
 * Reads a log, but for a last line that is not whole: nobody was told of what it holds.
 *
 * @throws {DynamicSecurityError} for damage anywhere else
 */
export function readLog(bytes: Buffer, path: string): LogContent {
  const lines = new Lines(path)
  let at = 0
  while (at < bytes.length) {
    const end = bytes.indexOf(newline, at)
    const line = end === -1 ? undefined : parseLine(bytes.subarray(at, end))
    if (line === undefined) {
      if (hasWholeLine(bytes.subarray(at))) throw damaged(path, at)
      break
    }
    lines.take(line, at)
    at = end + 1
  }
  return { ...lines.content, wholeBytes: at, tornBytes: bytes.length - at }
}

class Lines {
  readonly #path: string
  readonly #files: FileMark[] = []
  readonly #commands: LoggedCommand[] = []
  #from: number | undefined = undefined

  constructor(path: string) {
    this.#path = path
  }

  get content() {
    return { files: this.#files, from: this.#from ?? 0, commands: this.#commands }
  }

  take(line: JsonObject, at: number): void {
    const digest = textOf(line, 'file')
    if (digest !== undefined) this.#files.push({ digest, holds: this.#integer(line, 'holds', at) })
    else this.#takeCommands(line, at)
  }

  #takeCommands(line: JsonObject, at: number): void {
    const from = this.#integer(line, 'from', at)
    this.#from ??= from
    // Each follows the one before.
    if (from !== this.#from + this.#commands.length) throw damaged(this.#path, at)
    for (const command of objectsOf(line, 'commands')) this.#commands.push(command)
  }

  #integer(line: JsonObject, key: string, at: number): number {
    const value = member(line, key)
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw damaged(this.#path, at)
    return value
  }
}

function lineOf(content: JsonObject): Buffer {
  const json = JSON.stringify(content)
  return Buffer.from(`${checksum(json)} ${json}\n`)
}

/** @returns undefined for what is no line of ours, or not all of one */
function parseLine(bytes: Buffer): JsonObject | undefined {
  const json = bytes.subarray(checksumDigits + 1)
  if (bytes.toString('latin1', 0, checksumDigits + 1) !== `${checksum(json)} `) return undefined
  const content: unknown = JSON.parse(json.toString())
  return isObject(content) ? content : undefined
}

function checksum(json: string | Buffer): string {
  return crc32(json).toString(16).padStart(checksumDigits, '0')
}

/** One write makes one line: what is whole behind one that is not was safe before that was damaged. */
function hasWholeLine(bytes: Buffer): boolean {
  // At any place: the end of the line before may be what is damaged.
  for (const { index } of bytes.toString('latin1').matchAll(lineStart)) {
    const end = bytes.indexOf(newline, index)
    if (end !== -1 && parseLine(bytes.subarray(index, end)) !== undefined) return true
  }
  return false
}

function damaged(path: string, at: number) {
  return unusableFile(path, `it is damaged at byte ${at}, and what follows would be lost`)
}
