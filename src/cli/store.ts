// `castellan store`: looks after the files of a store.

import { once } from 'node:events'
import { createReadStream, type ReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { wallClock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { notMosquittos, recogniseFile } from '../store/import/foreign-file.ts'
import { backupStore } from '../store/lmdb/backup.ts'
import { compactStore } from '../store/lmdb/compact.ts'
import { checkStore } from '../store/lmdb/read-store.ts'
import type { StoreFault } from '../store/store.ts'
import { exportStore, importStore } from '../store/transfer.ts'
import { exitCode } from './exit-code.ts'
import type { Io } from './verbs.ts'

const help = `Usage: castellan store check DIR         read every record, change nothing, say what is wrong
       castellan store export DIR        write it to standard output, a line for each row
       castellan store import FILE DIR   fill an empty or new store, with what \`export\` wrote (FILE - is standard input), or
                                         with Mosquitto's mosquitto.db or sqlite database, which is only read
       castellan store backup DIR COPY   write a copy to the new directory COPY; the broker may be running
       castellan store compact DIR       make its file as small as it can be

DIR is the store's directory, \`castellan-store\` in \`persistence_location\`. But for \`backup\` its broker must be stopped; to look at
the store of a running one, look at a backup.

Exit codes: 0 done, 1 failed, 2 wrong usage, 5 a process has the store, or it is not empty, 7 what was read is wrong (check,
export: each record that is, on standard error; import: the file; of Mosquitto's nothing is imported then)

Examples:
  castellan store backup /var/lib/mosquitto/castellan-store /var/backups/mqtt
  castellan store check /var/backups/mqtt
  castellan store import /var/lib/mosquitto/mosquitto.db /var/lib/mosquitto/castellan-store
`

interface Action {
  /** What it needs, by name. */
  readonly operands: readonly string[]
  run(operands: readonly string[], io: Io): Promise<number>
}

const actions: Readonly<Record<string, Action>> = {
  check: { operands: ['DIR'], run: ([directory = ''], io) => check(directory, io) },
  export: { operands: ['DIR'], run: ([directory = ''], io) => exportRows(directory, io) },
  import: { operands: ['FILE', 'DIR'], run: ([file = '', directory = ''], io) => importFile(file, directory, io) },
  backup: { operands: ['DIR', 'COPY'], run: ([directory = '', copy = '']) => backup(directory, copy) },
  compact: { operands: ['DIR'], run: ([directory = ''], io) => compact(directory, io) },
}
const actionNames = Object.keys(actions).join(', ')

const codes: Readonly<Record<string, number>> = {
  ERR_STORE_IN_USE: exitCode.conflict,
  ERR_STORE_NOT_EMPTY: exitCode.conflict,
  ERR_STORE_IMPORT: exitCode.invalid,
  ERR_STORE_TRANSFER: exitCode.invalid,
}

/** `castellan store ACTION …`. @returns the exit code */
export async function store(args: readonly string[], io: Io): Promise<number> {
  const [word, ...operands] = args
  if (args.includes('--help') || args.includes('-h')) {
    io.stdout.write(help)
    return exitCode.ok
  }
  const action = word !== undefined && Object.hasOwn(actions, word) ? actions[word] : undefined
  if (action?.operands.length !== operands.length) {
    io.stderr.write(`castellan store: ${wrongUsage(word, action, operands)}\n\n${help}`)
    return exitCode.usage
  }
  try {
    return await action.run(operands, io)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    io.stderr.write(`castellan store: ${error.message}\n`)
    return codes[error.code] ?? exitCode.failed
  }
}

function wrongUsage(word: string | undefined, action: Action | undefined, operands: readonly string[]): string {
  if (word === undefined) return `an action is missing; actions are ${actionNames}`
  if (action === undefined) return `unknown action '${escapeText(word, 64)}'; actions are ${actionNames}`
  const missing = action.operands[operands.length]
  return missing === undefined ? 'too many arguments' : `${missing} is missing`
}

async function check(directory: string, io: Io): Promise<number> {
  const faults = new FaultLines(io)
  const { stats, goodRows, deadRows } = await checkStore(directory, faults.report)
  for (const [table, rows] of Object.entries(stats.rows)) io.stdout.write(`${table}: ${rows}\n`)
  io.stdout.write(`bytes: ${stats.bytesOnDisk}, free: ${stats.freeBytes}\n`)
  io.stdout.write(
    `rows that will be loaded: ${goodRows}, freed at the next start: ${deadRows}, wrong: ${faults.count}\n`,
  )
  return faults.exitCode
}

async function exportRows(directory: string, io: Io): Promise<number> {
  const faults = new FaultLines(io)
  for await (const lines of exportStore(directory, faults.report)) {
    if (!io.stdout.write(lines)) await once(io.stdout, 'drain')
  }
  return faults.exitCode
}

/** What kind of file it is, its first bytes say. */
async function importFile(file: string, directory: string, io: Io): Promise<number> {
  const kind = file === '-' ? 'lines' : recogniseFile(file)
  switch (kind) {
    case 'mosquitto-db':
    case 'mosquitto-sqlite':
      return importForeignFile(file, kind, directory, io)
    case 'lines':
      return importLines(file === '-' ? io.stdin : await openFile(file), directory, io)
    case undefined:
      throw new AppError('ERR_CLI_STORE', `cannot read '${escapeText(file, 4096)}': no such file or directory`)
    default:
      throw notMosquittos(file)
  }
}

async function importForeignFile(
  file: string,
  kind: 'mosquitto-db' | 'mosquitto-sqlite',
  directory: string,
  io: Io,
): Promise<number> {
  const { describeCounts, importForeignInto, wrongNamesNote } = await import('../server/import-state.ts')
  const { format, counts } = await importForeignInto(directory, file, kind, wallClock())
  if (counts.wrongNames > 0) io.stderr.write(`castellan store: ${wrongNamesNote(counts)}\n`)
  io.stdout.write(`imported from ${format}: ${describeCounts(counts)}\n`)
  return exitCode.ok
}

async function importLines(input: NodeJS.ReadableStream, directory: string, io: Io): Promise<number> {
  const rows = await importStore(directory, linesOf(input))
  io.stdout.write(`rows imported: ${rows}\n`)
  return exitCode.ok
}

async function backup(directory: string, copy: string): Promise<number> {
  await backupStore(directory, copy)
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

async function compact(directory: string, io: Io): Promise<number> {
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
