// Subscribers that are slower than publishers, by far: what was acknowledged arrives, memory stays within the limits that
// have names, and one that takes nothing at all is nobody else's concern.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { parseRequest } from '../../bench/load/request.ts'
import { runLoad } from '../../bench/load/run-load.ts'
import { memoryOf } from '../support/memory.ts'
import { connectBytes, publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { startWireBroker, type WireBroker } from '../support/wire-broker.ts'

const open = 'allow_anonymous true\nconnection_messages false'

/** Garbage that was not collected yet looks like growth; a flood is worth several times this. */
const flatBytes = 200 * 1024 * 1024

const shapes = [
  { name: 'pairs', publishers: 8, subscribers: 8 },
  { name: 'many to one', publishers: 40, subscribers: 1 },
] as const

/** Both ways to write, decision 12. */
const ways = [
  { way: 'raw sockets', conf: 'raw_sockets true' },
  { way: 'public sockets', conf: 'raw_sockets false' },
] as const

/** What lies above the sockets is the same for both: shapes and QoS are told apart over one of them. */
const floods = [
  ...shapes.flatMap(shape => ([0, 1, 2] as const).map(qos => ({ ...shape, qos, ...ways[0] }))),
  { ...shapes[0], qos: 1, ...ways[1] },
  { ...shapes[1], qos: 0, ...ways[1] },
] as const

for (const { name, publishers, subscribers, qos, way, conf } of floods) {
  test(`max_queued_messages: ${name} at QoS ${qos} over ${way}, publishers never wait and subscribers are slow: flat memory, order, and no acknowledged message lost`, async t => {
    const broker = await startWireBroker(t, `${open}\n${conf}`)
    const scenario = { kind: 'flood', publishers, subscribers, qos, payloadBytes: 200, readBytesPerTick: 8192 }
    const brokerPids = [broker.process.program.child.pid]
    const common = { host: '127.0.0.1', port: broker.port, protocol: 4, brokerPids, warmupSeconds: 0 }
    // A machine that has other things to do needs longer for a flood.
    for (let seconds = 2, sent = 0; sent <= 1000; seconds *= 2) {
      const { flood, outOfOrder, duplicates, closed, protocolErrors } = await runLoad(
        parseRequest(JSON.stringify({ ...common, scenario, seconds })),
      )
      assert.ok(flood)
      assert.deepEqual(
        { outOfOrder, duplicates, closed, protocolErrors, lost: flood.acknowledgedLost },
        { outOfOrder: 0, duplicates: 0, closed: 0, protocolErrors: 0, lost: 0 },
      )
      const grown = flood.brokerPeakRssBytes! - flood.brokerStartRssBytes!
      assert.ok(grown < flatBytes, `the broker grew by ${(grown / 1024 / 1024).toFixed()} MiB`)
      assert.ok(flood.sent > 1000 || seconds < 60, `it was a flood: ${flood.sent} sent`)
      sent = flood.sent
    }
  })
}

const payload = Buffer.alloc(1000, 'x')
const toAll = 100

for (const { way, conf } of ways) {
  test(`max_buffered_bytes, max_queued_messages: of a thousand subscribers over ${way} one reads nothing: the others get everything, in order, and memory is bounded`, async t => {
    const broker = await startWireBroker(t, `${open}\n${conf}\nwrite_timeout 600`)
    const others = await Promise.all(Array.from({ length: 999 }, (_, n) => client(t, broker, `s${n}`)))
    for (const other of others) await other.subscribe('all', 0)
    const stopped = await client(t, broker, 'stopped')
    await stopped.subscribe('#', 1)
    stopped.socket.pause()
    const publisher = await client(t, broker, 'publisher')
    const before = await memoryOf(broker.process)

    // 400 MB: many times what the kernel, the buffer and the queue of the one that reads nothing can hold.
    const large = Buffer.alloc(16_000, 'y')
    for (let n = 1; n <= 25_000; n++) {
      publisher.socket.write(publishBytes({ version: 4, topic: 'large', payload: large, qos: n % 2, packetId: n }))
      if (n % 500 === 0) await publisher.received(4 * 250)
    }
    for (let n = 1; n <= toAll; n++) {
      publisher.socket.write(publishBytes({ version: 4, topic: 'all', payload: numbered(n), qos: n % 2, packetId: n }))
    }
    await publisher.received(4 * (toAll / 2))

    const expected = Buffer.concat(
      Array.from({ length: toAll }, (_, n) => publishBytes({ version: 4, topic: 'all', payload: numbered(n + 1) })),
    )
    for (const other of others) assert.ok((await other.received(expected.length)).equals(expected))
    const grown = (await memoryOf(broker.process)) - before
    assert.ok(grown * 1024 * 1024 < flatBytes, `the broker grew by ${grown.toFixed()} MiB`)
  })
}

function numbered(n: number): Buffer {
  const copy = Buffer.from(payload)
  copy.writeUInt32BE(n)
  return copy
}

/** A client that keeps what it gets, and tells it in order. */
async function client(t: TestContext, { port }: WireBroker, clientId: string) {
  const socket: Socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  const chunks: Buffer[] = []
  let bytes = 0
  socket.on('data', chunk => {
    chunks.push(chunk as unknown as Buffer)
    bytes += chunk.length
  })
  await once(socket, 'connect')
  let taken = 0
  /** The next `length` bytes, once they are there. */
  const received = async (length: number): Promise<Buffer> => {
    while (bytes < taken + length) await once(socket, 'data')
    taken += length
    return Buffer.concat(chunks).subarray(taken - length, taken)
  }
  const subscribe = (filter: string, qos: 0 | 1): Promise<Buffer> => {
    socket.write(subscribeBytes({ version: 4, subscriptions: [{ filter, qos }] }))
    return received(5)
  }
  socket.write(connectBytes({ version: 4, clientId }))
  await received(4)
  return { socket, received, subscribe }
}
