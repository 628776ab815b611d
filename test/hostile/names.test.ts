// Names made to forge log lines or to steer the terminal of whoever reads them: however they come in, the log holds them
// escaped, one line per event, and other clients get them byte by byte.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import test from 'node:test'
import { connectBytes, publishBytes, subscribeBytes, unsubscribeBytes } from '../support/packet-bytes.ts'
import { dial, join, leave, settled, startWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const hostile: Readonly<Record<string, string>> = {
  'a line feed and a forged line': 'x\n1700000000: New client connected from 10.0.0.1:1 as admin (p5, c1, k60).',
  'a carriage return': 'x\rdisguise',
  'an escape sequence': 'x\u001b]0;title\u0007\u001b[2J',
  'a C1 control': 'x\u009b31m',
  'a right-to-left override': 'x\u202egnp.exe',
  'a line separator': 'x\u2028y',
  'a zero-width space': 'x\u200by',
  'a quotation mark': "x' (p5, c1, k60, u'admin",
}
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

const config =
  'password_file passwords\nacl_file acl\nallow_anonymous true\nmax_authentication_failures 1000\nlog_type all\nlog_dest file broker.log\nlog_dest stderr'
const files = { passwords: '', acl: 'topic readwrite #\npattern write %c/%u\n' }

test('features J1: hostile client ids, user names, topics and reasons are logged escaped, one line per event', async t => {
  const broker = await startWireBroker(t, config, files)
  const { process } = broker
  const watcher = await join(t, broker)
  await subscribe(watcher, '#')
  for (const name of Object.values(hostile)) {
    for (const version of [4, 5] as const) {
      const guessing = await dial(t, broker, version)
      guessing.send(connectBytes({ version, clientId: name, username: name, password: 'p' }))
      await guessing.packetOrEnd()
      const client = await dial(t, broker, version)
      const will = { topic: name, payload: 'will' }
      client.send(connectBytes({ version, clientId: name, will }))
      if ((await client.packetOrEnd()) === undefined) continue // malformed, see below
      client.send(
        subscribeBytes({ version, subscriptions: [{ filter: `${name}/+` }] }),
        publishBytes({ version, topic: name, payload: 'p' }),
        unsubscribeBytes({ version, filters: [`${name}/+`] }),
        subscribeBytes({ version, packetId: 2, subscriptions: [{ filter: `${name}/#/${name}` }] }),
      )
      while (await client.packetOrEnd()) {}
    }
  }
  process.program.signal('SIGUSR2')
  process.program.signal('SIGHUP')
  await process.waitForLine(/: Reloading config\.$/)
  await leave(await join(t, broker))
  await process.stop()
  const lines = (await readFile(joinPath(process.dir, 'broker.log'), 'utf8')).split('\n')
  assert.equal(lines.pop(), '')
  // The tab before a filter is Mosquitto's own.
  assert.deepEqual(
    lines.filter(line => !/^\d+: \s*\S/.test(line) || unsafe.test(line.replace(': \t', ': '))),
    [],
  )
  assert(
    lines.some(line => line.includes('as x\\u{202e}gnp.exe (p5')),
    'the override is shown as what it is',
  )
  assert(!lines.some(line => /^\d+: New client connected from 10\.0\.0\.1:1 /.test(line)))
})

test('[MQTT-1.5.4-2] NUL in a client id, user name or topic is malformed, and is not in the log either', async t => {
  const broker = await startWireBroker(t, 'allow_anonymous true\nlog_type all')
  const neighbour = await join(t, broker)
  for (const fields of [{ clientId: 'a\0b' }, { clientId: unique('c'), username: 'a\0b' }]) {
    const client = await dial(t, broker, 4)
    client.send(connectBytes({ version: 4, ...fields }))
    await client.expectClosed()
  }
  for (const bytes of [publishBytes({ topic: 'a\0b' }), subscribeBytes({ subscriptions: [{ filter: 'a\0b' }] })]) {
    const client = await join(t, broker)
    client.send(bytes)
    await client.expectDisconnect(0x81)
  }
  await settled(neighbour)
  await broker.process.stop()
  assert.doesNotMatch(broker.process.lines.join(''), /\0/)
})

/** What MQTT lets a server refuse as malformed (§1.5.4), and we do, as Mosquitto does. */
const control = /\p{Cc}/u

for (const [what, name] of Object.entries(hostile)) {
  test(`§1.5.4: a topic with ${what} ${control.test(name) ? 'is malformed' : 'reaches its subscribers unaltered'}`, async t => {
    const broker = await startWireBroker(t)
    const [subscriber, publisher] = [await join(t, broker), await join(t, broker)]
    await subscribe(subscriber, '#')
    publisher.send(publishBytes({ topic: name, qos: 1, payload: name }))
    if (control.test(name)) {
      await publisher.expectDisconnect(0x81)
      await settled(subscriber)
    } else {
      const { topic, payload } = await subscriber.expectPublish()
      assert.deepEqual([topic, payload], [name, name])
    }
  })
}
