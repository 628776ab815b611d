import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../config/config-error.ts'
import type { ConfigFiles } from '../config/config-files.ts'
import type { Reload } from '../config/option.ts'
import { type Config, options } from './options.ts'
import { parseConfig } from './parse-config.ts'

function files(texts: Record<string, string>): ConfigFiles {
  return {
    read: path => (texts[path] === undefined ? 'unreadable' : Buffer.from(texts[path])),
    list: () => undefined,
  }
}

function parse(text: string): Config {
  return parseConfig('f', { files: files({ f: text }) })
}

test('mosquitto-conf 1 no config: local only mode on port 1883', () => {
  const { localOnly, listeners, sources } = parseConfig(undefined, { files: files({}) })
  assert.equal(localOnly, true)
  assert.deepEqual(
    listeners.map(({ port, address, allow_anonymous }) => [port, address, allow_anonymous]),
    [
      [1883, '127.0.0.1', true],
      [1883, '::1', true],
    ],
  )
  assert.deepEqual(sources, [])
})

test('mosquitto-conf 1 CLI: `-p` moves local only mode, several times if given several times', () => {
  const { listeners } = parseConfig(undefined, { files: files({}), ports: [2001, 2002] })
  assert.deepEqual(
    listeners.map(({ port, address }) => `${port} ${address}`),
    ['2001 127.0.0.1', '2001 ::1', '2002 127.0.0.1', '2002 ::1'],
  )
})

test('mosquitto-conf 1 CLI: `-p` is ignored when the file defines a listener', () => {
  const { listeners } = parseConfig('f', { files: files({ f: 'listener 1884\n' }), ports: [2001] })
  assert.deepEqual(
    listeners.map(({ port }) => port),
    [1884],
  )
})

test('mosquitto-conf 3 log_type: `-v` logs all types and `-q` none, whatever the file says', () => {
  const inputs = { files: files({ f: 'log_type error\n' }) }
  assert.equal(parseConfig('f', { ...inputs, verbosity: 'verbose' }).global.log_type.length, 9)
  assert.deepEqual(parseConfig('f', { ...inputs, verbosity: 'quiet' }).global.log_type, [])
  assert.deepEqual(parseConfig('f', inputs).global.log_type, ['error'])
})

test('mosquitto-conf 1: a file that is missing, a directory or too large is refused', () => {
  const reason = (read: ConfigFiles['read']) => {
    try {
      parseConfig('f', { files: { read, list: () => undefined } })
    } catch (error) {
      return error instanceof ConfigError ? error.lines : error
    }
    return undefined
  }
  assert.deepEqual(
    reason(() => 'unreadable'),
    ["Error: Unable to open config file 'f'."],
  )
  assert.deepEqual(
    reason(() => 'directory'),
    ["Error: Config file 'f' is a directory."],
  )
  assert.deepEqual(
    reason(() => 'too-large'),
    ["Error: Config file 'f' is larger than 4194304 bytes."],
  )
})

test('mosquitto-conf 1 string: at most 65535 bytes', () => {
  assert.equal(parse(`clientid_prefixes ${'x'.repeat(65_535)}\n`).global.clientid_prefixes?.length, 65_535)
  assert.throws(() => parse(`clientid_prefixes ${'x'.repeat(65_536)}\n`), {
    message: "Error: 'clientid_prefixes' value longer than 65535 bytes.",
  })
})

test('what is refused for good is an option, or some of its values alone', () => {
  assert.throws(() => parse('log_dest dlt\n'), { message: /^Error: This 'log_dest' is refused by Castellan; / })
  assert.throws(() => parse('listener 1883\ntls_engine pkcs11\n'), {
    message: /^Error: This 'tls_engine' is refused by Castellan; /,
  })
  parse('log_dest syslog\nlog_facility 5\n')
})

test('a configuration is frozen, through and through', () => {
  const config = parse('listener 1883\nlog_dest file /x\n')
  for (const part of [config, config.global, config.listeners, config.listeners[0], config.global.log_dest[0]]) {
    assert.ok(Object.isFrozen(part))
  }
})

test('the name of a file is shown escaped, where a fault is and where a warning comes from', () => {
  const included = (text: string) =>
    parseConfig('f', {
      files: {
        read: path => Buffer.from(path === 'f' ? 'include_dir d\n' : text),
        list: () => ['a\nError: forged\x1b[2J.conf'],
      },
    })
  assert.throws(
    () => included('bogus 1\n'),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError)
      assert.ok(error.lines.includes('Error found at d/a\\x0aError: forged\\x1b[2J.conf:1.'))
      return error.lines.every(line => !/\p{Cc}/u.test(line))
    },
  )
  const { messages } = included('listener 8883\n')
  assert.match(messages.at(-1)?.line ?? '', /plaintext .*\(d\/a\\x0aError: forged\\x1b\[2J\.conf:1\)/)
})

test('the value of a refused line is shown escaped', () => {
  assert.throws(() => parse('allow_anonymous \x1b[31m\n'), {
    message: "Error: Invalid 'allow_anonymous' value (\\x1b[31m).",
  })
})

