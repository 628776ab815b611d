// Bridges between two Castellans that are killed again and again: of numbered messages none is lost at QoS 1 and 2, and none comes
// twice at QoS 2.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { Collector, publishAll, startHouse, waitForLink } from '../interop/bridge-brokers.ts'

interface Route {
  readonly direction: 'out' | 'in'
  readonly version: 'mqttv31' | 'mqttv311' | 'mqttv50'
  readonly qos: 1 | 2
  readonly victim: 'giver' | 'taker' | 'both'
}

const versions = ['mqttv31', 'mqttv311', 'mqttv50'] as const
const routes = (['out', 'in'] as const).flatMap(direction =>
  (['giver', 'taker', 'both'] as const).map(
    (victim, index): Route => ({ direction, version: versions[index] ?? 'mqttv50', qos: 2, victim }),
  ),
)
const who = { giver: 'the one that gives is', taker: 'the one that takes is', both: 'both are' }
const kills = 3
const batchSize = 150

for (const route of [...routes, { direction: 'out', version: 'mqttv311', qos: 1, victim: 'both' } as const]) {
  const { direction, version, qos, victim } = route
  test(
    `§4.3.3 bridges: ${direction}, ${version}, QoS ${qos}, while ${who[victim]} killed again and again`,
    {
      timeout: 120_000,
    },
    t => survives(t, route),
  )
}

test('mosquitto-conf 5 reload: of a bridge that is taken out nothing is left, in the store neither', async t => {
  const { owner } = await startHouse(t, { owner: 'castellan', other: 'castellan', bridge: ['topic data/# out 1'] })
  await owner.program.waitForLine(/Bridge link is connected/)
  const file = join(owner.dir, 'broker.conf')
  const [listener = ''] = (await readFile(file, 'utf8')).split('connection link')
  await writeFile(file, listener)
  owner.program.signal('SIGHUP')
  await owner.program.waitForLine(/Bridge link is not connected any more/)
  await owner.program.stop()
  await owner.start()
  await owner.program.waitForLine(/Loaded 0 sessions/)
})

test('mosquitto-conf 5 reload: with another local_username what waits for the other broker still does', async t => {
  const { owner, other } = await startHouse(t, {
    owner: 'castellan',
    other: 'castellan',
    bridge: ['topic data/# out 1'],
  })
  const collector = await Collector.start(t, other.port, 'data/#', 1)
  await waitForLink(t, owner.port, 'data/probe', collector)
  await other.kill()
  await publishAll(t, owner.port, 'data/a', ['waits'], 1)
  const file = join(owner.dir, 'broker.conf')
  await writeFile(file, `${await readFile(file, 'utf8')}local_username mover\n`)
  owner.program.signal('SIGHUP')
  await owner.program.waitForLine(/Configuration reloaded\./)
  await other.start()
  await collector.waitFor('waits')
})

async function survives(t: TestContext, { direction, version, qos, victim }: Route): Promise<void> {
  const bridge = [
    `bridge_protocol_version ${version}`,
    ...(version === 'mqttv50' ? ['bridge_session_expiry_interval 3600'] : []),
    `topic data/# ${direction} ${qos}`,
  ]
  const { owner, other } = await startHouse(t, { owner: 'castellan', other: 'castellan', bridge })
  const [giver, taker] = direction === 'out' ? [owner, other] : [other, owner]
  const collector = await Collector.start(t, taker.port, 'data/#', qos)
  await waitForLink(t, giver.port, 'data/probe', collector)
  const sent: string[] = []
  const send = async () => {
    const batch = Array.from({ length: batchSize }, (_, index) => `#${sent.length + index}`)
    await publishAll(t, giver.port, 'data/a', batch, qos)
    sent.push(...batch)
  }
  const victims = victim === 'both' ? [giver, taker] : [victim === 'giver' ? giver : taker]
  for (let kill = 0; kill < kills; kill++) {
    await send()
    const target = victims[kill % victims.length] ?? giver
    await target.kill()
    if (target === taker) await send()
    await target.start()
  }
  await send()
  for (const payload of sent) await collector.waitFor(payload)
  if (qos === 1) return
  await publishAll(t, giver.port, 'data/a', ['the end'], qos)
  await collector.waitFor('the end')
  const came = collector.payloads.filter(payload => payload.startsWith('#'))
  assert.deepEqual(came.toSorted(), sent.toSorted(), 'none comes twice')
}
