// What a reload would change, by when each change can take effect.

import { isDeepStrictEqual } from 'node:util'
import type { ListenerAddress, OptionTable } from './option.ts'
import type { ResolvedConfig, SettingsRecord } from './resolve.ts'

/** Names of changed options; those of a listener read `listener 8883: certfile`. */
export interface ConfigDiff {
  /** Effective with the next packet. */
  readonly live: readonly string[]
  /** Effective for connections made from now on. */
  readonly newConnections: readonly string[]
  /** Not possible without a restart: a reload that holds one is refused. */
  readonly restart: readonly string[]
  /** Listeners that appeared or went away, which needs a restart too. */
  readonly listeners: readonly string[]
}

/** Compares two configurations of the same options. */
export function diffConfig(table: OptionTable, old: ResolvedConfig, next: ResolvedConfig): ConfigDiff {
  const changes = [...changedOptions(table, old.global, next.global, '')]
  const gone = byName(old.listeners)
  const added: string[] = []
  for (const [name, listener] of byName(next.listeners)) {
    const before = gone.get(name)
    if (before === undefined) added.push(name)
    else changes.push(...changedOptions(table, before, listener, `${name}: `))
    gone.delete(name)
  }
  const named = (reload: string) => changes.filter(change => change.reload === reload).map(change => change.name)
  return {
    live: named('live'),
    newConnections: named('new-connections'),
    restart: named('restart'),
    listeners: [...added, ...gone.keys()],
  }
}

/** Why a reload with these changes is refused, in lines to log; empty when it can be done. */
export function reloadRefusals({ listeners, restart }: ConfigDiff): readonly string[] {
  const moved = listeners.length === 0 ? [] : [listenersMoved, `Changed: ${listeners.join(', ')}.`]
  return [
    ...moved,
    ...restart.map(name => `Error: The '${name}' option cannot be changed while the broker runs; restart it instead.`),
  ]
}

const listenersMoved = 'Error: It is not currently possible to add/remove listeners when reloading the config file.'

function* changedOptions(table: OptionTable, old: SettingsRecord, next: SettingsRecord, prefix: string) {
  for (const [key, option] of Object.entries(table)) {
    if (!isDeepStrictEqual(old[key], next[key])) yield { name: prefix + key, reload: option.reload }
  }
}

/** What is listened on names a listener; of those that say the same, the order does. */
export function byName<L extends ListenerAddress>(listeners: readonly L[]): Map<string, L> {
  const named = new Map<string, L>()
  for (const listener of listeners) {
    const { port, address, path } = listener
    const name = ['listener', port, path, address].filter(part => part !== undefined).join(' ')
    let unique = name
    for (let count = 2; named.has(unique); count++) unique = `${name} (${count})`
    named.set(unique, listener)
  }
  return named
}
