// Every broker that is measured decides alike with the files of a run: otherwise their figures could not be compared.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import mqtt from 'mqtt'
import { freePort } from '../../test/support/free-port.ts'
import { largeAclFile, loadUser, passwordFile, smallAclFile } from '../access.ts'
import { BrokerProcess } from '../broker-process.ts'
import { mosquittoConf, type Transport } from '../mosquitto-conf.ts'
import { runDirectory } from '../run-directory.ts'
import { type TlsFiles, writeTlsFiles } from '../tls-files.ts'
import { aedes } from './aedes.ts'
import type { Broker } from './broker.ts'
import { castellan } from './castellan.ts'
import { mosquitto } from './mosquitto.ts'
import { other } from './other.ts'

interface Setup {
  readonly acl?: string
  readonly transport?: Transport
  readonly access?: 'acl' | 'anonymous'
}

interface Started {
  readonly port: number
  readonly tls: TlsFiles
}

async function start(t: TestContext, broker: Broker, setup: Setup = {}): Promise<Started> {
  const dir = await runDirectory()
  const [passwords, acl, conf] = [join(dir, 'passwords'), join(dir, 'acl'), join(dir, 'mosquitto.conf')]
  await writeFile(passwords, passwordFile(), { mode: 0o600 })
  await writeFile(acl, setup.acl ?? smallAclFile(), { mode: 0o600 })
  const tls = await writeTlsFiles(dir)
  const port = await freePort()
  const { access = 'acl', transport = 'plain' } = setup
  const files = { passwords, acl, authority: tls.authority, ...tls.server }
  await writeFile(conf, mosquittoConf({ port, access, transport, files, root: process.getuid?.() === 0 }))
  const running = await BrokerProcess.start(broker.name, broker.command({ port, conf }), port)
  t.after(() => running.stop())
  return { port, tls }
}

/** Rejects when the connection ends before its CONNACK, in whatever way. */
function connect(t: TestContext, { port }: Started, options: mqtt.IClientOptions): Promise<mqtt.MqttClient> {
  const client = mqtt.connect({ host: '127.0.0.1', port, reconnectPeriod: 0, protocolVersion: 4, ...options })
  t.after(() => client.endAsync(true))
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client))
    client.once('error', reject)
    client.once('close', () => reject(new Error('closed')))
  })
}

/** What is heard of messages to these topics, the last of which must arrive. */
async function heard(client: mqtt.MqttClient, filter: string, topics: readonly string[]): Promise<string[]> {
  const names: string[] = []
  const arrived = new Promise<void>(resolve => {
    client.on('message', name => {
      names.push(name)
      if (name === topics.at(-1)) resolve()
    })
  })
  await client.subscribeAsync(filter)
  for (const topic of topics) client.publish(topic, 'x')
  await arrived
  return names
}

for (const broker of [castellan(), mosquitto(), aedes()]) {
  test(`${broker.name}: the load's user gets in with its password and reaches what is granted`, async t => {
    const client = await connect(t, await start(t, broker), { username: loadUser.name, password: loadUser.password })
    assert.deepEqual(await heard(client, 'bench/#', ['bench/1', 'bench/a/b']), ['bench/1', 'bench/a/b'])
  })

  test(`${broker.name}: a wrong password is refused, and so is none`, async t => {
    const started = await start(t, broker)
    await assert.rejects(connect(t, started, { username: loadUser.name, password: 'guess' }))
    await assert.rejects(connect(t, started, {}))
  })

  test(`${broker.name}: ten thousand rules grant the load its topics`, async t => {
    const started = await start(t, broker, { acl: largeAclFile() })
    const client = await connect(t, started, { username: loadUser.name, password: loadUser.password })
    assert.deepEqual(await heard(client, 'bench/#', ['bench/1']), ['bench/1'])
  })

  test(`${broker.name}: without passwords everybody gets everything`, async t => {
    const client = await connect(t, await start(t, broker, { access: 'anonymous' }), {})
    assert.deepEqual(await heard(client, '#', ['other/1', 'bench/1']), ['other/1', 'bench/1'])
  })

  test(`${broker.name}: mutual TLS takes the client's certificate, and nobody without one`, async t => {
    const started = await start(t, broker, { access: 'anonymous', transport: 'mutual-tls' })
    const ca = readFileSync(started.tls.authority)
    const { certificate, key } = started.tls.client
    const own = { cert: readFileSync(certificate), key: readFileSync(key) }
    const client = await connect(t, started, { protocol: 'mqtts', ca, ...own })
    assert.deepEqual(await heard(client, 'bench/#', ['bench/1']), ['bench/1'])
    await assert.rejects(connect(t, started, { protocol: 'mqtts', ca }))
  })
}

/** Aedes ends a connection that publishes without permission; the others drop the message. */
for (const broker of [castellan(), mosquitto()]) {
  test(`${broker.name}: what is not granted does not arrive`, async t => {
    const client = await connect(t, await start(t, broker), { username: loadUser.name, password: loadUser.password })
    assert.deepEqual(await heard(client, '#', ['other/1', 'bench/1']), ['bench/1'])
  })
}

test('another broker is started by its command line, with port and configuration filled in', async t => {
  const peer = other({ name: 'peer', command: 'mosquitto -c "{conf}"' })
  const path = process.env['PATH']
  process.env['PATH'] = `${path}:/usr/sbin`
  t.after(() => {
    process.env['PATH'] = path
  })
  const client = await connect(t, await start(t, peer, { access: 'anonymous' }), {})
  assert.deepEqual(await heard(client, '#', ['bench/1']), ['bench/1'])
  assert.deepEqual(peer.command({ port: 7, conf: '/x' }), ['/bin/sh', '-c', 'exec mosquitto -c "/x"'])
})

test('a broker that does not start is an error with what it said', async () => {
  const failing = BrokerProcess.start('peer', ['/bin/sh', '-c', 'echo no such thing >&2; exit 3'], await freePort())
  await assert.rejects(failing, {
    code: 'ERR_BENCH',
    message: 'peer ended before it accepted connections: no such thing',
  })
  const missing = BrokerProcess.start('peer', ['/no/such/program'], await freePort())
  await assert.rejects(missing, { code: 'ERR_BENCH', message: /^peer (cannot be started|ended before)/ })
})
