import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import test from 'node:test'
import type { WebSocket } from 'ws'
import { PacedReceiver } from './paced-receiver.ts'

/** A receiver behind which `drain` reads on, and a clock that goes on a millisecond with each look: each turn is one slice. */
function start() {
  const parsed: number[] = []
  const fed: number[] = []
  const queue: PacedReceiver[] = []
  let onParsed = () => {}
  const receiver = new Writable({
    write(chunk: Buffer, _encoding, done) {
      parsed.push(chunk.length)
      onParsed()
      done()
    },
  })
  let drained = 0
  receiver.on('drain', () => drained++)
  const webSocket = { _receiver: receiver, isPaused: false }
  let now = 0
  const paced = new PacedReceiver(
    webSocket as unknown as WebSocket,
    { add: waiting => void queue.push(waiting as PacedReceiver) },
    { now: () => now++ },
    bytes => void fed.push(bytes),
  )
  return {
    receiver,
    webSocket,
    paced,
    parsed,
    fed,
    queue,
    drained: () => drained,
    whenParsed: (then: () => void) => {
      onParsed = then
    },
  }
}

test('a chunk is parsed slice by slice, a turn each, and what comes behind it read when it is done', () => {
  const { receiver, parsed, fed, queue, drained } = start()
  assert.equal(receiver.write(Buffer.alloc(8644)), false)
  assert.deepEqual([parsed, queue.length], [[4096], 1])
  queue.shift()?.pump()
  assert.deepEqual([parsed, drained(), queue.length], [[4096, 4096], 0, 1])
  queue.shift()?.pump()
  assert.deepEqual([parsed, drained(), queue.length], [[4096, 4096, 452], 1, 0])
  assert.deepEqual(fed, parsed)
  assert.equal(receiver.write(Buffer.alloc(4096)), true)
})

test('chunks that come all the same wait behind the first', () => {
  const { receiver, parsed, queue } = start()
  receiver.write(Buffer.alloc(4097))
  assert.equal(receiver.write(Buffer.alloc(7)), false)
  assert.equal(queue.length, 1)
  while (queue.length > 0) queue.shift()?.pump()
  assert.deepEqual(parsed, [4096, 1, 7])
})

test('while the WebSocket is not heard nothing is parsed, and then nothing read before that', () => {
  const { receiver, webSocket, paced, parsed, queue, drained } = start()
  assert.equal(paced.resume(), false)
  receiver.write(Buffer.alloc(4097))
  webSocket.isPaused = true
  queue.shift()?.pump()
  assert.deepEqual([parsed, queue.length], [[4096], 0])
  webSocket.isPaused = false
  assert.equal(paced.resume(), true)
  queue.shift()?.pump()
  assert.deepEqual([parsed, drained()], [[4096, 1], 1])
})

test('what waits is parsed before the end of the stream', () => {
  const { receiver, parsed } = start()
  receiver.write(Buffer.alloc(9144))
  receiver.end()
  assert.deepEqual(parsed, [4096, 4096, 952])
  assert.equal(receiver.writableEnded, true)
})

test('behind a frame that closes nothing is parsed', () => {
  const { receiver, parsed, queue, whenParsed } = start()
  whenParsed(() => receiver.end())
  receiver.write(Buffer.alloc(9144))
  for (const waiting of queue) waiting.pump()
  assert.equal(receiver.write(Buffer.alloc(10)), true)
  assert.deepEqual(parsed, [4096])
})
