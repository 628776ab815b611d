// Reads a whole store that no process has, and changes nothing: for `castellan store check` and `export`.

import { hexKey } from '../keys.ts'
import type { ExportedRow } from '../lines.ts'
import type { StoreFault, StoreStats } from '../store.ts'
import { type Environment, openExisting } from './environment.ts'
import { environmentStats } from './lmdb-store.ts'
import { type Findings, readPages } from './pages.ts'
import { scanSessions } from './session-scan.ts'
import { documentRows, retainedRows } from './tables.ts'

export interface CheckResult {
  readonly stats: StoreStats
  /** Rows that could be read and will be loaded. */
  readonly goodRows: number
  /** Rows that nobody will ask for again; the next start frees them. */
  readonly deadRows: number
}

/**
 * Reads every record, and says what is wrong with each that is not right.
 *
 * @throws {StoreError} as a rejection, when the store cannot be opened or read at all
 */
export async function checkStore(directory: string, onFault: (fault: StoreFault) => void): Promise<CheckResult> {
  const environment = await openExisting(directory)
  try {
    const counts = new Counts(onFault)
    let goodRows = 0
    for await (const page of readRows(environment, counts)) goodRows += page.length
    return { stats: environmentStats(environment, 0), goodRows, deadRows: counts.deadRows }
  } finally {
    await environment.close()
  }
}

/** Every row that is right, in the order in which it can be applied; the others go to `onFault`. */
export async function* exportRows(
  directory: string,
  onFault: (fault: StoreFault) => void,
): AsyncGenerator<readonly ExportedRow[]> {
  const environment = await openExisting(directory)
  try {
    yield* readRows(environment, new Counts(onFault))
  } finally {
    await environment.close()
  }
}

class Counts implements Findings {
  deadRows = 0
  readonly #onFault: (fault: StoreFault) => void

  constructor(onFault: (fault: StoreFault) => void) {
    this.#onFault = onFault
  }

  wrong({ name, key, why }: Parameters<Findings['wrong']>[0]): void {
    this.#onFault({ table: name, key: hexKey(key), why })
  }

  dead(): void {
    this.deadRows++
  }
}

async function* readRows(environment: Environment, findings: Findings): AsyncGenerator<readonly ExportedRow[]> {
  yield* scanSessions(environment, findings)
  yield* readPages(environment, retainedRows, findings)
  for await (const page of readPages(environment, documentRows, findings)) {
    yield page.map(({ name, body }) => ({ kind: 'put-document', name, body }) as const)
  }
}
