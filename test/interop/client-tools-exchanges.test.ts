// What Debian's clients and ours say to a broker, and what they print of it: the same command lines with the same `-d` trace, on
// Castellan and on Debian's Mosquitto.

import assert from 'node:assert/strict'
import test, { before } from 'node:test'
import { type BrokerKind, both, type Place, startBroker, startMosquitto } from '../support/broker-process.ts'
import { passwordLines } from '../support/password-lines.ts'
import { assertSame, type Call, type Left, runDebian, runOurs } from './client-tools.ts'
import type { BrokerPair } from './same-outcome.ts'
import { fileScope } from './shared-broker.ts'

let pair: BrokerPair
const scope = fileScope()
const files = {
  pw: passwordLines({ alice: 'secret' }),
  acl: 'topic readwrite open/#\nuser alice\ntopic readwrite #\n',
}
const lines = ({ port, dir }: Place) => [
  `listener ${port} 127.0.0.1`,
  `allow_anonymous true\npassword_file ${dir}/pw\nacl_file ${dir}/acl`,
  'max_packet_size 3000\nsys_interval 0',
]
const starting = Promise.all([
  // More wrong passwords come here in a second than from a person in a year.
  startBroker(scope, { files, config: place => [...lines(place), 'max_authentication_failures 1000'].join('\n') }),
  startMosquitto(scope, { files, config: place => lines(place).join('\n') }),
])
before(async () => {
  const [castellan, mosquitto] = await starting
  pair = { castellan, mosquitto }
})

interface Exchange {
  readonly sentence: string
  readonly tool: Call['tool']
  /** `TOPIC` is a topic, `ID` a client id, that nobody else uses. */
  readonly args: readonly string[]
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  /** What happens first, each time. */
  readonly before?: readonly Pick<Call, 'tool' | 'args'>[]
  readonly code?: number
  /** It sends on without waiting for answers: where these stand in the trace is a matter of time. */
  readonly anyOrder?: true
  /** What the tool of Debian leaves out, or has otherwise: the page says so. */
  readonly without?: RegExp
}

const versions = ['31', '311', '5']
const qualities = ['0', '1', '2']

const pub = (sentence: string, args: readonly string[], more: Partial<Exchange> = {}): Exchange => {
  return { sentence, tool: 'mosquitto_pub', args: ['-d', '-t', 'TOPIC', ...args], ...more }
}
const sub = (sentence: string, args: readonly string[], more: Partial<Exchange> = {}): Exchange => {
  return { sentence, tool: 'mosquitto_sub', args: ['-d', '-t', 'TOPIC', ...args], ...more }
}
/** A retained message that waits for the subscriber. */
const kept = (payload: string, ...more: string[]) => ({
  tool: 'mosquitto_pub' as const,
  args: ['-t', 'TOPIC', '-r', '-q', '1', '-m', payload, ...more],
})
/** A session that has subscribed, and messages that wait in it. */
const queued = (...payloads: readonly string[]) => [
  { tool: 'mosquitto_sub' as const, args: ['-i', 'ID', '-E', '-t', 'TOPIC'] },
  { tool: 'mosquitto_sub' as const, args: ['-i', 'ID', '-c', '-q', '2', '-E', '-t', 'TOPIC'] },
  ...payloads.map((payload, index) => ({
    tool: 'mosquitto_pub' as const,
    args: ['-t', 'TOPIC', '-q', String((index % 2) + 1), ...(payload === '' ? ['-n'] : ['-m', payload])],
  })),
]
const rr = (sentence: string, args: readonly string[], more: Partial<Exchange> = {}): Exchange => {
  // Debian's tool drops the connection without a word, and has the broker publish its will.
  const without = /^Client .* sending DISCONNECT\n/m
  return { sentence, tool: 'mosquitto_rr', args: ['-d', '-t', 'TOPIC/ask', '-e', 'TOPIC', ...args], without, ...more }
}

