import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { hex } from '../../test/support/bytes.ts'
import { connected, received } from '../../test/support/paired-connection.ts'
import { PacketType } from '../mqtt/packet.ts'

// CONNECT: "MQTT", 3.1.1, clean, 60 s, id "a"
const connect = hex`10 0D 00 04 4D 51 54 54 04   02            00 3C 00 01 61`
const pingreq = hex`C0 00`
const pingresp = hex`D0 00`
/** PUBLISH, QoS 0, topic "t", payload of `size` bytes below 16 Ki. */
const publish = (size: number) =>
  Buffer.concat([Buffer.from([0x30, ((size + 3) & 0x7f) | 0x80, (size + 3) >> 7]), hex`00 01 74`, Buffer.alloc(size)])

test('packets of one chunk are handed over one by one and in order', async () => {
  const { handler, peer, traffic } = connected()
  peer.write(Buffer.concat([connect, publish(1), pingreq]))
  await handler.waitForPackets(3)
  assert.deepEqual(
    handler.packets.map(({ type }) => type),
    [PacketType.connect, PacketType.publish, PacketType.pingreq],
  )
  assert.equal(traffic.bytesReceived, connect.length + 6 + 1 + pingreq.length)
})

test('a stranger may send small packets only; whoever was let in may send larger ones', async () => {
  const { connection, handler, peer, establishments } = connected()
  peer.write(connect)
  await handler.waitForPackets(1)
  connection.established()
  assert.equal(establishments(), 1)
  peer.write(publish(100))
  await handler.waitForPackets(2)
  assert.deepEqual(handler.failures, [])
  const stranger = connected()
  stranger.peer.write(publish(100))
  await stranger.handler.waitForFailure()
})

test('whoever sends what takes long to work off is interrupted, in order and without loss, for the others', async () => {
  const order: string[] = []
  const greedy = connected(packet => {
    order.push(`greedy ${packet.type}`)
    greedy.pass(15)
  })
  const other = connected(packet => order.push(`other ${packet.type}`))
  greedy.peer.write(Buffer.concat([connect, ...Array<Uint8Array>(20).fill(pingreq), publish(1)]))
  other.peer.write(connect)
  await greedy.handler.waitForPackets(22)
  await other.handler.waitForPackets(1)
  assert.deepEqual(
    order.filter(line => line.startsWith('greedy')),
    ['greedy 1', ...Array<string>(20).fill('greedy 12'), 'greedy 3'],
  )
  assert.ok(order.indexOf('other 1') < order.length - 1, order.join())
})

test('a packet may arrive byte by byte', async () => {
  const { handler, peer } = connected()
  for (const byte of connect) peer.write(Buffer.from([byte]))
  await handler.waitForPackets(1)
  assert.deepEqual(handler.failures, [])
})

test('each PUBLISH has the topic name it came with, whether it repeats the last one or not', async () => {
  const { handler, peer } = connected()
  const named = (topic: string) => Buffer.from([0x30, 2 + topic.length, 0, topic.length, ...Buffer.from(topic)])
  const topics = ['a', 'a', 'b', 'a/b', 'a/c', 'a/c', 'a']
  peer.write(Buffer.concat([connect, ...topics.map(named)]))
  await handler.waitForPackets(1 + topics.length)
  assert.deepEqual(
    handler.packets.slice(1).map(packet => packet.type === PacketType.publish && packet.topicName),
    topics,
  )
})

/** Takes two-byte packets as bytes, as many as lie together. */
function takePings(buffer: Buffer, start: number): number {
  let end = start
  while (buffer[end] === 0xc0 && end + 2 <= buffer.length) end += 2
  return end
}

test('packets that the handler takes as bytes are not decoded, those between them are, and all keep their order', async () => {
  const { handler, peer } = connected()
  handler.take = takePings
  peer.write(Buffer.concat([connect, pingreq, pingreq, publish(1), pingreq, hex`C0`]))
  await handler.waitForTaken(2)
  assert.deepEqual(handler.taken, ['c000c000', 'c000'])
  assert.deepEqual(
    handler.packets.map(({ type }) => type),
    [PacketType.connect, PacketType.publish],
  )
  peer.write(hex`00 C0 00`)
  await handler.waitForTaken(3)
  assert.deepEqual(handler.taken, ['c000c000', 'c000', 'c000'])
  assert.equal(handler.packets.length, 3)
})

