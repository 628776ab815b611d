import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { HandshakeQueue } from './handshake-queue.ts'

const socketFrom = (remoteAddress: string | undefined) => ({ remoteAddress }) as Socket
const turnOfLoop = () => new Promise(resolve => setImmediate(resolve))

function watched() {
  const begun: (string | undefined)[] = []
  return { begun, queue: new HandshakeQueue(raw => begun.push(raw.remoteAddress)) }
}

test('a storm of handshakes begins one every second turn: whoever is in has the turn between', async () => {
  const { begun, queue } = watched()
  for (let i = 0; i < 3; i++) queue.add(socketFrom('192.0.2.1'))
  const counts = [begun.length]
  for (let turn = 0; turn < 8; turn++) {
    await turnOfLoop()
    counts.push(begun.length)
  }
  assert.deepEqual(counts, [0, 0, 0, 1, 1, 2, 2, 3, 3])
})

test('one address after the other: who comes alone does not wait behind a thousand of another', async () => {
  const { begun, queue } = watched()
  for (let i = 0; i < 1000; i++) queue.add(socketFrom('192.0.2.1'))
  queue.add(socketFrom('192.0.2.2'))
  queue.add(socketFrom(undefined))
  while (begun.length < 4) await turnOfLoop()
  assert.deepEqual(begun.slice(0, 4), ['192.0.2.1', '192.0.2.2', undefined, '192.0.2.1'])
})

test('a queue that was empty begins again, and whoever is added meanwhile has a turn too', async () => {
  const begun: string[] = []
  const queue: HandshakeQueue = new HandshakeQueue(raw => {
    begun.push(raw.remoteAddress ?? '')
    if (begun.length === 1) queue.add(socketFrom('192.0.2.2'))
  })
  queue.add(socketFrom('192.0.2.1'))
  while (begun.length < 2) await turnOfLoop()
  queue.add(socketFrom('192.0.2.3'))
  while (begun.length < 3) await turnOfLoop()
  assert.deepEqual(begun, ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
})
