// What the rooms need of a log; `observe/` implements it with Mosquitto's line format and destinations.

/** Mosquitto's `log_type` words (mosquitto.conf(5), `log_type`). */
export type LogType =
  | 'error'
  | 'warning'
  | 'notice'
  | 'information'
  | 'debug'
  | 'subscribe'
  | 'unsubscribe'
  | 'internal'
  | 'websockets'

export interface Log {
  /** Whether a line of this type goes anywhere: ask before building a line on a hot path. */
  enabled(type: LogType): boolean
  /** Writes one line; untrusted text in it must already be escaped (see `escapeText`). */
  write(type: LogType, line: string): void
}

/** A log that drops everything. */
export const silentLog: Log = { enabled: () => false, write: () => {} }
