// Writes zip archives of a few small files, stored as they are: keys and certificates hardly shrink.

import { crc32 } from 'node:zlib'

export interface ArchiveFile {
  /** Plain, without a directory. */
  readonly name: string
  readonly content: Buffer
  /** Permissions, as of a file system. */
  readonly mode: number
}

const local = 0x04034b50
const central = 0x02014b50
const end = 0x06054b50
/** Version 2.0, made on Unix: so the permissions count. */
const madeBy = (3 << 8) | 20
const utf8Names = 1 << 11
const regularFile = 0o100000

/** @param at milliseconds since the epoch, written in UTC */
export function zipArchive(files: readonly ArchiveFile[], at: number): Buffer {
  const bodies: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, content, mode } of files) {
    const nameBytes = Buffer.from(name)
    const common = commonHeader(content, nameBytes.length, at)
    const header = Buffer.concat([integers([4, local], [2, 20]), common, integers([2, 0]), nameBytes])
    const attributes = (regularFile | mode) * 0x10000
    directory.push(
      integers([4, central], [2, madeBy], [2, 20]),
      common,
      integers([2, 0], [2, 0], [2, 0], [2, 0], [4, attributes], [4, offset]),
      nameBytes,
    )
    bodies.push(header, content)
    offset += header.length + content.length
  }
  const index = Buffer.concat(directory)
  const count = files.length
  const trailer = integers([4, end], [2, 0], [2, 0], [2, count], [2, count], [4, index.length], [4, offset], [2, 0])
  return Buffer.concat([...bodies, index, trailer])
}

/** What a file's two headers share, from the flags to the length of its name. */
function commonHeader(content: Buffer, nameLength: number, at: number): Buffer {
  const { length } = content
  const [date, time] = dosTime(at)
  return integers(
    [2, utf8Names],
    [2, 0],
    [2, time],
    [2, date],
    [4, crc32(content)],
    [4, length],
    [4, length],
    [2, nameLength],
  )
}

function dosTime(at: number): readonly [date: number, time: number] {
  const when = new Date(at)
  const date = ((when.getUTCFullYear() - 1980) << 9) | ((when.getUTCMonth() + 1) << 5) | when.getUTCDate()
  const time = (when.getUTCHours() << 11) | (when.getUTCMinutes() << 5) | (when.getUTCSeconds() >> 1)
  return [date, time]
}

function integers(...fields: readonly (readonly [bytes: 2 | 4, value: number])[]): Buffer {
  const buffer = Buffer.alloc(fields.reduce((sum, [bytes]) => sum + bytes, 0))
  let at = 0
  for (const [bytes, value] of fields) {
    if (bytes === 2) buffer.writeUInt16LE(value, at)
    else buffer.writeUInt32LE(value, at)
    at += bytes
  }
  return buffer
}
