// MQTT 5 §3.12 and §3.13, 3.1.1 §3.12 and §3.13: PINGREQ and PINGRESP.

import test from 'node:test'
import { hex } from '../support/bytes.ts'
import { join, shareWireBroker } from '../support/wire-broker.ts'

const broker = shareWireBroker()

for (const version of [3, 4, 5] as const) {
  test(`[MQTT-3.12.4-1] [v3.1.1 MQTT-3.12.4-1] each PINGREQ is answered with a PINGRESP, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(hex`C0 00 C0 00 C0 00`)
    await client.expect('D0 00 D0 00 D0 00')
    await client.expectNothing()
  })

  test(`[MQTT-4.13.1-1] [v3.1.1 MQTT-4.8.0-1] a PINGREQ that holds something ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(hex`C0 01 00`)
    await client.expectDisconnect(0x81)
  })
}
