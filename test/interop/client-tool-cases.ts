// A table of command lines for Debian's clients and ours, and of formats for their lines. Whatever stands here has to come out the
// same on both sides; what differs on purpose is in docs/command-line-clients.md, and in `client-tools-differences.test.ts`.

import type { MosquittoTool } from '../support/clients.ts'

const tools = ['mosquitto_pub', 'mosquitto_sub', 'mosquitto_rr'] as const

/** What makes a command line whole, so that only the option in question is wrong. */
const whole: Readonly<Record<MosquittoTool, readonly string[]>> = {
  mosquitto_pub: ['-t', 'a', '-m', 'b'],
  mosquitto_sub: ['-t', 'a'],
  mosquitto_rr: ['-t', 'a', '-m', 'b', '-e', 'c'],
}

export interface UsageCase {
  readonly tool: MosquittoTool
  readonly args: readonly string[]
}

/** Options that take a value, by who knows them. */
const takingValues: Readonly<Record<string, readonly MosquittoTool[]>> = {
  '-A': tools,
  '--cafile': tools,
  '--capath': tools,
  '--cert': tools,
  '--ciphers': tools,
  '-C': ['mosquitto_sub'],
  '-D': tools,
  '--property': tools,
  '-e': ['mosquitto_rr'],
  '-f': ['mosquitto_pub', 'mosquitto_rr'],
  '-F': ['mosquitto_sub', 'mosquitto_rr'],
  '-h': tools,
  '--host': tools,
  '-i': tools,
  '--id': tools,
  '-I': tools,
  '--id-prefix': tools,
  '-k': tools,
  '--keepalive': tools,
  '--key': tools,
  '--keyform': tools,
  '-L': tools,
  '--url': tools,
  '-M': tools,
  '-p': tools,
  '--port': tools,
  '-P': tools,
  '--pw': tools,
  '--proxy': tools,
  '--psk': tools,
  '--psk-identity': tools,
  '-q': tools,
  '--qos': tools,
  '--random-filter': ['mosquitto_sub'],
  '--repeat': ['mosquitto_pub'],
  '--repeat-delay': ['mosquitto_pub'],
  '-t': tools,
  '--topic': tools,
  '-T': ['mosquitto_sub'],
  '--filter-out': ['mosquitto_sub'],
  '--tls-alpn': tools,
  '--tls-engine': tools,
  '--tls-engine-kpass-sha1': tools,
  '--tls-version': tools,
  '-u': tools,
  '--username': tools,
  '--unix': tools,
  '-U': ['mosquitto_sub'],
  '--unsubscribe': ['mosquitto_sub'],
  '-V': tools,
  '--protocol-version': tools,
  '-W': ['mosquitto_sub', 'mosquitto_rr'],
  '--will-payload': tools,
  '--will-qos': tools,
  '--will-topic': tools,
  '-x': tools,
}

/** Options of one tool that the others do not know. */
const foreign: readonly UsageCase[] = [
  ...['-C', '-E', '-T', '-U', '--retained-only', '--remove-retained', '--random-filter'].flatMap(name =>
    (['mosquitto_pub', 'mosquitto_rr'] as const).map(tool => ({ tool, args: [...whole[tool], name, '1'] })),
  ),
  ...['-l', '--repeat', '--repeat-delay', '-r', '--retain'].flatMap(name =>
    (['mosquitto_sub', 'mosquitto_rr'] as const).map(tool => ({ tool, args: [...whole[tool], name, '1'] })),
  ),
  ...['-m', '-n', '-s', '-f'].map(name => ({ tool: 'mosquitto_sub' as const, args: ['-t', 'a', name, '1'] })),
  ...['-F', '-N', '-R', '-v', '-W', '--pretty', '-e'].map(name => ({
    tool: 'mosquitto_pub' as const,
    args: [...whole.mosquitto_pub, name, '1'],
  })),
]

