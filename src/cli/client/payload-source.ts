// What `castellan pub` and `rr` publish: from the command line, from a file, or from standard input, whole or line by line.

import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { escapeText } from '../../base/escape.ts'
import { systemReason } from '../../base/system-reason.ts'
import type { Io } from '../verbs.ts'
import { failed } from './error.ts'
import type { MessageSource } from './options.ts'

/** Bytes of a payload, and of a line: what the protocol has room for. */
const largestPayload = 268_435_455
const newline = 0x0a
const nothing = Buffer.alloc(0)

/** @throws ClientError for a file or an input that cannot be sent */
export async function readPayload(source: MessageSource, io: Io): Promise<Buffer> {
  switch (source.from) {
    case 'argument':
      return Buffer.from(source.text)
    case 'file':
      return readMessageFile(source.path)
    case 'input':
      return readInput(io)
    default:
      return nothing
  }
}

async function readMessageFile(path: string): Promise<Buffer> {
  const shown = escapeText(path, 4096)
  try {
    if (statSync(path).size > largestPayload) throw failed(`Error: File must be less than ${largestPayload} bytes.`)
    return await readFile(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause
    throw failed(
      `Error: Unable to open file "${shown}" (${systemReason(cause)}).\nError loading input file "${shown}".`,
      cause,
    )
  }
}

async function readInput(io: Io): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of io.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > largestPayload) throw failed(`Error: Message length must be less than ${largestPayload} bytes.`)
  }
  if (size === 0) throw failed('Error: Zero length input.\nError loading input from stdin.')
  return Buffer.concat(chunks)
}

/** The lines of standard input without their ends; the last may have none. */
export async function* readLines(io: Io): AsyncGenerator<Buffer> {
  let begun: Buffer[] = []
  let size = 0
  for await (const chunk of io.stdin as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      yield Buffer.concat([...begun, chunk.subarray(start, end)])
      begun = []
      size = 0
      start = end + 1
    }
    if (start === chunk.length) continue
    begun.push(chunk.subarray(start))
    size += chunk.length - start
    if (size > largestPayload) throw failed(`Error: Message length must be less than ${largestPayload} bytes.`)
  }
  if (begun.length > 0) yield Buffer.concat(begun)
}
