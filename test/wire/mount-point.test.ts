// `mount_point` of the real program: clients of a mounted listener live below a prefix that they never see.

import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { startBroker } from '../support/broker-process.ts'
import { freePort } from '../support/free-port.ts'
import { subscribeBytes, unsubscribeBytes } from '../support/packet-bytes.ts'
import { passwordLines } from '../support/password-lines.ts'
import { property } from '../support/property-bytes.ts'
import { drain, join, publish, subscribe, type WireBroker } from '../support/wire-broker.ts'

interface Mounted {
  /** Its clients see whole topics. */
  readonly plain: WireBroker
  /** Those of its clients lie below `site/`. */
  readonly mounted: WireBroker
}

async function start(t: TestContext, lines = '', files: Readonly<Record<string, string>> = {}): Promise<Mounted> {
  const port = await freePort()
  const config = (place: { port: number }) =>
    `listener ${place.port} 127.0.0.1\nlistener ${port} 127.0.0.1\nmount_point site/\nallow_anonymous true\n${lines}\n`
  const process = await startBroker(t, { config, files })
  return { plain: { port: process.port, process }, mounted: { port, process } }
}

test('mosquitto-conf 4 mount_point: PUBLISH and SUBSCRIBE get the prefix, and it is taken off again', async t => {
  const { plain, mounted } = await start(t)
  const outside = await join(t, plain)
  const inside = await join(t, mounted)
  await subscribe(outside, '#')
  await subscribe(inside, 'a/+')
  await publish(await join(t, mounted), { topic: 'a/b', payload: '1' })
  const publisher = await join(t, plain)
  await publish(publisher, { topic: 'site/a/c', payload: '2' })
  await publish(publisher, { topic: 'a/d', payload: '3' })
  assert.deepEqual(
    (await drain(outside)).map(({ topic }) => topic),
    ['site/a/b', 'site/a/c', 'a/d'],
  )
  assert.deepEqual(
    (await drain(inside)).map(({ topic }) => topic),
    ['a/b', 'a/c'],
  )
})

test('mosquitto-conf 4 mount_point: whoever publishes to the mount point itself, or above it, reaches nobody below', async t => {
  const { plain, mounted } = await start(t)
  const inside = await join(t, mounted)
  await subscribe(inside, '#')
  const publisher = await join(t, plain)
  for (const topic of ['site/', 'site', 'site/a']) await publish(publisher, { topic, payload: topic })
  assert.deepEqual(
    (await drain(inside)).map(({ topic }) => topic),
    ['a'],
  )
})

test('mosquitto-conf 4 mount_point: UNSUBSCRIBE ends what SUBSCRIBE began', async t => {
  const { plain, mounted } = await start(t)
  const inside = await join(t, mounted)
  await subscribe(inside, 'a')
  inside.send(unsubscribeBytes({ packetId: 9, filters: ['a'] }))
  assert.deepEqual((await inside.expectUnsuback()).reasonCodes, [0])
  await publish(await join(t, plain), { topic: 'site/a' })
  await inside.expectNothing()
})

test('mosquitto-conf 4 mount_point: a Will is published below it', async t => {
  const { plain, mounted } = await start(t)
  const outside = await join(t, plain)
  await subscribe(outside, '#')
  const inside = await join(t, mounted, { will: { topic: 'gone', payload: 'x' } })
  inside.breakOff()
  assert.equal((await outside.expectPublish()).topic, 'site/gone')
})

test('mosquitto-conf 4 mount_point: a retained message is kept under the whole topic', async t => {
  const { plain, mounted } = await start(t)
  await publish(await join(t, mounted), { topic: 'a', payload: 'kept', retain: true, qos: 1 })
  const outside = await join(t, plain)
  await subscribe(outside, '#')
  assert.equal((await outside.expectPublish()).topic, 'site/a')
  const inside = await join(t, mounted)
  await subscribe(inside, '#')
  assert.equal((await inside.expectPublish()).topic, 'a')
})

test('mosquitto-conf 4 mount_point: a shared subscription stays shared, and its filter gets the prefix', async t => {
  const { plain, mounted } = await start(t)
  const members = [await join(t, mounted), await join(t, mounted)]
  for (const member of members) await subscribe(member, '$share/group/a')
  await publish(await join(t, plain), { topic: 'site/a' })
  const got = [...(await drain(members[0]!)), ...(await drain(members[1]!))]
  assert.deepEqual(
    got.map(({ topic }) => topic),
    ['a'],
  )
})

test('mosquitto-conf 4 mount_point: ACL rules see the whole topic', async t => {
  const files = {
    pw: passwordLines({ user: 'secret' }),
    acl: 'user user\ntopic readwrite site/mine/#\ntopic readwrite mine/#\n',
  }
  const { plain, mounted } = await start(t, 'password_file pw\nacl_file acl', files)
  const identity = { username: 'user', password: 'secret' }
  const inside = await join(t, mounted, identity)
  const outside = await join(t, plain, identity)
  await subscribe(outside, 'site/#')
  await publish(inside, { topic: 'mine/a' })
  await publish(inside, { topic: 'site/mine/a' })
  assert.deepEqual(
    (await drain(outside)).map(({ topic }) => topic),
    ['site/mine/a'],
  )
})

test('mosquitto-conf 4 mount_point: neither $SYS nor $CONTROL of the broker lie below it', async t => {
  const { mounted } = await start(t, 'enable_control_api true\nsys_interval 1')
  const inside = await join(t, mounted)
  inside.send(subscribeBytes({ subscriptions: [{ filter: '$SYS/#' }, { filter: '$CONTROL/broker/v1/response' }] }))
  await inside.expectSuback()
  await publish(inside, { topic: '$CONTROL/broker/v1', payload: '{"commands":[{"command":"listListeners"}]}' })
  await inside.expectNothing()
})

test('mosquitto-conf 4 mount_point: a Response Topic is the concern of those who talk, and stays as it was sent', async t => {
  const { plain, mounted } = await start(t)
  const outside = await join(t, plain)
  await subscribe(outside, '#')
  const inside = await join(t, mounted)
  await publish(inside, { topic: 'ask', properties: property.responseTopic('answer') })
  const { topic, properties } = await outside.expectPublish()
  assert.equal(topic, 'site/ask')
  assert.deepEqual(properties, [['responseTopic', 'answer']])
})
