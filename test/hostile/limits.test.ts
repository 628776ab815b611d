// Each named limit of a connection, met on purpose on the real broker: whoever passes it is cut off and the log says by
// which limit, and whoever keeps to it is served on.

import assert from 'node:assert/strict'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import { variableByteInteger } from '../support/bytes.ts'
import { memoryOf } from '../support/memory.ts'
import {
  type ConnectFields,
  connectBytes,
  disconnectBytes,
  pingreqBytes,
  publishBytes,
  subscribeBytes,
} from '../support/packet-bytes.ts'
import { passwordLines } from '../support/password-lines.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { dial, join, publish, settled, startWireBroker, unique, type WireBroker } from '../support/wire-broker.ts'

const versions = [4, 5] as const
const open = 'allow_anonymous true'

/** The beginning of a PUBLISH that announces `length` bytes behind its fixed header. */
const publishHeader = (length: number) => Buffer.from([0x30, ...variableByteInteger(length)])

// max_packet_size

const megabyte = 1_000_000
const longest = 2 * megabyte

for (const version of versions) {
  test(`conf §3 max_packet_size: an announced length above it ends the connection before a byte of the body comes, version ${version}`, async t => {
    const broker = await startWireBroker(t, open)
    const neighbour = await join(t, broker)
    const client = await join(t, broker, { version })
    client.send(publishHeader(longest))
    await client.expectDisconnect(0x95)
    await broker.process.waitForLine(/disconnected: oversize packet\.$/)
    await settled(neighbour)
  })
}

test('conf §3 max_packet_size: a packet of just that size is taken', async t => {
  const broker = await startWireBroker(t, open)
  const client = await join(t, broker)
  const overhead = publishBytes({ topic: 't', qos: 1, payload: Buffer.alloc(longest - 100) }).length - (longest - 100)
  const bytes = publishBytes({ topic: 't', qos: 1, payload: Buffer.alloc(longest - overhead) })
  assert.equal(bytes.length, longest)
  client.send(bytes)
  await client.expectAcknowledgement('PUBACK')
})

test('conf §3 max_packet_size: before CONNECT less is taken, and nothing is answered', async t => {
  const broker = await startWireBroker(t, open)
  for (const length of [megabyte, 268_435_455]) {
    const client = await dial(t, broker)
    client.send(Uint8Array.of(0x10), variableByteInteger(length))
    await client.expectClosed()
  }
})

test('conf §3 max_packet_size: what is announced takes no memory before it comes', async t => {
  const broker = await startWireBroker(t, open)
  await announce(t, broker, 20)
  const before = await memoryOf(broker.process)
  await announce(t, broker, 300)
  const grown = (await memoryOf(broker.process)) - before
  assert(grown < 50, `300 announcements of 1.9 MB took ${grown.toFixed()} MiB`)
})

/** Clients that announce a large packet, send its first kilobyte, and wait. */
async function announce(t: TestContext, broker: WireBroker, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const client = await join(t, broker)
    client.send(pingreqBytes, publishHeader(longest - megabyte / 10), Buffer.alloc(1000))
    await client.expect('D0 00')
  }
}

// connect_timeout, packet_timeout, keep alive

test('connect_timeout: a peer that says nothing, or only half of its CONNECT, is closed; one that connects in time stays', async t => {
  const broker = await startWireBroker(t, `${open}\nconnect_timeout 1`)
  const early = await join(t, broker, { keepAlive: 0 })
  const silent = await dial(t, broker)
  const half = await dial(t, broker)
  half.send(connectBytes({ clientId: 'half' }).subarray(0, 10))
  await silent.expectClosed()
  await half.expectClosed()
  await settled(early)
})

