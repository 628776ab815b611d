// From the lines that were read to settings that hold: defaults filled in, inheritance done, everything frozen.

import type { Draft, DraftListener } from './draft.ts'
import type { AnyOption, ListenerAddress, OptionTable, Scope } from './option.ts'

export type SettingsRecord = Readonly<Record<string, unknown>>

export interface ResolvedConfig {
  readonly global: SettingsRecord
  readonly listeners: readonly (ListenerAddress & SettingsRecord)[]
  readonly localOnly: boolean
}

const listenerScopes: readonly Scope[] = ['security', 'listener', 'listener-only', 'named-listener']

/**
 * Settings of the whole broker and of each listener.
 *
 * @param ports from `-p`: where to listen when the file defines no listener; 1883 when empty
 */
export function resolve(table: OptionTable, draft: Draft, ports: readonly number[]): ResolvedConfig {
  const localOnly = draft.listeners.length === 0
  const listeners = localOnly ? localListeners(ports) : draft.listeners
  const global = Object.fromEntries(
    optionsOf(table, ['global']).map(([key, option]) => [key, draft.globals.get(key) ?? option.default]),
  )
  return deepFreeze({
    global,
    listeners: listeners.map(listener => resolveListener(table, draft, listener, localOnly)),
    localOnly,
  })
}

function resolveListener(table: OptionTable, draft: Draft, listener: DraftListener, localOnly: boolean) {
  const { port, address, path, origin } = listener
  const settings = optionsOf(table, listenerScopes).map(([key, option]) => {
    const own = listener.values.get(option.overriddenBy ?? key) ?? listener.values.get(key)
    const inherited = draft.perListenerSettings ? undefined : draft.globals.get(key)
    return [key, own ?? inherited ?? (key === 'allow_anonymous' ? localOnly : option.default)]
  })
  return { ...Object.fromEntries(settings), port, address, path, origin }
}

// Local only mode: the loopback addresses of both families.
function localListeners(ports: readonly number[]): DraftListener[] {
  return (ports.length === 0 ? [1883] : ports).flatMap(port =>
    ['127.0.0.1', '::1'].map(address => ({
      port,
      address,
      path: undefined,
      origin: 'local only mode',
      values: new Map<string, unknown>(),
    })),
  )
}

// An option that another one overrides is folded into it, so the other is no setting of its own.
function optionsOf(table: OptionTable, scopes: readonly Scope[]): [string, AnyOption][] {
  const folded = Object.values(table).map(option => option.overriddenBy)
  return Object.entries(table).filter(([key, option]) => scopes.includes(option.scope) && !folded.includes(key))
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}
