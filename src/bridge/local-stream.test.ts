import assert from 'node:assert/strict'
import test from 'node:test'
import type { StreamReader } from '../net/byte-stream.ts'
import { type LocalEnd, LocalStream } from './local-stream.ts'

/** A stream with a broker and a bridge at its ends, which write down what happens to them. */
function stream(takes = true) {
  const events: string[] = []
  const end: LocalEnd = {
    fromBroker(bytes) {
      events.push(`bridge got ${bytes}`)
      return takes
    },
    brokerIsReady: () => void events.push('broker is ready'),
    brokerEnded: () => void events.push('broker ended'),
  }
  const reader: StreamReader = {
    received: bytes => void events.push(`broker got ${bytes.length > 20 ? bytes.length : bytes}`),
    peerEnded: () => void events.push('peer ended'),
    written: () => void events.push('written'),
    failed: reason => void events.push(`failed ${reason}`),
    closed: () => void events.push('closed'),
  }
  const local = new LocalStream(end)
  local.attach(reader)
  return { local, events }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

test('what a bridge sends arrives in a later turn, in one piece and in order, and not before it is read', async () => {
  const { local, events } = stream()
  local.feed(Buffer.from('a'))
  local.feed(Buffer.from('b'))
  await turn()
  assert.deepEqual(events, [])
  local.resume()
  assert.deepEqual(events, [])
  await turn()
  assert.deepEqual(events, ['broker got ab'])
})

test('limits: a broker that does not read has the bridge wait at 256 KiB, and told when there is room', async () => {
  const { local, events } = stream()
  assert.equal(local.feed(Buffer.alloc(262_143)), true)
  assert.equal(local.feed(Buffer.from('x')), false)
  await turn()
  assert.deepEqual(events, [])
  local.resume()
  await turn()
  assert.deepEqual(events, ['broker got 262144', 'broker is ready'])
  local.pause()
  local.feed(Buffer.from('later'))
  await turn()
  assert.equal(events.length, 2)
})

test('a bridge that takes no more has the broker wait until it does', () => {
  const { local, events } = stream(false)
  assert.equal(local.write(Buffer.from('x')), false)
  local.taken()
  assert.deepEqual(events, ['bridge got x', 'written'])
})

test('whoever hangs up is heard to the last byte, and hears nothing any more', async () => {
  const { local, events } = stream()
  local.feed(Buffer.from('goodbye'))
  local.hangUp()
  local.feed(Buffer.from('not any more'))
  assert.equal(local.write(Buffer.from('x')), true)
  await turn()
  await turn()
  assert.deepEqual(events, ['broker got goodbye', 'peer ended', 'closed'])
})

test('a broker that ends the connection is noticed', async () => {
  const { local, events } = stream()
  local.resume()
  local.destroy()
  local.destroy()
  local.feed(Buffer.from('x'))
  await turn()
  assert.deepEqual(events, ['closed', 'broker ended'])
  assert.equal(local.isDestroyed, true)
})
