// An application with Aedes as its broker: weather stations publish, operators read, alarms are kept. `node stations.ts [port]`.

import { type AddressInfo, createServer } from 'node:net'
import { Aedes, type Client } from 'aedes'

const passwords = new Map([
  ['station', 'rain'],
  ['operator', 'sun'],
])
const userOf = new WeakMap<Client, string>()
const say = (line: string) => process.stdout.write(`${line}\n`)

const broker = await Aedes.createBroker({
  authenticate: (client, username, password, done) => {
    const isRight = username !== undefined && passwords.get(username) === String(password)
    if (isRight) userOf.set(client, username)
    done(null, isRight)
  },
  authorizePublish: (client, packet, done) => {
    if (client === null || userOf.get(client) === 'operator') return done(null)
    const isOwn = packet.topic.startsWith(`stations/${client.id}/`)
    done(isOwn ? null : new Error('not its own topic'))
  },
  authorizeSubscribe: (client, subscription, done) => {
    done(null, userOf.get(client) === 'operator' ? subscription : null)
  },
  authorizeForward: (_, packet) => (packet.topic.endsWith('/debug') ? null : packet),
})

broker.on('client', client => say(`connected ${client.id}`))
broker.on('clientDisconnect', client => say(`disconnected ${client.id}`))
broker.on('subscribe', (subscriptions, client) => {
  for (const { topic, qos } of subscriptions) say(`subscribed ${client.id} ${topic} ${qos}`)
})
broker.on('unsubscribe', (topics, client) => say(`unsubscribed ${client.id} ${topics}`))
broker.on('publish', (packet, client) => {
  if (client !== null) say(`published ${client.id} ${packet.topic} ${packet.payload}`)
})

broker.subscribe(
  'stations/+/alarm',
  (packet, done) => {
    say(`alarm ${packet.payload}`)
    const alarm = {
      cmd: 'publish',
      topic: 'alarms/last',
      payload: packet.payload,
      qos: 1,
      retain: true,
      dup: false,
    } as const
    broker.publish(alarm, () => {})
    done()
  },
  () => {},
)

const server = createServer(broker.handle)
server.listen(Number(process.argv[2] ?? 1883), '127.0.0.1', () => {
  say(`listening ${(server.address() as AddressInfo).port}`)
})

process.once('SIGTERM', () => {
  server.close()
  broker.close()
})
