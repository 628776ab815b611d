// MQTT in the binary messages of a WebSocket [MQTT-6.0.0-1], over a byte stream that is open already.

import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocket } from 'ws'
import { UnreachableError } from './errors.ts'

/** Where Mosquitto, and everybody else, serves MQTT. */
const path = '/mqtt'
/** Bytes of one message from the broker: no packet is larger. */
const largestMessage = 268_435_460

/**
 * @param host what the request names, with a port where that is not the usual one
 * @throws UnreachableError for an answer that is no WebSocket
 */
export async function overWebSocket(socket: Socket, host: string): Promise<Duplex> {
  // The stream is there, encrypted or not: only the request has to have the form of an address.
  const webSocket = new WebSocket(`ws://${host}${path}`, ['mqtt'], {
    createConnection: () => socket,
    maxPayload: largestMessage,
    perMessageDeflate: false,
  })
  try {
    await once(webSocket, 'open')
  } catch (cause) {
    socket.destroy()
    throw new UnreachableError('Error: No WebSocket is served there.', { cause })
  }
  return createWebSocketStream(webSocket)
}
