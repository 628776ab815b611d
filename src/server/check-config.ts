// Rules between options, once all of them are known: what is refused, and what is worth a warning at start.

import type { SourceName } from '../auth/auth-chain.ts'
import { orderFault } from '../auth/auth-order.ts'
import { highAvailabilityPlugin } from '../auth/built-in-plugins.ts'
import { certificateGrantFault } from '../auth/certificate-grant-options.ts'
import { httpHookFault } from '../auth/http-hook-options.ts'
import { claimFault, takesTokens, tokenFault } from '../auth/jwt-options.ts'
import { ldapFault } from '../auth/ldap-options.ts'
import { escapeText } from '../base/escape.ts'
import { bridgeFaults, bridgeWarnings } from '../bridge/check.ts'
import { bridgesOf } from '../bridge/options.ts'
import type { ConfigProblem } from '../config/config-error.ts'
import type { ConfigMessage } from '../config/draft.ts'
import type { Plugin } from '../config/plugin.ts'
import type { HttpAddress } from '../http/options.ts'
import { asksForCertificate } from '../net/options.ts'
import type { Config, ListenerSettings } from './options.ts'
import { persistedTwice, persistencePluginOf } from './persistence-plugin.ts'
import { pluginFaults, pluginWarnings } from './plugin-options.ts'
import { aclPaths, externalSources, passwordSources, securityFile, securityPlugin } from './rule-sources.ts'

type Resolved = Pick<Config, 'global' | 'listeners' | 'localOnly'>

/** Combinations that Mosquitto refuses; it names no line, so the hint names the listener. */
export function checkConfig(config: Resolved): readonly ConfigProblem[] {
  return [
    ...config.listeners.flatMap(combinationFault),
    ...pluginProblems(config),
    ...securityFaults(config),
    ...roleLimitFaults(config),
    ...config.listeners.flatMap(listener => rulesFaults(config, listener)),
    ...config.listeners.flatMap(listener => tokenFaults(config, listener)),
    ...config.listeners.flatMap(listener => grantFaults(config, listener)),
    ...config.listeners.flatMap(listener => sourceFaults(config, listener)),
    ...bridgeProblems(config),
  ]
}

function bridgeProblems({ global }: Resolved): readonly ConfigProblem[] {
  return bridgeFaults(bridgesOf(global.connection)).map(fault => ({ refusedBy: 'mosquitto', ...fault, locations: [] }))
}

function pluginProblems(config: Resolved): readonly ConfigProblem[] {
  const isTwice = config.global.persistence && persistencePluginOf(config) !== undefined
  const messages = [...(isTwice ? [persistedTwice] : []), ...pluginFaults(config)]
  return messages.map(message => ({ refusedBy: 'mosquitto', message, locations: [] }))
}

/** Mosquitto would go on without the plugin, and let everybody do everything. */
function securityFaults({ global, listeners }: Resolved): readonly ConfigProblem[] {
  const files = new Set<string>()
  for (const listener of listeners) {
    const plugin = securityPlugin(global, listener)
    if (plugin === undefined) continue
    const file = securityFile(global, plugin)
    if (file === undefined) return [ours(needsFile(plugin), listener)]
    files.add(file)
  }
  const [first, second] = files
  if (first === undefined || second === undefined) return []
  const names = `"${escapeText(first)}" and "${escapeText(second)}"`
  return [ours(`Error: Dynamic security has one config file, and ${names} are named.`, listeners[0])]
}

/** Nobody would be limited, and nobody would notice. */
function roleLimitFaults({ global, listeners }: Resolved): readonly ConfigProblem[] {
  const hasRoles = listeners.some(listener => securityPlugin(global, listener) !== undefined)
  if (hasRoles || global.role_limit.length === 0) return []
  return [ours('Error: role_limit needs the plugin of dynamic security: without it nobody has a role.', listeners[0])]
}

