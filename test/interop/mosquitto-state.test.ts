// What Debian's Mosquitto has left in `mosquitto.db` is delivered by Castellan, after it took the file over, as Mosquitto itself
// delivers it after a restart: to the same clients, the same messages, in the same order.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { before, type TestContext } from 'node:test'
import { type BrokerKind, type BrokerProcess, both, runBroker, startEither } from '../support/broker-process.ts'
import {
  clientChunk,
  deliveryChunk,
  messageChunk,
  mosquittoFile,
  retainedChunk,
  settingsChunk,
  subscriptionChunk,
} from '../support/mosquitto-db.ts'
import { sqliteSchema } from '../support/mosquitto-sqlite.ts'
import {
  acknowledgementBytes,
  type ConnectFields,
  connectBytes,
  disconnectBytes,
  type PublishFields,
  publishBytes,
  subscribeBytes,
  type Version,
} from '../support/packet-bytes.ts'
import { type Publish, readAcknowledgement, readPublish } from '../support/packet-reader.ts'
import { passwordLines } from '../support/password-lines.ts'
import { property } from '../support/property-bytes.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { fileScope } from './shared-broker.ts'

const scope = fileScope()
const users = passwordLines({ bob: 'of bob', eve: 'of eve' })
const clients: Readonly<Record<string, ConnectFields>> = {
  three: { version: 4, clientId: 'three', cleanStart: false },
  five: lasting('five', { username: 'bob', password: 'of bob' }),
  underway: lasting('underway'),
  sender: { version: 4, clientId: 'sender', cleanStart: false, username: 'bob', password: 'of bob' },
}
/** Where `mosquitto.db` is, as Mosquitto left it. */
let left: string

function lasting(clientId: string, fields: ConnectFields = {}): ConnectFields {
  return { version: 5, clientId, cleanStart: false, properties: property.sessionExpiryInterval(3600), ...fields }
}

const config = (directory: string) => (place: { readonly port: number; readonly dir: string }) =>
  [
    `listener ${place.port} 127.0.0.1`,
    'allow_anonymous true',
    `password_file ${place.dir}/users`,
    'persistence true',
    `persistence_location ${directory}/`,
  ].join('\n')

async function start(t: Pick<TestContext, 'after'>, kind: BrokerKind, directory: string): Promise<BrokerProcess> {
  return startEither(t, kind, { config: config(directory), files: { users } })
}

/** A directory of its own, with a copy of what Mosquitto left in it. */
async function copyOfWhatIsLeft(t: Pick<TestContext, 'after'>): Promise<string> {
  const directory = await newDirectory(t)
  await copyFile(join(left, 'mosquitto.db'), join(directory, 'mosquitto.db'))
  return directory
}

