// The options of bridges, and the settings of one bridge: what its lines say, and the defaults for the rest.

import { type BridgeLines, bridgeNames } from '../config/bridge-lines.ts'
import { option, type Settings } from '../config/option.ts'
import { bool, choice, integer, path, text, type Value } from '../config/value.ts'
import { addresses, atLeast, restartTimeout, sessionExpiry, tcpKeepAlive, topics } from './option-values.ts'

export const bridgeOptions = {
  connection: option({
    scope: 'global',
    value: bridgeNames(),
    default: [],
    reload: 'live',
    doc: 'Begins a bridge to another broker.',
    opens: 'bridge',
  }),
  address: bridgeOption(addresses(), undefined, 'Brokers to connect to; the port is 1883 unless given.', ['addresses']),
  topic: bridgeOption(topics(), [], 'Topics to share, and how they are called on either side.'),
  bridge_alpn: bridgeOption(text(), undefined, 'Protocol name offered in the TLS handshake.'),
  bridge_attempt_unsubscribe: bridgeOption(
    bool(),
    true,
    'Whether topics that only go out are unsubscribed from on the other broker at each connection.',
  ),
  bridge_bind_address: bridgeOption(text(), undefined, 'Local address of the connection.'),
  bridge_cafile: bridgeOption(path(), undefined, 'Authorities trusted for the other broker.'),
  bridge_capath: bridgeOption(path(), undefined, 'Directory of authorities trusted for the other broker.'),
  bridge_certfile: bridgeOption(path(), undefined, 'Certificate shown to the other broker.'),
  bridge_ciphers: bridgeOption(text(), undefined, 'Cipher suites for TLS 1.2.'),
  'bridge_ciphers_tls1.3': bridgeOption(text(), undefined, 'Cipher suites for TLS 1.3.'),
  bridge_crlfile: {
    ...bridgeOption(
      path(),
      undefined,
      "Revocation lists that the other broker's certificate must not be on, PEM or DER; used a week past their end, and read when they change.",
    ),
    own: true as const,
  },
  bridge_identity: bridgeOption(text(), undefined, 'Identity of the pre-shared key.'),
  bridge_insecure: bridgeOption(bool(), false, "Whether the other broker's host name is not verified."),
  bridge_keyfile: bridgeOption(path({ replace: true }), undefined, 'Private key of `bridge_certfile`.'),
  bridge_max_packet_size: bridgeOption(
    integer({ negative: 0 }),
    0,
    'Most bytes of a packet to the other broker; larger messages are dropped. 0: as the other broker says.',
  ),
  bridge_max_topic_alias: bridgeOption(
    integer({
      minimum: 0,
      maximum: 65_535,
      refusal: () => 'Error: bridge_max_topic_alias must be > 0 and <= 65535.',
    }),
    10,
    'Most topic aliases in either direction (MQTT 5).',
  ),
  bridge_outgoing_retain: bridgeOption(bool(), true, 'Whether outgoing messages keep their retain flag.'),
  bridge_protocol_version: bridgeOption(
    choice(['mqttv31', 'mqttv311', 'mqttv50'], token => `Error: Invalid bridge_protocol_version value (${token}).`),
    'mqttv311',
    'Protocol version; MQTT 3.1.1 is tried where 5.0 is refused.',
  ),
  bridge_psk: bridgeOption(text({ syntax: '<hex>' }), undefined, 'Pre-shared key.'),
  bridge_receive_maximum: bridgeOption(
    integer({
      minimum: 1,
      maximum: 65_535,
      refusal: value =>
        value < 1
          ? 'Error: bridge_receive_maximum must be greater than 0.'
          : 'Error: bridge_receive_maximum must be lower than 65535.',
    }),
    undefined,
    'Messages of QoS 1 and 2 that the other broker may have under way to this one (MQTT 5); `max_inflight_messages` where that is less.',
  ),
  bridge_reload_type: bridgeOption(
    choice(['lazy', 'immediate'], (token, name) => `Error: Invalid '${name}' value in configuration (${token}).`),
    'lazy',
    'Whether changes at a reload wait for the next connection, or are made at once.',
  ),
  bridge_require_ocsp: bridgeOption(bool(), false, 'Whether a stapled OCSP answer is demanded.'),
  bridge_session_expiry_interval: bridgeOption(
    sessionExpiry(),
    0,
    'Seconds that the session on the other broker outlives the connection (MQTT 5); 4294967295 is for ever.',
  ),
  bridge_tcp_keepalive: bridgeOption(
    tcpKeepAlive(),
    undefined,
    'TCP keep alive: seconds of silence, seconds between probes, and how many.',
  ),
  bridge_tcp_user_timeout: {
    ...bridgeOption(
      integer({ minimum: 0, refusal: () => 'Error: invalid TCP user timeout value.' }),
      undefined,
      'Milliseconds that sent data may stay unacknowledged by the other machine; 0: as the system has it.',
    ),
    unsupported: {
      accepts: (value: number) => value === 0,
      advice: 'Node cannot set it: `keepalive_interval` or `bridge_tcp_keepalive` finds a connection that is dead',
    },
  },
  bridge_tls_use_os_certs: bridgeOption(bool(), false, 'Whether the authorities of the system are trusted.'),
  bridge_tls_version: bridgeOption(text({ syntax: 'tlsv1.2 | tlsv1.3' }), undefined, 'Oldest version of TLS.'),
  cleansession: bridgeOption(bool(), false, 'Whether the session on the other broker starts clean.'),
  idle_timeout: bridgeOption(
    atLeast(1, 'idle_timeout interval too low, using 1 second.'),
    60,
    'Seconds without messages after which a lazy bridge disconnects.',
  ),
  keepalive_interval: bridgeOption(
    atLeast(5, 'keepalive interval too low, using 5 seconds.', {
      maximum: 65_535,
      refusal: () => 'Error: Bridge keepalive value too high.',
    }),
    60,
    'Seconds of keep alive.',
  ),
  local_cleansession: bridgeOption(
    bool(),
    undefined,
    'Whether the session on this broker starts clean, and so keeps nothing while the other is away; as `cleansession` unless set.',
  ),
  local_clientid: bridgeOption(
    text({ nameInErrors: 'bridge local clientd' }),
    undefined,
    'Client id on this broker; `local.` and the other one unless set.',
  ),
  local_password: bridgeOption(
    text({ nameInErrors: 'bridge local_password' }),
    undefined,
    'Without effect: this broker trusts its own configuration.',
  ),
  local_username: bridgeOption(
    text({ nameInErrors: 'bridge local_username' }),
    undefined,
    'User by whose rules the bridge may publish and receive on this broker; without it, it may do everything that clients may.',
  ),
  notification_topic: bridgeOption(
    text(),
    undefined,
    'Topic of the state of the bridge; `$SYS/broker/connection/<remote_clientid>/state` unless set.',
  ),
  notifications: bridgeOption(bool(), true, 'Whether the state of the bridge is published, as a retained `1` or `0`.'),
  notifications_local_only: bridgeOption(bool(), false, 'Whether it is published on this broker only.'),
  remote_clientid: bridgeOption(
    text({ nameInErrors: 'bridge remote clientid' }),
    undefined,
    'Client id on the other broker; `<host name>.<connection>` unless set.',
    ['clientid'],
  ),
  remote_password: bridgeOption(
    text({ nameInErrors: 'bridge remote_password' }),
    undefined,
    'Password on the other broker.',
    ['password'],
  ),
  remote_username: bridgeOption(
    text({ nameInErrors: 'bridge remote_username' }),
    undefined,
    'User name on the other broker.',
    ['username'],
  ),
  restart_timeout: bridgeOption(
    restartTimeout(),
    undefined,
    'Seconds before a reconnect: always the same, or at random between base and cap, from base again after a connection that lasted for the stable time. Base 5 and cap 30 unless set.',
  ),
  round_robin: bridgeOption(bool(), false, 'Whether all addresses are equal; otherwise the first one is preferred.'),
  start_type: bridgeOption(
    choice(['automatic', 'lazy', 'once'], (token, name) =>
      token === 'manual'
        ? 'Error: Manual start_type not supported.'
        : `Error: Invalid '${name}' value in configuration (${token}).`,
    ),
    'automatic',
    'Whether the bridge connects at once and again whenever it has to, when messages wait for it, or at the start alone.',
  ),
  threshold: bridgeOption(
    atLeast(1, 'threshold too low, using 1 message.'),
    10,
    'Messages that have to wait for a lazy bridge to connect.',
  ),
  try_private: bridgeOption(
    bool(),
    true,
    'Whether the other broker is told, before MQTT 5, that this is a bridge: it sends nothing back then, and keeps retain flags.',
  ),
}

/** The bridges of a broker. */
export type BridgeDirectory = Settings<typeof bridgeOptions, 'global'>

/** The values of one `connection` by option name, defaults filled in. */
export type BridgeSettings = Settings<typeof bridgeOptions, 'bridge'> & { readonly name: string }

/** The settings of each bridge, in the order of the file. */
export function bridgesOf(lines: readonly BridgeLines[]): readonly BridgeSettings[] {
  return lines.map(settingsOf)
}

function settingsOf({ name, options: set }: BridgeLines): BridgeSettings {
  const settings = Object.entries(bridgeOptions)
    .filter(([, { scope }]) => scope === 'bridge')
    .map(([key, { default: preset }]) => [key, set.get(key) ?? preset])
  // The keys and values are those of the table that the type derives from.
  return Object.freeze({ ...Object.fromEntries(settings), name }) as BridgeSettings
}

function bridgeOption<T, const D extends T | undefined>(
  value: Value<T>,
  preset: D,
  doc: string,
  aliases: readonly string[] = [],
) {
  return option({ scope: 'bridge', value, default: preset, reload: 'live', doc, aliases })
}
