// The options of `createBroker`: those of mosquitto.conf by their names, as an object or as text. Either is read by the parser of
// that file, from the same tables, so that an option means the same here and there, and is refused for the same reasons.

import type { LogType } from '../base/log.ts'
import type { ListenerScope, Settings } from '../config/option.ts'
import type { options } from '../server/options.ts'
import type { Hooks } from './hooks.ts'

type Table = typeof options

/** Scopes whose options hold for the broker, or for each listener that says nothing else. */
export const brokerScopes = ['global', 'security'] as const
export const listenerScopes = [
  'security',
  'listener',
  'listener-only',
  'named-listener',
] as const satisfies ListenerScope[]

/** How an option's value is written: `number` and `boolean` as such, text as in the file, a list for several lines. */
type Written<T> = [T] extends [boolean | undefined]
  ? boolean
  : [T] extends [number | undefined]
    ? number
    : [T] extends [string | undefined]
      ? NonNullable<T>
      : string | readonly string[]

type WrittenSettings<S extends Settings<Table, never> | object> = {
  readonly [K in keyof S]?: Written<S[K]> | undefined
}

/** What belongs to a program that runs alone. */
type OfPrograms = 'user' | 'pid_file'

/** What other lines follow, which no object says: these are for `conf`. */
type Openings = 'connection' | 'global_plugin' | 'plugin' | 'plugin_load' | 'plugin_use'

/** Options of the whole broker; those about security hold for every listener that has none of its own. */
export type ConfOptions = WrittenSettings<Omit<Settings<Table, (typeof brokerScopes)[number]>, OfPrograms | Openings>>

/** Options of one listener. */
export type ListenerConfOptions = WrittenSettings<Omit<Settings<Table, ListenerScope>, Openings>>

export type ListenerOptions = ListenerConfOptions &
  (
    | {
        /** 0 lets the system choose. */
        readonly port: number
        /** Host name or IP address; every one of the machine's when left out. */
        readonly address?: string
        readonly path?: never
      }
    | {
        /** Of a unix socket. */
        readonly path: string
        readonly port?: never
        readonly address?: never
      }
  )

/** What a listener for streams that the program hands over cannot have: whoever accepts them decides it. */
export const ofAcceptors = [
  ...['protocol', 'enable_proxy_protocol', 'certfile', 'keyfile', 'cafile', 'capath', 'crlfile'],
  ...['psk_hint', 'psk_file', 'require_certificate', 'request_certificate'],
] as const

/** Of the streams that are handed over by `handle` and `attach`. */
export type GivenOptions = Omit<
  ListenerConfOptions,
  | 'protocol'
  | 'enable_proxy_protocol'
  | 'certfile'
  | 'keyfile'
  | 'cafile'
  | 'capath'
  | 'crlfile'
  | 'psk_hint'
  | 'psk_file'
  | 'require_certificate'
  | 'request_certificate'
>

export type LogLine = (type: LogType, line: string) => void

interface OwnOptions {
  readonly hooks?: Hooks
  /** Seconds that a hook has for its answer, from 0.1 to 60; 5 when left out. */
  readonly hookTimeout?: number
  /**
   * Where lines of the log go, besides the files, topics and syslog of `log_dest`: a function, or standard error and output as
   * `log_dest` has them. Nowhere when left out.
   */
  readonly log?: LogLine | 'standard'
  /** Of the streams that are handed over by `handle` and `attach`. */
  readonly given?: GivenOptions
}

/** The options one by one. */
export interface ObjectOptions extends OwnOptions, ConfOptions {
  readonly listeners?: readonly ListenerOptions[]
  readonly conf?: never
  readonly confFile?: never
}

/** The options as the text, or the name, of a mosquitto.conf. */
export type FileOptions = OwnOptions &
  ({ readonly conf: string; readonly confFile?: never } | { readonly confFile: string; readonly conf?: never }) & {
    readonly listeners?: never
  }

export type BrokerOptions = ObjectOptions | FileOptions
