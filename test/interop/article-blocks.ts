// Every configuration block of the four guides with the files that it names, and what a broker is to make of it: a table.

export type Outcome = 'listens' | { readonly code: number; readonly says: readonly RegExp[] }

export interface Block {
  readonly sentence: string
  readonly block: string
  /** The text of the rules that the block names, when it names some. */
  readonly acl?: string
  readonly passwords?: string
  readonly castellan: Outcome
  /** Absent where both are to do the same. */
  readonly mosquitto?: { readonly outcome: Outcome; readonly reason: string }
}

const tlsPair = 'certfile /certs/tls.crt\nkeyfile /certs/tls.key'
const listenerOfGuide = `listener 8883
cafile /etc/mosquitto/certs/ca.crt
certfile /etc/mosquitto/certs/hostname.crt
keyfile /etc/mosquitto/certs/hostname.key`
const readersLog = `log_type error
log_type warning
log_type notice
log_type information

connection_messages true
log_timestamp true`

const runs = (reason: string) => ({ outcome: 'listens', reason }) as const
const refusedAtLine = (option: string, line: number, instead: string): Outcome => ({
  code: 3,
  says: [
    new RegExp(`^Error: This '${option}' is refused by Castellan; .*${instead}`),
    new RegExp(`^Error found at .*broker\\.conf:${line}\\.$`),
  ],
})