/** Values that no tool takes. */
const wrongForAll: readonly (readonly string[])[] = [
  ['-k', '4'],
  ['-k', '65536'],
  ['-k', '-1'],
  ['-k', 'x'],
  ['-M', '0'],
  ['-p', '-1'],
  ['-p', '65536'],
  ['-q', '3'],
  ['-q', '-1'],
  ['-V', '6'],
  ['-V', 'mqttv4'],
  ['-x', 'x'],
  ['-x', '4294967296'],
  ['-x', '-2'],
  ['--will-qos', '3'],
  ['--will-topic', 'a/#'],
  ['--will-topic', 'a/+'],
  ['--will-payload', 'x'],
  ['--will-retain'],
  ['--cert', 'x'],
  ['--key', 'x'],
  ['--psk', '01'],
  ['--psk', '01', '--psk-identity', 'x', '--cafile', 'y'],
  ['-i', 'a', '-I', 'b'],
  ['-I', 'b', '-i', 'a'],
  ['-i', ''],
  ['-c', '-V', '311'],
  ['-c', '-V', '5'],
  ['-c', '-V', '311', '-I', 'x'],
  ['-P', 'x', '-V', '311'],
  ['-L', 'http://a/b'],
  ['-L', 'mqtt://a'],
  ['-L', 'a/b'],
  ['--proxy', 'socks4://a'],
  ['--proxy', 'http://a'],
  ['--nosuchoption'],
  ['-Z'],
  ['-tx'],
  ['–t', 'x'],
  ['–cafile', 'x'],
  ['x'],
  ['-D', 'connect'],
  ['-D', 'connect', 'receive-maximum'],
  ['-D', 'nosuch', 'receive-maximum', '1'],
  ['-D', 'connect', 'nosuch', '1'],
  ['-D', 'publish', 'receive-maximum', '1'],
  ['-D', 'publish', 'subscription-identifier', '1'],
  ['-D', 'publish', 'user-property', 'a'],
  ['-D', 'connect', 'receive-maximum', '65536'],
  ['-D', 'connect', 'receive-maximum', '-1'],
  ['-D', 'connect', 'session-expiry-interval', '4294967296'],
  ['-D', 'connect', 'topic-alias-maximum', '70000'],
  ['-D', 'connect', 'content-type', 'x'],
  ['-D', 'publish', 'payload-format-indicator', '256'],
  ['-D', 'auth', 'authentication-method', 'x'],
  ['-D', 'puback', 'reason-string', 'x'],
  ['-D', 'pubrec', 'user-property', 'a', 'b'],
  ['-D', 'suback', 'reason-string', 'x'],
  ['-D', 'will', 'topic-alias', '1'],
  ['-D', 'subscribe', 'content-type', 'x'],
  ['-D', 'disconnect', 'content-type', 'x'],
  ['-D', 'unsubscribe', 'content-type', 'x'],
]

const wrongTopics = ['a/#/b', '#a', 'a#', '+a', 'a+/b']

/** Command lines that are refused before anything is connected. */
export const usageCases: readonly UsageCase[] = [
  ...tools.map(tool => ({ tool, args: [] })),
  ...Object.entries(takingValues).flatMap(([name, knowing]) =>
    knowing.map(tool => ({ tool, args: [...whole[tool], name] })),
  ),
  ...foreign,
  ...wrongForAll.flatMap(args => tools.map(tool => ({ tool, args: [...whole[tool], ...args] }))),
  ...wrongTopics.flatMap(topic => [
    { tool: 'mosquitto_sub' as const, args: ['-t', topic] },
    { tool: 'mosquitto_sub' as const, args: ['-t', 'a', '-T', topic] },
    { tool: 'mosquitto_sub' as const, args: ['-t', 'a', '-U', topic] },
    { tool: 'mosquitto_pub' as const, args: ['-t', topic, '-m', 'x'] },
    { tool: 'mosquitto_rr' as const, args: ['-t', topic, '-m', 'x', '-e', 'r'] },
    { tool: 'mosquitto_rr' as const, args: ['-t', 'a', '-m', 'x', '-e', topic] },
  ]),
  { tool: 'mosquitto_sub', args: ['-t', 'a', '-C', '0'] },
  { tool: 'mosquitto_sub', args: ['-t', 'a', '-C', '-1'] },
  { tool: 'mosquitto_sub', args: ['-t', 'a', '-W', '0'] },
  { tool: 'mosquitto_sub', args: ['-t', 'a', '-W', '-3'] },
  { tool: 'mosquitto_sub', args: ['-t', 'a', '--random-filter', '0'] },
  { tool: 'mosquitto_sub', args: ['-t', 'a', '--random-filter', '1001'] },
  { tool: 'mosquitto_sub', args: ['-t', 'a', '--random-filter', '-1'] },
  { tool: 'mosquitto_pub', args: ['-t', 'a'] },
  { tool: 'mosquitto_pub', args: ['-m', 'a'] },
  { tool: 'mosquitto_pub', args: [...whole.mosquitto_pub, '--repeat', '0'] },
  { tool: 'mosquitto_pub', args: [...whole.mosquitto_pub, '--repeat-delay', '-1'] },
  { tool: 'mosquitto_rr', args: ['-t', 'a', '-m', 'x'] },
  { tool: 'mosquitto_rr', args: ['-t', 'a', '-e', 'x'] },
  { tool: 'mosquitto_rr', args: ['-m', 'a', '-e', 'x'] },
  { tool: 'mosquitto_rr', args: [...whole.mosquitto_rr, '-D', 'publish', 'response-topic', 'y'] },
  ...['-m', '-n', '-s', '-l', '-f'].flatMap(first =>
    ['-n', '-s', '-l'].map(second => ({
      tool: 'mosquitto_pub' as const,
      args: ['-t', 'a', first, ...(first === '-m' || first === '-f' ? ['x'] : []), second],
    })),
  ),
  ...[
    '%',
    '%0',
    '%5',
    '%.',
    '%.3',
    '%-',
    '%-0',
    'a%',
    '@',
    '\\',
    '%y',
    '%z',
    '%k',
    '%-q'.slice(0, 2),
    '\\q',
    '\\x',
    '%5.',
  ].flatMap(format => [
    { tool: 'mosquitto_sub' as const, args: ['-t', 'a', '-F', format] },
    { tool: 'mosquitto_rr' as const, args: [...whole.mosquitto_rr, '-F', format] },
  ]),
]

