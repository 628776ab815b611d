// For each rule a small configuration that breaks it and one that does not. A table, and so one idea however long: `CERTS` is the
// directory of `doctorPki`, `HERE` the one that the files are written to; every file has mode 0600 unless it says another.

import { pbkdf2Sync } from 'node:crypto'

export type Files = Readonly<Record<string, string | readonly [text: string, mode: number]>>

export interface Fixture {
  readonly id: string
  /** What of the rule it is about, when there is more than one fixture for it. */
  readonly about?: string
  readonly bad: Files
  readonly good: Files
  /** What the finding says. */
  readonly evidence: RegExp
  /** Days from now on that the bad one is looked at. */
  readonly inDays?: number
  /** Whether the clock of the machine of the bad one is set by anybody. */
  readonly keepsTime?: boolean
}

const conf = (...lines: readonly string[]) => ({ 'mosquitto.conf': `${lines.join('\n')}\n` })
const tls = (name: string, ...more: readonly string[]) => [
  'listener 8883 127.0.0.1',
  `certfile CERTS/${name}.crt`,
  `keyfile CERTS/${name}.key`,
  ...more,
]
const mutual = (...more: readonly string[]) =>
  tls('server', 'cafile CERTS/ca.crt', 'require_certificate true', 'use_identity_as_username true', ...more)
const withUsers = (text: string): Files => ({
  ...conf('listener 1883 127.0.0.1', 'password_file HERE/passwd'),
  passwd: text,
})
const withRules = (text: string, ...more: readonly string[]): Files => ({
  ...conf('listener 1883 127.0.0.1', 'password_file HERE/passwd', 'acl_file HERE/acl', ...more),
  acl: text,
  passwd: `alice:${strong}\n`,
})
const withKeys = (text: string, hint = 'keys'): Files => ({
  ...conf('listener 8883', `psk_hint ${hint}`, 'psk_file HERE/keys'),
  keys: text,
})
const withSecurity = (content: object): Files => ({
  ...conf(
    'listener 1883 127.0.0.1',
    'plugin /usr/lib/mosquitto_dynamic_security.so',
    'plugin_opt_config_file HERE/security.json',
  ),
  'security.json': JSON.stringify(content, undefined, 1),
})
/** argon2id of a password that is in no list. */
const strong = '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$0Q2nxHSNhcDh+4E0pG9QJ2r0s7o1m3m5sQ4w2sJwz3E'
const sha512 = (fill: string) =>
  `$6$${Buffer.alloc(12, fill).toString('base64')}$${Buffer.alloc(64, fill).toString('base64')}`
const rounds = (count: number) =>
  `$7$${count}$${Buffer.alloc(12, 's').toString('base64')}$${Buffer.alloc(64, 'h').toString('base64')}`
const longKey = (fill: string) => fill.repeat(64)
const acl = (acltype: string, topic: string) => ({ acltype, topic, priority: 0, allow: true })
const client = (iterations: number) => ({
  username: 'alice',
  salt: Buffer.alloc(12, 's').toString('base64'),
  password: Buffer.alloc(64, 'h').toString('base64'),
  iterations,
})
const clientWith = (password: string) => ({
  ...client(1000),
  password: pbkdf2Sync(password, Buffer.alloc(12, 's'), 1000, 64, 'sha512').toString('base64'),
})
const closed = { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true }