/** The rules of a file that is passed over are those that somebody relies on. */
function rulesFaults({ global }: Resolved, listener: ListenerSettings): readonly ConfigProblem[] {
  const [first, second] = aclPaths(global, listener)
  if (first === undefined || second === undefined) return []
  const names = `"${escapeText(first, 4096)}" and "${escapeText(second, 4096)}"`
  return [ours(`Error: The rules of a listener are in one acl_file, and ${names} are named.`, listener)]
}

/** A source that would never be asked is one that somebody relies on. */
function sourceFaults({ global }: Resolved, listener: ListenerSettings): readonly ConfigProblem[] {
  const sources = passwordSources(global, listener)
  const fault =
    httpHookFault(listener) ??
    ldapFault(listener, securityPlugin(global, listener) !== undefined) ??
    orderFault(listener.auth_order, sources) ??
    (namesComeFromTls(listener) ? unaskedFault(externalSources(listener)) : undefined)
  return fault === undefined ? [] : [ours(fault, listener)]
}

/** Whoever has no certificate that is only requested gives a password. */
function namesComeFromTls(listener: ListenerSettings): boolean {
  const { use_identity_as_username, use_subject_as_username, certificate_username } = listener
  if (listener.request_certificate && !listener.require_certificate) return false
  return use_identity_as_username || use_subject_as_username || certificate_username !== undefined
}

function unaskedFault([name]: readonly SourceName[]): string | undefined {
  if (name === undefined) return undefined
  return `Error: Nobody would ask ${name}: the certificate or key says the user name; certificate_username_match goes with it.`
}

function grantFaults({ global }: Resolved, listener: ListenerSettings): readonly ConfigProblem[] {
  const fault = certificateGrantFault(listener, securityPlugin(global, listener) !== undefined)
  return fault === undefined ? [] : [ours(fault, listener)]
}

function tokenFaults({ global }: Resolved, listener: ListenerSettings): readonly ConfigProblem[] {
  const fault = tokenFault(listener) ?? claimFault(listener, securityPlugin(global, listener) !== undefined)
  return fault === undefined ? [] : [ours(fault, listener)]
}

function needsFile({ baseName }: Plugin): string {
  const line =
    baseName === highAvailabilityPlugin ? '`persistence_location`' : '`plugin_opt_config_file` below the plugin'
  return `Error: Dynamic security needs its config file: add ${line}.`
}

function ours(message: string, listener: ListenerSettings | undefined): ConfigProblem {
  const hint = `This is about the listener of ${listener?.origin ?? ''}.`
  return { refusedBy: 'castellan', message, locations: [], hint }
}

function combinationFault(listener: ListenerSettings): readonly ConfigProblem[] {
  const message = certificateFault(listener) ?? proxyFault(listener)
  const hint = `This is about the listener of ${listener.origin}.`
  if (message !== undefined) return [{ refusedBy: 'mosquitto', message, locations: [], hint }]
  const fault = apiFault(listener)
  return fault === undefined ? [] : [ours(fault, listener)]
}

/** What is allowed, but probably not meant, or dangerous. */
export function warningsAbout(config: Resolved): readonly ConfigMessage[] {
  const { global, listeners, localOnly } = config
  const lines = [
    ...(localOnly ? localOnlyLines : []),
    ...listeners.flatMap(listener => [...warningsAboutListener(listener, global)]),
    ...(global.session_owner_check ? [] : [ownerCheckIsOff]),
    ...(global.allow_certificates_without_client ? [strangersAreLetIn] : []),
    ...(global.allow_unissued_certificates && global.ca_directory !== undefined ? [copiedKeysAreLetIn] : []),
    ...(listeners.some(listener => isHighlyAvailable(global, listener)) ? [thereIsNoCluster] : []),
    ...pluginWarnings(config),
    ...bridgeWarnings(bridgesOf(global.connection)),
    ...metricsForEverybody(global.metrics_listener),
    ...(global.tls_keylog === undefined ? [] : [secretsAreWritten]),
  ]
  return lines.map(line => ({ type: 'warning', line }))
}

const localOnlyLines = [
  'Starting in local only mode. Connections will only be possible from clients running on this machine.',
  'Create a configuration file which defines a listener to allow remote access.',
  'For more details see https://mosquitto.org/documentation/authentication-methods/',
]

