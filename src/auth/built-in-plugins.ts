// The plugins of Mosquitto that are parts of this program, known by the names of their files.

import type { Plugin } from '../config/plugin.ts'
import type { AuthSettings, ListenerSettings } from './options.ts'

export const dynamicSecurityPlugin = 'mosquitto_dynamic_security.so'
/** Pro Mosquitto's, which has dynamic security in it; the cluster is not here. */
export const highAvailabilityPlugin = 'cedalo_mosquitto_ha.so'
export const passwordFilePlugin = 'mosquitto_password_file.so'
export const aclFilePlugin = 'mosquitto_acl_file.so'
/** Birth certificates of Sparkplug nodes and devices are retained. */
export const sparkplugPlugin = 'mosquitto_sparkplug_aware.so'
/** Whose place the store has. */
export const persistencePlugin = 'mosquitto_persist_sqlite.so'

const builtIn: readonly string[] = [
  dynamicSecurityPlugin,
  highAvailabilityPlugin,
  passwordFilePlugin,
  aclFilePlugin,
  persistencePlugin,
  sparkplugPlugin,
]

/** What there is for other plugins that people have. */
const instead: Readonly<Record<string, string>> = {
  'cedalo_certificate_management.so': 'use `castellan ca` and `castellan cert`, and remove the lines of the plugin',
}

const usual =
  'nothing is loaded into the broker: dynamic security, password and ACL files are built in (mosquitto_dynamic_security.so, password_file, acl_file); remove the lines of the plugin'

export function areBuiltIn(plugins: readonly Plugin[]): boolean {
  return plugins.every(({ baseName }) => builtIn.includes(baseName))
}

/** What to use in the place of the first that is not built in. */
export function insteadOf(plugins: readonly Plugin[]): string {
  const foreign = plugins.find(({ baseName }) => !builtIn.includes(baseName))
  return instead[foreign?.baseName ?? ''] ?? usual
}

/** The plugins that hold for a listener; of two that are the same the later one counts. */
export function pluginsOf(
  { global_plugin: everywhere }: Pick<AuthSettings, 'global_plugin'>,
  { plugin, plugin_use: used }: Pick<ListenerSettings, 'plugin' | 'plugin_use'>,
): readonly Plugin[] {
  return [...everywhere, ...plugin, ...used]
}
