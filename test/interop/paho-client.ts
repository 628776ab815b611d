// Debian's python3-paho-mqtt as a client of the matrix. Starting Python takes long: its processes are kept and reused, one
// connection at a time in each.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { PahoClient } from '../support/clients.ts'
import type { Delivery, MatrixClient, PublishRequest, SubscribeRequest, Subscriber, Target } from './matrix.ts'

/** The processes of one test file; they end with `scope`. */
export class PahoPool {
  readonly #scope: Pick<TestContext, 'after'>
  readonly #idle: PahoClient[] = []

  constructor(scope: Pick<TestContext, 'after'>) {
    this.#scope = scope
  }

  /** A process of its own until the test ends. */
  take(t: TestContext): PahoClient {
    const client = this.#idle.pop() ?? new PahoClient(this.#scope)
    t.after(() => {
      client.tell({ do: 'disconnect' }) // does nothing when the connection has ended
      this.#idle.push(client)
    })
    return client
  }
}

export function pahoClient(pool: PahoPool): MatrixClient {
  return {
    name: "Debian's python3-paho-mqtt",
    subscribe: (t, target, request) => subscribe(pool.take(t), target, request),
    publish: (t, target, request) => publish(pool.take(t), target, request),
  }
}

/** The fields of the driver's `connect` command. */
export function connectCommand({ port, version, tls }: Target): {
  readonly do: 'connect'
  readonly [field: string]: unknown
} {
  const files = tls && { cafile: tls.cafile, certfile: tls.cert, keyfile: tls.key }
  return { do: 'connect', port, version, ...files }
}

async function subscribe(paho: PahoClient, target: Target, request: SubscribeRequest): Promise<Subscriber> {
  const { clientId, filters, qos, lasting = false, resume, will } = request
  const expiry = lasting && target.version === 5 ? { session_expiry: 3600 } : {}
  paho.tell({ ...connectCommand(target), client_id: clientId, clean: !lasting, ...expiry, ...(will && { will }) })
  const connected = await paho.waitFor('connected')
  assert.equal(connected['reason_code'], 0)
  if (!resume) {
    for (const topic of filters) {
      paho.tell({ do: 'subscribe', topic, qos })
      assert.deepEqual((await paho.waitFor('subscribed'))['reason_codes'], [qos])
    }
  }
  return new PahoSubscriber(paho, connected['session_present'] === true)
}

async function publish(paho: PahoClient, target: Target, request: PublishRequest): Promise<void> {
  const { topic, payloads, qos, retain = false } = request
  paho.tell(connectCommand(target))
  await paho.waitFor('connected')
  for (const payload of payloads) paho.tell({ do: 'publish', topic, payload, qos, retain })
  for (const _ of payloads) await paho.waitFor('published')
  paho.tell({ do: 'disconnect' })
  await paho.waitFor('disconnected')
}

class PahoSubscriber implements Subscriber {
  readonly sessionPresent: boolean
  readonly #paho: PahoClient

  constructor(paho: PahoClient, sessionPresent: boolean) {
    this.#paho = paho
    this.sessionPresent = sessionPresent
  }

  async next(): Promise<Delivery> {
    const { topic, payload, qos, retain } = await this.#paho.waitFor('message')
    return { topic, payload, qos, retain } as Delivery
  }

  async end(): Promise<void> {
    this.#paho.tell({ do: 'disconnect' })
    await this.#paho.waitFor('disconnected')
  }

  async breakOff(): Promise<void> {
    this.#paho.tell({ do: 'break_off' })
  }
}
