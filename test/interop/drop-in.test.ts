// Debian's clients with the same arguments against both brokers: exit code, output and `-d` trace are the same, and so is
// what each broker answers to a client that bends the protocol. Where we differ on purpose, the row says why.

import assert from 'node:assert/strict'
import test, { before, type TestContext } from 'node:test'
import { both } from '../support/broker-process.ts'
import { showHex } from '../support/bytes.ts'
import { runTool, startSubscriber } from '../support/clients.ts'
import {
  connectBytes,
  disconnectBytes,
  pingreqBytes,
  publishBytes,
  subscribeBytes,
  type Version,
} from '../support/packet-bytes.ts'
import { readConnack } from '../support/packet-reader.ts'
import { property } from '../support/property-bytes.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { type BrokerPair, sameOutcome, startPair } from './same-outcome.ts'
import { fileScope } from './shared-broker.ts'

const alice =
  'alice:$7$101$FOeDCXJ2uKuootFg$l1oT5bRmdKdgC7r+VMr+CdnqALQVyNFffBnuDVqbO4clzrKuK1bWEuVPD1s+xminyjSlU+p+petNT4wlw/jbUw==\n'
let pair: BrokerPair
const scope = fileScope()
const starting = startPair(scope, {
  config: ({ port, dir }) =>
    `listener ${port} 127.0.0.1\nallow_anonymous true\npassword_file ${dir}/pw\nmax_packet_size 3000\nsys_interval 0`,
  files: { pw: alice },
})
before(async () => {
  pair = await starting
})

const here = ['-h', '127.0.0.1', '-d', '-i', 'tool']

interface Command {
  readonly sentence: string
  readonly tool: 'mosquitto_pub' | 'mosquitto_sub'
  readonly args: readonly string[]
  readonly input?: string
  /** Its packets cross the broker's. */
  readonly anyOrder?: true
  readonly code: number
  /** Whole lines that must be among the output. */
  readonly says?: readonly string[]
}

const versions = ['mqttv31', 'mqttv311', 'mqttv5']
const publishes = (sentence: string, args: readonly string[], more: Partial<Command> = {}): Command => {
  return { sentence, tool: 'mosquitto_pub', args, code: 0, ...more }
}
const subscribes = (sentence: string, args: readonly string[], more: Partial<Command> = {}): Command => {
  return { sentence, tool: 'mosquitto_sub', args, code: 0, ...more }
}

