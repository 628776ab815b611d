// The options of sessions, messages and topics.

import type { ListenerSettings as AuthListenerSettings } from '../auth/options.ts'
import { type ListenerScope, option, type Settings } from '../config/option.ts'
import { bool, integer, text } from '../config/value.ts'
import type { LogSettings } from '../observe/options.ts'
import { clientExpiration, inflightMessages, mountPoint, protocolVersions, retainExpiry } from './option-values.ts'

const noPersistence = 'sessions and retained messages live in memory; remove the line or set `persistence false`'

/** Below MQTT's 268,435,455 by what forwarding may add: mount point, subscription identifiers, expiry. */
const largestForwardable = 268_000_000

export const brokerOptions = {
  accept_protocol_versions: option({
    scope: 'named-listener',
    value: protocolVersions(),
    default: [3, 4, 5],
    reload: 'new-connections',
    doc: 'Protocol versions that this listener accepts: 3 (MQTT 3.1), 4 (3.1.1), 5.',
  }),
  allow_duplicate_messages: option({
    scope: 'global',
    value: bool(),
    default: true,
    reload: 'live',
    doc: 'Whether a client with overlapping subscriptions gets a message once for each.',
    deprecated: 'The behaviour will default to true.',
  }),
  allow_zero_length_clientid: option({
    scope: 'security',
    value: bool(),
    default: true,
    reload: 'new-connections',
    doc: 'Whether a client may leave its client id empty and be given one.',
  }),
  auto_id_prefix: option({
    scope: 'security',
    value: text({ maximumBytes: 50, tooLong: 'Error: auto_id_prefix length must be <= 50.' }),
    default: 'auto-',
    reload: 'new-connections',
    doc: 'Begins the client ids that the broker makes up.',
    overriddenBy: 'listener_auto_id_prefix',
    deprecated: "Please use 'listener_auto_id_prefix' instead.",
  }),
  autosave_interval: option({
    scope: 'global',
    value: integer({ negative: 0 }),
    default: 1800,
    reload: 'live',
    doc: 'Seconds between two saves of the persistence file.',
    unsupported: { advice: noPersistence },
  }),
  autosave_on_changes: option({
    scope: 'global',
    value: bool(),
    default: false,
    reload: 'live',
    doc: 'Whether `autosave_interval` counts changes instead of seconds.',
    unsupported: { accepts: value => !value, advice: noPersistence },
  }),
  check_retain_source: option({
    scope: 'global',
    value: bool(),
    default: true,
    reload: 'live',
    doc: 'Whether a retained message is only delivered while its publisher may still write to the topic.',
  }),
  clientid_prefixes: option({
    scope: 'global',
    value: text({ syntax: '<prefix>', replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'Client ids that do not begin with this text are refused. One prefix, no pattern.',
    deprecated: '',
  }),
  enable_control_api: option({
    scope: 'global',
    value: bool(),
    default: false,
    reload: 'restart',
    doc: 'Whether the topics under $CONTROL/broker answer.',
    unsupported: { accepts: value => !value, advice: 'set `enable_control_api false`' },
  }),
  global_max_clients: option({
    scope: 'global',
    value: integer(),
    default: -1,
    reload: 'new-connections',
    doc: 'Most sessions, connected or not; negative: no limit.',
  }),
  listener_auto_id_prefix: option({
    scope: 'listener-only',
    value: text({ maximumBytes: 50, tooLong: "Error: 'listener_auto_id_prefix' length must be <= 50." }),
    default: undefined,
    reload: 'new-connections',
    doc: 'Begins the client ids that the broker makes up on this listener.',
  }),
  max_client_id_length: option({
    scope: 'global',
    value: integer({ minimum: 23, maximum: 65_535 }),
    default: 1024,
    reload: 'new-connections',
    doc: 'Most bytes of a client id; longer ones are refused.',
    own: true,
  }),
  max_inflight_bytes: option({
    scope: 'global',
    value: integer({ negative: 0 }),
    default: 0,
    reload: 'live',
    doc: 'Most bytes (payload, topic, properties) on their way to one client at QoS 1 and 2; 0: no limit. One larger message may go alone.',
  }),
  max_inflight_messages: option({
    scope: 'global',
    value: inflightMessages(),
    default: 20,
    reload: 'live',
    doc: 'Most messages on their way to one client at QoS 1 and 2; 0: no limit. Also the Receive Maximum that new connections are told.',
  }),
  max_keepalive: option({
    scope: 'global',
    value: integer({
      minimum: 0,
      maximum: 65_535,
      refusal: (value, name) => `Error: Invalid '${name}' value (${value}).`,
    }),
    default: 0,
    reload: 'new-connections',
    doc: 'Most seconds of keep alive that a client may ask for; 0: any.',
  }),
  max_packet_size: option({
    scope: 'global',
    value: integer({
      minimum: 20,
      maximum: largestForwardable,
      refusal: (value, name) => `Error: '${name}' must be ${value < 20 ? '>= 20' : `<= ${largestForwardable}`}.`,
    }),
    default: 2_000_000,
    reload: 'new-connections',
    doc: 'Most bytes of a packet; larger ones end the connection before they are read.',
  }),
  max_qos: option({
    scope: 'listener',
    value: integer({ minimum: 0, maximum: 2, refusal: () => "Error: 'max_qos' must be between 0 and 2 inclusive." }),
    default: 2,
    reload: 'new-connections',
    doc: 'Highest quality of service on this listener.',
    aliases: ['maximum_qos'],
  }),
  max_queued_bytes: option({
    scope: 'global',
    value: integer({ negative: 0 }),
    default: 0,
    reload: 'live',
    doc: 'Most bytes (payload, topic, properties) of the messages that wait for one client; 0: no limit.',
  }),
  max_queued_messages: option({
    scope: 'global',
    value: integer({ negative: 0 }),
    default: 1000,
    reload: 'live',
    doc: 'Most messages that wait for one client; further ones are dropped; 0: no limit.',
  }),
  max_subscription_levels_per_client: option({
    scope: 'global',
    value: integer({ minimum: 1 }),
    default: 50_000,
    reload: 'live',
    doc: 'Most levels of all topic filters of one session together; what passes them is refused. Bounds the search for every message.',
    own: true,
  }),
  max_subscriptions_per_client: option({
    scope: 'global',
    value: integer({ minimum: 1 }),
    default: 10_000,
    reload: 'live',
    doc: 'Most subscriptions of one session; further ones are refused.',
    own: true,
  }),
  max_takeovers: option({
    scope: 'global',
    value: integer({ minimum: 0 }),
    default: 5,
    reload: 'live',
    doc: 'Takeovers of one client id, a few in a minute, before the next ones are slowed down.',
    own: true,
  }),
  max_topic_alias: option({
    scope: 'listener-only',
    value: topicAlias(),
    default: 10,
    reload: 'new-connections',
    doc: 'Most topic aliases that a client may use towards the broker.',
  }),
  max_topic_alias_broker: option({
    scope: 'listener-only',
    value: topicAlias(),
    default: 10,
    reload: 'new-connections',
    doc: 'Most topic aliases that the broker uses towards a client.',
  }),
  max_topic_levels: option({
    scope: 'global',
    value: integer({ minimum: 1, maximum: 65_535 }),
    default: 200,
    reload: 'live',
    doc: 'Most levels of a topic name or filter; deeper ones are refused.',
    own: true,
  }),
  memory_limit: option({
    scope: 'global',
    value: integer({ minimum: 0, refusal: (value, name) => `Error: Invalid '${name}' value (${value}).` }),
    default: undefined,
    reload: 'live',
    doc: 'Most bytes of memory that the broker uses.',
    unsupported: { advice: 'limit the memory with the service manager, and queues with max_queued_bytes' },
  }),
  message_size_limit: option({
    scope: 'global',
    value: integer({
      minimum: 0,
      maximum: 268_435_455,
      refusal: (value, name) => `Error: Invalid '${name}' value (${value >>> 0}).`,
    }),
    default: 0,
    reload: 'live',
    doc: 'Most payload bytes of a message; larger ones are dropped; 0: no limit.',
    notice: 'Note: It is recommended to replace `message_size_limit` with `max_packet_size`.',
  }),
  mount_point: option({
    scope: 'listener-only',
    value: mountPoint(),
    default: undefined,
    reload: 'new-connections',
    doc: 'Put before every topic of the clients of this listener; rules see the whole topic.',
  }),
  persistence: option({
    scope: 'global',
    value: bool(),
    default: false,
    reload: 'restart',
    doc: 'Whether sessions and retained messages outlive the process.',
    aliases: ['retained_persistence'],
    unsupported: { accepts: value => !value, advice: noPersistence },
  }),
  persistence_file: option({
    scope: 'global',
    value: text(),
    default: 'mosquitto.db',
    reload: 'restart',
    doc: 'Name of the persistence file.',
    unsupported: { advice: noPersistence },
  }),
  persistence_location: option({
    scope: 'global',
    value: text({ syntax: '<directory>' }),
    default: undefined,
    reload: 'restart',
    doc: 'Directory of the persistence file.',
    unsupported: { advice: noPersistence },
  }),
  persistent_client_expiration: option({
    scope: 'global',
    value: clientExpiration(),
    default: 0,
    reload: 'new-connections',
    doc: 'How long a session outlives its connection at most, in seconds; 0: as long as its client asked. The value counts that holds when the connection ends.',
  }),
  publish_will_on_takeover: option({
    scope: 'global',
    value: bool(),
    default: false,
    reload: 'live',
    doc: 'Whether the Will of a connection is published when another connection takes its session over.',
    own: true,
  }),
  queue_qos0_messages: option({
    scope: 'global',
    value: bool(),
    default: false,
    reload: 'live',
    doc: 'Whether messages of QoS 0 wait for clients that are away.',
  }),
  retain_available: option({
    scope: 'global',
    value: bool(),
    default: true,
    reload: 'new-connections',
    doc: 'Whether messages may be retained.',
  }),
  retain_expiry_interval: option({
    scope: 'global',
    value: retainExpiry(),
    default: 0,
    reload: 'live',
    doc: 'Minutes that a retained message is kept; 0: for ever.',
  }),
  retry_interval: option({
    scope: 'ignored',
    value: text(),
    default: undefined,
    reload: 'live',
    doc: 'Without effect: messages are only sent again when a client reconnects.',
    warning: "Warning: The 'retry_interval' option is no longer available.",
  }),
  session_owner_check: option({
    scope: 'global',
    value: bool(),
    default: true,
    reload: 'live',
    doc: 'Whether a session belongs to the user who opened it. DANGEROUS when false: any user can take over the session of any client id, with its queued messages.',
    own: true,
  }),
  sys_interval: option({
    scope: 'global',
    value: integer({
      minimum: 0,
      maximum: 65_535,
      refusal: (value, name) => `Error: Invalid '${name}' value (${value}).`,
    }),
    default: 10,
    reload: 'live',
    doc: 'Seconds between two updates of $SYS; 0: none.',
  }),
  upgrade_outgoing_qos: option({
    scope: 'global',
    value: bool(),
    default: false,
    reload: 'live',
    doc: "Whether messages are delivered at the subscription's QoS even if they were published at a lower one.",
  }),
  use_username_as_clientid: option({
    scope: 'listener',
    value: bool(),
    default: false,
    reload: 'new-connections',
    doc: 'Uses the user name as the client id, whatever id the client sent.',
  }),
}

export type BrokerSettings = Settings<typeof brokerOptions, 'global'> & Pick<LogSettings, 'connection_messages'>

/** A listener as this room sees it; the `listener_*` options have already been folded into what they override. */
export type ListenerSettings = AuthListenerSettings &
  Omit<Settings<typeof brokerOptions, ListenerScope>, 'listener_auto_id_prefix'>

function topicAlias() {
  return integer({
    minimum: 0,
    maximum: 65_535,
    refusal: (_, name) => `Error: Invalid '${name}' value in configuration.`,
  })
}