test('max_packet_size: a client that may send less than others is held to that', async () => {
  // Beside its payload each has six bytes.
  for (const [payloadBytes, isTaken] of [
    [94, true],
    [95, false],
  ] as const) {
    const { connection, handler, peer } = connected()
    peer.write(connect)
    await handler.waitForPackets(1)
    connection.established(100)
    peer.write(publish(payloadBytes))
    if (isTaken) await handler.waitForPackets(2)
    else await handler.waitForFailure()
  }
})

test('the handler is offered packets where one begins, and told the limit that holds', async () => {
  const { connection, handler, peer } = connected()
  const offers: string[] = []
  handler.take = (buffer, start, maximumPacketSize) => {
    offers.push(`${buffer.subarray(start).toString('hex')} ${maximumPacketSize}`)
    return start
  }
  peer.write(connect)
  await handler.waitForPackets(1)
  // More than the listener takes is for nobody.
  connection.established(1_000_000)
  for (const bytes of [hex`C0`, hex`00 C0 00 30`, hex`03 00 01`, hex`74`]) peer.write(bytes)
  await handler.waitForPackets(4)
  assert.deepEqual(offers, [`${Buffer.from(connect).toString('hex')} 64`, 'c0 100000', 'c00030 100000', '30 100000'])
})

test('a packet that the handler cannot take yet is handed over again before all others, and once only', async () => {
  const { connection, handler, peer } = connected(packet => {
    if (packet.type === PacketType.publish && handler.refused.length + handler.packets.length < 4) connection.pause()
  })
  handler.take = takePings
  peer.write(connect)
  await handler.waitForPackets(1)
  handler.refusals = 2
  peer.write(Buffer.concat([publish(1), pingreq, publish(2)]))
  for (const refusals of [1, 2]) {
    while (handler.refused.length < refusals) await new Promise(setImmediate)
    for (let i = 0; i < 10; i++) await new Promise(setImmediate)
    assert.deepEqual([handler.refused.length, handler.packets.length, handler.taken.length], [refusals, 1, 0])
    connection.resume()
  }
  await handler.waitForPackets(3)
  assert.deepEqual(handler.taken, ['c000'])
  assert.deepEqual(
    [...handler.refused, ...handler.packets.slice(1)].map(
      packet => packet.type === PacketType.publish && packet.payload.length,
    ),
    [1, 1, 1, 2],
  )
})

test('what is written into reserved room leaves between what is sent, in order', async () => {
  const { connection, peer, traffic } = connected()
  const write = (bytes: Uint8Array) => {
    const start = connection.reserve(bytes.length)
    connection.room.set(bytes, start)
  }
  const order = [hex`01`, hex`02 02`, hex`03`, hex`04 04 04`]
  write(order[0]!)
  connection.send(order[1]!)
  write(order[2]!)
  write(order[3]!)
  assert.equal(connection.queuedBytes, 7)
  const [chunk] = await once(peer, 'data')
  assert.equal((chunk as Buffer).toString('hex'), '01020203040404')
  assert.equal(traffic.bytesSent, 7)
})

for (const end of ['close', 'destroy'] as const) {
  test(`after ${end} room can be reserved, of any size, and what is written there is lost`, async () => {
    const { connection, handler, peer, traffic } = connected()
    connection.send(pingresp)
    connection[end]()
    const queued = connection.queuedBytes
    for (const size of [2, 4, 5000]) {
      const start = connection.reserve(size)
      assert.ok(connection.room.length >= start + size, `${size}`)
      connection.room.fill(0xff, start, start + size)
    }
    assert.equal(connection.queuedBytes, queued)
    peer.end()
    assert.equal(await received(peer), end === 'close' ? 'd000' : '')
    await handler.waitForEnd()
    assert.equal(traffic.bytesSent, end === 'close' ? 2 : 0)
  })
}

test('what one turn sends leaves in one write', async () => {
  const { connection, peer, traffic } = connected()
  connection.send(pingresp)
  connection.send(hex`40 02 00 01`)
  assert.equal(connection.queuedBytes, 6)
  const [chunk] = await once(peer, 'data')
  assert.equal((chunk as Buffer).toString('hex'), 'd00040020001')
  assert.equal(traffic.bytesSent, 6)
})

test('drained is told once everything queued has left', async () => {
  const { connection, handler, peer } = connected()
  peer.resume()
  connection.send(Buffer.alloc(200_000))
  await handler.waitForDrained()
  assert.equal(connection.queuedBytes, 0)
  assert.equal(handler.drains, 1)
})

test('queuedBytes counts what the operating system has not taken', async () => {
  const { connection, handler, peer } = connected()
  connection.send(Buffer.alloc(200_000))
  await new Promise(setImmediate)
  assert.equal(connection.queuedBytes, 200_000)
  peer.resume()
  await handler.waitForDrained()
  assert.equal(connection.queuedBytes, 0)
})

