// Declares the options of mosquitto.conf: once each, as data, in the room that obeys them. Parser, defaults, types, reload
// plan and reference documentation all derive from these tables.

import type { Value } from './value.ts'

/**
 * Where an option may stand.
 *
 * - `global`: anywhere, holds for the whole broker.
 * - `security`: global, or of the listener above it once `per_listener_settings true` was met.
 * - `listener`: of the listener above it; before any listener it makes the default one (port 1883).
 * - `listener-only`: of the listener above it, which must exist.
 * - `named-listener`: the same, and the default listener does not count.
 * - `bridge`, `plugin`: of the `connection` or plugin above it.
 * - `directive`: steers the reading of the file and is no setting itself (`listener`, `include_dir`).
 * - `ignored`: accepted with a warning, without effect.
 */
export type Scope =
  | 'global'
  | 'security'
  | 'listener'
  | 'listener-only'
  | 'named-listener'
  | 'bridge'
  | 'plugin'
  | 'directive'
  | 'ignored'

/** When a changed value takes effect at a reload; a reload that changes a `restart` option is refused. */
export type Reload = 'live' | 'new-connections' | 'restart'

/** The option is known, but what it asks for is not here on purpose: it is refused rather than ignored. */
export interface Unsupported<T> {
  /** Values that ask for nothing and so pass, such as `persistence false`. */
  readonly accepts?: (value: T) => boolean
  /** What to do instead, without a final full stop. */
  readonly advice: string | ((value: T) => string)
}

export interface Option<T = unknown, D = unknown, S extends Scope = Scope> {
  readonly scope: S
  readonly value: Value<T>
  /** The setting when no line names the option. */
  readonly default: D
  readonly reload: Reload
  /** One or two sentences for the reference; units are named here. */
  readonly doc: string
  readonly aliases?: readonly string[]
  /** The hint that ends Mosquitto's deprecation notice; may be empty. */
  readonly deprecated?: string
  /** A notice that each line with this option gets. */
  readonly notice?: string
  /** The warning of an `ignored` option. */
  readonly warning?: string
  /** The listener option that goes before this one. */
  readonly overriddenBy?: string
  /** The global option whose lines define what the value of this one names. */
  readonly names?: string
  /** The lines after this one may be of a bridge or a plugin. */
  readonly opens?: 'bridge' | 'plugin'
  /** The refusal when there is no bridge or plugin above, where it is not the usual one. */
  readonly orphan?: string
  readonly unsupported?: Unsupported<T>
  /** Mosquitto does not know this option. */
  readonly own?: true
}

export type OptionTable = Readonly<Record<string, AnyOption>>

/** An option whose value type does not matter to the reader. */
export type AnyOption = Omit<Option, 'unsupported'> & { readonly unsupported?: Unsupported<never> }

/** Declares one option; exists for the inference of its types. */
export function option<T, const D extends T | undefined, const S extends Scope>(
  declaration: Option<T, D, S>,
): Option<T, D, S> {
  return declaration
}

type Setting<O> = O extends { readonly value: Value<infer T>; readonly default: infer D }
  ? undefined extends D
    ? T | undefined
    : T
  : never

/** The settings object of the options of `Table` in one of the scopes `S`: keys are the option names, values checked. */
export type Settings<Table, S extends Scope> = {
  readonly [K in keyof Table as Table[K] extends { readonly scope: S } ? K : never]: Setting<Table[K]>
}

export type ListenerScope = 'security' | 'listener' | 'listener-only' | 'named-listener'

/** Where a listener listens, from its `listener` line (or `port` and `bind_address`). */
export interface ListenerAddress {
  /** 0 for a unix socket. */
  readonly port: number
  /** Host name or IP address to bind; undefined: all interfaces. */
  readonly address: string | undefined
  /** The unix socket's path, when `port` is 0. */
  readonly path: string | undefined
  /** For people: `<file>:<line>` that defined it, or what else did (`-p 1883`, `local only mode`). */
  readonly origin: string
}
