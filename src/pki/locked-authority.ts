// Locks an authority for every process that is at work in its directory: while the mark is there nothing is signed.

import { existsSync, rmSync } from 'node:fs'
import { escapeText } from '../base/escape.ts'
import type { CertificateEngine } from './engine.ts'
import { secretMode, writeWhole } from './files.ts'

/** @returns whether it was open @param by for whoever finds it locked */
export function lockAuthority(engine: CertificateEngine, now: number, by: string): Promise<boolean> {
  return engine.exclusive(async () => {
    if (engine.keys.isLocked) return false
    writeWhole(engine.files.locked, `${new Date(now).toISOString()} ${escapeText(by, 80)}\n`, secretMode)
    engine.keys.refresh()
    return true
  })
}

/**
 * Only who can open the keys of all authorities that issue here.
 *
 * @returns whether it was locked
 * @throws PkiKeyError
 */
export function unlockAuthority(engine: CertificateEngine): Promise<boolean> {
  return engine.exclusive(async () => {
    if (!engine.keys.isLocked) return false
    for (const { id, issues } of engine.description.authorities) {
      if (issues.length > 0 && existsSync(engine.files.privateKey(id))) await engine.keys.open(id)
    }
    rmSync(engine.files.locked, { force: true })
    return true
  })
}
