// Pages and MQTT over WebSockets on one port: `node websocket-on-http.ts [port]`.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBroker } from 'castellan'

const broker = await createBroker({
  given: { allow_anonymous: true, websockets_origin: 'https://example.com' },
})

const server = createServer((_, response) => response.end('a page of the application\n'))
broker.attach(server, { path: '/mqtt' })
server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => {
  process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`)
})

process.once('SIGTERM', () => {
  server.close()
  void broker.close()
})