const ownerCheckIsOff =
  'Warning: session_owner_check is off: any user can take over the session and the queued messages of any client id.'

const strangersAreLetIn =
  'Warning: allow_certificates_without_client is on: dynamic security does not keep out whoever has a certificate.'

const thereIsNoCluster =
  'Warning: of cedalo_mosquitto_ha.so dynamic security alone is built in: this broker shares nothing with others.'

function isHighlyAvailable(global: Config['global'], listener: ListenerSettings): boolean {
  return securityPlugin(global, listener)?.baseName === highAvailabilityPlugin
}

const copiedKeysAreLetIn =
  'Warning: allow_unissued_certificates is on: whoever has a copy of a key of ca_directory makes certificates that are accepted.'

const secretsAreWritten =
  'Warning: the secrets of all TLS connections are written to a file (tls_keylog): whoever reads it can decrypt all traffic.'

function certificateFault({ certfile, keyfile, cafile, capath, psk_hint }: ListenerSettings): string | undefined {
  if (psk_hint !== undefined && [certfile, keyfile, cafile, capath].some(file => file !== undefined)) {
    return 'Error: Cannot use both certificate and psk encryption in a single listener.'
  }
  if ((certfile === undefined) !== (keyfile === undefined)) {
    return 'Error: Both certfile and keyfile must be provided to enable a TLS listener.'
  }
  if (certfile !== undefined) return undefined
  if (cafile !== undefined) return 'Error: cafile specified without certfile and keyfile.'
  if (capath !== undefined) return 'Error: capath specified without certfile and keyfile.'
  return undefined
}

/** With version 2 it is the load balancer that speaks TLS. */
function proxyFault(listener: ListenerSettings): string | undefined {
  const { enable_proxy_protocol, proxy_protocol_v2_require_tls, certfile, use_subject_as_username } = listener
  if (enable_proxy_protocol === 2) {
    if (certfile !== undefined) return 'Error: certfile and keyfile cannot be used with `enable_proxy_protocol 2`.'
    if (use_subject_as_username) return 'Error: use_subject_as_username cannot be used with `enable_proxy_protocol 2`.'
  } else if (proxy_protocol_v2_require_tls) {
    return 'Error: proxy_protocol_v2_require_tls needs `enable_proxy_protocol 2`.'
  }
  return undefined
}

/** What Mosquitto passes over there: whoever wrote it relies on it. */
function apiFault(listener: ListenerSettings): string | undefined {
  const { protocol, path, psk_hint, enable_proxy_protocol, require_certificate, request_certificate } = listener
  if (protocol !== 'http_api') return undefined
  const isSet = {
    'a unix socket': path !== undefined,
    psk_hint: psk_hint !== undefined,
    enable_proxy_protocol: enable_proxy_protocol !== undefined,
    require_certificate,
    request_certificate,
  }
  const [name] = Object.entries(isSet).find(([, value]) => value) ?? []
  return name && `Error: ${name} cannot be used with \`protocol http_api\`; it asks for user names and passwords.`
}

function* warningsAboutApi({ protocol, http_dir, origin, allow_anonymous, ...listener }: ListenerSettings) {
  if (protocol !== 'http_api') {
    if (http_dir !== undefined) yield `Warning: http_dir without 'protocol http_api' is without effect (${origin}).`
  } else if (allow_anonymous && !isLocal(listener)) {
    yield `Warning: with 'protocol http_api' and anonymous clients whoever can reach the listener reads what it has (${origin}).`
  }
}

function* warningsAboutTransport(listener: ListenerSettings): Generator<string> {
  const { enable_proxy_protocol, protocol, websockets_origin, allow_anonymous, origin } = listener
  if (enable_proxy_protocol !== undefined && !isLocal(listener)) {
    yield `Warning: with enable_proxy_protocol whoever can reach the listener may claim any address${enable_proxy_protocol === 2 ? ' and certificate' : ''}: let only the load balancer reach it (${origin}).`
  }
  if (protocol === 'websockets' && websockets_origin === undefined && allow_anonymous) {
    yield `Warning: every web page that somebody looks at who can reach this listener can connect to it: set websockets_origin (${origin}).`
  }
}

