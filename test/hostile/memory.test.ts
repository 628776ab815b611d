// The whole broker short of memory (docs/security.md, "When memory is short"): new work is refused, nothing that was acknowledged
// is given up, and it recovers by itself once its clients have taken what waits for them.

import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { memoryOf } from '../support/memory.ts'
import { connectBytes, publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import {
  dial,
  drain,
  join,
  lasting,
  leave,
  settled,
  startWireBroker,
  subscribe,
  unique,
  type WireBroker,
} from '../support/wire-broker.ts'

const limitBytes = 250_000_000
const payloadBytes = 100_000
const config = (memoryLimit: number) =>
  `allow_anonymous true\nmax_queued_messages 0\nmax_queued_bytes 0\nmax_inflight_messages 100\nmemory_limit ${memoryLimit}`

const critical =
  /: Warning: Memory is critical: .* Nobody is let in but who has messages waiting; 0 waiting messages of QoS 0 were dropped\. Most waits for client away: \d+ messages, \d+ MB\.$/
const over = /: Memory is no longer short/

/** Publishes numbered messages for a client that is away. */
class Flood {
  readonly #publisher: RawClient
  /** The next number; those below it were acknowledged. */
  next = 0

  constructor(publisher: RawClient) {
    this.#publisher = publisher
  }

  static async begin(t: TestContext, broker: WireBroker): Promise<Flood> {
    const away = await join(t, broker, lasting('away'))
    await subscribe(away, [{ filter: 'flood', qos: 1 }])
    await leave(away)
    return new Flood(await join(t, broker))
  }

  async untilRefused(): Promise<void> {
    for (;;) {
      this.#publisher.send(publishBytes({ topic: 'flood', qos: 1, payload: numbered(this.next) }))
      const { reasonCode } = await this.#publisher.expectAcknowledgement('PUBACK')
      if (reasonCode === 0x97) return
      assert.equal(reasonCode, 0)
      this.next++
      assert(this.next * payloadBytes < limitBytes, `${this.next} messages were taken`)
    }
  }
}

const numbered = (n: number) => Buffer.alloc(payloadBytes, ' ').fill(`${n}`, 0, `${n}`.length)

async function connackOf(t: TestContext, broker: WireBroker, version: 4 | 5): Promise<number> {
  const stranger = await dial(t, broker, version)
  stranger.send(connectBytes({ version, clientId: unique('c') }))
  return (await stranger.expectConnack()).reasonCode
}

/** What strangers of either version are told, and a client that subscribes to something new. */
async function answers(t: TestContext, broker: WireBroker, client: RawClient): Promise<number[]> {
  const connacks = [await connackOf(t, broker, 4), await connackOf(t, broker, 5)]
  client.send(subscribeBytes({ subscriptions: [{ filter: unique(), qos: 0 }] }))
  return [...connacks, ...(await client.expectSuback()).reasonCodes]
}

/** Takes what waits. @returns its numbers */
async function takeAll(away: RawClient): Promise<number[]> {
  const numbers: number[] = []
  for (let part = await drain(away); part.length > 0; part = await drain(away)) {
    for (const { packetId, payload } of part) {
      numbers.push(Number(payload))
      away.send(Uint8Array.of(0x40, 2, packetId! >> 8, packetId! & 0xff))
    }
  }
  return numbers
}

const refusals = [3, 0x89, 0x97]
const acceptances = [0, 0, 0]

test('memory_limit: a flood for a client that is away ends in refusals, not in memory; it gets all that was acknowledged, and then all is well again', async t => {
  const broker = await startWireBroker(t, config(limitBytes))
  const neighbour = await join(t, broker)
  const older = await join(t, broker, { version: 4 })
  const flood = await Flood.begin(t, broker)
  // What was not collected yet may make memory short for a moment, too: then the flood goes on.
  do await flood.untilRefused()
  while (String(await answers(t, broker, neighbour)) !== String(refusals))
  const used = await memoryOf(broker.process)
  assert(used < (2.5 * limitBytes) / 2 ** 20, `${used.toFixed()} MiB in use`)
  await settled(neighbour)

  older.send(publishBytes({ version: 4, topic: 'flood', qos: 1, payload: numbered(flood.next) }))
  const away = await join(t, broker, lasting('away'))
  const taken = await takeAll(away)
  await broker.process.waitForLine(over)
  await older.expectAcknowledgement('PUBACK')
  taken.push(...(await takeAll(away)))
  assert.deepEqual(taken, [...Array(flood.next + 1).keys()])
  assert.deepEqual(await answers(t, broker, neighbour), acceptances)
})

test('memory_limit: when it is made smaller than what is in use nobody is let in but who has messages waiting, and nothing is given up', async t => {
  const broker = await startWireBroker(t, config(limitBytes))
  const neighbour = await join(t, broker)
  await leave(await join(t, broker, lasting('idle')))
  const flood = await Flood.begin(t, broker)
  await flood.untilRefused()
  await broker.process.writeConfig(`listener ${broker.port} 127.0.0.1\n${config(limitBytes / 4)}\n`)
  await broker.process.reload()
  await broker.process.waitForLine(critical)
  assert.deepEqual(await answers(t, broker, neighbour), refusals)
  const idle = await dial(t, broker)
  idle.send(connectBytes(lasting('idle')))
  assert.equal((await idle.expectConnack()).reasonCode, 0x89)
  const taken = await takeAll(await join(t, broker, lasting('away')))
  assert.deepEqual(taken, [...Array(flood.next).keys()])
  await broker.process.waitForLine(over)
  await join(t, broker, lasting('idle'))
})
