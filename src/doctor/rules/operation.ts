// How the broker is run: bridges, limits, logs, and lines that do not do what they did.

import type { BridgeLines, Configuration, Listener, Section, Setting } from '../configuration.ts'
import { firstWord, isLoopback, isTrue } from '../configuration.ts'
import { deprecations } from '../deprecations.ts'
import { type Observation, quoted, type Rule } from '../finding.ts'
import { repeatable } from '../repeatable.ts'

export const operationRules: readonly Rule[] = [
  {
    id: 'D21',
    severity: 'high',
    title: 'a bridge that trusts anybody, or sends its password in clear',
    why: 'Whoever stands between the two brokers takes the place of the other one, with its password.',
    fix: 'bridge_cafile /etc/mosquitto/certs/ca.crt, bridge_insecure false',
    check: ({ configuration }) => configuration.bridges.flatMap(bridgeFaults),
  },
  {
    id: 'D32',
    severity: 'medium',
    title: 'no limits',
    why: 'One client, broken or hostile, takes all connections, memory or time of the broker.',
    fix: 'a line each above the first listener: max_packet_size 100000, max_queued_bytes 10000000, max_keepalive 3600; and below each listener, as it opens one where none stands above it: max_connections 1000',
    check: ({ configuration }) => missingLimits(configuration),
  },
  {
    id: 'D34',
    severity: 'medium',
    title: 'a log that does not tell who was refused',
    why: 'Refused logins are notices: whoever guesses passwords is not seen.',
    fix: 'log_dest syslog, or log_dest file /var/log/mosquitto/mosquitto.log; log_type error, warning, notice and information, a line each',
    check: ({ configuration }) => silentLog(configuration),
  },
  {
    id: 'D37',
    severity: 'medium',
    title: 'clients without an id, and sessions that are kept',
    why: 'The broker makes up an id at each connection: their sessions are never found again, and cannot be told from those of other clients.',
    fix: 'allow_zero_length_clientid false; or, below each listener, listener_auto_id_prefix auto- (Mosquitto 2.0: auto_id_prefix auto-)',
    check: ({ configuration }) => namelessSessions(configuration),
  },
  {
    id: 'D41',
    severity: 'low',
    title: 'deprecated options',
    why: 'The next version may refuse them, or do something else.',
    fix: 'the replacement that each finding names',
    check: ({ configuration }) =>
      configuration.settings.flatMap(setting => {
        const instead = deprecations.get(setting.name)
        return instead === undefined ? [] : [{ place: setting, evidence: quoted(setting.name), fix: instead }]
      }),
  },
  {
    id: 'D42',
    severity: 'low',
    title: 'options that are set twice',
    why: 'One of the lines has no effect, and whoever edits that one wonders.',
    fix: 'keep the line that counts',
    check: ({ configuration }) => [
      ...[configuration.globals, ...configuration.listeners, ...configuration.bridges].flatMap(repeatedIn),
      ...configuration.listeners.flatMap(overridden),
    ],
  },
  {
    id: 'D45',
    severity: 'info',
    title: 'what this configuration would get with Castellan, as it is',
    why: 'Castellan reads the same files.',
    fix: 'castellan run -c FILE',
    check: ({ configuration, passwords, acls }) => {
      if (configuration.hasOwnOptions) return []
      const place = configuration.settings[0]
      const mutual = configuration.listeners.some(listener => listener.isOn('require_certificate'))
      const gains = [
        ...(mutual ? ['a revoked certificate ends the session that it opened, within a second'] : []),
        ...(passwords.length > 0 ? ['new passwords are hashed with argon2id, and old ones still work'] : []),
        ...(acls.length > 0 ? ['castellan acl check tells for each decision the rule that made it'] : []),
      ]
      return gains.map(evidence => ({ place, evidence }))
    },
  },
]

