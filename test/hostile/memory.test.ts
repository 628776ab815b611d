// The whole broker short of memory (docs/security.md, "When memory is short"): new work is refused, what is there goes on,
// and it recovers by itself once its clients have taken what waits for them.

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
const config = (memoryLimit: number) =>
  `allow_anonymous true\nmax_queued_messages 0\nmax_queued_bytes 0\nmax_inflight_messages 100\nmemory_limit ${memoryLimit}`

const short = /: Warning: Memory is short: .* No new sessions/
const cut = /: Warning: Memory is short: .* Dropped \d+ waiting messages of client away\.$/
const over = /: Memory is no longer short/

/** Publishes for a client that is away until memory is short, and then some more. */
async function flood(t: TestContext, broker: WireBroker): Promise<{ publisher: RawClient; sent: number }> {
  const away = await join(t, broker, lasting('away'))
  await subscribe(away, [{ filter: 'flood', qos: 1 }])
  await leave(away)
  const publisher = await join(t, broker, { version: 4 })
  const payload = Buffer.alloc(100_000, 'x')
  let sent = 0
  for (let more = 20; more > 0; more -= broker.process.lines.some(line => short.test(line)) ? 1 : 0) {
    publisher.send(publishBytes({ version: 4, topic: 'flood', qos: 1, packetId: 1, payload }))
    await publisher.expectAcknowledgement('PUBACK')
    sent++
  }
  return { publisher, sent }
}

async function connackOf(t: TestContext, broker: WireBroker, version: 4 | 5): Promise<number> {
  const stranger = await dial(t, broker, version)
  stranger.send(connectBytes({ version, clientId: unique('c') }))
  return (await stranger.expectConnack()).reasonCode
}

test('memory_limit: a flood for a client that is away ends in refusals, not in memory; when it has taken what waits all is well again', async t => {
  const broker = await startWireBroker(t, config(limitBytes))
  const neighbour = await join(t, broker)
  const { publisher, sent } = await flood(t, broker)
  const used = await memoryOf(broker.process)
  assert(used < (2.5 * limitBytes) / 2 ** 20, `${used.toFixed()} MiB in use`)
  assert(sent * 100_000 < limitBytes, `${sent} messages were kept or refused`)
  assert.deepEqual([await connackOf(t, broker, 4), await connackOf(t, broker, 5)], [3, 0x89])
  neighbour.send(subscribeBytes({ subscriptions: [{ filter: 'new', qos: 0 }] }))
  assert.deepEqual((await neighbour.expectSuback()).reasonCodes, [0x97])
  await settled(neighbour)

  const away = await join(t, broker, lasting('away'))
  let taken = 0
  for (let part = await drain(away); part.length > 0; part = await drain(away)) {
    taken += part.length
    for (const { packetId } of part) away.send(Uint8Array.of(0x40, 2, packetId! >> 8, packetId! & 0xff))
  }
  assert(taken > 500 && taken < sent, `${taken} of ${sent} arrived`)
  await broker.process.waitForLine(over)
  assert.equal(await connackOf(t, broker, 5), 0)
  await subscribe(neighbour, 'new')
  await settled(publisher)
})

test('memory_limit: when it is made smaller than what is in use the largest queue is cut until it fits, and the rest arrives', async t => {
  const broker = await startWireBroker(t, config(limitBytes))
  const { sent } = await flood(t, broker)
  await broker.process.writeConfig(`listener ${broker.port} 127.0.0.1\n${config(limitBytes / 2)}\n`)
  await broker.process.reload()
  await broker.process.waitForLine(cut)
  await broker.process.waitForLine(over)
  const away = await join(t, broker, lasting('away'))
  const first = await drain(away)
  assert(first.length > 0 && first.length < sent)
})