const commands: readonly Command[] = [
  ...versions.flatMap(version => [
    ...['0', '1', '2'].map(qos =>
      publishes(`${version} publishes at QoS ${qos}`, ['-V', version, '-q', qos, '-t', `pub/${version}`, '-m', 'text']),
    ),
    publishes(`${version} with an anonymous will`, [
      '-V',
      version,
      '-t',
      'a',
      '-m',
      'b',
      '--will-topic',
      'w',
      '--will-payload',
      'x',
      '--will-qos',
      '2',
      '--will-retain',
    ]),
    publishes(`${version} with a wrong password`, ['-V', version, '-t', 'a', '-m', 'b', '-u', 'alice', '-P', 'wrong'], {
      code: version === 'mqttv5' ? 135 : 5,
    }),
    publishes(`${version} with an unknown user`, ['-V', version, '-t', 'a', '-m', 'b', '-u', 'nobody', '-P', 'wrong'], {
      code: version === 'mqttv5' ? 135 : 5,
    }),
    subscribes(`${version} subscribes and leaves`, ['-V', version, '-t', 'a/+', '-t', 'b/#', '-q', '1', '-E'], {
      says: ['Subscribed (mid: 1): 1, 1'],
    }),
    subscribes(`${version} unsubscribes as it leaves`, ['-V', version, '-t', 'a', '-U', 'a', '-U', 'never', '-E']),
    subscribes(`${version} waits in vain`, ['-V', version, '-t', 'nothing/comes', '-W', '1'], { code: 27 }),
    publishes(
      `${version} sends a packet that is too large`,
      ['-V', version, '-q', '1', '-t', 'a', '-m', 'x'.repeat(4000)],
      { code: version === 'mqttv5' ? 0 : 7 },
    ),
  ]),
  publishes('a null message', ['-t', 'a', '-n']),
  publishes('an empty topic is not even sent', ['-t', '', '-m', 'x']),
  publishes('--repeat sends again', ['-t', 'a', '-m', 'x', '-q', '1', '--repeat', '3']),
  publishes('lines of standard input', ['-t', 'a', '-l', '-q', '2'], { input: 'one\ntwo\nthree\n', anyOrder: true }),
  publishes('standard input whole', ['-t', 'a', '-s'], { input: 'one\ntwo' }),
  publishes('retained, and then cleared', ['-t', 'kept', '-m', 'x', '-r', '-q', '1']),
  subscribes('receives what is retained', ['-t', 'kept', '-C', '1', '-v'], { says: ['kept x'] }),
  publishes('clears what is retained', ['-t', 'kept', '-n', '-r', '-q', '1']),
  subscribes('receives nothing when it is cleared', ['-t', 'kept', '-W', '1'], { code: 27 }),
  publishes('MQTT 5 properties of every kind', [
    ...['-V', '5', '-t', 'a', '-m', 'x', '-q', '1', '-x', '30'],
    ...['-D', 'connect', 'receive-maximum', '5', '-D', 'connect', 'user-property', 'k', 'v'],
    ...['-D', 'connect', 'maximum-packet-size', '1000', '-D', 'connect', 'topic-alias-maximum', '5'],
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
      'publish',
      'topic-alias',
      '1',
    ],
    ...['-D', 'disconnect', 'session-expiry-interval', '0'],
  ]),
  subscribes('MQTT 5 subscription options', ['-V', '5', '-t', 'a', '-q', '2', '--retain-as-published', '-E']),
  subscribes('a subscription identifier', [
    '-V',
    '5',
    '-t',
    'a',
    '-D',
    'subscribe',
    'subscription-identifier',
    '9',
    '-E',
  ]),
  subscribes('a shared subscription', ['-V', '5', '-t', '$share/g/a', '-q', '1', '-E'], {
    says: ['Subscribed (mid: 1): 1'],
  }),
  subscribes('a shared subscription before MQTT 5', ['-V', '311', '-t', '$share/g/a', '-q', '1', '-E']),
  subscribes('$SYS is granted', ['-t', '$SYS/#', '-E'], { says: ['Subscribed (mid: 1): 0'] }),
]

for (const { sentence, tool, args, input, anyOrder, code, says = [] } of commands) {
  test(`features I1, I2: ${tool}: ${sentence}`, async t => {
    const outcome = await sameOutcome(t, pair, tool, [...here, ...args], {
      input: input ?? '',
      anyOrder: anyOrder ?? false,
    })
    assert.equal(outcome.code, code, outcome.stderr.join('\n'))
    for (const line of says) assert(outcome.stdout.includes(line), `${line} is not in\n${outcome.stdout.join('\n')}`)
  })
}

test('features I1: a port where nobody listens', async t => {
  const { code, stderr } = await runTool(t, 'mosquitto_pub', ['-h', '127.0.0.1', '-p', '1', '-t', 'a', '-m', 'b'])
  assert.deepEqual([code, stderr], [1, ['Error: Connection refused']])
})

test('features I3: mosquitto_sub -v prints topic and payload, and ends behind -C messages', async t => {
  for (const kind of both) {
    const port = String(pair[kind].port)
    const subscriber = await startSubscriber(t, ['-h', '127.0.0.1', '-p', port, '-t', 'count/#', '-v', '-C', '3'])
    const args = ['-h', '127.0.0.1', '-p', port, '-t', 'count/größe', '-l', '-q', '1']
    await runTool(t, 'mosquitto_pub', args, 'one\ntwo\nthree\nfour\n')
    assert.equal((await subscriber.exit()).code, 0)
    const printed = subscriber.stdout.filter(line => line.startsWith('count/'))
    assert.deepEqual(printed, ['count/größe one', 'count/größe two', 'count/größe three'], kind)
  }
})

/** What a broker answers to these bytes: the packets, and `end` when it closes the connection. */
interface Conversation {
  readonly sentence: string
  readonly version?: Version
  readonly talk: (client: RawClient, stays: boolean, t: TestContext, port: number) => Promise<readonly string[]>
  /** The answer of both, or of Castellan where Mosquitto's differs. */
  readonly answer: readonly string[]
  readonly mosquitto?: { readonly answer: readonly string[]; readonly reason: string }
}