const exchanges: readonly Exchange[] = [
  ...versions.flatMap(version => [
    ...qualities.flatMap(qos => [
      pub(`MQTT ${version} publishes at QoS ${qos}`, ['-V', version, '-q', qos, '-m', 'text']),
      pub(`MQTT ${version} publishes and retains at QoS ${qos}`, ['-V', version, '-q', qos, '-r', '-m', 'text']),
      sub(`MQTT ${version} receives at QoS ${qos}`, ['-V', version, '-q', qos, '-C', '1'], { before: [kept('text')] }),
      sub(`MQTT ${version} receives QoS 2 at QoS ${qos}`, ['-V', version, '-q', qos, '-v', '-C', '1'], {
        before: [kept('text', '-q', '2')],
      }),
    ]),
    pub(`MQTT ${version} with a name`, ['-V', version, '-i', 'ID', '-m', 'x']),
    pub(`MQTT ${version} with a will`, [
      '-V',
      version,
      '-m',
      'x',
      '--will-topic',
      'w',
      '--will-payload',
      'gone',
      '--will-qos',
      '2',
      '--will-retain',
    ]),
    pub(`MQTT ${version} with a password`, ['-V', version, '-u', 'alice', '-P', 'secret', '-m', 'x', '-q', '1']),
    pub(`MQTT ${version} with a wrong password`, ['-V', version, '-u', 'alice', '-P', 'wrong', '-m', 'x'], {
      code: version === '5' ? 135 : 5,
    }),
    sub(`MQTT ${version} subscribes with a wrong password`, ['-V', version, '-u', 'alice', '-P', 'wrong'], {
      code: version === '5' ? 135 : 5,
    }),
    sub(`MQTT ${version} subscribes and ends`, ['-V', version, '-t', 'TOPIC/+', '-t', 'TOPIC/#', '-q', '1', '-E']),
    sub(`MQTT ${version} subscribes to what is forbidden`, ['-V', version, '-t', 'secret', '-E']),
    sub(`MQTT ${version} unsubscribes`, ['-V', version, '-U', 'TOPIC', '-U', 'never', '-E']),
    sub(`MQTT ${version} waits in vain`, ['-V', version, '-W', '1'], { code: 27 }),
    sub(`MQTT ${version} leaves retained messages alone`, ['-V', version, '-R', '-W', '1'], {
      before: [kept('old')],
      code: 27,
    }),
    sub(`MQTT ${version} prints retained messages only`, ['-V', version, '--retained-only', '-v', '-C', '1'], {
      before: [kept('old')],
    }),
    sub(`MQTT ${version} asks for the publisher's flag`, ['-V', version, '--retain-as-published', '-C', '1'], {
      before: [kept('x')],
    }),
    sub(`MQTT ${version} removes what is retained`, ['-V', version, '--remove-retained', '-W', '1'], {
      before: [kept('x')],
      code: 27,
    }),
    rr(`MQTT ${version} asks and is answered`, ['-V', version, '-m', 'question', '-W', '5'], {
      before: [kept('answer')],
    }),
    rr(`MQTT ${version} asks in vain`, ['-V', version, '-n', '-W', '1'], { code: 27 }),
    rr(`MQTT ${version} asks with a wrong password`, ['-V', version, '-n', '-u', 'alice', '-P', 'wrong'], {
      code: version === '5' ? 135 : 5,
    }),
  ]),
  pub('an empty message', ['-n']),
  pub('an empty file', ['-f', '/dev/null']),
  pub('a file', ['-f', '/etc/hostname', '-q', '1']),
  pub('a file that is not there', ['-f', '/no/such/file'], { code: 1 }),
  pub('a directory', ['-f', '/tmp'], { code: 1 }),
  pub('standard input whole', ['-s', '-q', '1'], { input: 'one\ntwo\n' }),
  pub('an empty standard input', ['-s'], { code: 1 }),
  ...qualities.map(qos =>
    pub(`the lines of standard input at QoS ${qos}`, ['-l', '-q', qos], { input: 'one\ntwo\nthree\n', anyOrder: true }),
  ),
  pub('lines without an end, and empty ones', ['-l', '-q', '1'], { input: 'one\n\n\nlast', anyOrder: true }),
  pub('no lines', ['-l'], {}),
  pub('fifty lines, two at a time', ['-l', '-q', '2', '-M', '2'], { input: 'line\n'.repeat(50), anyOrder: true }),
  pub('lines with a wrong password', ['-l', '-u', 'alice', '-P', 'x'], { input: 'one\n', code: 5 }),
  ...qualities.map(qos => pub(`three times at QoS ${qos}`, ['-m', 'x', '-q', qos, '--repeat', '3'])),
  pub('three times, with a pause', ['-m', 'x', '--repeat', '3', '--repeat-delay', '0.05']),
  pub('three times by an alias', ['-m', 'x', '-q', '1', '--repeat', '3', '-D', 'publish', 'topic-alias', '2']),
  pub('a message that the broker forbids', ['-V', '5', '-q', '1', '-t', 'secret', '-m', 'x']),
  pub('a message that the broker forbids, at QoS 2', ['-V', '5', '-q', '2', '-t', 'secret', '-m', 'x']),
  pub('a message that the broker forbids, before MQTT 5', ['-q', '1', '-t', 'secret', '-m', 'x']),
  pub('a message that is too large, before MQTT 5', ['-q', '1', '-m', 'x'.repeat(4000)], { code: 7 }),
  pub('a name made of a prefix', ['-I', 'prefix', '-m', 'x'], { without: /prefix\d+/g }),
  pub('a URL', ['-L', 'mqtt://alice:secret@127.0.0.1:PORT/TOPIC', '-m', 'x', '-q', '1']),
  pub('a URL with a wrong password', ['-L', 'mqtt://alice:x@127.0.0.1:PORT/TOPIC', '-m', 'x', '-q', '1'], { code: 5 }),
  pub('a port where nobody is', ['-p', '1', '-m', 'x'], { code: 1 }),
  pub('a port where nobody is, quietly', ['-p', '1', '-m', 'x', '--quiet'], { code: 1 }),
  pub('a name that is not known', ['-h', 'nobody.invalid', '-m', 'x'], { code: 1 }),
  pub('a socket that is not there', ['--unix', '/no/such/socket', '-m', 'x'], { code: 1 }),
  pub('an own address', ['-A', '127.0.0.1', '-m', 'x']),
  pub('an authority that is not there', ['--cafile', '/no/such/ca', '-m', 'x'], { code: 1 }),
  pub('nodelay, keep-alive and a limit', ['--nodelay', '-k', '30', '-M', '5', '-m', 'x']),
  pub('properties of every packet', [
    ...[
      '-m',
      'x',
      '-q',
      '1',
      '-x',
      '30',
      '-D',
      'connect',
      'receive-maximum',
      '5',
      '-D',
      'connect',
      'user-property',
      'k',
      'v',
    ],
    ...['-D', 'connect', 'maximum-packet-size', '1000', '-D', 'connect', 'topic-alias-maximum', '5'],
    ...['-D', 'connect', 'request-problem-information', '1', '-D', 'connect', 'request-response-information', '1'],
    ...[
      '-D',
      'publish',
      'content-type',
      't',
      '-D',
      'publish',
      'user-property',
      'k',
      'v',
      '-D',
      'PUBLISH',
      'correlation-data',
      'c',
    ],
    ...['-D', 'disconnect', 'session-expiry-interval', '0', '-D', 'disconnect', 'user-property', 'k', 'v'],
    ...['--will-topic', 'w', '-D', 'will', 'will-delay-interval', '5', '-D', 'will', 'content-type', 't'],
  ]),
  pub('a session that lasts', ['-c', '-i', 'ID', '-m', 'x']),
  pub('a session that lasts with MQTT 5', ['-c', '-i', 'ID', '-V', '5', '-x', '20', '-m', 'x']),
  sub('a payload alone', ['-C', '1'], { before: [kept('text')] }),
  sub('without a line end', ['-C', '1', '-N'], { before: [kept('text')] }),
  sub('a format', ['-C', '1', '-F', '%t=%p (%q, %r)'], { before: [kept('text')] }),
  sub('a format goes before -v', ['-C', '1', '-v', '-F', '%p'], { before: [kept('text')] }),
  sub('queued messages', ['-i', 'ID', '-c', '-q', '2', '-C', '4', '-v'], { before: queued('one', 'two', '', 'four') }),
  sub('queued messages, empty ones alone', ['-i', 'ID', '-c', '-q', '2', '-C', '2'], { before: queued('', '') }),
  sub('queued empty messages without line ends', ['-i', 'ID', '-c', '-q', '2', '-C', '2', '-v', '-N'], {
    before: queued('', 'x'),
  }),
  sub('queued messages as JSON', ['-i', 'ID', '-c', '-q', '2', '-C', '2', '-F', '%j'], { before: queued('', 'x') }),
  sub('queued messages with MQTT 5, some of them', ['-i', 'ID', '-c', '-V', '5', '-q', '2', '-C', '2', '-v'], {
    before: queued('1', '2', '3', '4'),
  }),
  sub('ends at the first message that is not retained', ['-i', 'ID', '-c', '-q', '2', '--retained-only'], {
    before: queued('one'),
  }),
  sub('filters out', ['-t', 'TOPIC/b', '-T', 'TOPIC', '-v', '-C', '1'], {
    before: [kept('a'), { tool: 'mosquitto_pub', args: ['-t', 'TOPIC/b', '-r', '-m', 'b'] }],
  }),
  sub('filters out by a wildcard', ['-T', 'open/#', '-W', '1'], { before: [kept('a')], code: 27 }),
  sub('some subscriptions are forbidden', ['-u', 'alice', '-P', 'secret', '-t', 'x', '-E']),
  sub('a shared subscription', ['-V', '5', '-t', '$share/g/TOPIC', '-q', '1', '-E']),
  sub(
    'a subscription identifier',
    ['-V', '5', '-D', 'subscribe', 'subscription-identifier', '9', '-C', '1', '-F', '%S %p'],
    { before: [kept('x')] },
  ),
  sub('quietly', ['--quiet', '-W', '1'], { code: 27 }),
  sub('a message of many bytes', ['-C', '1', '-F', '%l'], { before: [kept('x'.repeat(2000))] }),
  sub('no more than the first', ['-i', 'ID', '-c', '-C', '1', '-q', '1', '-V', '5'], { before: queued('1', '2', '3') }),
  rr('at QoS 1', ['-q', '1', '-m', 'x', '-W', '5', '-v'], { before: [kept('answer')] }),
]

