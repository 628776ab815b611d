// The options that say who may connect and what they may do.

import { type ListenerAddress, type ListenerScope, option, type Settings } from '../config/option.ts'
import { loadedPlugins, plugins, usedPlugins } from '../config/plugin.ts'
import { bool, integer, path, text } from '../config/value.ts'
import { authOrderOptions } from './auth-order.ts'
import { areBuiltIn, insteadOf } from './built-in-plugins.ts'
import { certificateGrantOptions } from './certificate-grant-options.ts'
import { certificateUsername } from './certificate-username.ts'
import { httpHookOptions } from './http-hook-options.ts'
import { jwtOptions } from './jwt-options.ts'
import { ldapOptions } from './ldap-options.ts'

/** Anything else is refused: what it would decide is not known. */
const builtInPlugins = { accepts: areBuiltIn, advice: insteadOf } as const

export const authOptions = {
  acl_file: option({
    scope: 'security',
    value: path({ replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'File of rules that say who may read and write which topics. Without it everything is allowed.',
  }),
  allow_anonymous: option({
    scope: 'security',
    value: bool(),
    default: undefined,
    reload: 'live',
    doc: 'Whether clients may connect without proving who they are. False, except in local only mode.',
    overriddenBy: 'listener_allow_anonymous',
  }),
  allow_certificates_without_client: option({
    scope: 'global',
    value: bool(),
    default: false,
    reload: 'live',
    doc: 'With dynamic security: lets in certificates and keys whose name is none of its clients, as Mosquitto does. They may do what an ACL file allows, or nothing.',
    own: true,
  }),
  ...httpHookOptions,
  ...authOrderOptions,
  auth_plugin_deny_special_chars: option({
    scope: 'plugin',
    value: bool(),
    default: true,
    reload: 'restart',
    doc: 'Without effect: it is about plugins with older interfaces, which are not loaded.',
    orphan: 'Error: An auth_plugin_deny_special_chars option exists in the config file without a plugin.',
  }),
  authentication_delay_max: option({
    scope: 'global',
    value: integer({ minimum: 0, maximum: 3600 }),
    default: 10,
    reload: 'live',
    doc: 'Most seconds that an answer is delayed after repeated failures.',
    own: true,
  }),
  ...certificateGrantOptions,
  certificate_username: option({
    scope: 'listener',
    value: certificateUsername(),
    default: undefined,
    reload: 'new-connections',
    doc: "Takes the user name from this part of the client's certificate, and asks for no password: the first CN, the whole subject (RFC 2253), the serial number or SHA-256 fingerprint in hexadecimal, the first alternative name of a kind, or an attribute of the subject as `subject.OU`. Goes before `use_identity_as_username` and `use_subject_as_username`.",
    own: true,
  }),
  certificate_username_match: option({
    scope: 'listener',
    value: certificateUsername(),
    default: undefined,
    reload: 'live',
    doc: "Requires that the user name of CONNECT is this part of the client's certificate, and its password right: certificate and password of one user.",
    own: true,
  }),
  disconnect_on_role_change: option({
    scope: 'global',
    value: bool(),
    default: true,
    reload: 'live',
    doc: 'With dynamic security: whether clients whose roles or groups change are disconnected, as Mosquitto does. Without, they go on under their new rights, and lose the subscriptions that these do not allow.',
    own: true,
  }),
  global_plugin: option({
    scope: 'global',
    value: plugins(),
    default: [],
    reload: 'restart',
    doc: 'A plugin for all listeners, whatever `per_listener_settings` says.',
    opens: 'plugin',
    unsupported: builtInPlugins,
  }),
  ...jwtOptions,
  ...ldapOptions,
  listener_allow_anonymous: option({
    scope: 'listener-only',
    value: bool(),
    default: undefined,
    reload: 'live',
    doc: 'Overrides `allow_anonymous` for this listener.',
  }),
  max_authentication_failures: option({
    scope: 'global',
    value: integer({ minimum: 0 }),
    default: 5,
    reload: 'live',
    doc: 'Failed attempts per address and per name before the next ones are slowed down.',
    own: true,
  }),
  max_pending_authentications: option({
    scope: 'global',
    value: integer({ minimum: 1 }),
    default: 256,
    reload: 'live',
    doc: 'Most password checks that wait or run at once, a quarter of them from one address; further clients are refused as busy.',
    own: true,
  }),
  password_file: option({
    scope: 'security',
    value: path({ replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'File of user names and password hashes, as `castellan passwd` writes it.',
  }),
  plugin: option({
    scope: 'security',
    value: plugins(),
    default: [],
    reload: 'restart',
    doc: 'A plugin. Nothing is loaded: those that are built in are known by the name of their file, `mosquitto_dynamic_security.so`, `mosquitto_password_file.so`, `mosquitto_acl_file.so`, `mosquitto_sparkplug_aware.so`, `mosquitto_persist_sqlite.so` for `persistence true`, and `cedalo_mosquitto_ha.so` for the dynamic security in it.',
    aliases: ['auth_plugin'],
    opens: 'plugin',
    unsupported: builtInPlugins,
  }),
  plugin_load: option({
    scope: 'global',
    value: loadedPlugins(),
    default: [],
    reload: 'restart',
    doc: 'Gives a plugin a name, for `plugin_use`; without that it does nothing.',
    opens: 'plugin',
    unsupported: builtInPlugins,
  }),
  'plugin_opt_*': option({
    scope: 'plugin',
    value: text({ replace: true }),
    default: undefined,
    reload: 'restart',
    doc: 'An option of the plugin above.',
    aliases: ['auth_opt_*'],
  }),
  plugin_use: option({
    scope: 'named-listener',
    value: usedPlugins(),
    default: [],
    reload: 'restart',
    doc: 'Uses a plugin that `plugin_load` has named, on this listener. Several listeners that use one name share its options.',
    names: 'plugin_load',
    opens: 'plugin',
  }),
  psk_file: option({
    scope: 'security',
    value: path({ replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'File of the identities and keys for listeners with `psk_hint`: lines `identity:key`, the key in hexadecimal. Connections whose key has gone or changed end at a reload.',
  }),
  use_identity_as_username: option({
    scope: 'listener',
    value: bool(),
    default: false,
    reload: 'new-connections',
    doc: "Takes the user name from the common name of the client's certificate, with `psk_hint` from the identity of its pre-shared key, and asks for no password.",
  }),
  use_subject_as_username: option({
    scope: 'listener',
    value: bool(),
    default: false,
    reload: 'new-connections',
    doc: "Takes the user name from the whole subject of the client's certificate (RFC 2253).",
  }),
}

export type AuthSettings = Settings<typeof authOptions, 'global'>

/** A listener as this room sees it; `listener_allow_anonymous` has already been folded into `allow_anonymous`. */
export type ListenerSettings = ListenerAddress &
  Omit<Settings<typeof authOptions, ListenerScope>, 'allow_anonymous' | 'listener_allow_anonymous'> & {
    readonly allow_anonymous: boolean
  }