test('pause holds back the rest of the chunk at once, resume hands it over before anything newer', async () => {
  const { connection, handler, peer } = connected(({ type }, paused) => {
    if (type === PacketType.connect) paused.pause()
  })
  peer.write(Buffer.concat([connect, publish(1)]))
  await handler.waitForPackets(1)
  peer.write(pingreq)
  await new Promise(setImmediate)
  assert.equal(handler.packets.length, 1)
  connection.resume()
  assert.equal(handler.packets.length, 1, 'never from within resume()')
  await handler.waitForPackets(3)
  assert.deepEqual(
    handler.packets.map(({ type }) => type),
    [PacketType.connect, PacketType.publish, PacketType.pingreq],
  )
})

test('pause and resume within one packet lose and reorder nothing', async () => {
  const { handler, peer } = connected((_, connection) => {
    connection.pause()
    connection.resume()
  })
  peer.write(Buffer.concat([connect, publish(1), pingreq, publish(2), pingreq]))
  await handler.waitForPackets(5)
  assert.deepEqual(
    handler.packets.map(({ type }) => type),
    [PacketType.connect, PacketType.publish, PacketType.pingreq, PacketType.publish, PacketType.pingreq],
  )
})

test('max_buffered_bytes: who asks and takes no answers is heard no more, and to its last packet once it takes them', async () => {
  const { connection, handler, peer } = connected(() => connection.send(pingresp))
  const count = 120_000
  peer.write(Buffer.concat([connect, ...Array<Uint8Array>(count).fill(pingreq)]))
  await handler.waitForPackets(2)
  for (let i = 0; i < 10; i++) await new Promise(setImmediate)
  const heard = handler.packets.length
  assert.ok(heard < 52_000, `${heard} answers of two bytes each were kept`)
  peer.resume()
  await handler.waitForPackets(count + 1)
  assert.deepEqual(handler.ends, [])
})

test('max_buffered_bytes: what others send to a client counts too, and a pause outlasts it', async () => {
  const { connection, handler, peer } = connected()
  peer.write(connect)
  await handler.waitForPackets(1)
  connection.send(Buffer.alloc(100_000))
  peer.write(pingreq)
  for (let i = 0; i < 10; i++) await new Promise(setImmediate)
  assert.equal(handler.packets.length, 1)
  connection.pause()
  peer.resume()
  await handler.waitForDrained()
  await new Promise(setImmediate)
  assert.equal(handler.packets.length, 1)
  connection.resume()
  await handler.waitForPackets(2)
})

test('packet_timeout does not run while a peer is not heard for the answers it does not take', async () => {
  const { connection, handler, peer, pass } = connected()
  peer.write(Buffer.concat([connect, pingreq.subarray(0, 1)]))
  await handler.waitForPackets(1)
  connection.send(Buffer.alloc(200_000))
  for (let i = 0; i < 10; i++) await new Promise(setImmediate)
  peer.write(pingreq.subarray(1))
  for (let i = 0; i < 10; i++) await new Promise(setImmediate)
  pass(900)
  assert.equal(handler.packets.length, 1)
  for (let taken = 0; taken < 200_000; taken += ((peer.read() as Buffer | null) ?? '').length) {
    await new Promise(setImmediate)
    pass(50)
  }
  await handler.waitForPackets(2)
  assert.deepEqual(handler.ends, [])
})

test('a client that ends its stream while it waits for us is heard to its last packet', async () => {
  const { connection, handler, peer } = connected(({ type }, paused) => {
    if (type === PacketType.connect) paused.pause()
  })
  peer.resume()
  peer.end(Buffer.concat([connect, pingreq, hex`E0 00`]))
  await handler.waitForPackets(1)
  connection.resume()
  assert.deepEqual(await handler.waitForEnd(), { kind: 'closed-by-peer' })
  assert.equal(handler.packets.at(-1)?.type, PacketType.disconnect)
})

test('a client that ends its stream at once still gets the answers to what it sent', async () => {
  const { peer } = connected((_, connection) => connection.send(pingresp))
  const all = received(peer)
  peer.end(Buffer.concat([connect, pingreq]))
  assert.equal(await all, 'd000d000')
})

test('bytes that do not decode are told once; what follows is dropped, an answer still leaves', async () => {
  const { connection, handler, peer } = connected()
  peer.write(Buffer.concat([connect, hex`36 05 00 01 74 00 01`, pingreq])) // QoS 3
  await handler.waitForFailure()
  peer.write(pingreq)
  assert.equal(handler.packets.length, 1)
  assert.equal(handler.failures.length, 1)
  const all = received(peer)
  connection.send(hex`E0 00`)
  connection.close()
  peer.end()
  assert.equal(await all, 'e000')
  await handler.waitForEnd()
  assert.equal(handler.packets.length, 1)
})

