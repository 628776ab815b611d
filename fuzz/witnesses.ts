// Well-behaved clients between hostile ones: of every version, they publish to each other at every QoS, and notice at once
// when a message is missing, comes twice or out of order, or when their connection ends.

import assert from 'node:assert/strict'
import type { ProtocolVersion, QoS } from '../src/mqtt/packet.ts'
import { type Engine, type EngineClient, lasting } from '../test/support/engine.ts'

/** Out of reach of what mutations make. */
const prefix = 'f1c0de3a-7c1b-4a5e-9a43-5d1f0e6b2c77'
const versions: readonly ProtocolVersion[] = [3, 4, 5]
const everyQoS: readonly QoS[] = [0, 1, 2]

export class Witnesses {
  readonly count = versions.length
  readonly #clients: readonly EngineClient[]
  #round = 0

  constructor(engine: Engine) {
    this.#clients = versions.map(version => {
      const client = engine.connect(`${prefix}-${version}`, lasting(version))
      client.subscribe(`${prefix}/#`)
      return client
    })
  }

  /** Messages that were delivered as they should be. */
  get delivered(): number {
    return this.#round * this.count * this.count * everyQoS.length
  }

  /** Each publishes at each QoS. @throws AssertionError when not everybody got everything once and in order */
  exchange(): void {
    const round = this.#round++
    const expected: string[] = []
    const got = this.#clients.map((): string[] => [])
    for (const publisher of this.#clients) {
      for (const qos of everyQoS) {
        const payload = `${round} from ${publisher.version} at ${qos}`
        expected.push(payload)
        publisher.publish(`${prefix}/${qos}`, payload, { qos, packetId: qos === 0 ? 0 : (round % 65_535) + 1 })
        this.#settle(got)
      }
    }
    for (const [index, client] of this.#clients.entries()) {
      assert.equal(client.transport.closed, false, `the witness of version ${client.version} lost its connection`)
      assert.deepEqual(got[index], expected, `the witness of version ${client.version} lost a message`)
    }
  }

  /** Removes every retained message that a `#` subscription finds. */
  clearRetained(): void {
    const client = this.#clients.at(-1) as EngineClient
    client.subscribe('#', { qos: 0, noLocal: true })
    for (const { topicName, retain } of client.publishes()) {
      if (retain) client.publish(topicName, '', { retain: true })
    }
    client.unsubscribe('#')
    assert.deepEqual(client.received(), [])
  }

  #settle(got: readonly string[][]): void {
    for (let moved = true; moved; ) {
      moved = false
      for (const [index, client] of this.#clients.entries()) {
        if (client.transport.sent.isEmpty) continue
        moved = true
        got[index]?.push(...client.answerAll())
      }
    }
  }
}
