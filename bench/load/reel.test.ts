// Stretches of ready packets: what is patched, how many go into one write, and where the reel begins again.

import assert from 'node:assert/strict'
import test from 'node:test'
import { batchBytes, Reel, type ReelOptions } from './reel.ts'
import { scanPackets } from './scan.ts'
import { readUint32, stamp } from './stamp.ts'

const plain: ReelOptions = { topics: ['t'], publisher: 7, qos: 0, protocol: 4, payloadBytes: 12, window: 100 }

interface Sent {
  readonly topic: string
  readonly packetId: number
  readonly time: number
  readonly publisher: number
  readonly sequence: number
}

function wind(reel: Reel, most: number, time: number, qos = 0): readonly Sent[] {
  reel.wind(most, time)
  const sent: Sent[] = []
  const bytes = reel.bytes()
  const end = scanPackets(bytes, 0, bytes.length, {
    packet: (_first, all, at, until) => {
      const payload = until - 12
      sent.push({
        topic: Buffer.from(all).toString('latin1', at + 2, at + 2 + all[at + 1]!),
        packetId: qos > 0 ? (all[payload - 2]! << 8) | all[payload - 1]! : 0,
        time: readUint32(all, payload + stamp.time),
        publisher: readUint32(all, payload + stamp.publisher),
        sequence: readUint32(all, payload + stamp.sequence),
      })
    },
  })
  assert.equal(end, bytes.length)
  assert.equal(reel.count, sent.length)
  return sent
}

test('time, publisher and rising sequence numbers stand in each payload', () => {
  const reel = new Reel(plain)
  assert.deepEqual(wind(reel, 2, 4_000_000_000), [
    { topic: 't', packetId: 0, time: 4_000_000_000, publisher: 7, sequence: 1 },
    { topic: 't', packetId: 0, time: 4_000_000_000, publisher: 7, sequence: 2 },
  ])
  assert.deepEqual(
    wind(reel, 3, 5).map(({ sequence }) => sequence),
    [3, 4, 5],
  )
  assert.equal(reel.sequence, 5)
})

test('[MQTT-2.2.1-3] packet ids rise, and leave out 0 when they begin again', () => {
  const reel = new Reel({ ...plain, qos: 1, window: 1000 })
  const ids: number[] = []
  while (ids.length < 66_000) ids.push(...wind(reel, 1000, 0, 1).map(({ packetId }) => packetId))
  assert.deepEqual([ids[0], ids[65_534], ids[65_535]], [1, 65_535, 1])
  assert.ok(!ids.includes(0))
})

test('a write holds what is asked for, a full batch at most, one packet at least', () => {
  assert.equal(wind(new Reel(plain), 1, 0).length, 1)
  const deep = new Reel({ ...plain, window: 60_000 })
  assert.equal(wind(deep, 60_000, 0).length, Math.floor(batchBytes / 17))
  assert.ok(deep.bytes().length <= batchBytes)
  const large = new Reel({ ...plain, payloadBytes: 2 * batchBytes })
  large.wind(5, 0)
  assert.equal(large.count, 1)
})

test('several topics follow each other, also where the reel begins again', () => {
  const reel = new Reel({ ...plain, topics: ['a', 'b', 'c'], window: 4 })
  const topics: string[] = []
  while (topics.length < 200) topics.push(...wind(reel, 4, 0).map(({ topic }) => topic))
  assert.ok(topics.every((topic, index) => topic === ['a', 'b', 'c'][index % 3]))
})