function filled(text: string, kind: BrokerKind, side: string, number: number): string {
  return text
    .replaceAll('TOPIC', `open/${side}/${number}`)
    .replaceAll('ID', `${side}-${number}`)
    .replaceAll('PORT', String(pair[kind].port))
}

async function perform(exchange: Exchange, kind: BrokerKind, side: 'debian' | 'ours', number: number): Promise<Left> {
  const fill = (args: readonly string[]) => args.map(each => filled(each, kind, side, number))
  const place = ['-h', '127.0.0.1', '-p', String(pair[kind].port)]
  for (const { tool, args } of exchange.before ?? []) {
    const prepared = await runDebian({ tool, args: [...place, ...fill(args)] })
    assert.equal(prepared.code, 0, `${tool} ${args.join(' ')}: ${prepared.words}`)
  }
  const { tool, input, env } = exchange
  const call = { tool, args: [...place, ...fill(exchange.args)], input, env }
  const left = await (side === 'debian' ? runDebian(call) : runOurs(call))
  return { ...left, stdout: normalised(left.stdout, exchange, side, number) }
}

function normalised(stdout: string, { without, anyOrder }: Exchange, side: string, number: number): string {
  const text = stdout
    .replaceAll(`open/${side}/${number}`, 'TOPIC')
    .replaceAll(`${side}-${number}`, 'ID')
    .replaceAll(/"tst":"[^"]*"/g, '"tst":""')
    .replace(without ?? '', '')
  return anyOrder ? text.split('\n').sort().join('\n') : text
}

/** Most of them wait, for a broker or for an end of time. */
const atATime = 8

async function compare(kind: BrokerKind, number: number, exchange: Exchange, failures: string[]): Promise<void> {
  const [debian, ours] = await Promise.all([
    perform(exchange, kind, 'debian', number),
    perform(exchange, kind, 'ours', number),
  ])
  const what = `${exchange.sentence}: ${exchange.tool} ${exchange.args.join(' ')}`
  try {
    assertSame(ours, debian, what)
    assert.equal(ours.code, exchange.code ?? 0, what)
  } catch (error) {
    failures.push((error as Error).message)
  }
}

for (const kind of both) {
  test(`cli 5: ${exchanges.length} command lines have the same exit code, output and trace (${kind})`, async () => {
    const failures: string[] = []
    const left = [...exchanges.entries()]
    const work = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await compare(kind, ...next, failures)
    }
    await Promise.all(Array.from({ length: atATime }, work))
    assert.equal(failures.join('\n\n'), '')
  })
}
