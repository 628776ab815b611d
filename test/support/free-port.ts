// Ports for brokers of tests.

import { type AddressInfo, createServer } from 'node:net'

/** A TCP port of the loopback address that was free a moment ago; whoever starts on it retries on a clash. */
export function freePort(): Promise<number> {
  return listenOnce(0)
}

/** Below those that the system hands out: nobody is given one by chance while a broker is started again. */
const quietPorts = { first: 20_000, count: 10_000 }
let nextOffset = process.pid

/** A free TCP port of the loopback address that stays free while nothing listens on it; another one each time. */
export async function quietPort(): Promise<number> {
  for (;;) {
    const offset = nextOffset++
    try {
      return await listenOnce(quietPorts.first + (offset % quietPorts.count))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}

function listenOnce(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(wanted, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