test('packet_timeout: a packet that trickles in is cut off, however often a byte comes; a silent client between packets stays', async t => {
  const broker = await startWireBroker(t, `${open}\npacket_timeout 1`)
  const [pace, quiet] = [await join(t, broker), await join(t, broker, { keepAlive: 0 })]
  const trickling = await join(t, broker, { clientId: 'trickling' })
  trickling.send(publishHeader(megabyte))
  while (!trickling.socket.destroyed) {
    trickling.send(Uint8Array.of(0))
    await settled(pace)
  }
  await broker.process.waitForLine(/: Client trickling \[\S+\] disconnected: exceeded timeout \(packet_timeout\)\.$/)
  await settled(quiet)
})

for (const version of versions) {
  test(`[MQTT-3.1.2-22] a client that is silent for one and a half times its keep alive is closed, one that pings stays, version ${version}`, async t => {
    const broker = await startWireBroker(t, open)
    const begun = performance.now()
    const silent = await join(t, broker, { version, keepAlive: 1, clientId: 'silent' })
    const pinging = await join(t, broker, { version, keepAlive: 1 })
    while (!silent.socket.destroyed) await settled(pinging)
    assert(performance.now() - begun > 1400, 'not before its time')
    await silent.expectDisconnect(0x8d)
    await broker.process.waitForLine(/: Client silent \[\S+\] disconnected: exceeded timeout\.$/)
    await settled(pinging)
  })
}

// max_connections, max_pending_connections, max_waiting_connections, global_max_connections

const exceeded = (limit: string) => new RegExp(`: Client connection from \\S* denied: ${limit} exceeded\\.$`)

test('conf §4 max_connections: one more is closed at once; who leaves makes room', async t => {
  const broker = await startWireBroker(t, `max_connections 2\n${open}`)
  const [first, second] = [await join(t, broker), await join(t, broker)]
  await (await dial(t, broker)).expectClosed()
  await broker.process.waitForLine(exceeded('max_connections'))
  await settled(first)
  second.send(disconnectBytes())
  await second.expectClosed()
  await joinWhenThereIsRoom(t, broker)
  await settled(first)
})

test('max_pending_connections: peers that do not get to their CONNECT keep out no more than their like', async t => {
  const broker = await startWireBroker(t, `${open}\nmax_pending_connections 3\nmax_waiting_connections 0`)
  const connected = await join(t, broker)
  const from = broker.process.lines.length
  const pending = [await dial(t, broker), await dial(t, broker), await dial(t, broker)]
  await (await dial(t, broker)).expectClosed()
  await broker.process.waitForLine(exceeded('max_waiting_connections'), from)
  await settled(connected)
  pending[0]!.send(connectBytes({ clientId: unique('c') }))
  await pending[0]!.expectConnack()
  await join(t, broker)
})

test('conf §3 global_max_connections: counts the connections of all listeners', async t => {
  const broker = await startWireBroker(t, `${open}\nlistener 0 other.sock\nglobal_max_connections 2`)
  const overSocket = await connectRaw(t, { path: joinPath(broker.process.dir, 'other.sock') })
  overSocket.send(connectBytes({ clientId: unique('c') }))
  await overSocket.expectConnack()
  const overTcp = await join(t, broker)
  await (await dial(t, broker)).expectClosed()
  await broker.process.waitForLine(exceeded('max_connections'))
  overTcp.breakOff()
  await joinWhenThereIsRoom(t, broker)
  await settled(overSocket)
})

/** The broker may hear of the next connection before it hears of the end of the last. */
async function joinWhenThereIsRoom(t: TestContext, broker: WireBroker): Promise<RawClient> {
  for (;;) {
    const client = await dial(t, broker)
    client.send(connectBytes({ clientId: unique('c') }))
    if (await client.packetOrEnd()) return client
  }
}

// max_takeovers, max_authentication_failures

/** The throttle's first delay and the next two, less what the broker's clock and ours may differ by. */
const delaysMs = [240, 490, 990]

/**
 * Fails once more for nothing, and then with each of the delays. A delay counts from the failure before, which was not earlier than it
 * was begun: however slow this machine is, no answer may come before that and the delay.
 */
