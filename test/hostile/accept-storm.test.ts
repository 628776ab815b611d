// Thousands that connect at once, to the real broker: those who are in go on talking, everybody else is let in in the end,
// and what is more than the limits allow is closed and counted in two lines of the log.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { createPasswordHash, formatPasswordHash } from '../../src/auth/password-hash.ts'
import { throwawayPki } from '../support/authority.ts'
import { freePort } from '../support/free-port.ts'
import { connectBytes, publishBytes } from '../support/packet-bytes.ts'
import { readPublish } from '../support/packet-reader.ts'
import type { RawClient } from '../support/raw-client.ts'
import { dial, join, startWireBroker, subscribe, unique, type WireBroker } from '../support/wire-broker.ts'

const open = 'allow_anonymous true\nconnection_messages false'
const inCount = 100
/** Rounds that each of those in has made at least when a storm is over. */
const leastRounds = 2

/** Clients that each send a message to themselves, and the next one when it has come. */
class Conversation {
  readonly rounds: number[] = []
  #over = false
  readonly #clients: Promise<void>[] = []

  static async begin(t: TestContext, broker: WireBroker): Promise<Conversation> {
    const conversation = new Conversation()
    for (let i = 0; i < inCount; i++) {
      const client = await join(t, broker)
      await subscribe(client, `in/${i}`)
      conversation.rounds.push(0)
      conversation.#clients.push(conversation.#talk(client, i))
    }
    return conversation
  }

  /** Every message that was sent comes back, in order. */
  async end(): Promise<void> {
    this.#over = true
    await Promise.all(this.#clients)
  }

  async #talk(client: RawClient, i: number): Promise<void> {
    while (!this.#over) {
      const payload = `${this.rounds[i]}`
      client.send(publishBytes({ topic: `in/${i}`, payload }))
      const publish = readPublish(await client.expectPacket('PUBLISH'), client.version)
      assert.equal(Buffer.from(publish.payload).toString(), payload)
      this.rounds[i] = (this.rounds[i] as number) + 1
    }
  }
}

interface StormTarget {
  readonly port: number
  readonly localAddress?: string
  readonly tls?: ConnectionOptions
  readonly username?: (index: number) => string
}

/** Connects `count` clients at once, each with its CONNECT behind it. @returns the first byte of each answer but none for who was closed */
function storm(t: TestContext, count: number, target: StormTarget): Promise<number | undefined>[] {
  const { port, localAddress, tls, username } = target
  const where = { port, host: '127.0.0.1', ...(localAddress && { localAddress }) }
  return Array.from({ length: count }, (_, index) => {
    const socket = tls ? connectTls({ ...where, ...tls }) : connect(where)
    t.after(() => socket.destroy())
    const credentials = username && { username: username(index), password: 'pw' }
    socket.write(connectBytes({ version: 4, clientId: unique('storm'), ...credentials }))
    return answerOf(socket)
  })
}

/** The return code of CONNACK, or undefined when the connection ended without one. */
function answerOf(socket: Socket): Promise<number | undefined> {
  return new Promise(resolve => {
    socket.on('error', () => {})
    socket.once('data', bytes => resolve(bytes[3]))
    socket.once('close', () => resolve(undefined))
  })
}

const countOf = <T>(values: readonly T[], wanted: T) => values.filter(value => value === wanted).length
const denials = (broker: WireBroker) => broker.process.lines.filter(line => line.includes('denied'))

async function weather(t: TestContext, broker: WireBroker, count: number, target: StormTarget): Promise<void> {
  const conversation = await Conversation.begin(t, broker)
  const before = [...conversation.rounds]
  const answers = await Promise.all(storm(t, count, target))
  const made = conversation.rounds.map((rounds, i) => rounds - (before[i] as number))
  await conversation.end()
  assert.equal(countOf(answers, 0), count, 'everybody was let in')
  assert(Math.min(...made) >= leastRounds, `one of those in had only ${Math.min(...made)} answers during the storm`)
  assert.deepEqual(denials(broker), [])
}

test('five thousand connect at once: a hundred who are in go on talking, and everybody is let in', async t => {
  const broker = await startWireBroker(t, open)
  await weather(t, broker, 5000, { port: broker.port })
})

test('five hundred TLS handshakes at once: a hundred who are in go on talking, and everybody is let in', async t => {
  const { server, authority } = await throwawayPki()
  const tlsPort = await freePort()
  const tls = `listener ${tlsPort} 127.0.0.1\ncertfile ${server.cert}\nkeyfile ${server.key}`
  const broker = await startWireBroker(t, `${tls}\n${open}`)
  const ca = await readFile(authority.ca.cert)
  await weather(t, broker, 500, { port: tlsPort, tls: { ca, servername: 'localhost' } })
})

test('a storm larger than the places for strangers: all wait for one, none is refused', async t => {
  const broker = await startWireBroker(t, `${open}\nmax_pending_connections 5`)
  await weather(t, broker, 2000, { port: broker.port })
})

test('max_waiting_connections: what is more than it allows is closed, and told in two lines', async t => {
  const limits = 'max_pending_connections 20\nmax_waiting_connections 30\nconnect_timeout 2'
  const broker = await startWireBroker(t, `${open}\n${limits}`)
  const conversation = await Conversation.begin(t, broker)
  const silent = await Promise.all(Array.from({ length: 50 }, () => dial(t, broker)))
  const refused = await Promise.all(storm(t, 500, { port: broker.port }))
  await Promise.all(silent.map(client => client.expectClosed()))
  await join(t, broker)
  await conversation.end()
  assert(Math.min(...conversation.rounds) >= leastRounds)
  await broker.process.stop()
  const [first = '', sum = '', ...more] = denials(broker)
  assert.match(first, /: Client connection from 127\.0\.0\.1 denied: max_waiting_connections exceeded\.$/)
  const others = Number(/denied: max_waiting_connections exceeded \((\d+) more\)\.$/.exec(sum)?.[1])
  assert.equal(others + 1, countOf(refused, undefined))
  assert.deepEqual(more, [])
})

test('max_pending_authentications: a flood of logins from one address does not hold back another address', async t => {
  const flood = 40
  const users = [...Array(flood).keys(), 'alice'].map(name => `${name}`)
  const hash = formatPasswordHash(await createPasswordHash('argon2id', Buffer.from('pw')))
  const passwords = users.map(user => `${user}:${hash}\n`).join('')
  const broker = await startWireBroker(t, 'password_file passwords', { passwords })
  const { port } = broker
  const answers = storm(t, flood, { port, username: index => `${index}` })
  let answered = 0
  for (const answer of answers) answer.then(() => answered++)
  await Promise.race(answers)
  const [alice] = storm(t, 1, { port, localAddress: '127.0.0.2', username: () => 'alice' })
  assert.equal(await alice, 0)
  assert(answered < flood / 2, `${answered} of ${flood} were served before the only one from elsewhere`)
  assert.equal(countOf(await Promise.all(answers), 0), flood)
})