const cleanConnect = (version: Version, clientId = 'raw') => connectBytes({ version, clientId })

/** Sends CONNECT and what follows, and tells the answers up to the end or to the answer to a ping. */
function says(version: Version, ...packets: readonly Uint8Array[]): Conversation['talk'] {
  return async (client, stays) => {
    client.version = version
    client.send(cleanConnect(version))
    assert.equal((await client.expectConnack()).reasonCode, 0)
    client.send(...packets)
    return await answers(client, stays)
  }
}

// A ping to a connection that the broker has closed would be answered by a reset, which can swallow what came before it.
async function answers(client: RawClient, stays: boolean): Promise<string[]> {
  if (stays) client.send(pingreqBytes)
  const seen: string[] = []
  for (;;) {
    const packet = await client.packetOrEnd()
    if (packet === undefined) return [...seen, 'end']
    if (packet.name === 'PINGRESP') return [...seen, 'open']
    seen.push(
      packet.name === 'DISCONNECT'
        ? `DISCONNECT ${showHex(packet.body.subarray(0, 1))}`
        : `${packet.name} ${showHex(packet.body)}`,
    )
  }
}

function connects(version: Version, clientId: string, cleanStart: boolean): Conversation['talk'] {
  return async client => {
    client.version = version
    client.send(connectBytes({ version, clientId, cleanStart }))
    const packet = await client.packetOrEnd()
    if (packet === undefined) return ['end']
    const { reasonCode, properties } = readConnack(packet, version)
    const assigned = properties.some(
      ([name, value]) => name === 'assignedClientIdentifier' && /^auto-[0-9A-F-]{36}$/.test(`${value}`),
    )
    const outcome = `CONNACK ${reasonCode}${assigned ? ' with an assigned client id' : ''}`
    return reasonCode === 0 ? [outcome] : [outcome, ...(await answers(client, false))]
  }
}

const closesInSilence = { answer: ['end'], reason: '2.0.11 closes in silence; MQTT 5 §4.13 wants the reason said' }

