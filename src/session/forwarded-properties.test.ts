import assert from 'node:assert/strict'
import test from 'node:test'
import type { Properties } from '../mqtt/packet.ts'
import { forwardedProperties } from './forwarded-properties.ts'

test('[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20] what subscribers get unaltered is copied, what belongs to one hop is not', () => {
  const unaltered: Properties = {
    payloadFormatIndicator: 0,
    contentType: 'text/plain',
    responseTopic: 'answers',
    correlationData: Uint8Array.of(1, 2),
    userProperties: [
      ['b', '1'],
      ['a', '2'],
      ['b', '1'],
    ],
  }
  const hop: Properties = {
    topicAlias: 1,
    messageExpiryInterval: 2,
    subscriptionIdentifiers: [3],
    willDelayInterval: 4,
  }
  assert.deepEqual(forwardedProperties({ ...unaltered, ...hop }), unaltered)
  assert.deepEqual(forwardedProperties(hop), {})
})
