// Messages within one process, and nothing that listens: `node in-process.ts`. It ends by itself when the broker is closed.

import { createBroker } from 'castellan'

await using broker = await createBroker()

// Retained: whoever comes later has it at once.
await broker.publish('room/1/temperature', '21.5', { qos: 1, retain: true })

const temperatures = await broker.subscribe('room/+/temperature', { qos: 1 })
await broker.publish('room/2/temperature', '19.0', { qos: 1 })

for await (const { topicName, payload, retain } of temperatures) {
  process.stdout.write(`${topicName} ${payload}${retain ? ' (retained)' : ''}\n`)
  if (topicName === 'room/2/temperature') break
}
