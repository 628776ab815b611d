// Where the records of an audit are: in its file, and the earlier ones in files beside it.

import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

export interface OlderFile {
  readonly path: string
  /** The number of its first record. */
  readonly first: number
}

/** Where the chain had come to when it was last made safe: a file that ends before that was cut off. */
export function headPath(path: string): string {
  return `${path}.head`
}

export function olderPath(path: string, first: number): string {
  return `${path}.${first}`
}

/** Those that are there, the oldest first. @throws the operating system's error */
export function olderFiles(path: string): readonly OlderFile[] {
  const directory = dirname(path)
  const prefix = `${basename(path)}.`
  return readdirSync(directory)
    .filter(name => name.startsWith(prefix) && /^[1-9]\d{0,15}$/.test(name.slice(prefix.length)))
    .map(name => ({ path: join(directory, name), first: Number(name.slice(prefix.length)) }))
    .sort((one, other) => one.first - other.first)
}