// The tables of the specification, in its order.
const specified = `acl_file allow_anonymous allow_duplicate_messages allow_zero_length_clientid
  auth_plugin_deny_special_chars auto_id_prefix autosave_interval autosave_on_changes check_retain_source
  clientid_prefixes connection_messages enable_control_api global_max_clients global_max_connections global_plugin
  include_dir log_dest log_facility log_timestamp log_timestamp_format log_type max_inflight_bytes
  max_inflight_messages max_keepalive max_packet_size max_queued_bytes max_queued_messages memory_limit
  message_size_limit password_file per_listener_settings persistence retained_persistence persistence_file
  persistence_location persistent_client_expiration pid_file plugin auth_plugin plugin_load plugin_use plugin_opt_*
  auth_opt_* psk_file queue_qos0_messages retain_available retain_expiry_interval retry_interval set_tcp_nodelay
  sys_interval upgrade_outgoing_qos user websockets_log_level packet_buffer_size websockets_headers_size listener port
  bind_address bind_interface accept_protocol_versions listener_allow_anonymous listener_auto_id_prefix
  enable_proxy_protocol proxy_protocol_v2_require_tls http_dir max_connections max_qos maximum_qos max_topic_alias
  max_topic_alias_broker mount_point protocol socket_domain use_username_as_clientid websockets_origin cafile capath
  certfile keyfile ciphers ciphers_tls1.3 crlfile dhparamfile disable_client_cert_date_checks require_certificate
  tls_engine tls_engine_kpass_sha1 tls_keyform tls_version use_identity_as_username use_subject_as_username psk_hint
  connection address addresses topic bridge_attempt_unsubscribe bridge_bind_address bridge_max_packet_size
  bridge_max_topic_alias bridge_outgoing_retain bridge_protocol_version bridge_receive_maximum bridge_reload_type
  bridge_session_expiry_interval bridge_tcp_keepalive bridge_tcp_user_timeout cleansession local_cleansession
  keepalive_interval idle_timeout threshold start_type restart_timeout round_robin try_private notifications
  notifications_local_only notification_topic remote_clientid clientid remote_username username remote_password
  password local_clientid local_username local_password bridge_cafile bridge_capath bridge_certfile bridge_keyfile
  bridge_tls_use_os_certs bridge_insecure bridge_require_ocsp bridge_alpn bridge_ciphers bridge_ciphers_tls1.3
  bridge_tls_version bridge_identity bridge_psk`.split(/\s+/)

test('mosquitto-conf 3–6: every option and alias is known, and what is known beyond them is marked as our own', () => {
  const known = Object.entries(options).flatMap(([name, { own, aliases = [] }]) =>
    own === true ? [] : [name, ...aliases],
  )
  assert.deepEqual(known.toSorted(), specified.toSorted())
})

test('every default passes the rules for its own option', () => {
  for (const [name, { value, default: preset, unsupported }] of Object.entries(options)) {
    if (typeof preset === 'object' || preset === undefined || zeroIsUnset.has(name)) continue
    assert.equal(
      value.parse(String(preset), name, undefined, () => {}),
      preset,
      name,
    )
    const accepts = unsupported?.accepts as ((value: unknown) => boolean) | undefined
    if (accepts !== undefined) assert.ok(accepts(preset), name)
  }
})

// Their default is the absence of a limit, which no line can ask for.
const zeroIsUnset = new Set(['persistent_client_expiration', 'retain_expiry_interval'])

test('mosquitto-conf 2: what a listener is bound to, and as whom the broker runs, needs a restart', () => {
  const restart: Reload = 'restart'
  for (const name of ['user', 'pid_file', 'bind_interface', 'socket_domain', 'protocol', 'persistence'] as const) {
    assert.equal(options[name].reload, restart, name)
  }
})

test('metrics_listener: on loopback there is no warning; on any other address one says who can read it', () => {
  const warnings = (line: string) =>
    parse(`listener 1883 127.0.0.1\n${line}\n`)
      .messages.filter(({ type }) => type === 'warning')
      .map(message => message.line)
  assert.deepEqual(warnings(''), [])
  for (const address of ['', '127.0.0.1', '::1', 'localhost']) {
    assert.deepEqual(warnings(`metrics_listener 9883 ${address}`), [])
  }
  assert.deepEqual(warnings('metrics_listener 9883 0.0.0.0'), [
    'Warning: metrics_listener on port 9883 of 0.0.0.0: whoever can reach it reads all metrics, without a password or encryption.',
  ])
})

test('features K5: tokens, like passwords, are worth a warning where nothing is encrypted, and not on this machine alone', () => {
  const rules = 'allow_anonymous false\njwt_key_file keys\njwt_algorithms ES256\n'
  const warned = (text: string) => parse(text).messages.some(({ line }) => /is not encrypted/.test(line))
  assert.equal(warned(`listener 1883\n${rules}`), true)
  assert.equal(warned(`listener 1883 127.0.0.1\n${rules}`), false)
  assert.equal(warned('listener 1883\nallow_anonymous false\n'), false)
})

test('features K5: a listener whose tokens nothing could verify safely is refused, and named', () => {
  assert.throws(
    () => parse('listener 1883\njwt_key_file keys\n'),
    (error: ConfigError) => /Tokens need jwt_algorithms/.test(error.message) && /f:1/.test(error.lines.join('\n')),
  )
})