test('max_packet_size: an announced length above it is refused before the body arrives', async () => {
  const { handler, peer } = connected()
  peer.write(Buffer.concat([connect, hex`30 A1 8D 06`])) // 100001 and its header
  await handler.waitForFailure()
  assert.equal(handler.failures[0]?.code, 'ERR_MQTT_PACKET_TOO_LARGE')
})

test('close sends what is queued, then ends', async () => {
  const { connection, handler, peer } = connected()
  const all = received(peer)
  connection.send(pingresp)
  connection.close()
  connection.send(hex`FF FF`)
  assert.equal(await all, 'd000')
  peer.end()
  await handler.waitForEnd()
})

test('destroy drops what is queued; ended is told exactly once', async () => {
  const { connection, handler, peer } = connected()
  connection.send(pingresp)
  connection.destroy()
  connection.destroy()
  connection.close()
  await handler.waitForEnd()
  await new Promise(setImmediate)
  assert.equal(handler.ends.length, 1)
  assert.equal(connection.queuedBytes, 0)
  assert.equal(peer.read(), null)
})

test('a socket error ends the connection with its code', async () => {
  const { handler, near } = connected()
  near.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
  assert.deepEqual(await handler.waitForEnd(), { kind: 'failed', message: 'ECONNRESET' })
})

test('packet_timeout: a packet that trickles in is cut off, however often a byte comes', async () => {
  const { handler, peer, pass } = connected()
  peer.write(connect)
  await handler.waitForPackets(1)
  pass(60_000)
  for (const byte of publish(3).subarray(0, 6)) {
    peer.write(Buffer.from([byte]))
    await new Promise(setImmediate)
    pass(190)
  }
  assert.deepEqual(await handler.waitForEnd(), { kind: 'limit', limit: 'packet_timeout' })
})

test('packet_timeout: each packet has its own time, and a silent peer between packets has none', async () => {
  const { handler, peer, pass } = connected()
  peer.write(connect)
  await handler.waitForPackets(1)
  for (let i = 0; i < 5; i++) {
    peer.write(pingreq.subarray(0, 1))
    await new Promise(setImmediate)
    pass(800)
    peer.write(Buffer.concat([pingreq.subarray(1), pingreq.subarray(0, 1)]))
    await handler.waitForPackets(2 + 2 * i)
    pass(800)
    peer.write(pingreq.subarray(1))
    await handler.waitForPackets(3 + 2 * i)
    pass(60_000)
  }
  assert.deepEqual(handler.ends, [])
})

test('packet_timeout does not run while it is us who do not read', async () => {
  const { connection, handler, peer, pass } = connected()
  peer.write(Buffer.concat([connect, pingreq.subarray(0, 1)]))
  await handler.waitForPackets(1)
  connection.pause()
  pass(60_000)
  connection.resume()
  peer.write(pingreq.subarray(1))
  await handler.waitForPackets(2)
  assert.deepEqual(handler.ends, [])
})

test('write_timeout: a peer that never reads is cut off', async () => {
  const { connection, handler, pass } = connected()
  connection.send(Buffer.alloc(10_000))
  await new Promise(setImmediate)
  pass(900)
  assert.deepEqual(handler.ends, [])
  pass(200)
  assert.deepEqual(await handler.waitForEnd(), { kind: 'limit', limit: 'write_timeout' })
})

test('write_timeout: a slow peer that takes 64 KiB in time is served to the end', async () => {
  const { connection, handler, peer, pass } = connected()
  connection.send(Buffer.alloc(400_000))
  let taken = 0
  while (taken < 400_000) {
    await new Promise(setImmediate)
    pass(100)
    taken += ((peer.read() as Buffer | null) ?? '').length
  }
  await handler.waitForDrained()
  assert.deepEqual(handler.ends, [])
})

test('write_timeout: close does not wait longer, whether the peer never reads or never hangs up', async () => {
  const deaf = connected()
  deaf.connection.send(Buffer.alloc(10_000))
  deaf.connection.close()
  deaf.pass(1100)
  assert.deepEqual(await deaf.handler.waitForEnd(), { kind: 'limit', limit: 'write_timeout' })
  const clinging = connected()
  clinging.peer.resume()
  clinging.connection.close()
  clinging.pass(1100)
  assert.deepEqual(await clinging.handler.waitForEnd(), { kind: 'limit', limit: 'write_timeout' })
})
