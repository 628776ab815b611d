import assert from 'node:assert/strict'
import test from 'node:test'
import { noProperties } from '../mqtt/packet.ts'
import { Message, neverExpires } from '../session/message.ts'
import type { StoredMessage } from '../store/session-store.ts'
import { UnmadeDelivery, UnmadeRetainedMessage } from './unmade-message.ts'

const properties = { contentType: 'text/plain' }
/** As the store reads it: its payload lies among others in a block. */
const stored: StoredMessage = {
  topicName: 'größe/1',
  qos: 2,
  retain: true,
  publisher: 'sensor',
  properties: new Uint8Array(0),
  payload: new Uint8Array(Buffer.from('before payload behind')).subarray(7, 14),
  expiresAt: undefined,
}

function sayings({ topicName, qos, retain, publisher, payload, properties, expiresAt, size }: Message): unknown {
  return { topicName, qos, retain, publisher, payload: Buffer.from(payload).toString(), properties, expiresAt, size }
}

for (const said of [noProperties, properties]) {
  const whole = new Message('größe/1', Buffer.from('payload'), 2, true, 'sensor', said, neverExpires)

  test(`a retained message is what was stored when it is asked for, and counts for as much before (${Object.keys(said)})`, () => {
    const source = { source: new Uint8Array(0), mayPublish: () => true }
    const unmade = new UnmadeRetainedMessage(stored, said, source)
    assert.equal(unmade.size, whole.size)
    const retained = unmade.make('größe/1')
    assert.deepEqual(sayings(retained.message), sayings(whole))
    assert.equal(retained.source, source)
    assert.equal(retained.expiresAt, neverExpires)
  })

  test(`a delivery has the message that was stored, one and the same each time (${Object.keys(said)})`, () => {
    const row = { qos: 1, retain: false, subscriptionIdentifiers: [3], packetId: 0, state: 'queued' } as const
    const numbers = { sequence: 7, sessionNumber: 1, messageId: 5 }
    const delivery = new UnmadeDelivery({ kind: 'put-queued', ...numbers, message: stored, ...row }, stored, said)
    assert.equal(delivery.size, whole.size)
    const { message, qos, retain, subscriptionIdentifiers, sequence } = delivery
    assert.deepEqual(sayings(message), sayings(whole))
    assert.equal(delivery.message, message)
    assert.deepEqual([message.recordId, message.recordedDeliveries, message.isRecordedApart], [5, 1, false])
    assert.deepEqual([qos, retain, subscriptionIdentifiers, sequence], [1, false, [3], 7])
  })
}