async function assertSlowedDown(fail: () => Promise<unknown>): Promise<void> {
  let begunBefore = performance.now()
  await fail()
  for (const delayMs of delaysMs) {
    const begun = performance.now()
    await fail()
    const afterMs = performance.now() - begunBefore
    assert(afterMs >= delayMs, `${afterMs} ms instead of ${delayMs}`)
    begunBefore = begun
  }
}

test('features H4: clients that keep taking an id from each other are slowed down more and more; nobody else is', async t => {
  const broker = await startWireBroker(t, `${open}\nmax_takeovers 2`)
  const clientId = unique('c')
  const takeOver = () => join(t, broker, { clientId })
  for (let free = 0; free < 3; free += 1) await takeOver()
  await assertSlowedDown(takeOver)
  const waiting = await sendConnect(t, broker, { clientId })
  await join(t, broker)
  assert.equal(waiting.socket.bytesRead, 0, 'the next takeover still waits')
  assert.equal((await waiting.expectConnack()).reasonCode, 0)
})

const guarded = 'password_file passwords\nmax_authentication_failures 2\nauthentication_delay_max 2'
const files = { passwords: passwordLines({ alice: 'hers', bob: 'his' }) }
const wrong = { username: 'alice', password: 'wrong' }
const right = { username: 'bob', password: 'his' }

test('features 2b-10: wrong passwords from one address are answered later and later; others are let in at once', async t => {
  const broker = await startWireBroker(t, guarded, files)
  const guess = () => refusedConnect(t, broker, wrong, '127.0.0.9')
  for (let free = 0; free < 2; free += 1) await guess()
  await assertSlowedDown(guess)
  const waiting = await sendConnect(t, broker, { ...wrong, clientId: unique('c') }, '127.0.0.9')
  await join(t, broker, right)
  assert.equal(waiting.socket.bytesRead, 0, 'the next guess still waits')
  assert.equal((await waiting.expectConnack()).reasonCode, 0x87)
})

for (const [what, claim] of [
  ['client id', () => ({ ...wrong, clientId: 'victim', username: unique('u') })],
  ['user', () => wrong],
] as const) {
  test(`features 2b-10: wrong passwords for one ${what}, from addresses that fail more than once, wait; whoever never failed does not`, async t => {
    const broker = await startWireBroker(t, guarded, files)
    const guess = (host: number) => refusedConnect(t, broker, claim(), `127.0.1.${host}`)
    for (const host of [1, 2]) await guess(host)
    await assertSlowedDown(() => guess(1))
    const waiting = await sendConnect(t, broker, { clientId: unique('c'), ...claim() }, '127.0.1.2')
    await join(t, broker, { username: 'alice', password: 'hers', clientId: 'victim' })
    assert.equal(waiting.socket.bytesRead, 0, 'the next guess still waits')
  })
}

test('features 2b-10: guesses sent side by side gain nothing: few may wait, the others are refused at once', async t => {
  const broker = await startWireBroker(t, guarded, files)
  const guess = () => refusedConnect(t, broker, wrong, '127.0.0.9', 0x87, 0x9f)
  for (let free = 0; free < 4; free += 1) await guess()
  const answers = await Promise.all(Array.from({ length: 100 }, guess))
  assert(answers.filter(code => code === 0x87).length <= 16, `${answers}`)
  await broker.process.waitForLine(/: Refused CONNECT .*: max_authentication_failures\.$/)
})

async function sendConnect(
  t: TestContext,
  broker: WireBroker,
  fields: ConnectFields,
  localAddress = '127.0.0.1',
): Promise<RawClient> {
  const client = await connectRaw(t, { port: broker.port, localAddress })
  client.send(connectBytes(fields))
  return client
}

