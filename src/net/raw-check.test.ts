// The trial at the start: whatever goes wrong in it, the broker starts, and nothing of it is left.

import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { RawBinding } from './raw-binding.ts'
import { usableRawBinding } from './raw-check.ts'
import { RawStream } from './raw-stream.ts'

/** @returns the streams that are accepted from now on */
function acceptedStreams(t: TestContext): Promise<RawStream[]> {
  const { promise, resolve } = Promise.withResolvers<RawStream[]>()
  const streams: RawStream[] = []
  const { attach } = RawStream.prototype
  t.mock.method(RawStream.prototype, 'attach', function (this: RawStream, reader: Parameters<typeof attach>[0]) {
    streams.push(this)
    attach.call(this, reader)
    resolve(streams)
  })
  return promise
}

test('raw: what this Node has is found to work', async t => {
  const streams = acceptedStreams(t)
  assert.ok((await usableRawBinding()) instanceof RawBinding)
  assert.deepEqual(
    (await streams).map(({ isDestroyed }) => isDestroyed),
    [true],
  )
})

test('raw: a Node that hides its internals is served the public way, and the reason is told', async t => {
  const { binding } = process as unknown as { binding: unknown }
  t.after(() => Object.assign(process, { binding }))
  Object.assign(process, {
    binding: () => {
      throw new Error('hidden')
    },
  })
  assert.equal(await usableRawBinding(), 'hidden')
  Object.assign(process, { binding: () => ({}) })
  assert.equal(await usableRawBinding(), 'stream_wrap is not what it was')
})

test('raw: a trial whose writes do not come to an end is over at its deadline, and what it opened is closed', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const accepted = acceptedStreams(t)
  t.mock.method(RawStream.prototype, 'afterWrite', () => undefined)
  const usable = usableRawBinding()
  const [stream] = await accepted
  t.mock.timers.tick(2000)
  assert.equal(await usable, 'no end within 2000 ms')
  assert.equal(stream?.isDestroyed, true)
})

test('raw: a connection that fails in the trial is the reason, and takes nothing else down', async t => {
  const { attach } = RawStream.prototype
  t.mock.method(RawStream.prototype, 'attach', function (this: RawStream, reader: Parameters<typeof attach>[0]) {
    attach.call(this, reader)
    setImmediate(() => reader.failed('ECONNRESET'))
  })
  assert.equal(await usableRawBinding(), 'ECONNRESET')
})

test('raw: a handle that lacks what a stream needs is the reason, and takes nothing else down', async t => {
  const { takeOver } = RawBinding.prototype
  t.mock.method(RawBinding.prototype, 'takeOver', function (this: RawBinding, ...args: Parameters<typeof takeOver>) {
    const [server, accepted] = args
    takeOver.call(this, server, handle => accepted(Object.assign(handle, { getpeername: undefined })))
  })
  assert.equal(await usableRawBinding(), 'handle.getpeername is not a function')
})
