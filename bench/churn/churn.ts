// Sessions that come and go: each connects, subscribes, retains a message and clears it, writes to an earlier session that is
// away, and leaves; one in four outlives its connection and expires a second later. Meanwhile certificates are renewed.

import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Authority, CertificateFiles } from '../../test/support/authority.ts'
import type { BrokerProcess } from '../../test/support/broker-process.ts'
import { connectBytes, disconnectBytes, publishBytes, subscribeBytes } from '../../test/support/packet-bytes.ts'
import { property } from '../../test/support/property-bytes.ts'

const concurrency = 32
/** One session in so many outlives its connection. */
const lastingEach = 4
const expirySeconds = 1
/** Eight for each pair of places in the table. */
const namedTopics = 2 ** 19
const certificateName = 'server.crt'
const keyName = 'server.key'
/** Where CONNACK has its reason code. */
const connackAt = 3

/** The configuration of a broker that churns: a plain listener, and one with TLS whose certificate is renewed. */
export function churnConf(place: { readonly port: number; readonly dir: string }, tlsPort: number): string {
  return [
    `listener ${place.port} 127.0.0.1`,
    'allow_anonymous true',
    `listener ${tlsPort} 127.0.0.1`,
    'allow_anonymous true',
    `certfile ${place.dir}/${certificateName}`,
    `keyfile ${place.dir}/${keyName}`,
    'persistence true',
    'connection_messages false',
  ].join('\n')
}

/** The files that {@link churnConf} names. */
export async function churnFiles({ cert, key }: CertificateFiles): Promise<Record<string, string>> {
  return { [certificateName]: await readFile(cert, 'utf8'), [keyName]: await readFile(key, 'utf8') }
}

export interface ChurnTarget {
  readonly broker: BrokerProcess
  readonly tlsPort: number
  readonly authority: Authority
  /** Put in the place of each other at each renewal. */
  readonly certificates: readonly CertificateFiles[]
}

/** Client ids are never used twice: each call begins where the one before ended. */
export class Churn {
  readonly #target: ChurnTarget
  #begun = 0
  #renewals = 0

  constructor(target: ChurnTarget) {
    this.#target = target
  }

  /**
   * Lets sessions come and go.
   *
   * @throws Error when one is not served as it has to be
   */
  async run(sessions: number, sessionsPerRenewal: number): Promise<void> {
    const end = this.#begun + sessions
    while (this.#begun < end) {
      const stop = Math.min(end, this.#begun + sessionsPerRenewal)
      const worker = async () => {
        while (this.#begun < stop) await this.#session(this.#begun++)
      }
      await Promise.all(Array.from({ length: concurrency }, worker))
      await this.#renew()
    }
  }

  /**
   * Names so many topics that the broker's table of those that were named lately is full (`mqtt/topic-cache.ts`: ten megabytes at
   * most, which is no loss, and would look like one).
   */
  fillTopicTable(): Promise<void> {
    const packets = [connectBytes({ clientId: 'churn-topics' })]
    for (let number = 0; number < namedTopics; number++) {
      packets.push(publishBytes({ topic: `churn/named/${number}`, payload: '-' }))
    }
    return converse(connect(this.#target.broker.port, '127.0.0.1'), Buffer.concat([...packets, disconnectBytes()]))
  }

  #session(number: number): Promise<void> {
    const lasts = number % lastingEach === 0
    const wishes = subscribeBytes({
      packetId: 1,
      subscriptions: [{ filter: `churn/${number}/in`, qos: 1 }, { filter: `churn/${number}/+/deep/#` }],
    })
    const bytes = Buffer.concat([
      connectBytes({
        clientId: `churn-${number}`,
        cleanStart: !lasts,
        will: { topic: `churn/${number}/will`, payload: 'gone', retain: true },
        ...(lasts && { properties: property.sessionExpiryInterval(expirySeconds) }),
      }),
      wishes,
      publishBytes({ topic: `churn/${number}/state`, payload: 'here', qos: 1, retain: true, packetId: 2 }),
      // For the last session that stayed, which is away by now or soon.
      publishBytes({ topic: `churn/${number - (number % lastingEach)}/in`, payload: 'for later', qos: 1, packetId: 3 }),
      publishBytes({ topic: `churn/${number}/state`, qos: 1, retain: true, packetId: 4 }),
      disconnectBytes(),
    ])
    return converse(connect(this.#target.broker.port, '127.0.0.1'), bytes)
  }

  /** Another certificate, a reload, and a few clients that meet it. */
  async #renew(): Promise<void> {
    const { broker, certificates, tlsPort, authority } = this.#target
    const files = await churnFiles(certificates[this.#renewals++ % certificates.length]!)
    for (const [name, text] of Object.entries(files)) await broker.writeFile(name, text)
    await broker.reload()
    const ca = await readFile(authority.ca.cert)
    const bytes = Buffer.concat([connectBytes({ clientId: `renewal-${this.#renewals}` }), disconnectBytes()])
    for (let client = 0; client < 3; client += 1) {
      await converse(connectTls({ port: tlsPort, host: '127.0.0.1', ca, checkServerIdentity: () => undefined }), bytes)
    }
  }
}

/** Says everything at once, and waits for the broker to close, which it does behind DISCONNECT. */
function converse(socket: ReturnType<typeof connect>, bytes: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const answers: Buffer[] = []
  socket.on('data', answer => answers.push(answer))
  socket.on('error', reject)
  socket.on('close', () => {
    const answer = Buffer.concat(answers)
    if (answer[0] === 0x20 && answer[connackAt] === 0) resolve()
    else reject(new Error(`a session was not accepted: ${answer.toString('hex') || 'no answer'}`))
  })
  socket.write(bytes)
  return promise
}
