// MQTT.js as a client of the matrix.

import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { TestContext } from 'node:test'
import { connect, type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt'
import type { Delivery, MatrixClient, PublishRequest, SubscribeRequest, Subscriber, Target } from './matrix.ts'

export const mqttJsClient: MatrixClient = {
  name: 'MQTT.js',
  subscribe,
  publish,
}

async function subscribe(t: TestContext, target: Target, request: SubscribeRequest): Promise<Subscriber> {
  const { clientId, filters, qos, lasting, resume, will } = request
  const expiry = lasting && target.version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}
  const client = connect({
    ...(await connectOptions(target)),
    clientId,
    clean: !lasting,
    ...expiry,
    ...(will && { will: { ...will, payload: Buffer.from(will.payload) } }),
  })
  t.after(() => client.end(true))
  const subscriber = new JsSubscriber(client) // listens before anything can come
  await subscriber.connected()
  if (!resume) {
    const granted = await client.subscribeAsync([...filters], { qos })
    assert.deepEqual(
      granted.map(grant => grant.qos),
      filters.map(() => qos),
    )
  }
  return subscriber
}

async function publish(t: TestContext, target: Target, request: PublishRequest): Promise<void> {
  const { topic, payloads, qos, retain = false } = request
  const client = connect(await connectOptions(target))
  t.after(() => client.end(true))
  await connected(client)
  // One after the other: MQTT.js pays no heed to the broker's Receive Maximum.
  for (const payload of payloads) await client.publishAsync(topic, payload, { qos, retain })
  await client.endAsync()
}

/** What MQTT.js needs to know of the target. */
export async function connectOptions({ port, version, tls }: Target): Promise<IClientOptions> {
  const common: IClientOptions = { host: '127.0.0.1', port, protocolVersion: version, reconnectPeriod: 0 }
  if (version === 3) common.protocolId = 'MQIsdp'
  if (tls === undefined) return { ...common, protocol: 'mqtt' }
  const [ca, cert, key] = await Promise.all([tls.cafile, tls.cert, tls.key].map(file => readFile(file)))
  return { ...common, protocol: 'mqtts', ca: ca!, cert: cert!, key: key! }
}

/** Waits for the CONNACK; one that refuses is thrown. */
export function connected(client: MqttClient): Promise<IConnackPacket> {
  return new Promise((resolve, reject) => {
    client.once('connect', resolve)
    client.once('error', reject)
  })
}

class JsSubscriber implements Subscriber {
  sessionPresent = false
  readonly #client: MqttClient
  readonly #events = new EventEmitter()
  readonly #deliveries: Delivery[] = []

  constructor(client: MqttClient) {
    this.#client = client
    client.on('message', (topic, payload, { qos, retain }) => {
      this.#deliveries.push({ topic, payload: payload.toString(), qos, retain })
      this.#events.emit('delivery')
    })
  }

  async connected(): Promise<void> {
    this.sessionPresent = (await connected(this.#client)).sessionPresent
  }

  async next(): Promise<Delivery> {
    if (this.#deliveries.length === 0) await once(this.#events, 'delivery', { signal: AbortSignal.timeout(10_000) })
    return this.#deliveries.shift()!
  }

  async end(): Promise<void> {
    await this.#client.endAsync()
  }

  async breakOff(): Promise<void> {
    this.#client.stream.destroy()
  }
}
