// Tries raw-stream.ts on this Node before any client meets it: a conversation with a socket of `node:net` over loopback,
// with writes that complete at once and writes that do not, and both ways to end.

import { connect, createServer, type Server, type Socket } from 'node:net'
import type { StreamReader } from './byte-stream.ts'
import { RawBinding } from './raw-binding.ts'
import { RawStream } from './raw-stream.ts'

/** Whose internals were tried under load. With others the public way is taken, however well they look. */
const triedMajors = [24]
const deadlineMs = 2000

const greeting = 'castellan?'
const answer = Buffer.alloc(64 * 1024, '!')
/** So many answers that the kernel cannot take them while nobody reads; loopback takes some 5 MB. */
const mostAnswers = 1024

/**
 * @returns the binding, or why this Node is served without it
 */
export async function usableRawBinding(): Promise<RawBinding | string> {
  const major = Number.parseInt(process.versions.node, 10)
  if (!triedMajors.includes(major)) return `Node ${major} has not been tried`
  try {
    const binding = new RawBinding()
    await converse(binding)
    return binding
  } catch (error) {
    return (error as Error).message
  }
}

async function converse(binding: RawBinding): Promise<void> {
  const server = createServer()
  const port = await listen(server)
  const { promise: failure, reject: fail } = Promise.withResolvers<never>()
  const deadline = setTimeout(() => fail(new Error(`no end within ${deadlineMs} ms`)), deadlineMs)
  const accepted = Promise.withResolvers<RawStream>()
  const streams: RawStream[] = []
  server.on('error', fail)
  binding.takeOver(server, handle => {
    try {
      streams.push(new RawStream(binding, handle))
      // Should others come too, they are nobody's.
      accepted.resolve(streams[0] as RawStream)
    } catch (error) {
      fail(error)
    }
  })
  const client = connect(port, '127.0.0.1')
  client.on('error', fail)
  client.write(greeting)
  try {
    await Promise.race([accepted.promise.then(stream => new Answerer(stream, fail).outcome(client)), failure])
  } finally {
    clearTimeout(deadline)
    client.destroy()
    for (const stream of streams) stream.destroy()
    server.close()
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
}

/** The raw side: it reads the greeting, answers more than the kernel takes, and says goodbye. */
class Answerer implements StreamReader {
  readonly #stream: RawStream
  readonly #fail: (error: Error) => void
  readonly #greeted = Promise.withResolvers<void>()
  readonly #waited = Promise.withResolvers<void>()
  readonly #peerEnded = Promise.withResolvers<void>()
  readonly #closed = Promise.withResolvers<void>()
  #received = ''

  /** @param fail ends the trial */
  constructor(stream: RawStream, fail: (error: Error) => void) {
    this.#stream = stream
    this.#fail = fail
    stream.attach(this)
    stream.resume()
  }

  async outcome(client: Socket): Promise<void> {
    await this.#greeted.promise
    let sent = 0
    let isWaiting = false
    while (!isWaiting && sent < mostAnswers) {
      isWaiting = !this.#stream.write(answer)
      sent++
    }
    if (!isWaiting) throw new Error('a write that nobody reads completed')
    let taken = 0
    client.on('data', chunk => (taken += chunk.length))
    await this.#waited.promise
    this.#stream.write(answer)
    this.#stream.end()
    await new Promise(resolve => client.once('end', resolve))
    if (taken !== (sent + 1) * answer.length) throw new Error(`${taken} bytes came of ${(sent + 1) * answer.length}`)
    client.end()
    await this.#peerEnded.promise
    await this.#closed.promise
  }

  received(bytes: Buffer): void {
    this.#received += bytes.toString('latin1')
    if (this.#received === greeting) this.#greeted.resolve()
  }

  written(): void {
    this.#waited.resolve()
  }

  peerEnded(): void {
    this.#peerEnded.resolve()
  }

  failed(reason: string): void {
    this.#fail(new Error(reason))
  }

  closed(): void {
    this.#closed.resolve()
  }
}