export const fixtures: readonly Fixture[] = [
  {
    id: 'D01',
    bad: conf('listener 1883', 'allow_anonymous true'),
    good: conf('listener 1883 127.0.0.1', 'allow_anonymous true'),
    evidence: /^'listener 1883' lets clients in without a name$/,
  },
  {
    id: 'D01',
    about: 'a listener of its own',
    bad: conf('listener 1883', 'listener_allow_anonymous true', 'allow_anonymous false'),
    good: conf('listener 1883', 'listener_allow_anonymous false', 'allow_anonymous true'),
    evidence: /without a name/,
  },
  {
    id: 'D02',
    bad: conf('listener 1883 192.0.2.1'),
    good: conf(...tls('server').map(line => line.replace(' 127.0.0.1', ''))),
    evidence: /^'listener 1883 192\.0\.2\.1' has no certfile and keyfile/,
  },
  {
    id: 'D02',
    about: 'port 8883 is no TLS by itself',
    bad: conf('port 8883'),
    good: conf('listener 0 /run/mosquitto.sock'),
    evidence: /port 8883 is the one of MQTT over TLS, and does not make it TLS/,
  },
  {
    id: 'D03',
    bad: { ...withUsers(''), passwd: [`alice:${strong}\n`, 0o644] },
    good: { ...withUsers(''), passwd: [`alice:${strong}\n`, 0o640] },
    evidence: /passwd' of password_file has mode 0644$/,
  },
  {
    id: 'D03',
    about: 'a key that its group reads',
    bad: { ...conf('listener 8883', 'certfile HERE/x.crt', 'keyfile HERE/x.key'), 'x.key': ['key', 0o640] },
    good: { ...conf('listener 8883', 'certfile HERE/x.crt', 'keyfile HERE/x.key'), 'x.key': ['key', 0o400] },
    evidence: /x\.key' of keyfile has mode 0640$/,
  },
  {
    id: 'D03',
    about: "a bridge's password in the configuration",
    bad: { 'mosquitto.conf': ['connection x\naddress 127.0.0.1\nremote_password hidden\n', 0o644] },
    good: { 'mosquitto.conf': ['connection x\naddress 127.0.0.1\n', 0o644] },
    evidence: /mosquitto\.conf' of remote_password has mode 0644$/,
  },
  {
    id: 'D02',
    about: 'one that nobody has asked for',
    bad: conf('max_connections 10', 'listener 1883 127.0.0.1'),
    good: conf('listener 1883 127.0.0.1', 'max_connections 10'),
    evidence: /^'listener 1883' has no .*, on every address; 'max_connections' opens it, as it stands above every/,
  },
  {
    id: 'D04',
    bad: conf('listener 1883'),
    good: conf('listener 1883', 'password_file HERE/passwd'),
    evidence: /^nothing says who the clients of 'listener 1883' are$/,
  },
  {
    id: 'D05',
    bad: withRules('user alice\ntopic write #\n'),
    good: withRules('user admin\ntopic write #\nuser alice\ntopic read #\n'),
    evidence: /^topic write '#' for 'alice'$/,
  },
  {
    id: 'D05',
    about: '$CONTROL, for everybody',
    bad: withRules('pattern readwrite $CONTROL/#\n'),
    good: withRules('pattern deny $CONTROL/#\n'),
    evidence: /^pattern readwrite '\$CONTROL\/#' for everybody$/,
  },
  {
    id: 'D05',
    about: 'a role of dynamic security',
    bad: withSecurity({
      clients: [{ username: 'alice', roles: [{ rolename: 'all' }] }],
      roles: [{ rolename: 'all', acls: [acl('publishClientSend', '#')] }],
    }),
    good: withSecurity({
      clients: [{ username: 'alice', roles: [{ rolename: 'all' }] }],
      roles: [{ rolename: 'all', acls: [acl('publishClientReceive', '#')] }],
    }),
    evidence: /^a role gives client 'alice' 'publishClientSend #'$/,
  },
  {
    id: 'D05',
    about: 'no rules are no denial',
    bad: { ...conf('listener 1883', 'password_file HERE/passwd'), passwd: '' },
    good: { ...conf('listener 1883', 'password_file HERE/passwd', 'acl_file HERE/acl'), passwd: '', acl: '' },
    evidence: /has neither acl_file nor a plugin with rules/,
  },
  {
    id: 'D05',
    about: 'a plugin of rules without a file has none',
    bad: conf('listener 1883', 'plugin /usr/lib/mosquitto_acl_file.so'),
    good: {
      ...conf('listener 1883', 'plugin /usr/lib/mosquitto_acl_file.so', 'plugin_opt_acl_file HERE/acl'),
      acl: '',
    },
    evidence: /has neither acl_file nor a plugin with rules/,
  },
  {
    id: 'D05',
    about: 'a plugin that is loaded and not used gives no rules',
    bad: {
      ...conf('plugin_load rules /usr/lib/mosquitto_acl_file.so', 'plugin_opt_acl_file HERE/acl', 'listener 1883'),
      acl: '',
    },
    good: {
      ...conf(
        'plugin_load rules /usr/lib/mosquitto_acl_file.so',
        'listener 1883',
        'plugin_use rules',
        'plugin_opt_acl_file HERE/acl',
      ),
      acl: '',
    },
    evidence: /has neither acl_file nor a plugin with rules/,
  },
  {
    id: 'D06',
    bad: conf(...tls('server')),
    good: conf(...tls('server')),
    evidence: /^CN=localhost ended at /,
    inDays: 400,
  },
  {
    id: 'D06',
    about: 'a list that has ended',
    bad: conf(...mutual('crlfile CERTS/week.crl')),
    good: conf(...mutual('crlfile CERTS/week.crl')),
    evidence: /^the list ended at .* every client with a certificate is refused$/,
    inDays: 8,
  },
  {
    id: 'D07',
    bad: conf(...mutual()),
    good: conf(...mutual('crlfile CERTS/week.crl')),
    evidence: /has no crlfile, and no other way/,
  },
  {
    id: 'D08',
    bad: conf(...mutual('crlfile CERTS/week.crl')),
    good: conf(...mutual('crlfile CERTS/week.crl')),
    evidence: /and lives 7\.0 days$/,
    inDays: 6,
  },
  {
    id: 'D08',
    about: 'a list of one day',
    bad: conf(...mutual('crlfile CERTS/day.crl')),
    good: conf(...mutual('crlfile CERTS/week.crl')),
    evidence: /and lives 1\.0 days$/,
  },
  {
    id: 'D09',
    bad: conf(...mutual('crlfile CERTS/foreign.crl')),
    good: conf(...mutual('crlfile CERTS/week.crl')),
    evidence: /^the list of 'CN=Unrelated Authority' is of no authority/,
  },
  {
    id: 'D09',
    about: 'a list too many, beside all that have to be there',
    bad: conf(...mutual('crlfile CERTS/foreign.crl')),
    good: conf(...mutual('crlfile CERTS/all.crl')),
    evidence: /^the list of 'CN=Unrelated Authority' is of no authority/,
  },
  {
    id: 'D09',
    about: 'an issuing authority without a list',
    bad: conf(
      ...tls('server', 'cafile CERTS/chain/authorities.crt', 'require_certificate true', 'crlfile CERTS/week.crl'),
    ),
    good: conf(...mutual('crlfile CERTS/week.crl')),
    evidence: /^no list of CN=Issuing Authority is there$/,
  },
  {
    id: 'D10',
    bad: conf(...tls('server', 'cafile CERTS/ca.crt', 'require_certificate true')),
    good: conf(...mutual()),
    evidence: /has neither use_identity_as_username nor use_subject_as_username$/,
  },
  {
    id: 'D11',
    bad: conf(...tls('devices/client')),
    good: conf(...tls('server')),
    evidence: /client\.crt' \(CN=client\) is for clients alone$/,
  },
  {
    id: 'D11',
    about: 'two certificates on one line',
    bad: conf('listener 8883', 'certfile CERTS/server.crt CERTS/client.crt', 'keyfile CERTS/server.key'),
    good: conf('listener 8883', 'certfile CERTS/name with blanks.crt', 'keyfile CERTS/server.key'),
    evidence: /^certfile '.*' is read as one path; a listener has one certificate$/,
  },
  {
    id: 'D11',
    about: 'the name of a user',
    bad: { ...conf(...tls('devices/both', 'password_file HERE/passwd')), passwd: `both:${strong}\n` },
    good: { ...conf(...tls('devices/both', 'password_file HERE/passwd')), passwd: `alice:${strong}\n` },
    evidence: /^its CN 'both' is the name of a user$/,
  },
  {
    id: 'D12',
    bad: conf('listener 8883', 'certfile CERTS/server.crt', 'keyfile CERTS/long.key'),
    good: conf(...tls('server')),
    evidence: /long\.key' is not the key of CN=localhost$/,
  },
  {
    id: 'D12',
    about: 'a passphrase',
    bad: conf('listener 8883', 'certfile CERTS/server.crt', 'keyfile CERTS/locked.key'),
    good: conf(...tls('server')),
    evidence: /locked\.key' has a passphrase/,
  },
  {
    id: 'D12',
    about: 'a chain that is not whole',
    bad: conf(
      'listener 8883',
      'cafile CERTS/chain/authorities.crt',
      'certfile CERTS/chain/leaf.crt',
      'keyfile CERTS/chain/leaf.key',
    ),
    good: conf(
      'listener 8883',
      'cafile CERTS/chain/authorities.crt',
      'certfile CERTS/chain/whole.crt',
      'keyfile CERTS/chain/leaf.key',
    ),
    evidence: /^CN=Issuing Authority, which issued CN=localhost, is not in the file$/,
  },
  {
    id: 'D13',
    bad: conf(...tls('devices/nameless')),
    good: conf(...tls('server')),
    evidence: /^CN=nameless has no subjectAltName$/,
  },
  {
    id: 'D13',
    about: 'an address as a name',
    bad: conf(...tls('devices/address-as-name')),
    good: conf(...tls('server')),
    evidence: /^the address '127\.0\.0\.1' is written as a host name/,
  },
  {
    id: 'D13',
    about: 'another address',
    bad: conf('listener 8883 127.0.0.2', 'certfile CERTS/server.crt', 'keyfile CERTS/server.key'),
    good: conf('listener 8883 127.0.0.1', 'certfile CERTS/server.crt', 'keyfile CERTS/server.key'),
    evidence: /^CN=localhost does not hold for '127\.0\.0\.2'$/,
  },
  {
    id: 'D14',
    bad: conf(...tls('server', 'cafile CERTS/keys/ca.crt')),
    good: conf(...tls('server', 'cafile CERTS/ca.crt')),
    evidence: /^the key of CN=Test Authority, not encrypted$/,
  },
  {
    id: 'D15',
    bad: conf(...tls('server', 'cafile CERTS/devices/ca.crt')),
    good: conf(...tls('server', 'cafile CERTS/ca.crt')),
    evidence: /^CN=anything has no extendedKeyUsage, and is for everything$/,
  },
  {
    id: 'D16',
    bad: conf(...tls('devices/both')),
    good: conf(...tls('server')),
    evidence: /^CN=both has clientAuth$/,
  },
  {
    id: 'D16',
    about: 'no purpose is every purpose',
    bad: conf(...tls('devices/anything')),
    good: conf(...tls('devices/client')),
    evidence: /^CN=anything says nothing of its purpose/,
  },
  {
    id: 'D17',
    bad: withUsers(`alice:${sha512('a')}\nbob:plain and long\ncarol:${rounds(101)}\n`),
    good: withUsers(`alice:${strong}\ncarol:${rounds(210_000)}\n`),
    evidence: /^\$6\$, one round of SHA-512: 'alice'$/,
  },
  {
    id: 'D17',
    about: 'a line that was cut short',
    bad: withUsers('cedalo:$7$101$06zHuiwDelQjsNg==\n'),
    good: withUsers(`cedalo:${strong}\n`),
    evidence: /^a hash that cannot be read, cut short perhaps: 'cedalo'$/,
  },
  {
    id: 'D18',
    bad: withUsers('alice:Alice\n'),
    good: withUsers('alice:a long one that nobody tries\n'),
    evidence: /^the password of 'alice' is the name, or of the words/,
  },
  {
    id: 'D18',
    about: 'empty',
    bad: withUsers('alice:\n'),
    good: withUsers(`alice:${strong}\n`),
    evidence: /^the password of 'alice' is empty$/,
  },
  {
    id: 'D17',
    about: 'a client of dynamic security',
    bad: withSecurity({ clients: [client(101)] }),
    good: withSecurity({ clients: [client(210_000)] }),
    evidence: /^fewer than 210000 rounds: 'alice'$/,
  },
  {
    id: 'D18',
    about: 'one user twice',
    bad: withUsers(`alice:${strong}\nalice:${sha512('a')}\n`),
    good: withUsers(`alice:${strong}\nAlice:${sha512('a')}\n`),
    evidence: /^'alice' is there twice$/,
  },
  {
    id: 'D18',
    about: 'twice',
    bad: withUsers(`alice:${sha512('a')}\nbob:${sha512('a')}\n`),
    good: withUsers(`alice:${sha512('a')}\nbob:${sha512('b')}\n`),
    evidence: /^'bob' has the same entry as another$/,
  },
  {
    id: 'D18',
    about: 'a client of dynamic security',
    bad: withSecurity({ clients: [clientWith('admin')] }),
    good: withSecurity({ clients: [clientWith('qc7Jm2xV')] }),
    evidence: /^the password of 'alice' is the name, or of the words/,
  },
  {
    id: 'D19',
    bad: conf(...tls('server', 'tls_version tlsv1.1')),
    good: conf(...tls('server', 'tls_version tlsv1.2')),
    evidence: /^tls_version 'tlsv1\.1'$/,
  },
  {
    id: 'D19',
    about: 'ciphers',
    bad: conf(...tls('server', 'ciphers DEFAULT:RC4-SHA')),
    good: conf(...tls('server', 'ciphers DEFAULT:!RC4:!aNULL:!LOW')),
    evidence: /^ciphers allows 'RC4-SHA'$/,
  },
  {
    id: 'D19',
    about: 'a short key',
    bad: conf(...tls('short')),
    good: conf(...tls('server')),
    evidence: /^CN=localhost has an RSA key of 1024 bits$/,
  },
  {
    id: 'D19',
    about: 'SHA-1',
    bad: conf(...tls('sha1')),
    good: conf(...tls('server')),
    evidence: /^CN=localhost is signed with SHA-1$/,
  },
  {
    id: 'D20',
    bad: conf(...mutual('crlfile CERTS/week.crl'), ...tls('server', 'protocol websockets')),
    good: conf(...mutual(), ...mutual('protocol websockets')),
    evidence: /lacks require_certificate and crlfile, which another listener has$/,
  },
  {
    id: 'D21',
    bad: conf('connection other', 'address 192.0.2.1', 'topic # out', 'remote_username me', 'remote_password hidden'),
    good: conf(
      'connection other',
      'address 192.0.2.1:8883',
      'topic # out',
      'bridge_cafile CERTS/ca.crt',
      'remote_username me',
      'remote_password hidden',
    ),
    evidence: /^bridge 'other' logs in without TLS$/,
  },
  {
    id: 'D21',
    about: 'whoever answers',
    bad: conf('connection other', 'address 192.0.2.1', 'bridge_cafile CERTS/ca.crt', 'bridge_insecure true'),
    good: conf('connection other', 'address 192.0.2.1', 'bridge_cafile CERTS/ca.crt', 'bridge_insecure false'),
    evidence: /^bridge_insecure true$/,
  },
  {
    id: 'D22',
    bad: withKeys('device:00112233\n'),
    good: withKeys(`device:${longKey('a')}\n`),
    evidence: /^the key of 'device' has 4 bytes$/,
  },
  {
    id: 'D22',
    about: 'one key for two',
    bad: withKeys(`one:${longKey('a')}\ntwo:${longKey('A')}\n`),
    good: withKeys(`one:${longKey('a')}\ntwo:${longKey('b')}\n`),
    evidence: /^'two' has the same key as another$/,
  },
  {
    id: 'D22',
    about: 'a hint that tells a name',
    bad: withKeys(`device-17:${longKey('a')}\n`, 'ask device-17'),
    good: withKeys(`device-17:${longKey('a')}\n`, 'hint'),
    evidence: /holds an identity of the psk_file$/,
  },
  {
    id: 'D23',
    bad: { ...conf('plugin HERE/x.so'), 'x.so': ['', 0o755] },
    good: conf('plugin /usr/lib/mosquitto_dynamic_security.so'),
    evidence: /x\.so': it is outside the directories of the system$/,
  },
  {
    id: 'D23',
    about: 'written by everybody',
    bad: { ...conf('plugin HERE/x.so'), 'x.so': ['', 0o777] },
    good: conf('plugin /usr/lib/mosquitto_dynamic_security.so'),
    evidence: /x\.so': everybody may write it or its directory$/,
  },
  {
    id: 'D24',
    bad: withSecurity({ defaultACLAccess: { ...closed, publishClientSend: true } }),
    good: withSecurity({ defaultACLAccess: closed }),
    evidence: /^the default of publishClientSend is allow$/,
  },
  {
    id: 'D24',
    about: 'who administers has no password',
    bad: withSecurity({
      clients: [{ username: 'admin', roles: [{ rolename: 'admin' }] }],
      roles: [{ rolename: 'admin', acls: [acl('publishClientSend', '$CONTROL/#')] }],
    }),
    good: withSecurity({
      clients: [{ username: 'alice', roles: [{ rolename: 'reader' }] }],
      roles: [{ rolename: 'reader', acls: [acl('publishClientReceive', 'a/#')] }],
    }),
    evidence: /^client 'admin' may control the broker and has no password$/,
  },
  {
    id: 'D24',
    about: 'the anonymous write',
    bad: withSecurity({
      groups: [{ groupname: 'all', roles: [{ rolename: 'writer' }] }],
      roles: [{ rolename: 'writer', acls: [acl('publishClientSend', 'a/#')] }],
      anonymousGroup: 'all',
    }),
    good: withSecurity({
      groups: [{ groupname: 'all', roles: [{ rolename: 'writer' }] }],
      roles: [{ rolename: 'writer', acls: [acl('publishClientSend', 'a/#')] }],
    }),
    evidence: /^the group of the anonymous may publish$/,
  },
  {
    id: 'D25',
    bad: withRules('user alice\nTopic readwrite private/mytopic\n'),
    good: withRules('user alice\ntopic readwrite private/mytopic\n'),
    evidence: /keywords are lower case: "topic", not "Topic"$/,
  },
  {
    id: 'D25',
    about: 'a bar',
    bad: withRules('pattern read | write user/%u/login\n'),
    good: withRules('pattern readwrite user/%u/login\n'),
    evidence: /"\|" separates nothing, write "readwrite" for both$/,
  },
  {
    id: 'D25',
    about: 'blanks at the end',
    bad: withRules('user alice\ntopic read a \n'),
    good: withRules('user alice\r\ntopic read a\r\n'),
    evidence: /^blanks end the line$/,
  },
  {
    id: 'D26',
    bad: withRules('pattern write sensor/c1/data\n'),
    good: withRules('pattern write sensor/%u/data\n'),
    evidence: /^pattern write 'sensor\/c1\/data' holds for every client$/,
  },
  {
    id: 'D27',
    bad: withRules('topic readwrite public/all\nuser alice\ntopic read a\n'),
    good: withRules('topic readwrite public/all\n', 'allow_anonymous true'),
    evidence: /^'public\/all' for clients without a name, and none gets in$/,
  },
  {
    id: 'D28',
    bad: withRules('user bob\ntopic read a\n'),
    good: withRules('user alice\ntopic read a\n'),
    evidence: /^'bob' has rules and no password$/,
  },
  {
    id: 'D28',
    about: 'the reverse',
    bad: { ...withRules('user carol\ntopic read a\n'), passwd: `carol:${strong}\ndave:${strong}\n` },
    good: { ...withRules('pattern read %u\n'), passwd: `carol:${strong}\ndave:${strong}\n` },
    evidence: /^'dave' has a password and no rules$/,
  },
  {
    id: 'D29',
    bad: { ...withRules('pattern read devices/%u\n'), passwd: `a+b:${strong}\n` },
    good: { ...withRules('pattern read devices/%u\n'), passwd: `a-b:${strong}\n` },
    evidence: /^'a\+b', and a pattern uses names$/,
  },
  {
    id: 'D30',
    bad: conf('listener 1883 127.0.0.1', 'clientid_prefixes C_ID-'),
    good: conf('listener 1883 127.0.0.1'),
    evidence: /^clientid_prefixes 'C_ID-'$/,
  },
  {
    id: 'D31',
    bad: conf('listener 1883 127.0.0.1', 'allow_anonymous true', 'listener 1884 127.0.0.1'),
    good: conf('allow_anonymous true', 'listener 1883 127.0.0.1', 'listener 1884 127.0.0.1'),
    evidence: /^'allow_anonymous' stands below a listener and holds for all 2$/,
  },
  {
    id: 'D31',
    about: 'what will go away',
    bad: withUsers(''),
    good: {
      ...conf('plugin /usr/lib/mosquitto_password_file.so', 'plugin_opt_password_file HERE/passwd'),
      passwd: '',
    },
    evidence: /^'password_file' will go away with Mosquitto 3\.0$/,
  },
  {
    id: 'D31',
    about: 'what stays, in a file that no Mosquitto starts with',
    bad: withUsers(''),
    good: { ...conf('listener 1883 127.0.0.1', 'password_file HERE/passwd', 'max_takeovers 5'), passwd: '' },
    evidence: /^'password_file' will go away/,
  },
  {
    id: 'D32',
    bad: conf('listener 1883', 'max_connections 10', 'max_packet_size 1000'),
    good: conf(
      'listener 1883',
      'max_connections 10',
      'max_packet_size 1000',
      'max_queued_bytes 1000',
      'max_keepalive 60',
    ),
    evidence: /^nothing limits queues \(max_queued_bytes\), keep-alive \(max_keepalive\)$/,
  },
  {
    id: 'D32',
    about: 'a file of our own, for a broker whose limits are finite anyway',
    bad: conf('listener 1883'),
    good: conf('listener 1883', 'max_takeovers 5'),
    evidence: /^nothing limits connections/,
  },
  {
    id: 'D33',
    about: 'others read it',
    bad: { ...conf('persistence true', 'persistence_location HERE/data'), 'data/': ['', 0o755] },
    good: { ...conf('persistence true', 'persistence_location HERE/data'), 'data/': ['', 0o700] },
    evidence: /data' has mode 0755$/,
  },
  {
    id: 'D34',
    bad: conf('log_dest stdout', 'log_dest none'),
    good: conf('log_dest stdout'),
    evidence: /^log_dest none$/,
  },
  {
    id: 'D34',
    about: 'types',
    bad: conf('log_type notice', 'log_type none', 'log_type error'),
    good: conf('log_type error', 'log_type warning', 'log_type notice'),
    evidence: /^log_type without notice$/,
  },
  { id: 'D35', bad: conf('user root'), good: conf('user mosquitto'), evidence: /^user root$/ },
  {
    id: 'D36',
    bad: conf('listener 8080', 'protocol http_api', 'password_file HERE/x'),
    good: conf('listener 8080 127.0.0.1', 'protocol http_api', 'password_file HERE/x'),
    evidence: /^'listener 8080' serves http_api to other machines$/,
  },
  {
    id: 'D36',
    about: 'to anybody',
    bad: conf('listener 8080 127.0.0.1', 'protocol http_api', 'allow_anonymous true', 'password_file HERE/x'),
    good: conf('listener 8080 127.0.0.1', 'protocol http_api', 'password_file HERE/x'),
    evidence: /serves http_api to anonymous clients$/,
  },
  {
    id: 'D37',
    bad: conf('persistence true'),
    good: conf('persistence true', 'allow_zero_length_clientid false'),
    evidence: /^persistence true, and ids may be empty/,
  },
  {
    id: 'D38',
    bad: conf('listener 1883 127.0.0.1', 'allow_anonymous true'),
    good: withRules('topic read public/#\nuser alice\ntopic read $SYS/#\n', 'allow_anonymous true'),
    evidence: /^anonymous clients, and no acl_file$/,
  },
  {
    id: 'D38',
    about: 'by a rule',
    bad: withRules('topic read $SYS/#\n', 'allow_anonymous true'),
    good: withRules('topic read $SYS/#\n'),
    evidence: /^clients without a name may read '\$SYS\/#'$/,
  },
  {
    id: 'D39',
    bad: conf(...tls('long')),
    good: conf(...tls('server')),
    evidence: /^CN=localhost lives 7305 days$/,
  },
  {
    id: 'D40',
    bad: conf(...tls('server', 'cafile CERTS/many.pem', 'require_certificate true')),
    good: conf(...mutual()),
    evidence: /many\.pem' holds 9 authorities$/,
  },
  { id: 'D41', bad: conf('port 1883'), good: conf('listener 1883'), evidence: /^'port'$/ },
  {
    id: 'D42',
    bad: conf('sys_interval 5', 'sys_interval 10'),
    good: conf('log_type error', 'log_type notice'),
    evidence: /^'sys_interval' again after line 1; what counts is '10'$/,
  },
  {
    id: 'D42',
    about: 'two names of one certificate',
    bad: conf(...mutual('use_subject_as_username true')),
    good: conf(...mutual('use_subject_as_username false')),
    evidence: /^use_subject_as_username has no effect/,
  },
  {
    id: 'D43',
    bad: conf(...tls('server')),
    good: conf(...tls('server')),
    evidence: /^CN=localhost begins only at /,
    inDays: -2,
  },
  {
    id: 'D43',
    about: 'nobody sets it',
    bad: conf(...tls('server')),
    good: conf(...tls('server')),
    evidence: /^no service that sets the clock/,
    keepsTime: false,
  },
  {
    id: 'D44',
    bad: conf(...mutual('disable_client_cert_date_checks true')),
    good: conf(...mutual('disable_client_cert_date_checks false')),
    evidence: /^disable_client_cert_date_checks true$/,
  },
  {
    id: 'D45',
    bad: withUsers(`alice:${strong}\n`),
    good: { ...conf('listener 1883', 'password_file HERE/passwd', 'shutdown_timeout 5'), passwd: `alice:${strong}\n` },
    evidence: /argon2id/,
  },
]
