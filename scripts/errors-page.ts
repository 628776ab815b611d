// The reference of all error codes: one sentence each, which a test compares with the codes in the program.

/** Codes by room, as `ERR_<ROOM>_<WHAT>`, and what each says. */
export const errorCodes: Readonly<Record<string, string>> = {
  ERR_AUDIT_FILE: 'The audit cannot be opened, or its last line is not as it was written.',
  ERR_AUDIT_READ: 'The files of an audit that a command is to read are not there, or cannot be read.',
  ERR_AUTH_ACL_FILE: 'A line of an ACL file cannot be read, or would deny less than it says.',
  ERR_AUTH_CORRUPT_PASSWORD_FILE: 'A password file that `castellan passwd` is to change has a line that is none.',
  ERR_AUTH_PASSWORD_FILE: 'A password file cannot be read, or a line of it is no entry.',
  ERR_AUTH_PASSWORD_HASH: 'A password hash cannot be read, or its parameters are outside what is allowed.',
  ERR_AUTH_PSK_FILE: 'A file of pre-shared keys cannot be read, or a line of it is no identity with a key.',
  ERR_AUTH_SECRET_FILE: 'A file with secrets is no regular file, is too large, or cannot be opened.',
  ERR_AUTH_SERVICE_FILE:
    'A file that the options of an HTTP hook or of LDAP name, a secret or authorities, cannot be read, or has something else in it.',
  ERR_AUTH_TOKEN_KEY: 'A key that tokens are verified with cannot be read, is secret where it may not be, or too weak.',
  ERR_BRIDGE_CONNECTION: 'A bridge cannot reach the other broker, or one of the two brokers does not let it go on.',
  ERR_BROKER_IMPORT: "A file of Mosquitto's that is to be imported has a topic, a filter or properties that are none.",
  ERR_BROKER_MEMORY_SHORT:
    'There is no memory to keep a message in, and its client, which cannot be told so, has waited long enough.',
  ERR_BROKER_STORE_UNAVAILABLE:
    'The store cannot be written, and a client that cannot be told so sent what has to survive.',
  ERR_CLIENT_BROKER_FAULT: 'What a broker sent to a command of ours is not MQTT, or not now.',
  ERR_CLIENT_LOST: 'The connection to a broker ended, and our command had not ended it.',
  ERR_CLIENT_PROPERTY:
    'A property of MQTT 5 on a command line (`-D`) does not exist, does not belong there, or has a value that is none.',
  ERR_CLIENT_PROXY: 'The SOCKS proxy of `castellan pub`, `sub` or `rr` does not let them through.',
  ERR_CLIENT_PUBLISH: 'A message that this broker does not take, found out before it was sent.',
  ERR_CLIENT_REFUSED: 'A broker refused what a command of ours asked for: the login, a subscription, a message.',
  ERR_CLIENT_TLS: 'There is somebody at the address, but no TLS that both sides accept.',
  ERR_CLIENT_UNREACHABLE: 'A command of ours cannot reach a broker, or it went away before it had answered.',
  ERR_CLI_ACL: 'The rules that `castellan acl` was to ask cannot be read, or a broker explained nothing.',
  ERR_CLI_ACL_TABLE: 'A table of `castellan acl test` cannot be read, or a line of it is no expectation.',
  ERR_CLI_BENCH_NOT_AGREED: 'Nobody has agreed that `castellan bench` loads a broker on another machine.',
  ERR_CLI_CLIENT: '`castellan pub`, `sub` or `rr` cannot do what it was asked.',
  ERR_CLI_CLIENT_USAGE: '`castellan pub`, `sub` or `rr` was called wrongly; nothing was connected.',
  ERR_CLI_CTL: '`castellan ctl` cannot do what it was asked, for a reason on this machine.',
  ERR_CLI_CTL_COMMAND: 'A broker did not carry out what `castellan ctl` asked for.',
  ERR_CLI_CTL_USAGE: '`castellan ctl` was called wrongly; nothing was asked of a broker.',
  ERR_CLI_DOCTOR: 'There is nothing where `castellan doctor` was told to look.',
  ERR_CLI_PASSWD: '`castellan passwd` was called wrongly, or could not do what it was asked.',
  ERR_CLI_STORE: 'A file that `castellan store import` was given cannot be read.',
  ERR_CLI_TAP_REFUSED: 'The broker does not let `castellan tap` in, or lets it subscribe to nothing.',
  ERR_CLI_UP: '`castellan up` was called wrongly.',
  ERR_CLI_USAGE: "`castellan ca`, `cert`, `crl`, `acl`, `audit`, `doctor` or a script's old name was called wrongly.",
  ERR_CONFIG_REFUSED: 'The configuration has faults; nothing of it takes effect.',
  ERR_CONFIG_VALUE: "An option's value is not of its form or outside its range.",
  ERR_CONTROL_BAN_FILE: 'The file of bans cannot be read, or holds something else.',
  ERR_DOCTOR_FILE: 'What `castellan doctor` was to examine cannot be read, or is no configuration.',
  ERR_DYNSEC_COMMAND: 'A command of dynamic security was not carried out; its response says why.',
  ERR_DYNSEC_EDITED:
    'The file of dynamic security was edited while it was written, again and again; what was to be in it holds, and is tried again.',
  ERR_DYNSEC_FILE: 'The file of dynamic security cannot be read, is none, or cannot be made.',
  ERR_DYNSEC_RIGHT_LOST:
    'A control request was not carried out: whoever asked lost the right to it while it waited for others.',
  ERR_HTTP_DIRECTORY: '`http_dir` is no directory, or cannot be read.',
  ERR_HTTP_LISTEN: 'The listener for health and metrics cannot be opened.',
  ERR_LIBRARY_CLOSED: 'An embedded broker was asked for something after it was closed, or while it closes.',
  ERR_LIBRARY_MESSAGE: 'What a program is to publish or subscribe to, or what its hook has answered, cannot be sent.',
  ERR_LIBRARY_OPTIONS: 'The options of `createBroker` are refused; the text names each of them.',
  ERR_LIBRARY_QUEUE_FULL: 'A program publishes faster than its broker takes it, and does not wait.',
  ERR_LIBRARY_REFUSED: 'The broker refuses what its own program publishes or subscribes to; `reasonCode` says why.',
  ERR_LIBRARY_STREAM: 'What was handed to an embedded broker is no stream of bytes, or no server.',
  ERR_MQTT_MALFORMED_PACKET: 'A peer sent bytes that are no MQTT packet.',
  ERR_MQTT_PACKET_TOO_LARGE: 'A peer announced a packet larger than `max_packet_size`.',
  ERR_MQTT_PROTOCOL_VIOLATION: 'A peer sent a packet that MQTT does not allow there.',
  ERR_NET_ADDRESS_IN_USE: 'Another program listens where a listener should.',
  ERR_NET_ADDRESS_NOT_AVAILABLE: "A listener's host, interface or address is not of this machine.",
  ERR_NET_FETCH: 'A revocation list or an OCSP answer cannot be fetched; the log says from where and why.',
  ERR_NET_LISTEN_FAILED: 'A listener cannot be opened, for a reason that has no code of its own.',
  ERR_NET_PERMISSION_DENIED: 'The user that runs the broker may not listen there.',
  ERR_NET_TLS_SETTINGS: "A listener's certificate, key, authorities, version or ciphers cannot be used.",
  ERR_OBSERVE_LOG_FILE: 'The log file cannot be opened.',
  ERR_OBSERVE_SYSLOG: '`log_dest syslog` finds no program that passes lines on to the system.',
  ERR_PKI_CONFLICT: 'What is to be made is there already, or another process is at work on it.',
  ERR_PKI_FILE: "The authority's directory, or a file that it was given, cannot be used.",
  ERR_PKI_KEY: 'A private key stays locked: its passphrase is missing or wrong, or it is elsewhere.',
  ERR_PKI_NOT_FOUND: 'The authority knows no such certificate or issuer.',
  ERR_PKI_REFUSED: 'A certificate was asked for that the authority does not issue.',
  ERR_SERVER_CA_LISTEN: 'Revocation lists and OCSP cannot be served where `ca_listener` says.',
  ERR_SERVER_ENVIRONMENT: '`UMASK_SET`, `PUID` or `PGID` is set to something that is none.',
  ERR_SERVER_PID_FILE: 'The pid file cannot be written.',
  ERR_SERVER_RELOAD_BRIDGES: 'A reload brings the first bridge, and the part of the program that has bridges is gone.',
  ERR_SERVER_RELOAD_LISTENER: 'A reload names a listener that is not open.',
  ERR_SERVER_RULES_FILE: 'An ACL file that the configuration names cannot be read.',
  ERR_SERVER_USER: 'The user that the broker is to become does not exist.',
  ERR_SERVER_USER_DIRECTORY: 'A directory cannot be made for the user that the broker is to become.',
  ERR_STORE_CLOSED: 'The store was closed before it was asked.',
  ERR_STORE_DIRECTORY: "The store's directory cannot be made, locked or trusted.",
  ERR_STORE_FORMAT: 'The store was written by another version of the program.',
  ERR_STORE_FULL: 'There is no room on the disk for what the store was handed; it goes on when there is.',
  ERR_STORE_IMPORT: "A file of Mosquitto's that is to be imported is damaged, or cannot be read.",
  ERR_STORE_IN_USE: 'Another process has the store.',
  ERR_STORE_NOT_EMPTY: 'Something is to be imported into a store that holds something already.',
  ERR_STORE_TRANSFER: 'A file that is to be imported has a line that is wrong.',
  ERR_STORE_UNAVAILABLE: 'The disk refused to write; the store takes nothing more until it is opened anew.',
  ERR_STORE_UNREADABLE: "The store's data file is torn, cut short, or another file.",
  ERR_X509_DER: 'A revocation list or an OCSP answer is damaged, or of a kind that is not used.',
}

/** The text of docs/reference/errors.md. */
export function errorsPage(): string {
  const rows = Object.entries(errorCodes).map(([code, sentence]) => `| \`${code}\` | ${sentence} |`)
  return `${[introduction, '| code | what happened |', '|---|---|', ...rows].join('\n')}\n`
}

const introduction = `# Error codes

Made by \`npm run docs\` from the table in \`scripts/errors-page.ts\`.

Every error that the program raises on purpose has a code that stays: \`ERR_<ROOM>_<WHAT>\`, after the room of \`src/\`
that raises it.
`
