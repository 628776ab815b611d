// The known kinds of floods: each goes on until its process is ended, as fast as the broker lets it, from an address of its
// own, and counts what it did.

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import {
  connectBytes,
  disconnectBytes,
  pingreqBytes,
  publishBytes,
  subscribeBytes,
  unsubscribeBytes,
} from '../../test/support/packet-bytes.ts'

/** Where the broker is, and what has been done so far. */
export interface FloodTarget {
  readonly port: number
  readonly tlsPort: number
  count: number
}

/** Runs for ever; its connections may be closed by the broker at any time, and are opened again. */
type Flood = (target: FloodTarget) => Promise<never>

/** So that limits by address hold for the flood alone. */
const floodAddress = '127.0.0.2'
const connections = 64
/** Bytes that one write of a flood has at least. */
const chunkBytes = 64 * 1024
/** A pause for one that is refused at once: a refusal costs the flood less than the broker. */
const refusedMs = 5

export const floods = {
  connect: target =>
    each(connections, () => visit(target, Buffer.concat([connectBytes({ clientId: name() }), disconnectBytes()]))),
  'half-open TLS': async target => {
    const hello = await clientHello()
    return each(connections, () => visit(target, hello, target.tlsPort, 1))
  },
  'silent TLS': target => each(8 * connections, () => silence(target)),
  subscribe: target => each(4, () => repeated(target, subscriptions)),
  retained: target => each(4, index => repeated(target, retained(index))),
  will: target =>
    each(connections, () =>
      visit(
        target,
        connectBytes({ clientId: name(), will: { topic: 'flood/will', payload: 'x'.repeat(1000) } }),
        target.port,
        1,
      ),
    ),
  'huge packets': target => each(4, () => repeated(target, [huge])),
  pingreq: target => each(4, () => repeated(target, [pingreqBytes])),
  takeover: target =>
    each(8, () => visit(target, connectBytes({ clientId: 'flood-same' }), target.port, Number.POSITIVE_INFINITY)),
  'wildcard scrape': target => each(4, index => scrape(target, index % 2 === 0 ? '#' : '+/+')),
} as const satisfies { readonly [name: string]: Flood }

export type FloodKind = keyof typeof floods
export const floodKinds = Object.keys(floods) as readonly FloodKind[]

/** What a scrape finds: as many retained messages as {@link scrapedTopics}, put there first. */
export const scrapedTopics = 20_000
const scrapedPayload = 'x'.repeat(100)
/** What a scrape brings at least. */
const scrapedBytes = scrapedTopics * scrapedPayload.length

/** PUBLISH packets that retain what a scrape looks for. */
export function* scrapedPackets(): Iterable<Uint8Array> {
  for (let number = 0; number < scrapedTopics; number += 1) {
    yield publishBytes({ topic: `kept/${number}`, payload: scrapedPayload, retain: true })
  }
}

const huge = publishBytes({ topic: 'flood/huge', payload: Buffer.alloc(250_000, 'x') })
const subscriptions = Array.from({ length: 20 }, (_, number) => {
  const filters = Array.from({ length: 50 }, (_, at) => `flood/${number}/${at}/+/#`)
  return Buffer.concat([
    subscribeBytes({ subscriptions: filters.map(filter => ({ filter, qos: 1 })) }),
    unsubscribeBytes({ filters }),
  ])
})
function retained(part: number): readonly Uint8Array[] {
  return Array.from({ length: 5000 }, (_, number) =>
    publishBytes({ topic: `flood/kept/${part}/${number}`, payload: 'x'.repeat(100), retain: true }),
  )
}

let names = 0

function name(): string {
  names += 1
  return `flood-${process.pid}-${names}`
}

async function each(workers: number, work: (index: number) => Promise<void>): Promise<never> {
  const worker = async (index: number) => {
    while (true) await work(index)
  }
  return Promise.race(Array.from({ length: workers }, (_, index) => worker(index)))
}

/** Opens a connection, writes, and ends it when so many bytes have come, or with the broker. */
async function visit(target: FloodTarget, bytes: Uint8Array, port = target.port, until = Number.POSITIVE_INFINITY) {
  const socket = open(port)
  let received = 0
  socket.on('data', answer => {
    received += answer.length
    if (received >= until) socket.destroy()
  })
  socket.write(bytes)
  await closed(socket)
  target.count += 1
  if (received === 0) await pause()
}

/** Connects to the port with TLS and says nothing until the broker is tired of it. */
async function silence(target: FloodTarget): Promise<void> {
  const socket = open(target.tlsPort)
  await closed(socket)
  target.count += 1
  await pause()
}

/** Joins, and writes these packets again and again. */
async function repeated(target: FloodTarget, packets: readonly Uint8Array[]): Promise<void> {
  const socket = open(target.port)
  socket.resume()
  const end = closed(socket)
  socket.write(connectBytes({ clientId: name() }))
  const chunks = chunksOf(packets)
  for (let at = 0; !socket.destroyed; at = (at + 1) % chunks.length) {
    const { bytes, packets: inChunk } = chunks[at]!
    target.count += inChunk
    if (!socket.write(bytes)) await Promise.race([once(socket, 'drain').catch(() => {}), end])
  }
  await pause()
}

/** Joins, and subscribes anew each time when it has got all that is retained. */
async function scrape(target: FloodTarget, filter: string): Promise<void> {
  const socket = open(target.port)
  const wish = subscribeBytes({ subscriptions: [{ filter }] })
  let left = scrapedBytes
  socket.on('data', bytes => {
    left -= bytes.length
    if (left > 0) return
    left = scrapedBytes
    target.count += 1
    socket.write(wish)
  })
  socket.write(connectBytes({ clientId: name() }))
  socket.write(wish)
  await closed(socket)
  await pause()
}

function chunksOf(packets: readonly Uint8Array[]): { readonly bytes: Buffer; readonly packets: number }[] {
  const chunks: { bytes: Buffer; packets: number }[] = []
  let at = 0
  do {
    const chunk: Uint8Array[] = []
    for (let length = 0; length < chunkBytes && chunk.length < 5000; at += 1) {
      const packet = packets[at % packets.length]!
      chunk.push(packet)
      length += packet.length
    }
    chunks.push({ bytes: Buffer.concat(chunk), packets: chunk.length })
  } while (at < packets.length)
  return chunks
}

function open(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress: floodAddress, noDelay: true })
  socket.on('error', () => {})
  return socket
}

function closed(socket: Socket): Promise<void> {
  return new Promise(resolve => socket.once('close', () => resolve()))
}

function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, refusedMs))
}

/** The first flight of a real handshake, which costs the broker a signature to answer. */
async function clientHello(): Promise<Buffer> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const client = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  client.on('error', () => {})
  const [peer] = (await once(server, 'connection')) as [Socket]
  const [bytes] = (await once(peer, 'data')) as [Buffer]
  client.destroy()
  peer.destroy()
  server.close()
  return bytes
}
