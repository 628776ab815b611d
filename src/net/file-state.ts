// Files of the listeners that are looked at again and again: whether one has changed, and what is wrong with one that cannot be read.

import { stat } from 'node:fs/promises'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { causeCode } from './errors.ts'

/** Tells one state of a file from the next, also when another took its place under the same name; `''` while there is none. */
export async function fileState(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path)
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`
  } catch {
    return ''
  }
}

/** @returns what is wrong with a file, escaped: the reader's own words, or what the system's code means */
export function fileFault(error: unknown): string {
  if (error instanceof AppError || error instanceof RangeError) return escapeText(error.message)
  const code = causeCode(error)
  switch (code) {
    case 'ENOENT':
      return 'no such file or directory'
    case 'EACCES':
      return 'permission denied for the user that runs the broker'
    default:
      return code === '' ? 'it cannot be read' : `it cannot be read (${code})`
  }
}
