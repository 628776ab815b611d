// Embedded brokers for tests, and clients for them that other people wrote.

import type { TestContext } from 'node:test'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import {
  type Broker,
  type BrokerEvents,
  createBroker,
  type EventName,
  type ObjectOptions,
} from '../../src/library/index.ts'

/** A broker that listens on a free port of the loopback address; it is closed behind the test. */
export async function embed(t: TestContext, options: ObjectOptions = {}) {
  const broker = await createBroker({ listeners: [{ port: 0, address: '127.0.0.1' }], ...options })
  t.after(() => broker.close())
  const [address] = await broker.listen()
  return { broker, port: address?.port ?? 0 }
}

/** Connects once, and never again; it has gone behind the test. */
export async function join(
  t: TestContext,
  port: number,
  clientId: string,
  options: IClientOptions = {},
): Promise<MqttClient> {
  const once = { protocolVersion: 5, reconnectPeriod: 0 } as const
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId, ...once, ...options }, false)
  // Being told to go is no fault of the test.
  client.on('error', () => {})
  t.after(() => client.end(true))
  return client
}

/** The next event of this name. */
export function nextEvent<N extends EventName>(broker: Broker, name: N): Promise<BrokerEvents[N]> {
  return new Promise(resolve => broker.once(name, resolve))
}

/** What a client receives, as `<topic> <payload>`, one by one. */
export function received(client: MqttClient): () => Promise<string> {
  const lines: string[] = []
  let wake: (() => void) | undefined
  client.on('message', (topic, payload) => {
    lines.push(`${topic} ${payload}`)
    wake?.()
  })
  return async () => {
    while (lines.length === 0) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
    return lines.shift() as string
  }
}