const conversations: readonly Conversation[] = [
  { sentence: 'a second CONNECT, MQTT 3.1.1', talk: says(4, cleanConnect(4)), answer: ['end'] },
  {
    sentence: 'a second CONNECT, MQTT 5',
    talk: says(5, cleanConnect(5)),
    answer: ['DISCONNECT 82', 'end'],
    mosquitto: closesInSilence,
  },
  {
    sentence: 'SUBSCRIBE # and $SYS/#',
    talk: says(5, subscribeBytes({ packetId: 1, subscriptions: [{ filter: '#' }, { filter: '$SYS/#' }] })),
    answer: ['SUBACK 00 01 00 00 00', 'open'],
  },
  {
    sentence: 'publishing to $SYS at QoS 1, MQTT 5',
    talk: says(5, publishBytes({ topic: '$SYS/x', qos: 1 })),
    answer: ['PUBACK 00 01 87', 'open'],
  },
  {
    sentence: 'publishing to $SYS at QoS 1, MQTT 3.1.1',
    talk: says(4, publishBytes({ version: 4, topic: '$SYS/x', qos: 1 })),
    answer: ['PUBACK 00 01', 'open'],
  },
  {
    sentence: 'publishing to $other',
    talk: says(5, publishBytes({ topic: '$other/x', qos: 1 })),
    answer: ['PUBACK 00 01 10', 'open'],
  },
  {
    sentence: 'an empty topic name, MQTT 5',
    talk: says(5, publishBytes({ topic: '', qos: 1 })),
    answer: ['DISCONNECT 82', 'end'],
  },
  {
    sentence: 'an empty topic name, MQTT 3.1.1',
    talk: says(4, publishBytes({ version: 4, topic: '', qos: 1 })),
    answer: ['end'],
  },
  {
    sentence: 'a topic name with a wildcard, MQTT 5',
    talk: says(5, publishBytes({ topic: 'a/#', qos: 1 })),
    answer: ['DISCONNECT 90', 'end'],
    mosquitto: { answer: ['DISCONNECT 82', 'end'], reason: '0x90 topic name invalid, MQTT 5 §3.14.2.1, says more' },
  },
  {
    sentence: 'a topic name that is not UTF-8, MQTT 5',
    talk: says(5, publishBytes({ topic: Uint8Array.of(0x61, 0xc3), qos: 1 })),
    answer: ['DISCONNECT 81', 'end'],
  },
  {
    sentence: 'a topic name that is not UTF-8, MQTT 3.1.1',
    talk: says(4, publishBytes({ version: 4, topic: Uint8Array.of(0x61, 0xff), qos: 1 })),
    answer: ['end'],
  },
  {
    sentence: 'PUBLISH with QoS 3, MQTT 5',
    talk: says(5, publishBytes({ topic: 'a', qos: 3 })),
    answer: ['DISCONNECT 81', 'end'],
  },
  {
    sentence: 'PUBLISH with QoS 3, MQTT 3.1.1',
    talk: says(4, publishBytes({ version: 4, topic: 'a', qos: 3 })),
    answer: ['end'],
  },
  {
    sentence: 'SUBSCRIBE with QoS 3, MQTT 5',
    talk: says(5, subscribeBytes({ subscriptions: [{ filter: 'a', options: 3 }] })),
    answer: ['DISCONNECT 82', 'end'],
    mosquitto: { answer: ['DISCONNECT 81', 'end'], reason: 'MQTT 5 §3.8.3.1 calls it a protocol error' },
  },
  {
    sentence: 'SUBSCRIBE without a filter, MQTT 5',
    talk: says(5, subscribeBytes({ subscriptions: [] })),
    answer: ['DISCONNECT 82', 'end'],
    mosquitto: { answer: ['DISCONNECT 81', 'end'], reason: 'MQTT 5 §3.8.3 calls it a protocol error' },
  },
  {
    sentence: 'SUBSCRIBE with a wrong first byte',
    talk: says(5, subscribeBytes({ firstByte: 0x80, subscriptions: [{ filter: 'a' }] })),
    answer: ['DISCONNECT 81', 'end'],
  },
  {
    sentence: 'packet identifier 0',
    talk: says(5, publishBytes({ topic: 'a', qos: 1, packetId: 0 })),
    answer: ['DISCONNECT 82', 'end'],
  },
  {
    sentence: 'an unknown property',
    talk: says(5, publishBytes({ topic: 'a', qos: 1, properties: Uint8Array.of(0x7f, 0) })),
    answer: ['DISCONNECT 81', 'end'],
  },
  {
    sentence: 'the same property twice',
    talk: says(
      5,
      publishBytes({
        topic: 'a',
        qos: 1,
        properties: Buffer.concat([property.contentType('a'), property.contentType('b')]),
      }),
    ),
    answer: ['DISCONNECT 82', 'end'],
    mosquitto: closesInSilence,
  },
  {
    sentence: 'a topic alias above the maximum',
    talk: says(5, publishBytes({ topic: 'a', qos: 1, properties: property.topicAlias(11) })),
    answer: ['DISCONNECT 94', 'end'],
  },
  {
    sentence: 'topic alias 0',
    talk: says(5, publishBytes({ topic: 'a', qos: 1, properties: property.topicAlias(0) })),
    answer: ['DISCONNECT 94', 'end'],
    mosquitto: { answer: ['DISCONNECT 81', 'end'], reason: 'MQTT 5 §3.3.2.3.4 has a reason code for it' },
  },
  {
    sentence: 'no local on a shared subscription',
    talk: says(5, subscribeBytes({ subscriptions: [{ filter: '$share/g/a', noLocal: true }] })),
    answer: ['DISCONNECT 82', 'end'],
    mosquitto: { answer: ['SUBACK 00 01 00 00', 'open'], reason: '2.1 refuses it (mosquitto-conf 8)' },
  },
  {
    sentence: 'PUBREL for a message nobody sent',
    talk: says(5, Uint8Array.of(0x62, 2, 0, 9)),
    answer: ['PUBCOMP 00 09 92', 'open'],
    mosquitto: { answer: ['PUBCOMP 00 09', 'open'], reason: 'MQTT 5 §3.7.2.1 has a reason code for it' },
  },
  { sentence: 'PUBACK for a message nobody sent', talk: says(5, Uint8Array.of(0x40, 2, 0, 9)), answer: ['open'] },
  {
    sentence: 'a packet of the reserved type 0',
    talk: says(5, Uint8Array.of(0, 0)),
    answer: ['DISCONNECT 81', 'end'],
    mosquitto: {
      answer: ['DISCONNECT 82', 'end'],
      reason: 'MQTT 5 §2.1.2 forbids the type, so the packet is malformed',
    },
  },
  {
    sentence: 'a remaining length of five bytes',
    talk: says(5, Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff, 1)),
    answer: ['DISCONNECT 81', 'end'],
    mosquitto: closesInSilence,
  },
  { sentence: 'DISCONNECT, MQTT 5', talk: says(5, disconnectBytes()), answer: ['end'] },
  { sentence: 'an empty client id, MQTT 3.1', talk: connects(3, '', true), answer: ['CONNACK 2', 'end'] },
  { sentence: 'an empty client id, MQTT 3.1.1, clean', talk: connects(4, '', true), answer: ['CONNACK 0'] },
  { sentence: 'an empty client id, MQTT 3.1.1, not clean', talk: connects(4, '', false), answer: ['CONNACK 2', 'end'] },
  {
    sentence: 'an empty client id, MQTT 5, clean',
    talk: connects(5, '', true),
    answer: ['CONNACK 0 with an assigned client id'],
  },
  {
    sentence: 'an empty client id, MQTT 5, not clean',
    talk: connects(5, '', false),
    answer: ['CONNACK 0 with an assigned client id'],
  },
  ...([3, 4, 5] as const).map(
    (version): Conversation => ({
      sentence: `takeover, protocol version ${version}`,
      talk: async (client, _stays, t, port) => {
        client.version = version
        client.send(cleanConnect(version, 'taken'))
        await client.expectConnack()
        const second = await connectRaw(t, { port })
        second.version = version
        second.send(cleanConnect(version, 'taken'))
        assert.equal((await second.expectConnack()).reasonCode, 0)
        return await answers(client, false)
      },
      answer: version === 5 ? ['DISCONNECT 8E', 'end'] : ['end'],
      ...(version === 5 ? { mosquitto: closesInSilence } : {}),
    }),
  ),
  ...([4, 5] as const).map(
    (version): Conversation => ({
      sentence: `keep alive exceeded, protocol version ${version}`,
      talk: async client => {
        client.version = version
        client.send(connectBytes({ version, clientId: 'silent', keepAlive: 1 }))
        await client.expectConnack()
        const packet = await client.packetOrEnd()
        if (packet === undefined) return ['end']
        await client.expectClosed()
        return [`${packet.name} ${showHex(packet.body.subarray(0, 1))}`, 'end']
      },
      answer: version === 5 ? ['DISCONNECT 8D', 'end'] : ['end'],
      ...(version === 5 ? { mosquitto: closesInSilence } : {}),
    }),
  ),
]

