// Bridges between Castellan and Debian's Mosquitto through the ends of either: of numbered messages none is lost at QoS 1 and 2,
// and none comes twice at QoS 2. Castellan is killed (SIGKILL); Mosquitto has to be stopped (SIGTERM), because killed it forgets
// what it has acknowledged since it wrote its file. Where Mosquitto 2.0 gives, it sends messages anew that were answered by PUBREC
// ([MQTT-4.4.0-1] wants PUBREL): after its own end those beyond its window, as the owner all when it has tried in vain to connect.

import assert from 'node:assert/strict'
import test, { suite, type TestContext } from 'node:test'
import { type BrokerKind, both } from '../support/broker-process.ts'
import { Collector, type House, publishAll, startHouse, waitForLink } from './bridge-brokers.ts'

interface Route {
  readonly owner: BrokerKind
  readonly version: 'mqttv31' | 'mqttv311' | 'mqttv50'
  readonly qos: 1 | 2
}

const routes: readonly Route[] = [
  { owner: 'castellan', version: 'mqttv31', qos: 2 },
  { owner: 'castellan', version: 'mqttv311', qos: 1 },
  { owner: 'castellan', version: 'mqttv311', qos: 2 },
  { owner: 'castellan', version: 'mqttv50', qos: 1 },
  { owner: 'castellan', version: 'mqttv50', qos: 2 },
  // Not with MQTT 5: Mosquitto 2.0 asks for no session that outlives a connection of its bridge.
  { owner: 'mosquitto', version: 'mqttv31', qos: 2 },
  { owner: 'mosquitto', version: 'mqttv311', qos: 1 },
  { owner: 'mosquitto', version: 'mqttv311', qos: 2 },
]
const batchSize = 100

suite('bridges through the ends of either broker', { concurrency: 2, timeout: 300_000 }, () => {
  for (const route of routes) {
    for (const direction of ['out', 'in'] as const) {
      const { owner, version, qos } = route
      test(`${owner} bridges to the other, ${direction}, ${version}, QoS ${qos}`, t =>
        survives(t, route, direction, both))
      if (owner === 'mosquitto' || direction === 'out' || qos === 1) continue
      test(`the same while Castellan alone is killed, ${version}`, t => survives(t, route, direction, ['castellan']))
    }
  }
})

async function survives(
  t: TestContext,
  route: Route,
  direction: 'out' | 'in',
  victims: readonly BrokerKind[],
): Promise<void> {
  const { owner, version, qos } = route
  // What Mosquitto does not know, and needs from a bridge of ours with MQTT 5.
  const lasting = version === 'mqttv50' ? ['bridge_session_expiry_interval 3600'] : []
  const topic = `topic data/# ${direction} ${qos}`
  const house = await startHouse(t, {
    owner,
    other: owner === 'castellan' ? 'mosquitto' : 'castellan',
    bridge: [`bridge_protocol_version ${version}`, 'cleansession false', ...lasting, topic],
  })
  const { giver, taker } = sides(house, direction)
  const collector = await Collector.start(t, taker.port, 'data/#', qos)
  await waitForLink(t, giver.port, 'data/probe', collector)
  const sent: string[] = []
  for (const victim of [giver, taker, giver, taker].filter(({ kind }) => victims.includes(kind))) {
    await send(t, giver.port, sent, qos)
    // Nobody waits for the bridge: it is somewhere among them.
    await victim.end()
    if (victim === taker) await send(t, giver.port, sent, qos)
    await victim.start()
  }
  await send(t, giver.port, sent, qos)
  for (const payload of sent) await collector.waitFor(payload)
  await publishAll(t, giver.port, 'data/a', ['the end'], qos)
  await collector.waitFor('the end')
  const beginsAnew = giver.kind === 'mosquitto' && (owner === 'mosquitto' || victims.includes('mosquitto'))
  if (qos === 1 || beginsAnew) return
  const came = collector.payloads.filter(payload => payload.startsWith('#'))
  assert.deepEqual(came.sort(), sent.toSorted(), 'none comes twice')
}

function sides({ owner, other }: House, direction: 'out' | 'in') {
  return direction === 'out' ? { giver: owner, taker: other } : { giver: other, taker: owner }
}

async function send(t: TestContext, port: number, sent: string[], qos: 1 | 2): Promise<void> {
  const batch = Array.from({ length: batchSize }, (_, index) => `#${sent.length + index}`)
  await publishAll(t, port, 'data/a', batch, qos)
  sent.push(...batch)
}
