// Bridges between two running brokers: what is configured is what happens, on both sides.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test, { type TestContext } from 'node:test'
import { type BrokerProcess, runBroker, startBroker } from '../support/broker-process.ts'
import { property } from '../support/property-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import { join, publish, subscribe, type WireBroker } from '../support/wire-broker.ts'

const open = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\nallow_anonymous true\nlog_type all\n`

interface Pair {
  readonly here: WireBroker
  readonly there: WireBroker
}

/** Two brokers, the first of which has a bridge to the second; returns when it is connected and has its subscriptions. */
async function startPair(t: TestContext, lines: readonly string[]): Promise<Pair> {
  const there = await startBroker(t, { config: open })
  const here = await startBroker(t, { config: place => `${open(place)}${bridge(there, lines)}` })
  await here.waitForLine(/Bridge b is connected to/)
  const incoming = lines.some(line => / (in|both)\b/.test(line))
  if (incoming) await there.waitForLine(/: \S*rc [012] /)
  await here.waitForLine(/Sending SUBACK to local\.rc/)
  return { here: wire(here), there: wire(there) }
}

function bridge(there: BrokerProcess, lines: readonly string[]): string {
  const known = ['connection b', `address 127.0.0.1:${there.port}`, 'remote_clientid rc', 'restart_timeout 1']
  return [...known, ...lines].join('\n')
}

function wire(process: BrokerProcess): WireBroker {
  return { port: process.port, process }
}

async function subscriber(t: TestContext, broker: WireBroker, filter = '#'): Promise<RawClient> {
  const client = await join(t, broker)
  await subscribe(client, [{ filter, options: 2 | 8 }])
  return client
}

/** Takes the next message and brings its exchange to its end. */
async function take(client: RawClient): Promise<string> {
  const { topic, payload, qos, packetId, retain } = await client.expectPublish()
  const id = [packetId >> 8, packetId & 255]
  if (qos === 1) client.send(Uint8Array.from([0x40, 2, ...id]))
  if (qos === 2) {
    client.send(Uint8Array.from([0x50, 2, ...id]))
    await client.expectAcknowledgement('PUBREL')
    client.send(Uint8Array.from([0x70, 2, ...id]))
  }
  return `${topic} ${payload} q${qos}${retain ? ' retained' : ''}`
}

for (const version of ['mqttv31', 'mqttv311', 'mqttv50']) {
  test(`[v3.1.1 MQTT-7.0.0-1] mosquitto-conf 5 topic, bridge_protocol_version ${version}: messages go both ways at every QoS, and none comes back`, async t => {
    const { here, there } = await startPair(t, [`bridge_protocol_version ${version}`, 'topic # both 2 l/ r/'])
    const near = await subscriber(t, here, 'l/#')
    const far = await subscriber(t, there, 'r/#')
    const publisherHere = await join(t, here)
    const publisherThere = await join(t, there)
    for (const qos of [0, 1, 2] as const) {
      await publish(publisherHere, { topic: 'l/a', payload: `out${qos}`, qos })
      assert.equal(await take(far), `r/a out${qos} q${qos}`)
      assert.equal(await take(near), `l/a out${qos} q${qos}`)
      await publish(publisherThere, { topic: 'r/b', payload: `in${qos}`, qos })
      assert.equal(await take(near), `l/b in${qos} q${qos}`)
      assert.equal(await take(far), `r/b in${qos} q${qos}`)
    }
    await near.expectNothing()
    await far.expectNothing()
  })
}

for (const version of ['mqttv311', 'mqttv50']) {
  test(`mosquitto-conf 5 try_private, ${version}: without prefixes there is no loop either, and retain flags stay`, async t => {
    const { here, there } = await startPair(t, [`bridge_protocol_version ${version}`, 'topic data/# both 1'])
    const kind = version === 'mqttv50' ? 'client' : 'bridge'
    await there.process.waitForLine(new RegExp(`New ${kind} connected from \\S+ as rc \\(p[45], c0, k60\\)\\.`))
    const near = await subscriber(t, here, 'data/#')
    const far = await subscriber(t, there, 'data/#')
    await publish(await join(t, there), { topic: 'data/x', payload: 'once', qos: 1, retain: true })
    assert.equal(await take(far), 'data/x once q1 retained')
    assert.equal(await take(near), 'data/x once q1 retained')
    await near.expectNothing()
    await far.expectNothing()
    const late = await join(t, here)
    await subscribe(late, 'data/x')
    assert.equal(await take(late), 'data/x once q1 retained')
  })
}

test('§3.3.2.3 with MQTT 5 properties go through both brokers', async t => {
  const { here, there } = await startPair(t, ['bridge_protocol_version mqttv50', 'topic # out 1'])
  const far = await subscriber(t, there, 'a')
  const properties = Buffer.concat([property.contentType('text'), property.userProperty('k', 'v')])
  for (let message = 0; message < 3; message++) {
    await publish(await join(t, here), { topic: 'a', payload: 'x', qos: 1, properties })
    const packet = await far.expectPublish()
    assert.deepEqual(packet.properties.toSorted(), [
      ['contentType', 'text'],
      ['userProperty', 'k=v'],
    ])
    far.send(Uint8Array.from([0x40, 2, packet.packetId >> 8, packet.packetId & 255]))
  }
})

test('mosquitto-conf 5 notifications: the state is retained on both brokers, also when the bridge has gone', async t => {
  const { here, there } = await startPair(t, ['topic # out'])
  const topic = '$SYS/broker/connection/rc/state'
  const near = await subscriber(t, here, topic)
  const far = await subscriber(t, there, topic)
  assert.match(await take(near), /state 1 q\d retained$/)
  assert.match(await take(far), /state 1 q\d retained$/)
  await here.process.crash()
  assert.match(await take(far), /state 0 q1 retained$/)
})

test('mosquitto-conf 5 notifications: a broker that stops says so before it goes', async t => {
  const { here, there } = await startPair(t, ['topic # out'])
  const far = await subscriber(t, there, '$SYS/broker/connection/rc/state')
  assert.match(await take(far), /state 1 /)
  assert.equal((await here.process.stop()).code, 0)
  assert.match(await take(far), /state 0 /)
  await there.process.waitForLine(/Client rc \S+ disconnected\.$/)
})

test('mosquitto-conf 5 local_username: the rules for that user hold for the bridge, in both directions', async t => {
  const there = await startBroker(t, { config: open })
  const lines = bridge(there, ['local_username mover', 'topic # both 1', 'topic moved/# both 1'])
  const here = await startBroker(t, {
    config: place => `${open(place)}acl_file rules.acl\n${lines}`,
    files: { 'rules.acl': 'topic readwrite #\nuser mover\ntopic readwrite moved/#\n' },
  })
  await here.waitForLine(/Bridge b is connected to/)
  await there.waitForLine(/: rc 1 #/)
  const near = await subscriber(t, wire(here))
  const publisher = await join(t, wire(there))
  await publish(publisher, { topic: 'kept/out', payload: 'x', qos: 1 })
  await publish(publisher, { topic: 'moved/a', payload: 'in', qos: 1 })
  assert.equal(await take(near), 'moved/a in q1')
})

test('mosquitto-conf 5 reload: SIGHUP adds, changes and removes bridges', async t => {
  const there = await startBroker(t, { config: open })
  const here = await startBroker(t, { config: open })
  const far = await subscriber(t, wire(there), 'r/#')
  const publisher = await join(t, wire(here))
  const outcome = /Configuration reloaded\./
  await here.writeConfig(place => `${open(place)}${bridge(there, ['topic a out 1 "" r/'])}`)
  await here.reload(outcome)
  await here.waitForLine(/Bridge b is connected to/)
  await publish(publisher, { topic: 'a', payload: 'added', qos: 1 })
  assert.equal(await take(far), 'r/a added q1')
  let from = here.lines.length
  await here.writeConfig(
    place => `${open(place)}${bridge(there, ['bridge_reload_type immediate', 'topic b out 1 "" r/'])}`,
  )
  await here.reload(outcome)
  await here.waitForLine(/Bridge b is connected to/, from)
  await publish(publisher, { topic: 'a', payload: 'not any more', qos: 1 })
  await publish(publisher, { topic: 'b', payload: 'changed', qos: 1 })
  assert.equal(await take(far), 'r/b changed q1')
  from = here.lines.length
  await here.writeConfig(open)
  await here.reload(outcome)
  await here.waitForLine(/Bridge b is not connected any more: it is not in the configuration any more\./, from)
})

test('audit: a bridge that a reload brings is told with its lines, but for its secrets', async t => {
  const there = await startBroker(t, { config: open })
  const audited = (place: { port: number }) => `${open(place)}audit_file audit.jsonl\n`
  const here = await startBroker(t, { config: audited })
  const lines = ['remote_username u', 'remote_password hidden', 'topic a out']
  await here.writeConfig(place => `${audited(place)}${bridge(there, lines)}`)
  await here.reload(/Configuration reloaded\./)
  await here.waitForLine(/Bridge b is connected to/)
  assert.equal((await here.stop()).code, 0)
  const audit = await readFile(`${here.dir}/audit.jsonl`, 'utf8')
  assert.match(audit, /"remote_username":"u"/)
  assert.doesNotMatch(audit + here.lines.join(), /hidden/)
})

const faults: readonly (readonly [lines: string, refusal: RegExp])[] = [
  ['connection b\ntopic #', /Error: Invalid bridge configuration: no remote addresses defined\./],
  ['connection b\naddress a', /Error: Invalid bridge configuration: no topics defined\./],
  ['connection b\naddress a\ntopic #\nconnection b', /Error: Duplicate bridge name 'b'\./],
  ['connection b\naddress a\ntopic #\nbridge_psk 00', /Error: Invalid bridge configuration: missing bridge_identity\./],
  ['connection b\naddress a\ntopic #\nbridge_identity i', /Error: Invalid bridge configuration: missing bridge_psk\./],
  ['connection b\naddress a\ntopic #\nstart_type manual', /Error: Manual start_type not supported\./],
  ['address a', /Error: The 'address' option requires a bridge to be defined first\./],
  [
    'connection a\nlocal_clientid x\naddress a\ntopic #\nconnection b\nlocal_clientid x\naddress a\ntopic #',
    /Error: Bridge local_clientid 'x' is not unique\./,
  ],
]

for (const [lines, refusal] of faults) {
  test(`mosquitto-conf 5: refused with ${refusal.source}`, async t => {
    const program = await runBroker(t, 'castellan', { config: place => `${open(place)}${lines}` })
    assert.equal(program.ended?.code, 3)
    assert.match(program.lines.join('\n'), refusal)
  })
}
