// `castellan store`: looks after the files of a store that no broker has open.

import { once } from 'node:events'
import { createReadStream, type ReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { compactStore } from '../store/lmdb/compact.ts'
import { checkStore } from '../store/lmdb/read-store.ts'
import type { StoreFault } from '../store/store.ts'
import { exportStore, importStore } from '../store/transfer.ts'
import { exitCode } from './exit-code.ts'
import type { Io } from './verbs.ts'

const help = `Usage: castellan store check DIR           read every record, change nothing, say what is wrong
       castellan store export DIR          write it to standard output, a line for each row
       castellan store import DIR [FILE]   fill an empty or new store with such lines, from FILE or standard input
       castellan store compact DIR         make its file as small as it can be

DIR is the store's directory; the broker that uses it must be stopped. Put a backup in its place to look at that.

Exit codes: 0 done, 1 failed, 2 wrong usage, 7 records that are wrong were found (check, export: each named on standard error)
`

type Action = (directory: string, file: string | undefined, io: Io) => Promise<number>

const actions: Readonly<Record<string, Action>> = { check, export: exportRows, import: importRows, compact }

/** `castellan store ACTION DIR`. @returns the exit code */
export async function store(args: readonly string[], io: Io): Promise<number> {
  const [word, directory, file, ...more] = args
  if (word === '--help' || word === '-h') {
    io.stdout.write(help)
    return exitCode.ok
  }
  const action = word !== undefined && Object.hasOwn(actions, word) ? actions[word] : undefined
  const mostArguments = word === 'import' ? 3 : 2
  if (action === undefined || directory === undefined || args.length > mostArguments || more.length > 0) {
    io.stderr.write(`castellan store: ${wrongUsage(word, action !== undefined, directory)}\n\n${help}`)
    return exitCode.usage
  }
  try {
    return await action(directory, file, io)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    io.stderr.write(`castellan store: ${error.message}\n`)
    return exitCode.failed
  }
}

function wrongUsage(word: string | undefined, isAction: boolean, directory: string | undefined): string {
  if (word === undefined) return 'an action is missing; actions are check, export, import, compact'
  if (!isAction) return `unknown action '${escapeText(word, 64)}'; actions are check, export, import, compact`
  return directory === undefined ? 'the directory of the store is missing' : 'too many arguments'
}

async function check(directory: string, _file: string | undefined, io: Io): Promise<number> {
  const faults = new FaultLines(io)
  const { stats, goodRows, deadRows } = await checkStore(directory, faults.report)
  for (const [table, rows] of Object.entries(stats.rows)) io.stdout.write(`${table}: ${rows}\n`)
  io.stdout.write(`bytes: ${stats.bytesOnDisk}, free: ${stats.freeBytes}\n`)
  io.stdout.write(
    `rows that will be loaded: ${goodRows}, freed at the next start: ${deadRows}, wrong: ${faults.count}\n`,
  )
  return faults.exitCode
}

async function exportRows(directory: string, _file: string | undefined, io: Io): Promise<number> {
  const faults = new FaultLines(io)
  for await (const lines of exportStore(directory, faults.report)) {
    if (!io.stdout.write(lines)) await once(io.stdout, 'drain')
  }
  return faults.exitCode
}

async function importRows(directory: string, file: string | undefined, io: Io): Promise<number> {
  const input = file === undefined ? io.stdin : await openFile(file)
  const rows = await importStore(directory, linesOf(input))
  io.stdout.write(`rows imported: ${rows}\n`)
  return exitCode.ok
}

/** Begins to read when the first line is asked for: what came earlier would be lost. */
async function* linesOf(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
}

async function openFile(path: string): Promise<ReadStream> {
  const stream = createReadStream(path)
  try {
    await once(stream, 'ready')
    return stream
  } catch (cause) {
    const text = `cannot read '${escapeText(path, 4096)}': ${(cause as Error).message}`
    throw new AppError('ERR_CLI_STORE', text, { cause })
  }
}

async function compact(directory: string, _file: string | undefined, io: Io): Promise<number> {
  const { before, after } = await compactStore(directory)
  io.stdout.write(`bytes before: ${before}, after: ${after}\n`)
  return exitCode.ok
}

/** Shows each fault on standard error, and remembers that there were some. */
class FaultLines {
  count = 0
  readonly #io: Io

  constructor(io: Io) {
    this.#io = io
  }

  readonly report = ({ table, key, why }: StoreFault): void => {
    this.count++
    this.#io.stderr.write(`castellan store: ${table} ${key}: ${why}\n`)
  }

  get exitCode(): number {
    return this.count === 0 ? exitCode.ok : exitCode.invalid
  }
}
