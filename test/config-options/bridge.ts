// The options of a bridge of Mosquitto 2.1, a table. Each stands behind `connection`, an address and a topic.

import type { SpecifiedOption, SpecifiedOptions } from './specified.ts'

const topics = 'src/bridge/bridge.test.ts'
const tls = 'src/bridge/dial.test.ts'
const wire = 'test/wire/bridge-options.test.ts'
const restarts = 'test/interop/bridge-restarts.test.ts'
const authority = 'bridge_cafile ca.crt'

export const bridgeOptions: SpecifiedOptions = {
  connection: {
    scope: 'global',
    preset: [],
    valid: ['other'],
    invalid: [['b', "Error: Duplicate bridge name 'b'."]],
    reloads: true,
    effect: topics,
  },
  address: {
    aliases: ['addresses'],
    scope: 'bridge',
    valid: ['127.0.0.1', 'a.example:8883 b.example'],
    invalid: [['a.example:65536', 'Error: Invalid port value (65536).']],
    reloads: true,
    effect: topics,
  },
  topic: {
    scope: 'bridge',
    preset: [],
    valid: ['#', 'a/# out 1', 'a in 2 local/ remote/', '"" both 0 a b'],
    invalid: [['a sideways', "Error: Invalid bridge topic direction 'sideways'."]],
    reloads: true,
    effect: topics,
  },
  bridge_attempt_unsubscribe: bool(true),
  bridge_bind_address: { ...text('127.0.0.1'), effect: tls },
  bridge_max_packet_size: number(0, ['1000', '-1']),
  bridge_max_topic_alias: {
    ...number(10, ['0', '65535'], ['65536', 'Error: bridge_max_topic_alias must be > 0 and <= 65535.']),
    effect: wire,
  },
  bridge_outgoing_retain: bool(true),
  bridge_protocol_version: { ...text('mqttv31'), preset: 'mqttv311', valid: ['mqttv31', 'mqttv311', 'mqttv50'] },
  bridge_receive_maximum: {
    ...number(undefined, ['1', '65535'], ['0', 'Error: bridge_receive_maximum must be greater than 0.']),
    effect: wire,
  },
  bridge_reload_type: { ...text('immediate'), preset: 'lazy' },
  bridge_session_expiry_interval: {
    ...number(0, ['0', '3600'], ['-1', 'Error: bridge_session_expiry_interval must not be negative.']),
    effect: restarts,
  },
  bridge_tcp_keepalive: { ...text('60 10 3'), effect: tls },
  bridge_tcp_user_timeout: {
    ...number(undefined, ['0', '1000'], ['-1', 'Error: invalid TCP user timeout value.']),
    effect: 'none',
  },
  cleansession: { ...bool(false), effect: restarts },
  local_cleansession: bool(undefined),
  keepalive_interval: number(60, ['5', '65535'], ['65536', 'Error: Bridge keepalive value too high.']),
  idle_timeout: number(60, ['1']),
  threshold: number(10, ['1']),
  start_type: {
    ...text('lazy'),
    preset: 'automatic',
    valid: ['automatic', 'lazy', 'once'],
    invalid: [['manual', 'Error: Manual start_type not supported.']],
  },
  restart_timeout: text('5 30'),
  round_robin: bool(false),
  try_private: bool(true),
  notifications: bool(true),
  notifications_local_only: bool(false),
  notification_topic: { ...text('bridge/state'), effect: wire },
  remote_clientid: { ...text('here'), aliases: ['clientid'], effect: wire },
  remote_username: { ...text('here'), aliases: ['username'], effect: wire },
  remote_password: { ...text('secret'), aliases: ['password'], with: 'remote_username here', effect: wire },
  local_clientid: { ...text('local.b'), effect: wire },
  local_username: { ...text('bridge'), effect: wire },
  local_password: { ...text('secret'), effect: 'none' },
  bridge_cafile: { ...text('ca.crt'), effect: tls },
  bridge_capath: { ...text('cas'), effect: wire },
  bridge_certfile: { ...text('a.crt'), with: `bridge_keyfile a.key\n${authority}`, effect: tls },
  bridge_keyfile: { ...text('a.key'), with: `bridge_certfile a.crt\n${authority}`, effect: tls },
  bridge_tls_use_os_certs: { ...bool(false), effect: tls },
  bridge_insecure: { ...bool(false), with: authority, effect: tls },
  bridge_require_ocsp: { ...bool(false), with: authority, effect: tls },
  bridge_alpn: { ...text('mqtt'), effect: tls },
  bridge_ciphers: { ...text('ECDHE-RSA-AES128-GCM-SHA256'), effect: tls },
  'bridge_ciphers_tls1.3': { ...text('TLS_AES_128_GCM_SHA256'), effect: tls },
  bridge_tls_version: { ...text('tlsv1.3'), effect: tls },
  bridge_identity: { ...text('here'), with: 'bridge_psk 00ff', effect: tls },
  bridge_psk: { ...text('00ff'), with: 'bridge_identity here', effect: tls },
}

function bool(preset: boolean | undefined): SpecifiedOption {
  return { scope: 'bridge', preset, valid: ['true', 'false'], reloads: true, effect: topics }
}

function text(valid: string): SpecifiedOption {
  return { scope: 'bridge', valid: [valid], reloads: true, effect: topics }
}

function number(
  preset: number | undefined,
  valid: readonly string[],
  invalid?: readonly [string, string],
): SpecifiedOption {
  return { scope: 'bridge', preset, valid, reloads: true, effect: topics, ...(invalid && { invalid: [invalid] }) }
}
