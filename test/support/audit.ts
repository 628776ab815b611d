// Audits for tests: a trail in a directory of its own with settings and log at hand, and the records of one on the disk.

import { on } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { AuditEvent } from '../../src/audit/event.ts'
import { type AuditSettings, auditOptions } from '../../src/audit/options.ts'
import { auditLines } from '../../src/audit/read.ts'
import { type AuditRecord, readRecord } from '../../src/audit/record.ts'
import { AuditTrail } from '../../src/audit/trail.ts'

type Changeable = { -readonly [K in keyof AuditSettings]: AuditSettings[K] }

export interface TestAudit {
  readonly path: string
  readonly settings: Changeable
  readonly lines: string[]
  open(): Promise<AuditTrail>
  records(): AuditRecord[]
}

const defaults = Object.fromEntries(
  Object.entries(auditOptions).map(([name, option]) => [name, option.default]),
) as unknown as Changeable

/** Nothing is opened yet. */
export function testAudit(t: Pick<TestContext, 'after'>, changes: Partial<AuditSettings> = {}): TestAudit {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-audit-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const path = join(dir, 'audit.jsonl')
  const settings = { ...defaults, ...changes }
  const lines: string[] = []
  let time = Date.UTC(2030, 0, 1)
  return {
    path,
    settings,
    lines,
    open: () =>
      AuditTrail.open(path, {
        settings: () => settings,
        log: { enabled: () => true, write: (type, line) => void lines.push(`${type} ${line}`) },
        wallClock: () => time++,
      }),
    records: () => recordsOf(path),
  }
}

/** All whole lines, each of which has to be a record. */
export function recordsOf(path: string): AuditRecord[] {
  return [...auditLines(path)]
    .filter(({ isWhole }) => isWhole)
    .map(({ bytes, file, number }) => {
      const record = readRecord(bytes)
      if (typeof record === 'string') throw new Error(`${file}:${number}: ${record}`)
      return record
    })
}

export function textOf(path: string): string {
  return readFileSync(path, 'utf8')
}

/** An event that nothing bounds. */
export function commandEvent(command: string): AuditEvent {
  return { kind: 'command', outcome: 'done', who: { username: 'admin' }, what: { command } }
}

/** Waits for a record; the broker that writes it has begun. */
export async function awaitRecord(path: string, isIt: (record: AuditRecord) => boolean): Promise<AuditRecord> {
  const watcher = watch(dirname(path))
  try {
    const changes = on(watcher, 'change', { signal: AbortSignal.timeout(15_000) })
    for (;;) {
      const found = recordsOf(path).find(isIt)
      if (found !== undefined) return found
      await changes.next()
    }
  } catch (error) {
    throw new Error(`no such record among ${JSON.stringify(recordsOf(path), undefined, 1)}`, { cause: error })
  } finally {
    watcher.close()
  }
}
