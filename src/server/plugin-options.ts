// What the `plugin_opt_` lines of the plugins that are built in may say, and what becomes of those that mean nothing here.

import {
  aclFilePlugin,
  dynamicSecurityPlugin,
  passwordFilePlugin,
  persistencePlugin,
  pluginsOf,
  sparkplugPlugin,
} from '../auth/built-in-plugins.ts'
import { escapeText } from '../base/escape.ts'
import type { Plugin } from '../config/plugin.ts'
import type { Config, ListenerSettings } from './options.ts'
import { aclPaths } from './rule-sources.ts'

type Resolved = Pick<Config, 'global' | 'listeners'>

/** Every plugin that some listener has, once. */
export function pluginsInUse({ global, listeners }: Resolved): ReadonlySet<Plugin> {
  return new Set(listeners.flatMap(listener => pluginsOf(global, listener)))
}

/** Lines of the form `Error: …`, as the plugins themselves would say them. */
export function pluginFaults(config: Resolved): readonly string[] {
  return [...pluginsInUse(config)].flatMap(plugin => unknownOption(plugin) ?? invalidValue(plugin) ?? [])
}

/** What is accepted, and does nothing. */
export function pluginWarnings(config: Resolved): readonly string[] {
  const inUse = pluginsInUse(config)
  const unused = config.global.plugin_load.filter(plugin => !inUse.has(plugin))
  return [
    ...[...inUse].flatMap(plugin => withoutEffect(plugin)),
    ...unused.map(({ name = '' }) => `Warning: plugin_load without plugin_use: '${escapeText(name)}' ${forNobody}`),
    ...config.listeners.flatMap(listener => withoutRules(config, listener)),
    ...([...inUse].some(({ baseName }) => baseName === sparkplugPlugin) && !config.global.retain_available
      ? [keepsNothing]
      : []),
  ]
}

const keepsNothing = `Warning: ${sparkplugPlugin} keeps nothing: retain_available is false.`

const forNobody = 'holds for no listener.'

/** Who names the plugin wants rules; without a file everybody may do everything. */
function withoutRules({ global }: Resolved, listener: ListenerSettings): readonly string[] {
  const isNamed = pluginsOf(global, listener).some(({ baseName }) => baseName === aclFilePlugin)
  if (!isNamed || aclPaths(global, listener).length > 0) return []
  return [
    `Warning: ${aclFilePlugin} without plugin_opt_acl_file: there are no rules, and clients may do everything (${listener.origin}).`,
  ]
}

/** The options of those that the others pass over in silence; where that is not so, an unknown one is an error. */
const known: Readonly<Record<string, readonly string[]>> = {
  [dynamicSecurityPlugin]: ['config_file', 'password_init_file'],
  [persistencePlugin]: ['db_file', 'sync', 'flush_period', 'page_size'],
  [sparkplugPlugin]: [],
}

const strict: Readonly<Record<string, { readonly name: string; readonly options: readonly string[] }>> = {
  [passwordFilePlugin]: { name: 'password-file', options: ['password_file'] },
  [aclFilePlugin]: { name: 'acl-file', options: ['acl_file'] },
}

/** Written by the parser beside those of the lines `plugin_opt_`. */
const ofTheBroker = 'auth_plugin_deny_special_chars'

function optionNames({ options }: Plugin): readonly string[] {
  return [...options.keys()].filter(name => name !== ofTheBroker)
}

function unknownOption(plugin: Plugin): string | undefined {
  const rules = strict[plugin.baseName]
  const foreign = rules && optionNames(plugin).find(name => !rules.options.includes(name))
  return foreign === undefined ? undefined : `${rules?.name}: Error: Unknown option '${escapeText(foreign)}'.`
}

const syncWords = ['extra', 'full', 'normal', 'off']

function invalidValue(plugin: Plugin): string | undefined {
  if (plugin.baseName !== persistencePlugin) return undefined
  const sync = plugin.option('sync')
  if (sync !== undefined && !syncWords.includes(sync.toLowerCase())) {
    return `Sqlite persistence: Invalid plugin_opt_sync value '${escapeText(sync)}'.`
  }
  return invalidCount(plugin, 'flush_period', 0) ?? invalidCount(plugin, 'page_size', 1)
}

function invalidCount(plugin: Plugin, name: string, least: number): string | undefined {
  const value = plugin.option(name)
  if (value === undefined || (/^[0-9]{1,9}$/.test(value) && Number(value) >= least)) return undefined
  return `Sqlite persistence: Invalid plugin_opt_${name} value '${escapeText(value)}'; a number from ${least} on.`
}

function withoutEffect(plugin: Plugin): readonly string[] {
  const options = known[plugin.baseName]
  const foreign = options === undefined ? [] : optionNames(plugin).filter(name => !options.includes(name))
  return foreign.map(
    name => `Warning: plugin_opt_${escapeText(name)} of ${plugin.baseName} is not known, and without effect.`,
  )
}
