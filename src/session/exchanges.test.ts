// Exchanges against a Map, which has the same order and finds the same.

import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Exchange, Exchanges } from './exchanges.ts'
import { Message } from './message.ts'
import type { Delivery } from './outbound.ts'

const delivery: Delivery = {
  message: new Message('t', Buffer.alloc(0), 1, false, 'p'),
  qos: 1,
  retain: false,
  subscriptionIdentifiers: undefined,
}
const exchangeOf = (packetId: number) => new Exchange(packetId, delivery, 'publish', true)
const idsOf = (exchanges: Exchanges) => [...exchanges].map(({ packetId }) => packetId)

test('[MQTT-4.6.0] exchanges keep the order of their beginning, found by packet id, whatever ends and goes to the end meanwhile', () => {
  // Ids that share a slot in tables of every size, and their neighbours.
  const packetId = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom(8, 16, 32, 64, 128, 1024, 32_768, 65_535))
  const step = fc.record({ packetId, what: fc.constantFrom('add', 'add', 'delete', 'moveToEnd') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const [exchanges, model] = [new Exchanges(), new Map<number, Exchange>()]
      for (const { packetId, what } of steps) {
        const known = model.get(packetId)
        assert.equal(exchanges.get(packetId), known)
        if (known === undefined && what === 'add') {
          const exchange = exchangeOf(packetId)
          exchanges.add(exchange)
          model.set(packetId, exchange)
        } else if (known !== undefined && what !== 'add') {
          exchanges[what](known)
          model.delete(packetId)
          if (what === 'moveToEnd') model.set(packetId, known)
        }
        assert.equal(exchanges.size, model.size)
        assert.deepEqual(idsOf(exchanges), [...model.keys()])
      }
    }),
  )
})

test('every packet id can be in use at once, and each can end', () => {
  const exchanges = new Exchanges()
  for (let packetId = 1; packetId <= 65_535; packetId++) exchanges.add(exchangeOf(packetId))
  assert.equal(exchanges.size, 65_535)
  assert.equal(exchanges.get(0), undefined)
  for (let packetId = 65_535; packetId >= 1; packetId--) exchanges.delete(exchanges.get(packetId) as Exchange)
  assert.equal(exchanges.size, 0)
  assert.deepEqual(idsOf(exchanges), [])
})

test('the exchange at hand may end while all are gone through, and what has ended keeps no other alive', () => {
  const exchanges = new Exchanges()
  const all = [1, 9, 17].map(exchangeOf)
  for (const exchange of all) exchanges.add(exchange)
  const seen: number[] = []
  for (const exchange of exchanges) {
    seen.push(exchange.packetId)
    exchanges.delete(exchange)
  }
  assert.deepEqual(seen, [1, 9, 17])
  for (const { before, after, sameSlot } of all)
    assert.deepEqual([before, after, sameSlot], [undefined, undefined, undefined])
})

test('a packet id that is in use is not given to a second exchange', () => {
  const exchanges = new Exchanges()
  exchanges.add(exchangeOf(1))
  assert.throws(() => exchanges.add(exchangeOf(1)), /in use once/)
})