async function newDirectory(t: Pick<TestContext, 'after'>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'castellan-state-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

before(async () => {
  left = await newDirectory(scope)
  const broker = await start(scope, 'mosquitto', left)
  const open = (fields: ConnectFields) => connected(scope, broker.port, fields)
  await subscribed(await open(clients['three']!), { filter: 'q/#', qos: 2 })
  await subscribed(await open(clients['five']!), { filter: 'q/+', qos: 2, retainAsPublished: true }, 7)
  const underway = await open(clients['underway']!)
  await subscribed(underway, { filter: 'u/#', qos: 2 }, 9, false)
  const sender = await open(clients['sender']!)
  await publish(sender, { topic: 'u/1', payload: 'not acknowledged', qos: 1 })
  await publish(sender, { topic: 'u/2', payload: 'received', qos: 2 })
  await underway.expectPublish()
  underway.send(acknowledgementBytes('PUBREC', (await underway.expectPublish()).packetId))
  await underway.expectAcknowledgement('PUBREL')
  underway.breakOff()
  await broker.waitForLine(/Client underway closed its connection|Client underway disconnected/)
  await publish(sender, { topic: 'u/3', payload: 'queued', qos: 2 })
  const publisher = await open({ version: 5, clientId: 'publisher', username: 'eve', password: 'of eve' })
  await publish(publisher, { topic: 'q/1', payload: 'first', qos: 1 })
  await publish(publisher, { topic: 'q/2', payload: 'retained', qos: 2, retain: true, properties: described })
  await publish(publisher, { topic: 'q/3', payload: 'last', qos: 2 })
  await publish(publisher, { topic: 'alone/ä', payload: 'retained alone', qos: 1, retain: true })
  sender.send(publishBytes({ version: 4, topic: 'q/4', payload: 'not released', qos: 2, packetId: 40 }))
  await sender.expectAcknowledgement('PUBREC')
  sender.breakOff()
  await broker.waitForLine(/Client sender closed its connection|Client sender disconnected/)
  assert.equal((await broker.stop()).code, 0)
})

const described = Buffer.concat([
  property.contentType('text'),
  property.userProperty('name', 'value'),
  property.correlationData(Uint8Array.of(1, 2)),
  property.responseTopic('answers'),
  property.messageExpiryInterval(3000),
])

async function connected(t: Pick<TestContext, 'after'>, port: number, fields: ConnectFields): Promise<RawClient> {
  const client = await connectRaw(t as TestContext, { port })
  client.version = fields.version ?? 5
  client.send(connectBytes(fields))
  assert.equal((await client.expectConnack()).reasonCode, 0)
  return client
}

type Filter = Parameters<typeof subscribeBytes>[0]['subscriptions'][number]

async function subscribed(client: RawClient, filter: Filter, identifier = 0, leaves = true): Promise<void> {
  const { version } = client
  const properties = identifier > 0 ? { properties: property.subscriptionIdentifier(identifier) } : {}
  client.send(subscribeBytes({ version, subscriptions: [filter], ...properties }))
  assert.deepEqual((await client.expectSuback()).reasonCodes, [filter.qos])
  if (!leaves) return
  client.send(disconnectBytes())
  await client.expectClosed()
}

let packetId = 0

/** To the end of its exchange. */
async function publish(client: RawClient, fields: PublishFields): Promise<void> {
  client.send(publishBytes({ version: client.version, packetId: ++packetId, ...fields }))
  if (fields.qos !== 2) {
    await client.expectAcknowledgement('PUBACK')
    return
  }
  await client.expectAcknowledgement('PUBREC')
  client.send(acknowledgementBytes('PUBREL', packetId))
  await client.expectAcknowledgement('PUBCOMP')
}

/** What a client gets until its sentinel, in words; it acknowledges everything. */
async function transcript(client: RawClient, sentinel: string): Promise<readonly string[]> {
  const seen: string[] = []
  for (;;) {
    const packet = await client.nextPacket(`the message ${sentinel}`)
    if (packet.name === 'PUBLISH') {
      const message = readPublish(packet, client.version)
      seen.push(inWords(message))
      if (message.qos > 0) client.send(acknowledgementBytes(message.qos === 1 ? 'PUBACK' : 'PUBREC', message.packetId))
      if (message.payload === sentinel) return seen
    } else {
      const { packetId } = readAcknowledgement(packet)
      if (packet.name === 'PUBREL') client.send(acknowledgementBytes('PUBCOMP', packetId))
      if (packet.name === 'PUBREL' && seen.length === 0) seen.push(`PUBREL ${packetId}`)
    }
  }
}

function inWords({ topic, payload, qos, retain, dup, packetId, properties }: Publish): string {
  const shown = properties
    .map(([name, value]) => (name === 'messageExpiryInterval' ? name : `${name} ${value}`))
    .sort()
    .join(', ')
  const flags = `${retain ? ' retained' : ''}${dup ? ` again as ${packetId}` : ''}`
  return `${topic}: ${payload}, QoS ${qos}${flags} [${shown}]`
}

/** What each client gets from a broker that was started on the file. */
async function deliveries(t: TestContext, port: number): Promise<Readonly<Record<string, readonly string[]>>> {
  const sender = await connected(t, port, clients['sender']!)
  sender.send(acknowledgementBytes('PUBREL', 40))
  await sender.expectAcknowledgement('PUBCOMP')
  const watcher = await connected(t, port, { version: 5, clientId: 'watcher' })
  watcher.send(subscribeBytes({ subscriptions: [{ filter: '#', qos: 2, retainAsPublished: true }] }))
  await watcher.expectSuback()
  const found: Record<string, readonly string[]> = {}
  for (const [name, topic] of [
    ['three', 'q/x/y'],
    ['five', 'q/x'],
    ['underway', 'u/x'],
  ] as const) {
    const client = await connectRaw(t, { port })
    client.version = clients[name]!.version as Version
    client.send(connectBytes(clients[name]!))
    const { sessionPresent, reasonCode } = await client.expectConnack()
    assert.deepEqual({ name, sessionPresent, reasonCode }, { name, sessionPresent: true, reasonCode: 0 })
    await publish(sender, { topic, payload: 'sentinel', qos: 1 })
    found[name] = await transcript(client, 'sentinel')
  }
  found['watcher'] = (await transcript(watcher, 'sentinel')).toSorted()
  return found
}

test('after a restart on the same file both brokers deliver the same to the same clients', async t => {
  const [castellan, mosquitto] = await Promise.all(
    both.map(async kind => {
      const broker = await start(t, kind, await copyOfWhatIsLeft(t))
      return deliveries(t, broker.port)
    }),
  )
  assert.deepEqual(castellan, mosquitto)
  // Both could be wrong in the same way.
  assert.deepEqual(
    castellan!['three']!.map(line => line.replace(/,.*/, '')),
    ['q/1: first', 'q/2: retained', 'q/3: last', 'q/4: not released', 'q/x/y: sentinel'],
  )
  assert.match(
    castellan!['five']![1]!,
    /retained \[contentType text, correlationData .*, subscriptionIdentifier 7, userProp/,
  )
  assert.match(castellan!['underway']!.join('\n'), /not acknowledged, QoS 1 again as 1 /)
})

test('decision 7: a session belongs to the user that the file names, and to nobody else', async t => {
  const { port } = await start(t, 'castellan', await copyOfWhatIsLeft(t))
  const attempt = async (fields: ConnectFields) => {
    const client = await connectRaw(t, { port })
    client.send(connectBytes(fields))
    return client.expectConnack()
  }
  assert.equal((await attempt(lasting('five'))).reasonCode, 0x85)
  assert.equal((await attempt(lasting('five', { username: 'eve', password: 'of eve' }))).reasonCode, 0x85)
  assert.equal((await attempt(lasting('three', { username: 'eve', password: 'of eve' }))).reasonCode, 0x85)
  assert.equal((await attempt(lasting('five', { username: 'bob', password: 'of bob' }))).sessionPresent, true)
  assert.equal((await attempt(lasting('three'))).sessionPresent, true)
})

test('the file is read once, stays as it is, and what was taken survives the next start', async t => {
  const directory = await copyOfWhatIsLeft(t)
  const file = join(directory, 'mosquitto.db')
  const [bytes, { mtimeMs }] = [await readFile(file), await stat(file)]
  const first = await start(t, 'castellan', directory)
  await first.waitForLine(/Imported sessions: 4, subscriptions: 3, waiting messages: 11, retained messages: 2; from /)
  // Some wait for several sessions, and both lines count them for each.
  await first.waitForLine(/Loaded 4 sessions, 11 waiting messages, 2 retained messages in /)
  await first.stop()
  const second = await start(t, 'castellan', directory)
  assert.ok(!second.lines.some(line => /mported/.test(line)), second.lines.join('\n'))
  assert.equal((await deliveries(t, second.port))['three']!.length, 5)
  assert.deepEqual(await readFile(file), bytes)
  assert.equal((await stat(file)).mtimeMs, mtimeMs)
})

test('a damaged file stops the start, with the byte and what to do, and nothing of it is imported', async t => {
  const directory = await copyOfWhatIsLeft(t)
  const file = join(directory, 'mosquitto.db')
  const bytes = await readFile(file)
  await writeFile(file, bytes.subarray(0, bytes.length - 3))
  const refused = await runBroker(t, 'castellan', { config: config(directory), files: { users } })
  assert.equal((await refused.exit()).code, 1)
  const lines = refused.lines.join('\n')
  assert.match(
    lines,
    /cannot import '.*mosquitto\.db': at byte \d+: .*nothing was imported; put an undamaged copy in its place/,
  )
  await writeFile(file, bytes)
  const broker = await start(t, 'castellan', directory)
  await broker.waitForLine(/Imported sessions: 4,/)
})

test('a start that fails, as while Mosquitto still has the port, imports nothing: the next one takes the file of then', async t => {
  const directory = await copyOfWhatIsLeft(t)
  const mosquitto = await start(t, 'mosquitto', directory)
  const taken = (place: Parameters<ReturnType<typeof config>>[0]) =>
    config(directory)({ ...place, port: mosquitto.port })
  const refused = await runBroker(t, 'castellan', { config: taken, files: { users } })
  assert.match(refused.lines.join('\n'), /Imported sessions: 4,.*address already in use/is)
  const late = await connected(t, mosquitto.port, { version: 4, clientId: 'late', cleanStart: false })
  await subscribed(late, { filter: 'late/#', qos: 1 })
  await mosquitto.stop()
  const broker = await start(t, 'castellan', directory)
  await broker.waitForLine(/Imported sessions: 5,/)
})

test('an empty file and one that is not there are nothing to import; one of another program is refused', async t => {
  const directory = await newDirectory(t)
  const without = await start(t, 'castellan', directory)
  assert.ok(!without.lines.some(line => /mport/.test(line)))
  await without.stop()
  const file = join(directory, 'mosquitto.db')
  await writeFile(file, '')
  const empty = await start(t, 'castellan', directory)
  await empty.waitForLine(/Persistence file '.*mosquitto\.db' is empty; nothing is imported/)
  await empty.stop()
  await writeFile(file, 'neither')
  const refused = await runBroker(t, 'castellan', { config: config(directory), files: { users } })
  assert.match(
    refused.lines.join('\n'),
    /it begins neither as mosquitto\.db nor as a database of SQLite; nothing was imported/,
  )
})

test('a store that is in use keeps what it has: the file is named, and not imported', async t => {
  const directory = await newDirectory(t)
  const first = await start(t, 'castellan', directory)
  await subscribed(await connected(t, first.port, clients['three']!), { filter: 'a', qos: 1 })
  await first.stop()
  await copyFile(join(left, 'mosquitto.db'), join(directory, 'mosquitto.db'))
  const second = await start(t, 'castellan', directory)
  await second.waitForLine(/'.*mosquitto\.db' is not imported: the store is in use already/)
})

test('what Mosquitto 2.0.11 writes beside an anonymous client is not taken for its name', async t => {
  const broker = await start(t, 'castellan', await copyOfWhatIsLeft(t))
  await broker.waitForLine(/Warning: Mosquitto has written wrong user names .*: 1 were recognised; /)
  const client = await connectRaw(t, { port: broker.port })
  client.send(connectBytes(lasting('underway')))
  assert.equal((await client.expectConnack()).sessionPresent, true)
})

test("drop-in: Debian's own configuration starts unchanged, and finds Debian's state", async t => {
  const stock = await readFile('/etc/mosquitto/mosquitto.conf', 'utf8')
  assert.match(stock, /^persistence true\npersistence_location \/var\/lib\/mosquitto\/$/m)
  const root = await newDirectory(t)
  for (const name of ['run', 'lib', 'log', 'conf.d']) await mkdir(join(root, name))
  await copyFile(join(left, 'mosquitto.db'), join(root, 'lib', 'mosquitto.db'))
  const broker = await startEither(t, 'castellan', {
    config: ({ port, dir }) => {
      writeFileSync(
        join(root, 'conf.d', 'test.conf'),
        `listener ${port}\nallow_anonymous true\npassword_file ${dir}/users\nlog_dest stdout\n`,
      )
      return stock
        .replaceAll('/run/mosquitto/', `${root}/run/`)
        .replaceAll('/var/lib/mosquitto/', `${root}/lib/`)
        .replaceAll('/var/log/mosquitto/', `${root}/log/`)
        .replaceAll('/etc/mosquitto/conf.d', `${root}/conf.d`)
    },
    files: { users },
  })
  assert.equal((await deliveries(t, broker.port))['three']!.length, 5)
})

test('formats 3 to 5: retained messages as Mosquitto 2.0 has them of these, and sessions, which it forgets before format 5', async t => {
  for (const version of [3, 4, 5] as const) {
    const file = mosquittoFile(
      version,
      settingsChunk(version),
      messageChunk(version, { id: 1n, topic: 'q/1', payload: 'kept', qos: 2, retain: true }),
      messageChunk(version, { id: 2n, topic: 'q/2', payload: 'sent', qos: 1 }),
      clientChunk(version, { clientId: 'old' }),
      deliveryChunk(version, { clientId: 'old', id: 2n, packetId: 9, state: 3 }),
      deliveryChunk(version, { clientId: 'old', id: 1n, packetId: 10, qos: 2 }),
      subscriptionChunk(version, { clientId: 'old', filter: 'q/#', qos: 2 }),
      retainedChunk(version, 1n),
    )
    const [castellan, mosquitto] = await Promise.all(
      both.map(async kind => {
        const directory = await newDirectory(t)
        await writeFile(join(directory, 'mosquitto.db'), file)
        // Whose the session was is not in the file: only where all are anonymous it is known.
        const open = (place: Parameters<ReturnType<typeof config>>[0]) =>
          config(directory)(place).replace(/^password_file.*$/m, '')
        const { port } = await startEither(t, kind, { config: open })
        const client = await connectRaw(t, { port })
        client.version = 4
        client.send(connectBytes({ version: 4, clientId: 'old', cleanStart: false }))
        const { sessionPresent } = await client.expectConnack()
        assert.equal(sessionPresent, kind === 'castellan' || version === 5)
        const publisher = await connected(t, port, { version: 4, clientId: 'publisher' })
        await publish(publisher, { topic: 'q/3', payload: 'sentinel', qos: 1 })
        const watcher = await connected(t, port, { version: 4, clientId: 'watcher' })
        watcher.send(subscribeBytes({ version: 4, subscriptions: [{ filter: 'q/1', qos: 1 }] }))
        await watcher.expectSuback()
        return {
          session: sessionPresent ? await transcript(client, 'sentinel') : undefined,
          retained: await transcript(watcher, 'kept'),
        }
      }),
    )
    assert.deepEqual(castellan, {
      session: ['q/2: sent, QoS 1 again as 9 []', 'q/1: kept, QoS 2 []', 'q/3: sentinel, QoS 1 []'],
      retained: ['q/1: kept, QoS 1 retained []'],
    })
    assert.deepEqual(mosquitto?.retained, castellan.retained)
    if (version === 5) assert.deepEqual(mosquitto, castellan)
  }
})

test('decision 7: a file that does not tell whose a session is gives it to nobody where names are proven', async t => {
  const directory = await newDirectory(t)
  await writeFile(join(directory, 'mosquitto.db'), mosquittoFile(5, clientChunk(5, { clientId: 'old' })))
  const broker = await start(t, 'castellan', directory)
  await broker.waitForLine(/Error: The stored session of old belongs to nobody that the rules let in; it is dropped/)
  const client = await connectRaw(t, { port: broker.port })
  client.send(connectBytes(lasting('old')))
  assert.equal((await client.expectConnack()).sessionPresent, false)
})

test("the database of Mosquitto 2.1's sqlite plugin is taken over where `persistence_file` names it", async t => {
  const directory = await newDirectory(t)
  const database = new DatabaseSync(join(directory, 'mosquitto.sqlite3'))
  database.exec(`${sqliteSchema}
    INSERT INTO base_msgs VALUES (1, 0, 'q/1', 'kept', 'publisher', 'eve', 4, 1, 0, 1, 1, '[{"identifier":"content-type","value":"text"}]');
    INSERT INTO retains VALUES ('q/1', 1);
    INSERT INTO clients VALUES ('five', 'bob', 0, 0, 0, 0, 0, 2, 1, 3600, 0);
    INSERT INTO subscriptions VALUES ('five', 'q/#', 1, 7);
    INSERT INTO client_msgs VALUES ('five', 1, 1, 0, 1, 1, 1, 0, 11, 7);`)
  database.close()
  const named = (place: Parameters<ReturnType<typeof config>>[0]) =>
    `${config(directory)(place)}\npersistence_file mosquitto.sqlite3`
  const { port } = await startEither(t, 'castellan', { config: named, files: { users } })
  const client = await connectRaw(t, { port })
  client.send(connectBytes(clients['five']!))
  assert.equal((await client.expectConnack()).sessionPresent, true)
  const publisher = await connected(t, port, { version: 5, clientId: 'publisher' })
  await publish(publisher, { topic: 'q/2', payload: 'sentinel', qos: 1 })
  assert.deepEqual(await transcript(client, 'sentinel'), [
    'q/1: kept, QoS 1 [contentType text, subscriptionIdentifier 7]',
    'q/2: sentinel, QoS 1 [subscriptionIdentifier 7]',
  ])
})