/** Formats of lines, for every message of `formatMessages`. */
export const formats: readonly string[] = [
  ...['%t', '%p', '%q', '%r', '%l', '%m', '%x', '%X', '%A', '%C', '%D', '%E', '%F', '%P', '%R', '%S', '%%'],
  ...['%t %p', '%t|%q|%r|%m|%l', '[%p]', '%p%p', 'plain', '', ' ', 'é %t ü'],
  ...['%10t', '%-10t|', '%010t', '%-010t|', '%2t', '%10.10t', '%-10.10t|', '%.3t', '%-.3t|', '%5.2t', '%.0t', '%0.4t'],
  ...['%10p', '%-10p|', '%010p', '%-010p|', '%3p', '%-3p|', '%1p', '%10.2p', '%.2p', '%-p|', '%0p'],
  ...['%5l', '%-5l|', '%05l', '%-05l|', '%1l', '%.2l'],
  ...['%5m', '%-5m|', '%05m'],
  ...['%20C|', '%-20C|', '%.4C|', '%020C|', '%8.3C|', '%-8.3C|'],
  ...['%20R|', '%-20R|', '%.4R|', '%020R|', '%8.3R|'],
  ...['%8E|', '%-8E|', '%08E|', '%8F|', '%08F|', '%-8F|', '%8A|', '%08A|', '%8S|', '%08S|'],
  ...['\\n', '\\t%p', '%p\\0', '\\a\\e\\r\\v\\\\', '\\e[1m%t\\e[0m'],
  ...['@@', 'a@@b', '@%', '@n', '@t'],
]

/** Formats of times that stay the same for a day. */
export const dayFormats: readonly string[] = [...'aAbBCdDeFgGhjmuUVwWxyYzZ'].map(letter => `@${letter}`)

/** Formats of times that do not: compared by their shape. */
export const clockFormats: readonly string[] = [
  ...[...'cHIklMNpPrRsSTX'].map(letter => `@${letter}`),
  ...['%I', '%U', '%30I|', '%-30I|', '%.10I|', '%12.4I', '@H:@M:@S.@N %t'],
]

export interface FormatMessage {
  readonly payload: string
  readonly qos: 0 | 1 | 2
  /** Behind `-D publish`, each. */
  readonly properties?: readonly (readonly string[])[]
}

export const formatMessages: readonly FormatMessage[] = [
  { payload: 'hello', qos: 0 },
  { payload: 'x', qos: 2 },
  { payload: '\u0001\u0002"\\/\b\f\n\r\t\u007f', qos: 1 },
  { payload: 'grüße \u{1f680}', qos: 0 },
  { payload: '0123456789abcdef0123456789', qos: 2 },
  {
    payload: '{"temperature":27.0,"list":[1,2,{"a":null}],"t":true}',
    qos: 1,
    properties: [
      ['payload-format-indicator', '1'],
      ['message-expiry-interval', '4000000000'],
      ['content-type', 'application/json'],
      ['response-topic', 'answers/here'],
      ['correlation-data', 'abc'],
      ['user-property', 'a', '1'],
      ['user-property', 'b', 'two words'],
      ['user-property', 'a', '3'],
    ],
  },
  { payload: 'with one', qos: 0, properties: [['user-property', 'ключ', 'é']] },
]

/** Payloads for `%J`: the same JSON comes out in the same form. */
export const jsonPayloads: readonly string[] = [
  ...[
    '{}',
    '[]',
    '[ ]',
    '{ }',
    'null',
    'true',
    'false',
    '0',
    '-0',
    '1',
    '-1',
    '12',
    '1.5',
    '-1.25',
    '27.0',
    '1e3',
    '1E+2',
    '1e-7',
  ],
  ...['0.1', '0.30000000000000004', '1e21', '1e22', '123456789012', '2147483647', '2147483648', '-2147483648', '1e308'],
  ...['3.14159265358979', '1.7976931348623157e308', '5e-324', '100000000000000000000', '0.00001', '123456.789'],
  ...[
    '"text"',
    '""',
    '"a\\"b"',
    '"\\u00e9"',
    '"é"',
    '"\\ud83d\\ude80"',
    '"\\/"',
    '"\\\\"',
    '"\\n\\t\\b\\f\\r"',
    '"\\u0001"',
  ],
  ...['{"a":1}', '{"b":1,"a":2}', '{"a":1,"a":2}', '{"2":0,"1":0}', '{"a":{"b":[1,[2,[3]]]}}', '[{"a":1},{"b":2}]'],
  ...[' {"a" : 1 , "b" : [ 1 , 2 ] } ', '{"__proto__":1}', '[1,2,3]', '[[],{}]', '{"a":{}}', '{"a":[]}'],
]

/** Payloads that are no JSON. */
export const noJson: readonly string[] = [
  'hello',
  '{',
  '[1,',
  '{"a"}',
  '{"a":}',
  '{a:1}',
  "{'a':1}",
  '"open',
  '1 2',
  '{} x',
  'nul',
]
