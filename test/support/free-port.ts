// Ports for brokers of tests.

import { type AddressInfo, createServer } from 'node:net'

/** A TCP port of the loopback address that was free a moment ago; whoever starts on it retries on a clash. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