function bridgeFaults(bridge: BridgeLines): readonly Observation[] {
  const insecure = bridge.last('bridge_insecure')
  const trust = ['bridge_cafile', 'bridge_capath', 'bridge_tls_use_os_certs', 'bridge_psk']
  const isEncrypted = trust.some(key => bridge.last(key) !== undefined)
  const credential = bridge.last('remote_password') ?? bridge.last('remote_username')
  const isLocal = isLoopback((bridge.last('address')?.value ?? '').replace(/:\d+$/, ''))
  return [
    ...(insecure !== undefined && isTrue(insecure) ? [{ place: insecure, evidence: 'bridge_insecure true' }] : []),
    ...(credential === undefined || isEncrypted || isLocal
      ? []
      : [{ place: credential, evidence: `bridge ${quoted(bridge.place.value)} logs in without TLS` }]),
  ]
}

const limits: readonly (readonly [what: string, keys: readonly string[]])[] = [
  ['connections', ['max_connections', 'global_max_connections', 'global_max_clients']],
  ['packets', ['max_packet_size', 'message_size_limit']],
  ['queues', ['max_queued_bytes', 'max_queued_messages', 'max_inflight_bytes']],
  ['keep-alive', ['max_keepalive']],
]

function missingLimits(configuration: Configuration): readonly Observation[] {
  // Only Castellan starts with such a file, and there all of them are finite without a line.
  if (configuration.hasOwnOptions) return []
  const open = configuration.listeners.find(listener => !listener.isLocal)
  const missing = limits.filter(([, keys]) => configuration.line(...keys) === undefined)
  if (open === undefined || missing.length === 0) return []
  const told = missing.map(([what, [first]]) => `${what} (${first})`).join(', ')
  return [{ place: open.place, evidence: `nothing limits ${told}` }]
}

function silentLog({ globals }: Configuration): readonly Observation[] {
  const words = (key: string) => globals.all(key).map(setting => ({ setting, word: firstWord(setting) ?? '' }))
  const destination = words('log_dest').at(-1)
  if (destination?.word === 'none') return [{ place: destination.setting, evidence: 'log_dest none' }]
  const types = words('log_type')
  const told = types.slice(types.findLastIndex(({ word }) => word === 'none') + 1).map(({ word }) => word)
  const last = types.at(-1)
  if (last === undefined || told.includes('notice') || told.includes('all')) return []
  return [{ place: last.setting, evidence: 'log_type without notice' }]
}

function namelessSessions(configuration: Configuration): readonly Observation[] {
  const persistence = configuration.globals.last('persistence')
  const zeroLength = configuration.line('allow_zero_length_clientid')
  const prefix = configuration.line('auto_id_prefix', 'listener_auto_id_prefix')
  const mayBeEmpty = zeroLength === undefined || isTrue(zeroLength)
  if (!isTrue(persistence) || !mayBeEmpty || prefix !== undefined) return []
  return [
    {
      place: zeroLength ?? persistence,
      evidence: 'persistence true, and ids may be empty: a name that the broker gives is another one each time',
    },
  ]
}

function repeatedIn({ settings }: Section): readonly Observation[] {
  const first = new Map<string, Setting>()
  return settings.flatMap(setting => {
    const earlier = first.get(setting.key)
    if (earlier === undefined || repeatable.has(setting.key)) {
      first.set(setting.key, setting)
      return []
    }
    const where = `line ${earlier.line}`
    return [{ place: setting, evidence: `${quoted(setting.name)} again after ${where}; ${effect(setting, earlier)}` }]
  })
}

/** What another option of the same listener goes before. */
function overridden(listener: Listener): readonly Observation[] {
  const subject = listener.last('use_subject_as_username')
  if (!isTrue(subject) || !listener.isOn('use_identity_as_username')) return []
  const evidence = 'use_subject_as_username has no effect; what counts is use_identity_as_username true'
  return [{ place: subject, evidence }]
}

/** Secrets stand in a few of them. */
function effect(setting: Setting, earlier: Setting): string {
  if (earlier.value === setting.value) return 'both say the same'
  return /password|psk/.test(setting.key) ? 'the later one counts' : `what counts is ${quoted(setting.value)}`
}
