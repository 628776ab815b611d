// A file of pre-shared keys, line by line: how long each key is, and which are the same. The keys themselves go no further.

import { createHash } from 'node:crypto'
import { trimBlanks } from '../auth/password-file.ts'

/** Lines that are looked at. */
const mostKeys = 10_000

export interface PskLine {
  /** From 1. */
  readonly line: number
  readonly identity: string
  /** undefined for what is no key in hexadecimal. */
  readonly keyBytes: number | undefined
  /** Equal for equal keys, and says nothing else. */
  readonly fingerprint: string
}

export function readPskLines(text: string): readonly PskLine[] {
  return text
    .split('\n')
    .flatMap((line, index) => readLine(line, index + 1) ?? [])
    .slice(0, mostKeys)
}

function readLine(line: string, number: number): PskLine | undefined {
  const [identity, hex] = line.split(':').map(trimBlanks)
  if (line.startsWith('#') || identity === undefined || hex === undefined) return undefined
  const isKey = /^[0-9a-f]+$/i.test(hex)
  return {
    line: number,
    identity,
    keyBytes: isKey ? Math.ceil(hex.length / 2) : undefined,
    fingerprint: createHash('sha256').update(hex.toLowerCase()).digest('hex'),
  }
}
