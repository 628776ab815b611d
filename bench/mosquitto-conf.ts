// The one mosquitto.conf of a measurement: every broker gets this text, and only the port in it differs, and Castellan's level of
// durability.

import type { Access } from './access.ts'

export type Transport = 'plain' | 'tls' | 'mutual-tls'

/** Absolute paths of the files that a configuration names. */
export interface ConfFiles {
  readonly passwords: string
  readonly acl: string
  readonly authority: string
  readonly certificate: string
  readonly key: string
  /** Where revoked certificates are listed. */
  readonly revocations?: string
}

/** What survives, and how each broker is told. */
export interface Persistence {
  /** Absolute path, with a slash behind it: on the disk that is measured. */
  readonly directory: string
  /** Castellan's own word for what an acknowledgement promises; the others have no such option. */
  readonly durability?: 'sync' | 'write'
}

export interface ConfRequest {
  readonly port: number
  readonly access: Access
  readonly transport: Transport
  readonly files: ConfFiles
  /** Where sessions are to survive the broker; none: nothing is kept. */
  readonly persistence?: Persistence
  /** Started as root, a broker would become a user who may not read these files. */
  readonly root: boolean
}

/**
 * The same for all, and so wide that no closed loop runs into them. With an inflight window of 20 to 5000 Mosquitto 2.0.11
 * often left `fan-in-q1`'s last messages undelivered. A delivery of a million retained messages fits the queue.
 */
export const limits = { maxInflightMessages: 20_000, maxQueuedMessages: 2_000_000 } as const

/** The text, for Castellan and Mosquitto alike; the launcher of Aedes reads it too. */
export function mosquittoConf(request: ConfRequest): string {
  const lines = [
    `listener ${request.port} 127.0.0.1`,
    ...transportLines(request),
    ...accessLines(request),
    ...persistenceLines(request),
    'log_dest stderr',
    'log_type error',
    // Castellan never delays small segments, Mosquitto does unless told.
    'set_tcp_nodelay true',
    `max_inflight_messages ${limits.maxInflightMessages}`,
    `max_queued_messages ${limits.maxQueuedMessages}`,
  ]
  if (request.root) lines.push('user root')
  return `${lines.join('\n')}\n`
}

function transportLines({ transport, files }: ConfRequest): string[] {
  if (transport === 'plain') return []
  const lines = [`certfile ${files.certificate}`, `keyfile ${files.key}`]
  if (transport === 'tls') return lines
  const mutual = [...lines, `cafile ${files.authority}`, 'require_certificate true', 'use_identity_as_username true']
  return files.revocations === undefined ? mutual : [...mutual, `crlfile ${files.revocations}`]
}

/** A save for every message is what comes nearest to Castellan's promise; Castellan has no use for the two `autosave` lines. */
function persistenceLines({ persistence }: ConfRequest): string[] {
  if (persistence === undefined) return ['persistence false']
  const { directory, durability } = persistence
  const lines = [
    'persistence true',
    `persistence_location ${directory}`,
    'autosave_interval 1',
    'autosave_on_changes true',
  ]
  return durability === undefined ? lines : [...lines, `persistence_durability ${durability}`]
}

function accessLines({ access, files }: ConfRequest): string[] {
  if (access === 'anonymous') return ['allow_anonymous true']
  return ['allow_anonymous false', `password_file ${files.passwords}`, `acl_file ${files.acl}`]
}