export const blocks: readonly Block[] = [
  {
    sentence: 'features B1, B2: anonymous false and a password file, with no listener',
    block: 'allow_anonymous false\npassword_file /etc/mosquitto/passwd_mqtt',
    castellan: 'listens',
  },
  {
    sentence: 'features C2: certificates demanded, identity as user name',
    block: `# MQTT over TLS/SSL\n${listenerOfGuide}\nrequire_certificate true\nuse_identity_as_username true`,
    castellan: 'listens',
  },
  {
    sentence: 'features D1: a list of revoked certificates',
    block: `${listenerOfGuide}\nrequire_certificate true\nuse_identity_as_username true\ncrlfile /etc/mosquitto/certs/ca.crl`,
    // Nobody has made ca.crl here.
    castellan: { code: 1, says: [/Unable to load certificate revocation file/] },
  },
  {
    sentence: 'features C1: two certificates on one line are one bad path',
    block: `#MQTT over TLS/SSL

listener 8883
cafile /etc/mosquitto/certs/ca.crt
certfile /etc/mosquitto/certs/RP3-CSB.crt /etc/mosquitto/certs/user1.crt
keyfile /etc/mosquitto/certs/RP3-CSB.key user1.key /etc/mosquitto/certs/user1.key
require_certificate true
use_identity_as_username true
tls_version tlsv1.2

#End of MQTT over TLS/SSL

allow_anonymous false
password_file /etc/mosquitto/passwd_mqtt

${readersLog}`,
    castellan: {
      code: 1,
      says: [/^Error: Unable to load server certificate ".*RP3-CSB\.crt .*user1\.crt"\. Check certfile\.$/],
    },
  },
  {
    sentence: 'features A1: a second listener, with a client certificate as its own',
    block: `${['8883 RP3-CSB', '8884 user1']
      .map(words => words.split(' '))
      .map(
        ([port, name]) => `listener ${port}
cafile /etc/mosquitto/certs/ca.crt
certfile /etc/mosquitto/certs/${name}.crt
keyfile /etc/mosquitto/certs/${name}.key
require_certificate true
use_identity_as_username true
tls_version tlsv1.2`,
      )
      .join('\n\n#End of MQTT over TLS/SSL\n\n')}

allow_anonymous false
password_file /etc/mosquitto/passwd_mqtt

${readersLog}`,
    castellan: 'listens',
  },
  {
    sentence: 'features A2: `port 8883` alone',
    block: '# Port to use for the default listener.\nport 8883',
    castellan: 'listens',
  },
  {
    sentence: 'features H1: a prefix of client ids',
    block: 'port 8883\nclientid_prefixes C_ID-',
    castellan: 'listens',
  },
  {
    sentence: 'mosquitto-conf 1: the broker guide line by line on its default listener',
    block: `port 8883
clientid_prefixes C_ID-
allow_anonymous false
password_file /etc/mosquitto/pwfile
require_certificate true
cafile /etc/mosquitto/certs/ca.crt
#capath
certfile /etc/mosquitto/certs/server.crt
keyfile /etc/mosquitto/certs/server.key
acl_file /etc/mosquitto/aclfile`,
    acl: `# This affects access control for clients with no username.
topic read $SYS/#
# This only affects clients with username "roger".
user roger
topic foo/bar
# This affects all clients.
pattern write $SYS/broker/connection/%c/state`,
    castellan: 'listens',
  },
  {
    sentence: 'features F1: `pattern read | write` is a pattern for an odd topic',
    block: 'port 8883\nacl_file /etc/mosquitto/aclfile',
    acl: 'pattern read user/%u/logintime\npattern read | write user/john/lastlogin\npattern write sensor/c1/data',
    castellan: 'listens',
  },
  {
    sentence: 'features D1: a list of revoked certificates on the default listener',
    block: `port 8883\n${tlsPair}\ncrlfile /etc/pki/mosquitto/content/crl/mosquitto_crl.pem`,
    castellan: { code: 1, says: [/Unable to load certificate revocation file/] },
  },
  {
    sentence: 'features G1: the dynamic security plugin',
    block: `allow_anonymous false
plugin /usr/lib/mosquitto_dynamic_security.so
plugin_opt_config_file /path/to/dynamic-security.json
listener 8883
${tlsPair}`,
    castellan: 'listens',
    mosquitto: {
      outcome: { code: 13, says: [/Unable to load auth plugin "\/usr\/lib\/mosquitto_dynamic_security\.so"/] },
      reason: 'Debian keeps the plugin elsewhere',
    },
  },
  {
    sentence: 'features G1: the high availability plugin, for its dynamic security',
    block: `allow_anonymous false
global_plugin /usr/lib/cedalo_mosquitto_ha.so
persistence_location /path/to
listener 8883
${tlsPair}`,
    castellan: 'listens',
    mosquitto: {
      outcome: { code: 3, says: [/Unknown configuration variable "global_plugin"/, /broker\.conf:2/] },
      reason: 'the option is from 2.1 and the plugin is sold separately',
    },
  },
  {
    sentence: 'features B2: a password file and TLS',
    block: `allow_anonymous false\npassword_file /path/to/credentials\nlistener 8883\n${tlsPair}`,
    castellan: 'listens',
  },
  {
    sentence: 'features B3: the password line printed in the guide has no hash',
    block: `allow_anonymous false\npassword_file /path/to/printed-credentials\nlistener 8883\n${tlsPair}`,
    passwords: 'cedalo:$7$101$06zHuiwDelQjsNg==\n',
    castellan: {
      code: 3,
      says: [
        /^password-file: Error: Unable to decode line in password file '.*printed-credentials'\.$/,
        /^Line 1: \$7\$ needs /,
      ],
    },
    mosquitto: runs('Debian ships 2.0.11, which drops the entry with a message; 2.1 refuses the file (features B3)'),
  },
  {
    sentence: 'features C5: client certificates of an authority made on the command line',
    block: `listener 8883\nrequire_certificate true\nuse_identity_as_username true\ncafile /certs/my-ca.crt\n${tlsPair}`,
    castellan: 'listens',
  },
  {
    sentence: 'features C9: authorities in a directory, and the plugin that changes them',
    block: `listener 8883
require_certificate true
use_identity_as_username true
capath /my-ca-certs/
${tlsPair}
plugin /usr/lib/cedalo_certificate_management.so`,
    castellan: refusedAtLine('plugin', 7, '`castellan ca` and `castellan cert`'),
    mosquitto: {
      outcome: { code: 13, says: [/Unable to load auth plugin "\/usr\/lib\/cedalo_certificate_management\.so"/] },
      reason: 'the plugin is sold separately',
    },
  },
  {
    sentence: 'features F1: the rules with `Topic` in capitals',
    block: `listener 8883\npassword_file /path/to/credentials\nacl_file /path/to/aclfile\n${tlsPair}`,
    acl: 'topic readwrite public/all\n\nuser demo-client\nTopic readwrite private/mytopic\n\npattern readwrite users/%u/mytopic',
    castellan: { code: 3, says: [/^Error: Invalid line in acl_file ".*aclfile": Topic\.$/] },
  },
  {
    sentence: 'features F1: the rules as they were meant',
    block: `listener 8883\npassword_file /path/to/credentials\nacl_file /path/to/aclfile\n${tlsPair}`,
    acl: 'topic readwrite public/all\n\nuser demo-client\ntopic readwrite private/mytopic\n\npattern readwrite users/%u/mytopic',
    castellan: 'listens',
  },
]