/** @returns the reason code, one of those expected: 0x87 unless told */
async function refusedConnect(
  t: TestContext,
  broker: WireBroker,
  fields: ConnectFields,
  localAddress: string,
  ...expected: readonly number[]
): Promise<number> {
  const client = await sendConnect(t, broker, { clientId: unique('c'), ...fields }, localAddress)
  const { reasonCode } = await client.expectConnack()
  assert((expected.length === 0 ? [0x87] : expected).includes(reasonCode), `CONNACK says ${reasonCode}`)
  await client.expectClosed()
  return reasonCode
}

// message_size_limit, max_keepalive

test('conf §3 message_size_limit: a larger payload is dropped and says so; the connection goes on', async t => {
  const broker = await startWireBroker(t, `${open}\nmessage_size_limit 10`)
  const client = await join(t, broker)
  client.send(publishBytes({ topic: 't', qos: 1, payload: '12345678901' }))
  assert.equal((await client.expectAcknowledgement('PUBACK')).reasonCode, 0x83)
  await publish(client, { topic: 't', qos: 1, payload: '1234567890' })
})

// max_connect_rate, max_connect_rate_per_address, max_publish_rate, max_subscribe_rate

const reached = (limit: string) => new RegExp(`: Limit ${limit} reached by `)

for (const [limit, other] of [
  ['max_connect_rate_per_address', '127.0.0.2'],
  ['max_connect_rate', undefined],
] as const) {
  for (const version of versions) {
    test(`${limit}: one more CONNECT in a second is told and closed, version ${version}; a second later it is let in`, async t => {
      const broker = await startWireBroker(t, `${open}\n${limit} 2`)
      const connect = async (localAddress = '127.0.0.1') => {
        const client = await connectRaw(t, { port: broker.port, localAddress })
        client.version = version
        client.send(connectBytes({ version, clientId: unique('c') }))
        const { reasonCode } = await client.expectConnack()
        return { client, reasonCode }
      }
      const [first, second, third] = [await connect(), await connect(), await connect()]
      assert.deepEqual([first.reasonCode, second.reasonCode, third.reasonCode], [0, 0, version === 5 ? 0x9f : 3])
      await third.client.expectClosed()
      await broker.process.waitForLine(reached(limit))
      if (other !== undefined) assert.equal((await connect(other)).reasonCode, 0)
      const begun = performance.now()
      while ((await connect()).reasonCode !== 0) assert(performance.now() - begun < 30_000, 'never let in again')
      await settled(first.client)
    })
  }
}

for (const version of versions) {
  test(`max_publish_rate: a publisher above it is slowed down and loses nothing, version ${version}; another one is not`, async t => {
    const broker = await startWireBroker(t, `${open}\nmax_publish_rate 20`)
    const [quick, slow] = [await join(t, broker, { version }), await join(t, broker)]
    const begun = performance.now()
    const acknowledged = Array.from({ length: 60 }, (_, n) => n + 1)
    for (const packetId of acknowledged) quick.send(publishBytes({ version, topic: 't', qos: 1, packetId }))
    await publish(slow, { topic: 't', qos: 1 })
    const bytesOfAll = 60 * (version === 5 ? 5 : 4)
    assert(quick.socket.bytesRead < bytesOfAll, 'the other one is served meanwhile')
    for (const packetId of acknowledged) {
      assert.equal((await quick.expectAcknowledgement('PUBACK')).packetId, packetId)
    }
    assert(performance.now() - begun > 1900, 'sixty at twenty a second, the first twenty at once')
    await broker.process.waitForLine(reached('max_publish_rate'))
    await settled(quick)
  })
}

test('max_subscribe_rate: who subscribes more often is slowed down and gets every answer', async t => {
  const broker = await startWireBroker(t, `${open}\nmax_subscribe_rate 10`)
  const client = await join(t, broker)
  const begun = performance.now()
  for (let n = 0; n < 30; n += 1) client.send(subscribeBytes({ subscriptions: [{ filter: `f/${n}` }] }))
  for (let n = 0; n < 30; n += 1) await client.expectSuback()
  assert(performance.now() - begun > 1900)
  await broker.process.waitForLine(reached('max_subscribe_rate'))
})