function* warningsAboutListener(listener: ListenerSettings, global: Config['global']): Generator<string> {
  yield* warningsAboutTransport(listener)
  yield* warningsAboutApi(listener)
  const { port, certfile, keyfile, psk_hint, origin } = listener
  for (const [name, value] of Object.entries({ certfile, keyfile })) {
    if (value !== undefined && namesSeveralFiles(value)) yield severalFiles(name, value, origin)
  }
  if (certfile !== undefined) {
    yield* asksForCertificate(listener) ? nobodyIsTrusted(listener) : certificateIsNotAsked(listener)
    return
  }
  if (psk_hint !== undefined) {
    if (listener.psk_file === undefined)
      yield `Warning: psk_hint without psk_file: nobody has a key, so every client is refused (${origin}).`
    return
  }
  yield* nothingIsEncrypted(listener)
  if (port === 8883)
    yield `Warning: plaintext listener on 8883: without certfile and keyfile (${origin}) nothing is encrypted.`
  const takesPasswords = passwordSources(global, listener).length > 0
  if ((takesPasswords || takesTokens(listener)) && listener.enable_proxy_protocol !== 2 && !isLocal(listener)) {
    yield `Warning: Listener on port ${port} is not encrypted: passwords sent to it can be read on the way (${origin}).`
  }
}

// With version 2 of the PROXY protocol it is the proxy that has asked for a certificate.
function* nothingIsEncrypted({ require_certificate, request_certificate, crlfile, ...listener }: ListenerSettings) {
  if (listener.enable_proxy_protocol === 2) return
  for (const [name, isSet] of Object.entries({ require_certificate, request_certificate, crlfile })) {
    if (isSet === undefined || isSet === false) continue
    yield `Warning: ${name} without certfile and keyfile is without effect: nobody is asked for a certificate (${listener.origin}).`
  }
}

function* nobodyIsTrusted({ cafile, capath, require_certificate, origin }: ListenerSettings) {
  if (cafile === undefined && capath === undefined) {
    const option = require_certificate ? 'require_certificate' : 'request_certificate'
    yield `Warning: with '${option} true' and neither cafile nor capath no authority is trusted, so every client is refused (${origin}).`
  }
}

function* certificateIsNotAsked(listener: ListenerSettings) {
  const { use_identity_as_username, use_subject_as_username, certificate_username, crlfile, origin } = listener
  if (crlfile !== undefined) {
    yield `Warning: without 'require_certificate true' no client certificate is asked for, and crlfile changes nothing (${origin}).`
  }
  if (use_identity_as_username || use_subject_as_username || certificate_username !== undefined) {
    yield `Warning: without 'require_certificate true' no client certificate is asked for, so nobody has a user name and nobody is let in (${origin}).`
  }
}

// `certfile a.crt b.crt` is one path with a space in it; nobody means that when both words look like files.
function namesSeveralFiles(value: string): boolean {
  const words = value.split(/\s+/)
  return words.length > 1 && words.slice(1).some(word => /^\/|\.(crt|key|pem|cer)$/i.test(word))
}

function severalFiles(name: string, value: string, origin: string): string {
  return `Warning: ${name} takes one file, and "${escapeText(value)}" is read as one path (${origin}). One certificate per listener; client certificates do not belong on the broker.`
}

function metricsForEverybody(listener: HttpAddress | undefined): readonly string[] {
  if (listener === undefined || isLocal(listener)) return []
  const place = `port ${listener.port} of ${escapeText(listener.address)}`
  return [
    `Warning: metrics_listener on ${place}: whoever can reach it reads all metrics, without a password or encryption.`,
  ]
}

function isLocal({ port, address }: Pick<ListenerSettings, 'port' | 'address'>): boolean {
  return port === 0 || address === 'localhost' || address === '::1' || /^127\./.test(address ?? '')
}
