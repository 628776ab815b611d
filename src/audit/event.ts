// What the rooms tell the audit: who did what, from where, and what became of it. Only words of this program are kinds and
// outcomes; what a peer has sent stands in the values, as it was sent, and `present.ts` makes it fit to be kept.

/** In the order of the reference; `audit_exclude` takes all but `audit`. */
export const auditKinds = [
  'start',
  'stop',
  'reload',
  'login',
  'refusal',
  'permission',
  'command',
  'disconnect',
  'revocation',
  'authority',
  'audit',
] as const

/**
 * - `start`, `stop`: of the broker.
 * - `reload`: SIGHUP, with what it has changed.
 * - `login`: a client was let in.
 * - `refusal`: it was not, with the rule that decided.
 * - `permission`: a topic was refused to it.
 * - `command`: of `$CONTROL`, with what it has changed.
 * - `disconnect`: an administrator, changed rules or the end of a token put a client out.
 * - `revocation`: a certificate that does not count any more put a client out, or there is another list.
 * - `authority`: the broker's own authority has signed a list.
 * - `audit`: what became of the audit itself.
 */
export type AuditKind = (typeof auditKinds)[number]

/** `failed`: it was tried, and whether it will last is not known. */
export type AuditOutcome = 'done' | 'refused' | 'failed'

export const auditOutcomes: readonly AuditOutcome[] = ['done', 'refused', 'failed']

/** Values that JSON can hold; members that are undefined are left out. */
export type Facts = Readonly<Record<string, unknown>>

export interface AuditWho {
  readonly username?: string | undefined
  readonly clientid?: string | undefined
  /** Of the certificate that the client has shown. */
  readonly certificate?: { readonly serial: string; readonly fingerprint: string } | undefined
  /** The names are only claimed: whoever gave them was not let in. */
  readonly proven?: false | undefined
}

export interface AuditPlace {
  /** Textual IP address, or `''` on a unix socket. */
  readonly address: string
  readonly port: number
  /** As `port`, `address:port` or path. */
  readonly listener: string
}

export interface AuditEvent {
  readonly kind: AuditKind
  readonly outcome: AuditOutcome
  readonly who?: AuditWho | undefined
  readonly from?: AuditPlace | undefined
  readonly what?: Facts | undefined
  /** What was changed, as it was and as it is: only the members that differ. */
  readonly before?: Facts | undefined
  readonly after?: Facts | undefined
}

export interface Audit {
  /** Whether events of this kind are kept: ask before making one where many come. */
  takes(kind: AuditKind): boolean
  /** Never throws, never waits. */
  note(event: AuditEvent): void
  /** Resolves when what was noted before was handed to the system, or cannot be. */
  written(): Promise<void>
  /** Nothing that has to be told may be done: the audit cannot be written, and `audit_failure` is `refuse`. */
  readonly isRefusing: boolean
  /** Topics of one connection whose refusal is told; the others are counted. */
  readonly mostRefusedTopics: number
}

/** One command of `$CONTROL`, with what it was given as it came. */
export interface AuditedCommand {
  readonly command: string
  readonly given: Facts
  readonly outcome: AuditOutcome
  readonly error?: string | undefined
  readonly before?: Facts | undefined
  readonly after?: Facts | undefined
}

/** Tells of a command, whose client is known. */
export type NoteCommand = (command: AuditedCommand) => void
