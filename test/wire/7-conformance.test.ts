// 3.1.1 §7 and MQTT 5 §7: whoever speaks the standard, and nothing more, is served.

import assert from 'node:assert/strict'
import test from 'node:test'
import { runTool, startSubscriber } from '../support/clients.ts'
import { shareWireBroker, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()

for (const version of ['mqttv31', 'mqttv311', 'mqttv5']) {
  test(`[v3.1.1 MQTT-7.0.0-2] clients that others wrote are served without any extension, ${version}`, async t => {
    const topic = unique()
    const common = ['-p', String(broker.port), '-V', version, '-t', topic, '-q', '2']
    const subscriber = await startSubscriber(t, [...common, '-C', '1'])
    const { code } = await runTool(t, 'mosquitto_pub', [...common, '-m', 'hello'])
    await subscriber.waitForLine(/^hello$/)
    assert.deepEqual([code, (await subscriber.exit()).code], [0, 0])
  })
}
