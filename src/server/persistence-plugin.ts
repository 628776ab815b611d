// mosquitto_persist_sqlite.so: where a configuration has it, sessions and retained messages are kept in our own store, into which
// its database is imported once, at the first start with an empty store.

import { basename, dirname, relative, resolve } from 'node:path'
import { persistencePlugin } from '../auth/built-in-plugins.ts'
import { escapeText } from '../base/escape.ts'
import type { ConfigMessage } from '../config/draft.ts'
import type { Plugin } from '../config/plugin.ts'
import type { Config } from './options.ts'
import { pluginsInUse } from './plugin-options.ts'

type Resolved = Pick<Config, 'global' | 'listeners' | 'localOnly'>

export const persistedTwice = 'Error: `persistence true` cannot be used with a persistence plugin.'

/** The plugin that some listener has; undefined without one. */
export function persistencePluginOf(config: Resolved): Plugin | undefined {
  return [...pluginsInUse(config)].findLast(({ baseName }) => baseName === persistencePlugin)
}

/** The same configuration with `persistence true` and the database as `persistence_file`, where the plugin has one. */
export function withPersistencePlugin(config: Resolved): Resolved {
  const database = persistencePluginOf(config)?.option('db_file')
  if (database === undefined) return config
  const { persistence_location: location } = config.global
  const place =
    location === undefined
      ? { persistence_location: dirname(database), persistence_file: basename(database) }
      : { persistence_file: relative(resolve(location), resolve(database)) }
  return { ...config, global: Object.freeze({ ...config.global, ...place, persistence: true }) }
}

/** What a start says about it. */
export function persistenceMessages(config: Resolved): readonly ConfigMessage[] {
  const plugin = persistencePluginOf(config)
  if (plugin === undefined) return []
  const database = plugin.option('db_file')
  if (database === undefined) return [{ type: 'warning', line: withoutDatabase }]
  const shown = escapeText(database, 4096)
  return [{ type: 'notice', line: `${inOurStore} '${shown}' is imported at the first start, and not written.` }]
}

const withoutDatabase =
  'Warning: Sqlite persistence plugin has no plugin_opt_db_file defined. The plugin will not be activated.'

const inOurStore =
  'mosquitto_persist_sqlite.so stands for `persistence true`: what is kept is in castellan-store, in persistence_location or beside the database;'
