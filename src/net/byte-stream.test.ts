// Both kinds of byte stream keep the same contract, over real sockets.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import type { AcceptedStream, StreamOwner, StreamReader } from './byte-stream.ts'
import { RawBinding } from './raw-binding.ts'
import { RawStream } from './raw-stream.ts'
import { SocketStream } from './socket-stream.ts'

const kinds = ['socket', 'raw'] as const
const block = Buffer.alloc(64 * 1024, 'b')

/** Writes down what it is told, and lets tests wait for it. */
class Reader implements StreamReader, StreamOwner {
  readonly events: string[] = []
  bytes = ''
  #changed = Promise.withResolvers<void>()

  received(bytes: Buffer, isBorrowed: boolean): void {
    this.bytes += bytes.toString('latin1')
    this.#note(isBorrowed ? 'lent' : 'received')
  }

  peerEnded(): void {
    this.#note('peer ended')
  }

  written(): void {
    this.#note('written')
  }

  failed(reason: string): void {
    this.#note(`failed ${reason}`)
  }

  closed(): void {
    this.#note('closed')
  }

  streamClosed(): void {
    this.#note('owner told')
  }

  async waitFor(event: string): Promise<void> {
    while (!this.events.includes(event)) await this.#changed.promise
  }

  async waitForBytes(bytes: string): Promise<void> {
    while (this.bytes !== bytes) await this.#changed.promise
  }

  #note(event: string): void {
    this.events.push(event)
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

async function accepted(t: TestContext, kind: (typeof kinds)[number]) {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { promise, resolve } = Promise.withResolvers<AcceptedStream>()
  const binding = new RawBinding()
  if (kind === 'raw') binding.takeOver(server, handle => resolve(new RawStream(binding, handle)))
  else server.on('connection', socket => resolve(new SocketStream(socket)))
  const peer = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  await once(peer, 'connect')
  const stream = await promise
  const reader = new Reader()
  stream.setOwner(reader)
  t.after(() => {
    stream.destroy()
    peer.destroy()
    server.close()
  })
  return { stream, peer, reader }
}

/** Writes until the operating system takes no more. @returns bytes handed over */
function fill(stream: AcceptedStream): number {
  for (let bytes = block.length; ; bytes += block.length) if (!stream.write(block)) return bytes
}

async function take(peer: Socket, bytes: number): Promise<void> {
  for (let taken = 0; taken < bytes; ) taken += ((await once(peer, 'data')) as [Buffer])[0].length
}

for (const kind of kinds) {
  test(`${kind}: nothing is read before resume, and nothing but one chunk after pause`, async t => {
    const { stream, peer, reader } = await accepted(t, kind)
    stream.attach(reader)
    peer.write('a')
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(reader.bytes, '')
    stream.resume()
    await reader.waitForBytes('a')
    stream.pause()
    peer.write('b')
    stream.resume()
    await reader.waitForBytes('ab')
    assert.deepEqual(new Set(reader.events), new Set([kind === 'raw' ? 'lent' : 'received']))
  })

  test(`${kind}: the peer's address is known from the beginning, and after the end`, async t => {
    const { stream, peer, reader } = await accepted(t, kind)
    assert.deepEqual([stream.remoteAddress, stream.remotePort], ['127.0.0.1', peer.localPort])
    stream.attach(reader)
    stream.destroy()
    await reader.waitFor('closed')
    assert.equal(stream.remoteAddress, '127.0.0.1')
  })

  test(`${kind}: a write that the operating system takes is over at once; one that it does not is told when it has left`, async t => {
    const { stream, peer, reader } = await accepted(t, kind)
    stream.attach(reader)
    assert.equal(stream.write(Buffer.from('small')), true)
    const bytes = 5 + fill(stream)
    assert.deepEqual(reader.events, [])
    const taken = take(peer, bytes)
    await reader.waitFor('written')
    await taken
    assert.equal(stream.write(Buffer.from('again')), true)
    await take(peer, 5)
    assert.deepEqual(reader.events, ['written'])
  })

  test(`${kind}: end says goodbye behind what was written, and what the peer still says is read`, async t => {
    const { stream, peer, reader } = await accepted(t, kind)
    stream.attach(reader)
    stream.resume()
    stream.write(Buffer.from('last'))
    stream.end()
    peer.resume()
    await once(peer, 'end')
    peer.end('answer')
    await reader.waitForBytes('answer')
    await reader.waitFor('closed')
    assert.deepEqual(reader.events.slice(1), ['peer ended', 'owner told', 'closed'])
  })

  test(`${kind}: who hears the peer's end first may still write`, async t => {
    const { stream, peer, reader } = await accepted(t, kind)
    stream.attach(reader)
    stream.resume()
    peer.end()
    await reader.waitFor('peer ended')
    stream.write(Buffer.from('bye'))
    await take(peer, 3)
    stream.end()
    await reader.waitFor('closed')
    assert.deepEqual(reader.events, ['peer ended', 'owner told', 'closed'])
  })

  test(`${kind}: a reset is a failure with its code, and the end`, async t => {
    const { stream, peer, reader } = await accepted(t, kind)
    stream.attach(reader)
    stream.resume()
    peer.resetAndDestroy()
    await reader.waitFor('closed')
    assert.deepEqual(reader.events, ['failed ECONNRESET', 'owner told', 'closed'])
  })

  test(`${kind}: a reset while a write is under way is told once`, async t => {
    const { stream, peer, reader } = await accepted(t, kind)
    stream.attach(reader)
    stream.resume()
    fill(stream)
    peer.resetAndDestroy()
    await reader.waitFor('closed')
    assert.match(reader.events.join(), /^failed E(CONNRESET|PIPE),owner told,closed$/)
  })

  test(`${kind}: a stream that is destroyed while a write is under way hears of its end only`, async t => {
    const { stream, reader } = await accepted(t, kind)
    stream.attach(reader)
    fill(stream)
    stream.destroy()
    stream.destroy()
    assert.equal(stream.isDestroyed, true)
    await reader.waitFor('closed')
    assert.deepEqual(reader.events, ['owner told', 'closed'])
  })

  test(`${kind}: one that nobody ever read is told to its owner`, async t => {
    const { stream, reader } = await accepted(t, kind)
    stream.destroy()
    await reader.waitFor('owner told')
    assert.deepEqual(reader.events, ['owner told'])
  })

  test(`${kind}: one that ended before it was attached says so then`, async t => {
    const { stream, reader } = await accepted(t, kind)
    stream.destroy()
    await reader.waitFor('owner told')
    stream.attach(reader)
    await reader.waitFor('closed')
  })
}
