// Where the users of a listener and their rights come from, as its lines say: which plugin, file or service. None of it is read here.

import { join } from 'node:path'
import type { SourceName } from '../auth/auth-chain.ts'
import {
  aclFilePlugin,
  dynamicSecurityPlugin,
  highAvailabilityPlugin,
  passwordFilePlugin,
  pluginsOf,
} from '../auth/built-in-plugins.ts'
import type { CertificateMapping } from '../auth/file-realm.ts'
import type { Plugin } from '../config/plugin.ts'
import type { GlobalSettings, ListenerSettings } from './options.ts'

/** The plugin's lines that hold for a listener; undefined where there are none. */
export function securityPlugin(global: GlobalSettings, listener: ListenerSettings): Plugin | undefined {
  return pluginsOf(global, listener).findLast(
    ({ baseName }) => baseName === dynamicSecurityPlugin || baseName === highAvailabilityPlugin,
  )
}

/** Where its clients are kept; undefined where no line says it. */
export function securityFile({ persistence_location: location }: GlobalSettings, plugin: Plugin): string | undefined {
  if (plugin.baseName === dynamicSecurityPlugin) return plugin.option('config_file')
  // Pro Mosquitto has no option for it (features G1).
  return location === undefined ? undefined : join(location, 'dynamic-security.json')
}

/** The sources outside that a listener has. */
export function externalSources({ auth_http_url, ldap_url }: ListenerSettings): readonly SourceName[] {
  return [
    ...(auth_http_url === undefined ? [] : (['http'] as const)),
    ...(ldap_url === undefined ? [] : (['ldap'] as const)),
  ]
}

/** The file that says what the clients of a listener may do; undefined where there is none. */
export function aclPath(global: GlobalSettings, listener: ListenerSettings): string | undefined {
  return aclPaths(global, listener)[0]
}

/** Every such file that is named, by the option or by lines of plugins: a configuration with more than one is refused. */
export function aclPaths(global: GlobalSettings, listener: ListenerSettings): readonly string[] {
  const ofPlugins = pluginsOf(global, listener).filter(({ baseName }) => baseName === aclFilePlugin)
  const named = [listener.acl_file, ...ofPlugins.map(plugin => plugin.option('acl_file'))]
  return [...new Set(named.filter(path => path !== undefined))]
}

/** The sources of passwords that a listener has. */
export function passwordSources(global: GlobalSettings, listener: ListenerSettings): readonly SourceName[] {
  return [
    ...(securityPlugin(global, listener) === undefined ? [] : (['dynamic-security'] as const)),
    ...(passwordPath(global, listener) === undefined ? [] : (['password-file'] as const)),
    ...externalSources(listener),
  ]
}

/** The file of passwords that a listener has; undefined where there is none. */
export function passwordPath(global: GlobalSettings, listener: ListenerSettings): string | undefined {
  const plugin = pluginsOf(global, listener).findLast(({ baseName }) => baseName === passwordFilePlugin)
  return listener.password_file ?? plugin?.option('password_file')
}

/** What of a handshake is the user name of the listener's clients. */
export function certificateMapping(listener: ListenerSettings): CertificateMapping {
  if (listener.psk_hint !== undefined && listener.use_identity_as_username) return 'preshared-key'
  if (listener.enable_proxy_protocol === 2 && listener.use_identity_as_username) return 'proxied-common-name'
  // Also without `require_certificate`: then nobody has a name, and nobody comes in, as with Mosquitto (features C5).
  if (listener.certfile === undefined && listener.psk_hint === undefined) return 'none'
  if (listener.certificate_username !== undefined && listener.certfile !== undefined)
    return listener.certificate_username
  if (listener.use_identity_as_username) return 'common-name'
  return listener.use_subject_as_username ? 'subject' : 'none'
}
