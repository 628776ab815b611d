// The options of bridges: all are known, so that a file with a bridge is refused for the bridge and not for its spelling.

import { escapeText } from '../base/escape.ts'
import { option } from '../config/option.ts'
import { bool, choice, firstToken, integer, OptionValueError, path, text, type Value } from '../config/value.ts'

export const bridgeOptions = {
  connection: option({
    scope: 'global',
    value: bridgeNames(),
    default: [],
    reload: 'live',
    doc: 'Begins a bridge to another broker.',
    opens: 'bridge',
    unsupported: { advice: 'keep the bridge on a broker that has bridges, and remove its lines' },
  }),
  address: bridgeOption(firstWord(), 'Brokers to connect to: `host[:port] …`.', ['addresses']),
  topic: bridgeOption(firstWord(), 'Topics to share: `pattern [out | in | both [qos [local remote]]]`.'),
  bridge_alpn: bridgeOption(text(), 'Protocol name offered in the TLS handshake.'),
  bridge_attempt_unsubscribe: bridgeOption(bool(), 'Whether topics that are not shared any more are unsubscribed.'),
  bridge_bind_address: bridgeOption(text(), 'Local address of the connection.'),
  bridge_cafile: bridgeOption(path(), 'Authorities trusted for the other broker.'),
  bridge_capath: bridgeOption(path(), 'Directory of authorities trusted for the other broker.'),
  bridge_certfile: bridgeOption(path(), 'Certificate shown to the other broker.'),
  bridge_ciphers: bridgeOption(text(), 'Cipher suites for TLS 1.2.'),
  'bridge_ciphers_tls1.3': bridgeOption(text(), 'Cipher suites for TLS 1.3.'),
  bridge_identity: bridgeOption(text(), 'Identity of the pre-shared key.'),
  bridge_insecure: bridgeOption(bool(), "Whether the other broker's host name is not verified."),
  bridge_keyfile: bridgeOption(path({ replace: true }), 'Private key of `bridge_certfile`.'),
  bridge_max_packet_size: bridgeOption(integer({ negative: 0 }), 'Most bytes of a packet; 0: no limit.'),
  bridge_max_topic_alias: bridgeOption(
    integer({
      minimum: 0,
      maximum: 65_535,
      refusal: () => 'Error: bridge_max_topic_alias must be > 0 and <= 65535.',
    }),
    'Most topic aliases.',
  ),
  bridge_outgoing_retain: bridgeOption(bool(), 'Whether outgoing messages keep their retain flag.'),
  bridge_protocol_version: bridgeOption(choice(['mqttv31', 'mqttv311', 'mqttv50']), 'Protocol version.'),
  bridge_psk: bridgeOption(text({ syntax: '<hex>' }), 'Pre-shared key.'),
  bridge_receive_maximum: bridgeOption(
    integer({
      minimum: 1,
      maximum: 65_535,
      refusal: value =>
        value < 1
          ? 'Error: bridge_receive_maximum must be greater than 0.'
          : 'Error: bridge_receive_maximum must be lower than 65535.',
    }),
    'Receive Maximum.',
  ),
  bridge_reload_type: bridgeOption(
    choice(['lazy', 'immediate'], (token, name) => `Error: Invalid '${name}' value in configuration (${token}).`),
    'When changes take effect.',
  ),
  bridge_require_ocsp: bridgeOption(bool(), 'Whether a stapled OCSP answer is demanded.'),
  bridge_session_expiry_interval: bridgeOption(
    integer({ minimum: 0, refusal: () => 'Error: bridge_session_expiry_interval must not be negative.' }),
    'Seconds that the session outlives the connection.',
  ),
  bridge_tcp_keepalive: bridgeOption(firstWord('<idle> <interval> <count>'), 'TCP keep alive.'),
  bridge_tcp_user_timeout: bridgeOption(
    integer({ minimum: 0, refusal: () => 'Error: invalid TCP user timeout value.' }),
    'Milliseconds that sent data may stay unacknowledged.',
  ),
  bridge_tls_use_os_certs: bridgeOption(bool(), 'Whether the authorities of the system are trusted.'),
  bridge_tls_version: bridgeOption(text({ syntax: 'tlsv1.2 | tlsv1.3' }), 'Oldest version of TLS.'),
  cleansession: bridgeOption(bool(), 'Whether the session on the other broker starts clean.'),
  idle_timeout: bridgeOption(integer(), 'Seconds without messages after which a lazy bridge disconnects.'),
  keepalive_interval: bridgeOption(
    integer({ maximum: 65_535, refusal: () => 'Error: Bridge keepalive value too high.' }),
    'Seconds of keep alive.',
  ),
  local_cleansession: bridgeOption(bool(), 'Whether the local session starts clean.'),
  local_clientid: bridgeOption(text({ nameInErrors: 'bridge local clientd' }), 'Client id on this broker.'),
  local_password: bridgeOption(text({ nameInErrors: 'bridge local_password' }), 'Password on this broker.'),
  local_username: bridgeOption(text({ nameInErrors: 'bridge local_username' }), 'User name on this broker.'),
  notification_topic: bridgeOption(text(), 'Topic of the state of the bridge.'),
  notifications: bridgeOption(bool(), 'Whether the state of the bridge is published.'),
  notifications_local_only: bridgeOption(bool(), 'Whether it is published on this broker only.'),
  remote_clientid: bridgeOption(text({ nameInErrors: 'bridge remote clientid' }), 'Client id on the other broker.', [
    'clientid',
  ]),
  remote_password: bridgeOption(text({ nameInErrors: 'bridge remote_password' }), 'Password on the other broker.', [
    'password',
  ]),
  remote_username: bridgeOption(text({ nameInErrors: 'bridge remote_username' }), 'User name on the other broker.', [
    'username',
  ]),
  restart_timeout: bridgeOption(firstWord('<base> [<cap> [<stable>]]'), 'Seconds before a reconnect.'),
  round_robin: bridgeOption(bool(), 'Whether the addresses are used in turn.'),
  start_type: bridgeOption(
    choice(['automatic', 'lazy', 'once'], (token, name) =>
      token === 'manual'
        ? 'Error: Manual start_type not supported.'
        : `Error: Invalid '${name}' value in configuration (${token}).`,
    ),
    'When the bridge connects.',
  ),
  threshold: bridgeOption(integer(), 'Messages that wake a lazy bridge.'),
  try_private: bridgeOption(bool(), 'Whether the other broker is told that this is a bridge.'),
}

// Reported once, at `connection`: the lines below it are checked, not repeated as unsupported.
function bridgeOption<T>(value: Value<T>, doc: string, aliases: readonly string[] = []) {
  return option({ scope: 'bridge', value, default: undefined, reload: 'live', doc, aliases })
}

function firstWord(syntax = '<text>'): Value<string> {
  return { syntax, parse: firstToken }
}

// `connection`: the names so far, each once.
function bridgeNames(): Value<readonly string[]> {
  return {
    syntax: '<name>',
    parse(rest, name, previous = []) {
      const bridge = firstToken(rest, name)
      if (previous.includes(bridge)) throw new OptionValueError(`Error: Duplicate bridge name '${escapeText(bridge)}'.`)
      return [...previous, bridge]
    },
  }
}
