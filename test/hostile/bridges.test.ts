// A broker at the other end of a bridge that is broken, or means harm: its bridge is cut off and tries again, and nobody else
// notices. What it sends is held to what the bridge shares.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import { hex } from '../support/bytes.ts'
import {
  acknowledgementBytes,
  authBytes,
  connectBytes,
  disconnectBytes,
  publishBytes,
  subscribeBytes,
} from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import { RawClient } from '../support/raw-client.ts'
import { join, publish, startWireBroker, subscribe, type WireBroker } from '../support/wire-broker.ts'

type Version = 4 | 5
const accepted: Readonly<Record<Version, Uint8Array>> = { 4: hex`20 02 00 00`, 5: hex`20 03 00 00 00` }
const megabyte = 1024 * 1024

/** The other broker, by hand. */
class FarBroker {
  readonly #version: Version
  readonly #server: Server
  readonly #waiting: RawClient[] = []
  readonly #all: RawClient[] = []

  private constructor(server: Server, version: Version) {
    this.#server = server
    this.#version = version
    server.on('connection', socket => {
      const client = new RawClient(socket)
      client.version = version
      this.#all.push(client)
      this.#waiting.push(client)
      server.emit('bridge')
    })
  }

  static async start(t: TestContext, version: Version): Promise<FarBroker> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const far = new FarBroker(server, version)
    t.after(() => {
      server.close()
      for (const { socket } of far.#all) socket.destroy()
    })
    return far
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The next connection, whose CONNECT has come. */
  async next(version = this.#version): Promise<RawClient> {
    while (this.#waiting.length === 0) await once(this.#server, 'bridge')
    const client = this.#waiting.shift() as RawClient
    const { body } = await client.expectPacket('CONNECT')
    // Behind the name of the protocol; bit 7 says that it is a bridge.
    assert.equal((body[6] ?? 0) & 0x7f, version, 'the version that it speaks')
    return client
  }

  /** One that was let in, and has got the filters that it asked for, each in a packet of its own. */
  async nextLetIn(filters = 1): Promise<RawClient> {
    const client = await this.next()
    client.send(accepted[this.#version])
    const noProperties = this.#version === 5 ? [0] : []
    for (let left = filters; left > 0; left--) {
      const { body } = await client.expectPacket('SUBSCRIBE')
      const answer = [body[0] ?? 0, body[1] ?? 0, ...noProperties, 1]
      client.send(Uint8Array.of(0x90, answer.length, ...answer))
    }
    return client
  }
}

interface Scene {
  readonly far: FarBroker
  readonly broker: WireBroker
  /** Everything is well here: a message between two clients of the broker arrives at once. */
  check(): Promise<void>
}

async function setScene(t: TestContext, lines: readonly string[] = [], version: Version = 4): Promise<Scene> {
  const far = await FarBroker.start(t, version)
  const config = [
    'allow_anonymous true',
    'sys_interval 0',
    'max_queued_messages 50',
    'connection far',
    `address 127.0.0.1:${far.port}`,
    'restart_timeout 1',
    'notifications false',
    `bridge_protocol_version ${version === 5 ? 'mqttv50' : 'mqttv311'}`,
    'bridge_attempt_unsubscribe false',
    'topic # in 1',
    'topic out/# out 1',
    ...lines,
  ]
  const broker = await startWireBroker(t, config.join('\n'))
  const [giver, taker] = [await join(t, broker), await join(t, broker)]
  await subscribe(taker, [{ filter: 'witness', qos: 1 }])
  const check = async () => {
    giver.send(publishBytes({ topic: 'witness', payload: 'still here' }))
    assert.equal((await taker.expectPublish()).payload, 'still here')
  }
  return { far, broker, check }
}

/** Whatever it says before. */
async function cutOff(client: RawClient): Promise<void> {
  while (await client.packetOrEnd()) {}
}

const beforeConnack: Readonly<Record<string, Uint8Array>> = {
  noise: Buffer.concat([hex`00`, randomBytes(2000)]),
  'a PUBLISH': publishBytes({ version: 4, topic: 'early', payload: 'x' }),
  'a CONNACK of three bytes': hex`20 03 00 00 00`,
  'a CONNACK with a session that it cannot have': hex`20 02 01 05`,
}

const afterConnack: Readonly<Record<string, Uint8Array>> = {
  noise: Buffer.concat([hex`00`, randomBytes(2000)]),
  'a second CONNACK': accepted[4],
  'a CONNECT': connectBytes({ version: 4, clientId: 'turned' }),
  'a SUBSCRIBE': subscribeBytes({ version: 4, subscriptions: [{ filter: '#' }] }),
  'a PUBLISH of QoS 3': hex`36 05 00 01 'a' 00 01`,
  'a PUBLISH to a wildcard': publishBytes({ version: 4, topic: 'a/+', payload: 'x' }),
  'a PUBLISH to no UTF-8': publishBytes({ version: 4, topic: hex`C3 28`, payload: 'x' }),
  'a PUBLISH of 256 MB': hex`30 FF FF FF 7F`,
  'a length of five bytes': hex`30 FF FF FF FF 01`,
}

test('bridges: whatever is wrong before CONNACK ends the attempt, and the next one comes', async t => {
  const { far, check } = await setScene(t)
  for (const bytes of Object.values(beforeConnack)) {
    const client = await far.next()
    client.send(bytes)
    assert.equal(await client.packetOrEnd(), undefined, 'nothing is said to it')
    await check()
  }
  await far.nextLetIn()
})

test('bridges: whatever is wrong behind CONNACK ends the connection, and the next one comes', async t => {
  const { far, check } = await setScene(t)
  for (const bytes of Object.values(afterConnack)) {
    const client = await far.nextLetIn()
    client.send(bytes)
    await cutOff(client)
    await check()
  }
  await far.nextLetIn()
})

const wrongConnacks: Readonly<Record<string, Uint8Array>> = {
  'a CONNACK of MQTT 3.1.1 that accepts': accepted[4],
  'a Receive Maximum of 0': hex`20 06 00 00 03 21 00 00`,
  'a Maximum Packet Size of 0': hex`20 08 00 00 05 27 00 00 00 00`,
  'a Maximum QoS of 2': hex`20 05 00 00 02 24 02`,
  'a property twice': hex`20 09 00 00 06 21 00 05 21 00 05`,
  'a property that only clients have': hex`20 05 00 00 02 19 01`,
}

const wrongBehindConnack: Readonly<Record<string, Uint8Array>> = {
  'a topic alias that was never set': publishBytes({ topic: '', properties: property.topicAlias(3) }),
  'a topic alias above the maximum': publishBytes({ topic: 'a', properties: property.topicAlias(11) }),
  'a topic alias of 0': publishBytes({ topic: 'a', properties: property.topicAlias(0) }),
  'an AUTH that nobody asked for': authBytes(0x18, property.authenticationMethod('X')),
  'a DISCONNECT': disconnectBytes(0x8e),
}

test('bridges: a CONNACK of MQTT 5 that is wrong ends the attempt, and the next one comes', async t => {
  const { far, check } = await setScene(t, [], 5)
  for (const [what, bytes] of Object.entries(wrongConnacks)) {
    const client = await far.next()
    client.send(bytes)
    assert.equal(await client.packetOrEnd(), undefined, what)
    await check()
  }
  for (const bytes of Object.values(wrongBehindConnack)) {
    const client = await far.nextLetIn()
    client.send(bytes)
    await cutOff(client)
    await check()
  }
  await far.nextLetIn()
})

test('bridges: refusals of MQTT 5; only one for the version has the bridge speak an older one', async t => {
  const { far, check } = await setScene(t, [], 5)
  for (const code of [0x80, 0x86, 0x87, 0x89, 0x97, 0x9f]) {
    const client = await far.next()
    client.send(Uint8Array.of(0x20, 3, 0, code, 0))
    assert.equal(await client.packetOrEnd(), undefined, `code ${code}`)
    await check()
  }
  const [last, humbler] = [await far.next(5), far.next(4)]
  last.send(Uint8Array.of(0x20, 3, 0, 0x84, 0))
  await humbler
})

test('bridges: a refusal is taken for one, whichever it is, and nothing is said behind it', async t => {
  const { far, check, broker } = await setScene(t, ['try_private false'])
  for (const code of [1, 2, 3, 4, 5, 6, 255]) {
    const client = await far.next()
    client.send(Uint8Array.of(0x20, 2, 0, code))
    assert.equal(await client.packetOrEnd(), undefined, `code ${code}`)
    await check()
  }
  assert.ok(broker.process.lines.length < 200, 'the log is not flooded')
})

test('bridges: one that never answers CONNECT is given up', { timeout: 60_000 }, async t => {
  const { far, check } = await setScene(t)
  const client = await far.next()
  await once(client.socket, 'close')
  await check()
  await far.next()
})

test('bridges: one that says nothing any more is given up', { timeout: 60_000 }, async t => {
  const { far, check } = await setScene(t, ['keepalive_interval 5'])
  const client = await far.nextLetIn()
  await once(client.socket, 'close')
  await check()
  await far.nextLetIn()
})

test('bridges: topics that begin with $ and that no line names do not come in', async t => {
  const { far, broker, check } = await setScene(t, ['topic $inside/# in 1'])
  const watcher = await join(t, broker)
  for (const filter of ['#', '$CONTROL/#', '$SYS/#', '$inside/#']) await subscribe(watcher, [{ filter, qos: 1 }])
  const client = await far.nextLetIn(2)
  const topics = ['$CONTROL/broker/v1', '$SYS/broker/uptime', '$SYS/broker/connection/x/state', '$other/a', 'good']
  for (const [index, topic] of topics.entries()) {
    client.send(publishBytes({ version: 4, topic, payload: '{}', qos: 1, packetId: index + 1 }))
  }
  for (const [index] of topics.entries()) {
    assert.equal((await client.expectAcknowledgement('PUBACK')).packetId, index + 1)
  }
  assert.equal((await watcher.expectPublish()).topic, 'good')
  await check()
})

test('bridges: one that never acknowledges keeps nobody here from publishing, and its queue is bounded', async t => {
  const { far, broker, check } = await setScene(t)
  const client = await far.nextLetIn()
  const giver = await join(t, broker)
  const payload = 'x'.repeat(1000)
  for (let left = 500; left > 0; left--) await publish(giver, { topic: 'out/a', payload, qos: 1 })
  await check()
  for (let window = 0; window < 20; window++) await client.expectPublish()
  client.breakOff()
  const again = await far.nextLetIn()
  const { packetId } = await again.expectPublish()
  again.send(acknowledgementBytes('PUBACK', packetId ?? 0))
  await again.expectPublish()
})

test('bridges: a flood is slowed down to what the broker can do, and costs no memory', {
  timeout: 120_000,
}, async t => {
  const { far, broker, check } = await setScene(t)
  const { socket } = await far.nextLetIn()
  const before = await residentBytes(broker)
  const message = publishBytes({ version: 4, topic: 'flood', payload: 'x'.repeat(200) })
  const chunk = Buffer.concat(Array.from({ length: 300 }, () => message))
  for (let sent = 0; sent < 100 * megabyte; sent += chunk.length) {
    if (!socket.write(chunk)) await once(socket, 'drain')
    if (sent % (10 * megabyte) < chunk.length) await check()
  }
  await check()
  const grown = (await residentBytes(broker)) - before
  assert.ok(grown < 150 * megabyte, `${Math.round(grown / megabyte)} MB more`)
})

async function residentBytes({ process: { program } }: WireBroker): Promise<number> {
  const [, kilobytes = '0'] =
    /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${program.child.pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}
