// A configuration while it is read: what each line set, before defaults and inheritance.

import type { LogType } from '../base/log.ts'
import type { ConfigProblem } from './config-error.ts'

export interface ConfigMessage {
  readonly type: LogType
  readonly line: string
}

export interface DraftListener {
  port: number
  address: string | undefined
  path: string | undefined
  readonly origin: string
  readonly values: Map<string, unknown>
}

export interface Draft {
  readonly globals: Map<string, unknown>
  readonly listeners: DraftListener[]
  perListenerSettings: boolean
  readonly messages: ConfigMessage[]
  readonly problems: ConfigProblem[]
  /** The files that were read, in order. */
  readonly sources: string[]
}

export function emptyDraft(): Draft {
  return { globals: new Map(), listeners: [], perListenerSettings: false, messages: [], problems: [], sources: [] }
}