for (const { sentence, talk, answer, mosquitto } of conversations) {
  test(`drop-in: ${sentence}: ${answer.join(', ')}${mosquitto ? `; Mosquitto ${mosquitto.answer.join(', ')} (${mosquitto.reason})` : ' by both brokers'}`, async t => {
    const expected = { castellan: answer, mosquitto: mosquitto?.answer ?? answer }
    const [ours, theirs] = await Promise.all(
      both.map(async kind => {
        const { port } = pair[kind]
        return talk(await connectRaw(t, { port }), expected[kind].at(-1) === 'open', t, port)
      }),
    )
    assert.deepEqual({ castellan: ours, mosquitto: theirs }, expected)
  })
}

test('mosquitto-conf 8: the CONNACK of MQTT 5 has its properties in the order of Mosquitto 2.1', async t => {
  const connack = async (kind: (typeof both)[number]) => {
    const client = await connectRaw(t, { port: pair[kind].port })
    client.send(connectBytes({ clientId: 'order' }))
    return (await client.expectConnack()).properties
  }
  const [topicAliases, packetSize, receive] = [
    ['topicAliasMaximum', 10],
    ['maximumPacketSize', 3000],
    ['receiveMaximum', 20],
  ] as const
  assert.deepEqual(await connack('castellan'), [topicAliases, packetSize, receive])
  // 2.0.11, which Debian ships, is different; the spec is measured on 2.1.2.
  assert.deepEqual(
    new Set((await connack('mosquitto')).map(([name]) => name)),
    new Set([topicAliases, packetSize, receive].map(([name]) => name)),
  )
})
