// The same application with Castellan as its broker, moved by docs/upgrading-from-aedes.md. `node stations.ts [port]`.

import { type AddressInfo, createServer } from 'node:net'
import { type Client, createBroker } from 'castellan'

const passwords = new Map([
  ['station', 'rain'],
  ['operator', 'sun'],
])
const filtersOf = new WeakMap<Client, Set<string>>()
const say = (line: string) => process.stdout.write(`${line}\n`)

const broker = await createBroker({
  hooks: {
    authenticate: ({ username, password }) => username !== undefined && passwords.get(username) === String(password),
    incoming: (client, { topicName }) => {
      if (client.username === 'operator' || topicName.startsWith(`stations/${client.clientId}/`)) return true
      // Aedes ends the connection of whoever publishes what it may not.
      client.disconnect()
      return false
    },
    authorizeSubscribe: client => client.username === 'operator',
    authorizeReceive: (_, topicName) => !topicName.endsWith('/debug'),
  },
})

broker.on('clientConnect', ({ client }) => say(`connected ${client.clientId}`))
broker.on('clientDisconnect', ({ client }) => {
  say(`disconnected ${client.clientId}`)
  // Aedes tells of filters that end with their client as of those that it gives up.
  const left = filtersOf.get(client)
  if (left !== undefined && left.size > 0) say(`unsubscribed ${client.clientId} ${[...left]}`)
})
broker.on('subscribe', ({ client, subscriptions }) => {
  const filters = filtersOf.get(client) ?? new Set()
  filtersOf.set(client, filters)
  for (const { topicFilter, reasonCode } of subscriptions) {
    const isGranted = reasonCode < 0x80
    if (isGranted) filters.add(topicFilter)
    say(`subscribed ${client.clientId} ${topicFilter} ${isGranted ? reasonCode : 128}`)
  }
})
broker.on('unsubscribe', ({ client, topicFilters }) => {
  for (const topicFilter of topicFilters) filtersOf.get(client)?.delete(topicFilter)
  say(`unsubscribed ${client.clientId} ${topicFilters}`)
})
broker.on('published', ({ client, message }) => {
  if (client !== undefined) say(`published ${client.clientId} ${message.topicName} ${message.payload}`)
})

await broker.subscribe('stations/+/alarm', async ({ payload }) => {
  say(`alarm ${payload}`)
  await broker.publish('alarms/last', payload, { qos: 1, retain: true })
})

const server = createServer(broker.handle)
server.listen(Number(process.argv[2] ?? 1883), '127.0.0.1', () => {
  say(`listening ${(server.address() as AddressInfo).port}`)
})

process.once('SIGTERM', () => {
  server.close()
  void broker.close()
})
