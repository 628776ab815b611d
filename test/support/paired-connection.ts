// One end of a connection without sockets: the real `SocketConnection`, and the stream that its peer would have.

import type { Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { TimerWheel } from '../../src/base/timer-wheel.ts'
import type { Packet } from '../../src/mqtt/packet.ts'
import { SocketConnection } from '../../src/net/connection.ts'
import type { TransportLimits } from '../../src/net/limits.ts'
import { Outbox } from '../../src/net/outbox.ts'
import { SocketStream } from '../../src/net/socket-stream.ts'
import { TurnQueue } from '../../src/net/turn-queue.ts'
import { fakeClock } from './fake-clock.ts'
import { RecordingHandler } from './recording-handler.ts'

const limits: TransportLimits = {
  packetTimeoutMs: 1000,
  writeTimeoutMs: 1000,
  maximumPacketSize: 100_000,
  maximumStrangerPacketSize: 64,
  maximumQueueWeight: 100_000,
}

export function connected(onPacket?: (packet: Packet, connection: SocketConnection) => void) {
  const [near, peer] = duplexPair({ readableHighWaterMark: 1024, writableHighWaterMark: 1024 })
  const clock = fakeClock()
  const wheel = new TimerWheel(clock.now())
  const traffic = {
    bytesReceived: 0,
    bytesSent: 0,
    received(bytes: number) {
      this.bytesReceived += bytes
    },
    sent(bytes: number) {
      this.bytesSent += bytes
    },
  }
  let establishments = 0
  const outbox = new Outbox()
  const stream = new SocketStream(near as unknown as Socket)
  const connection = new SocketConnection(stream, stream, {
    clock,
    wheel,
    outbox,
    turns: new TurnQueue(clock),
    traffic,
    limits,
    owner: { established: () => void establishments++, spokeTls: () => {} },
  })
  const handler = new RecordingHandler(packet => onPacket?.(packet, connection))
  connection.start(handler)
  const pass = (ms: number) => {
    clock.advance(ms)
    wheel.advance(clock.now())
  }
  return { connection, handler, peer, near, outbox, traffic, pass, establishments: () => establishments }
}

/** What the peer receives up to the end of the stream. */
export async function received(peer: Duplex): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of peer) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('hex')
}
