import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { PacketIdSet } from './packet-id-set.ts'

test('[MQTT-4.3.3-10] whatever packet ids come and go, those in use are found and no others', () => {
  // Ids whose slots are one, or beside each other, or at the end of the table.
  const packetId = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(7, 8, 15, 16, 23, 31, 64, 32_768, 65_535))
  const step = fc.record({ packetId, isAdded: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const [ids, model] = [new PacketIdSet(), new Set<number>()]
      for (const { packetId, isAdded } of steps) {
        assert.equal(ids.has(packetId), model.has(packetId))
        if (isAdded) {
          ids.add(packetId)
          model.add(packetId)
        } else {
          assert.equal(ids.delete(packetId), model.delete(packetId))
        }
        assert.equal(ids.size, model.size)
        assert.deepEqual(new Set(ids), model)
        for (const known of model) assert.ok(ids.has(known))
      }
    }),
  )
})

test('every packet id can be in use at once', () => {
  const ids = new PacketIdSet()
  for (let packetId = 1; packetId <= 65_535; packetId++) ids.add(packetId)
  assert.equal(ids.size, 65_535)
  for (let packetId = 1; packetId <= 65_535; packetId++) assert.ok(ids.delete(packetId))
  assert.deepEqual([...ids], [])
})
