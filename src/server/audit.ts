// The audit that a configuration asks for, and what the server itself tells it: start and stop, reloads, who failed at the
// handshake, lists that were exchanged.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Audit, AuditOutcome, Facts } from '../audit/event.ts'
import { AuditTrail } from '../audit/trail.ts'
import { wallClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { version } from '../base/version.ts'
import { byName, diffConfig } from '../config/diff.ts'
import type { ResolvedConfig, SettingsRecord } from '../config/resolve.ts'
import type { RefusedHandshake } from '../net/tls-acceptor.ts'
import { type Config, type GlobalSettings, options } from './options.ts'

/** How long the end of the process waits for the audit's disk, in milliseconds. */
const closingMs = 2000

/**
 * @param settings those in force when they are asked for
 * @returns undefined without `audit_file`
 * @throws AuditFileError
 */
export async function openAudit(settings: () => GlobalSettings, log: Log): Promise<AuditTrail | undefined> {
  const { audit_file: path } = settings()
  return path === undefined ? undefined : AuditTrail.open(path, { settings, log, wallClock })
}

/** @param what further facts: the configuration, or why it did not come to that */
export function noteStart(audit: Audit | undefined, outcome: AuditOutcome, what: Facts): void {
  audit?.note({ kind: 'start', outcome, what: { version: version(), pid: process.pid, ...what } })
}

/** @param why a signal, or the store */
export function noteStop(audit: Audit | undefined, why: string): void {
  audit?.note({ kind: 'stop', outcome: 'done', what: { pid: process.pid, why } })
}

/** Writes what is left; a disk that does not answer is not waited for. */
export async function closeAudit(audit: AuditTrail | undefined): Promise<void> {
  if (audit !== undefined) await Promise.race([audit.close(), delay(closingMs, undefined, { ref: false })])
}

/** A client that came no further than the handshake. */
export function noteHandshake(audit: Audit | undefined, listener: string, refused: RefusedHandshake): void {
  const { name, reason, certificate } = refused
  const colon = name.lastIndexOf(':')
  const [address, port] = [name.slice(0, colon), Number(name.slice(colon + 1))]
  const shown = certificate && { serial: certificate.serialNumber, fingerprint: certificate.fingerprint }
  audit?.note({
    kind: 'refusal',
    outcome: 'refused',
    who: { certificate: shown, proven: false },
    from: { address, port, listener },
    what: { rule: reason, subject: certificate?.subject },
  })
}

/** @param ended connections that had to go */
export function noteRevocationList(audit: Audit | undefined, list: string, ended: number): void {
  audit?.note({ kind: 'revocation', outcome: 'done', what: { list, ended } })
}

interface FileChange {
  /** Why what they say was not put to work. */
  readonly errors?: readonly string[]
  /** What of it was passed over. */
  readonly warnings?: readonly string[]
  readonly before?: Facts
  readonly after?: Facts
}

/** Files that somebody has changed were read again, without a signal. */
export function noteFiles(
  audit: Audit | undefined,
  files: readonly (string | undefined)[],
  { errors, warnings, before, after }: FileChange = {},
): void {
  const what = { files: files.filter(file => file !== undefined), errors, warnings }
  audit?.note({ kind: 'reload', outcome: errors === undefined ? 'done' : 'refused', what, before, after })
}

/** Tells of reloads what they have changed: options by their values, files by their names. */
export class ReloadNotes {
  readonly #audit: Audit | undefined
  #digests: ReadonlyMap<string, string>

  constructor(audit: Audit | undefined, config: Config) {
    this.#audit = audit
    this.#digests = this.#digestsOf(config)
  }

  done(before: Config, after: Config): void {
    if (this.#audit === undefined) return
    const digests = this.#digestsOf(after)
    const files = [...digests].filter(([path, digest]) => this.#digests.get(path) !== digest).map(([path]) => path)
    this.#digests = digests
    const change = changedOptions(before, after)
    this.#audit.note({ kind: 'reload', outcome: 'done', what: { files }, ...change })
  }

  /** @param lines of the log */
  refused(lines: readonly string[]): void {
    this.#audit?.note({ kind: 'reload', outcome: 'refused', what: { errors: lines } })
  }

  #digestsOf(config: Config): ReadonlyMap<string, string> {
    return this.#audit === undefined ? new Map() : digestsOf(config)
  }
}

function changedOptions(before: Config, after: Config): { readonly before: Facts; readonly after: Facts } {
  const [old, next] = [comparable(before), comparable(after)]
  const { live, newConnections } = diffConfig(options, old, next)
  const names = [...live, ...newConnections]
  // As JSON has them now: what is said of a bridge leaves its secrets out.
  const valuesOf = (config: ResolvedConfig): Facts =>
    JSON.parse(JSON.stringify(Object.fromEntries(names.map(name => [name, settingOf(config, name)]))))
  return { before: valuesOf(old), after: valuesOf(next) }
}

/** @param name as `diffConfig` has it: that of a listener's option begins with the listener's */
function settingOf({ global, listeners }: ResolvedConfig, name: string): unknown {
  const at = name.lastIndexOf(': ')
  const settings: SettingsRecord | undefined = at < 0 ? global : byName(listeners).get(name.slice(0, at))
  return settings?.[at < 0 ? name : name.slice(at + 2)] ?? null
}

function comparable({ global, listeners, localOnly }: Config): ResolvedConfig {
  return { global, listeners: listeners.map(listener => ({ ...listener })), localOnly }
}

/** Of the files that a reload reads again; private keys and revocation lists are left out. */
function digestsOf({ sources, listeners }: Config): ReadonlyMap<string, string> {
  const named = listeners.flatMap(({ acl_file, password_file, psk_file, cafile, certfile }) => [
    acl_file,
    password_file,
    psk_file,
    cafile,
    certfile,
  ])
  const paths = new Set([...sources, ...named.filter(path => path !== undefined)])
  return new Map([...paths].map(path => [path, digestOf(path)]))
}

function digestOf(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex')
  } catch {
    return 'unreadable'
  }
}
