// The doctor's eyes: files are opened for reading and directories listed, within limits, and nothing else is done to them.

import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statfsSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { systemReason } from '../base/system-reason.ts'
import { type ConfigFiles, maximumConfigBytes } from '../config/config-files.ts'

/** Bytes of one password, ACL, key or security file. */
export const mostBytes = 16 * 1024 * 1024
/** Names of one directory. */
export const mostEntries = 1000

/** What a file or directory is like, or why that cannot be seen. */
export interface Seen {
  readonly mode: number
  readonly isFile: boolean
  readonly isDirectory: boolean
}

export interface Content {
  readonly bytes: Buffer
  readonly mode: number
}

/** @returns in words, why there are no bytes: text of ours, or of the operating system */
export function readBytes(path: string, limit = mostBytes): Content | string {
  let descriptor: number
  try {
    // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    return systemReason(error)
  }
  try {
    const entry = fstatSync(descriptor)
    if (!entry.isFile()) return 'it is not a file'
    if (entry.size > limit) return `it has more than ${limit} bytes`
    return { bytes: readUpTo(descriptor, entry.size), mode: entry.mode }
  } catch (error) {
    return systemReason(error)
  } finally {
    closeSync(descriptor)
  }
}

/** No more than it had: files of the kernel have no size, and reading them may wait, or take something away. */
function readUpTo(descriptor: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  let length = 0
  for (let count = -1; count !== 0 && length < size; length += count) {
    count = readSync(descriptor, bytes, length, size - length, null)
  }
  return bytes.subarray(0, length)
}

export function look(path: string): Seen | undefined {
  try {
    const entry = statSync(path)
    return { mode: entry.mode, isFile: entry.isFile(), isDirectory: entry.isDirectory() }
  } catch {
    return undefined
  }
}

/** In order; none where the directory cannot be read. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort().slice(0, mostEntries)
  } catch {
    return []
  }
}

/** For the parser of mosquitto.conf: `include_dir` may hold a pipe that nobody writes to. */
export const configFiles: ConfigFiles = {
  read(path) {
    const seen = look(path)
    if (seen?.isDirectory) return 'directory'
    const content = readBytes(path, maximumConfigBytes)
    return typeof content === 'string' ? 'unreadable' : content.bytes
  },
  list: directory => (look(directory)?.isDirectory ? namesIn(directory) : undefined),
}

/** `statfs(2)`: tmpfs and ramfs. */
const memoryFileSystems = new Set([0x01021994, 0x858458f6])

/** Whether what is written there is gone when the machine is restarted. */
export function isInMemory(path: string): boolean {
  try {
    return memoryFileSystems.has(statfsSync(path).type >>> 0)
  } catch {
    return false
  }
}

/** A broker takes a relative path from where it was started, which nobody knows: from here, or else from beside its file. */
export function whereIs(path: string, configFile: string): string {
  if (isAbsolute(path)) return path
  const here = resolve(path)
  return look(here) === undefined ? join(dirname(resolve(configFile)), path) : here
}

/** Permissions as people write them: `0644`. */
export function shownMode(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0')
}
