import assert from 'node:assert/strict'
import test from 'node:test'
import { LoadPublisher, type PublisherOptions, stamp } from './load-publisher.ts'

/** A publisher whose socket takes everything at once, unless it is told to wait. */
function publisher(options: Partial<PublisherOptions> = {}) {
  const writes: Buffer[] = []
  const waiting: (() => void)[] = []
  const connection = {
    write(bytes: Buffer, written: () => void) {
      writes.push(Buffer.from(bytes))
      waiting.push(written)
    },
  }
  const made = new LoadPublisher({
    connection,
    version: 5,
    topics: ['a'],
    size: 16,
    qos: 0,
    window: Number.POSITIVE_INFINITY,
    deliveryWindow: 10,
    run: 0x01020304,
    index: 7,
    ...options,
  })
  const taken = () => {
    for (const written of waiting.splice(0)) written()
  }
  return { made, writes, taken }
}

test('a message is a PUBLISH whose payload says run, publisher, number and time', () => {
  const { made, writes } = publisher({ deliveryWindow: 1, qos: 1, window: 1 })
  made.send(0x0a0b0c0d, 0x0a0b0c0d, 0)
  // PUBLISH QoS 1 | 22 bytes | 'a' | packet id 1 | no properties | run, publisher, number, time, little end first
  assert.equal(writes[0]?.toString('hex'), '32160001610001000403020107000000010000000d0c0b0a')
})

test('topics are published to in turn, packet ids begin again behind 65535', () => {
  const { made, writes, taken } = publisher({ topics: ['a', 'b'], qos: 1, window: 70_000, deliveryWindow: 70_000 })
  while (made.sent < 65_537) {
    made.send(1, 1, 0)
    taken()
  }
  const packets = Buffer.concat(writes)
  const at = (index: number) => packets.subarray(index * 24, (index + 1) * 24)
  assert.deepEqual([at(0)[4], at(1)[4], at(2)[4]], [0x61, 0x62, 0x61])
  assert.deepEqual([at(65_534).readUInt16BE(5), at(65_535).readUInt16BE(5)], [65_535, 1])
})

test('no more are on the way than the windows allow, and none while a write is under way', () => {
  const { made, taken } = publisher({ window: 4, deliveryWindow: 6, qos: 1 })
  made.send(1, 1, 0)
  assert.equal(made.sent, 4)
  made.answered = 4
  assert.equal(made.credit, 0, 'the socket has not taken them')
  taken()
  assert.equal(made.credit, 2, 'four of six are not delivered')
  made.heard = 3
  made.writtenOff = 1
  assert.equal(made.credit, 4)
})

test('with a gap only what is due is sent; what leaves late bears the time at which it was due', () => {
  const { made, writes, taken } = publisher({ deliveryWindow: 100 })
  made.send(0, 1000, 1000)
  assert.equal(made.sent, 0, 'nothing is due')
  made.send(3500, 1000, 1000)
  assert.equal(made.sent, 3)
  taken()
  made.send(50_000, 1000, 1000)
  assert.equal(made.sent, 50)
  const times = writes.map(bytes => bytes.readUInt32LE(bytes.length - 16 + stamp.time))
  assert.deepEqual(times, [3500, 50_000], 'the last of each write was on time')
  assert.equal(writes[1]?.readUInt32LE(6 + stamp.time), 4000, 'the fourth was due long ago')
})
