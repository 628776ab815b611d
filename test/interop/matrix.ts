// What other people's clients go through on our broker: every protocol version × QoS × way of delivery. A client takes
// part by implementing `MatrixClient`; the assertions stand here, once.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test, { suite, type TestContext } from 'node:test'
import type { Version } from '../support/packet-bytes.ts'
import type { SharedBroker } from './shared-broker.ts'

export type Qos = 0 | 1 | 2

export interface Delivery {
  readonly topic: string
  readonly payload: string
  readonly qos: number
  readonly retain: boolean
}

/** Where and as whom to connect. */
export interface Target {
  readonly port: number
  readonly version: Version
  readonly tls?: { readonly cafile: string; readonly cert: string; readonly key: string }
}

export interface SubscribeRequest {
  readonly clientId: string
  readonly filters: readonly string[]
  readonly qos: Qos
  /** The session outlives the connection. */
  readonly lasting?: boolean
  /** The session is there with its subscriptions: a client that need not repeat them does not. */
  readonly resume?: boolean
  readonly will?: Delivery & { readonly qos: Qos }
}

export interface Subscriber {
  /** `undefined` for a client that does not show it. */
  readonly sessionPresent: boolean | undefined
  /** The next message, in the order of arrival. */
  next(): Promise<Delivery>
  /** Ends the connection in good order. */
  end(): Promise<void>
  /** Ends it as a failing network would. */
  breakOff(): Promise<void>
}

export interface PublishRequest {
  readonly topic: string
  /** One message each, all over one connection. */
  readonly payloads: readonly string[]
  readonly qos: Qos
  readonly retain?: boolean
}

export interface MatrixClient {
  readonly name: string
  /** Resolves when the subscriptions are granted as asked for, or the session was resumed. */
  subscribe(t: TestContext, target: Target, request: SubscribeRequest): Promise<Subscriber>
  /** Resolves when every message is acknowledged as its QoS says, and the connection has ended in good order. */
  publish(t: TestContext, target: Target, request: PublishRequest): Promise<void>
}

export const versionNames: Readonly<Record<Version, string>> = { 3: 'MQTT 3.1', 4: 'MQTT 3.1.1', 5: 'MQTT 5' }
const versions: readonly Version[] = [3, 4, 5]
const qosLevels: readonly Qos[] = [0, 1, 2]

/** A name that no other test uses. */
export function unique(prefix: string): string {
  return `${prefix}${randomBytes(6).toString('hex')}`
}

/** The whole matrix for one client, over plain TCP. Its tests share no topic and no session, and run side by side. */
export function testMatrix(client: MatrixClient, broker: SharedBroker): void {
  suite(`interop: ${client.name}`, { concurrency: 4, timeout: 60_000 }, () => {
    for (const version of versions) {
      for (const qos of qosLevels) {
        for (const [sentence, run] of scenarios) {
          test(`interop: ${client.name} with ${versionNames[version]} at QoS ${qos}: ${sentence}`, t =>
            run({ t, client, target: { port: broker.process.port, version }, qos }))
        }
      }
    }
  })
}

/** Messages and wills over TLS with a client certificate, whose CN the broker takes as user name. */
export function testMatrixOverTls(
  client: MatrixClient,
  broker: SharedBroker,
  tlsTarget: () => Omit<Target, 'version'>,
): void {
  for (const version of versions) {
    for (const [sentence, run] of [plain, will]) {
      test(`interop: ${client.name} with ${versionNames[version]} over TLS with a client certificate: ${sentence}`, async t => {
        const seen = broker.process.lines.length
        await run({ t, client, target: { ...tlsTarget(), version }, qos: 1 })
        await broker.process.waitForLine(
          new RegExp(`New client connected from .* \\(p${version}, c1, k\\d+, u'user1'\\)`),
          seen,
        )
      })
    }
  }
}

interface Run {
  readonly t: TestContext
  readonly client: MatrixClient
  readonly target: Target
  readonly qos: Qos
}

type Scenario = readonly [sentence: string, run: (run: Run) => Promise<void>]

const plain: Scenario = ['messages arrive once, whole and in order', deliverPlainly]
const will: Scenario = ['the will comes after a broken connection and not after a proper end', deliverWill]
const scenarios: readonly Scenario[] = [
  plain,
  ['a retained message comes with the subscription, until it is cleared', deliverRetained],
  will,
  ['a session keeps what came while its client was away', deliverToResumedSession],
  ['a shared subscription gives each message to one member', deliverShared],
]

async function deliverPlainly({ t, client, target, qos }: Run): Promise<void> {
  const topic = unique('plain/')
  const payloads = ['one', '{"größe": 2}', 'drei  ', 'x'.repeat(5000), 'five']
  const exact = await client.subscribe(t, target, { clientId: unique('e'), filters: [topic], qos })
  const wide = await client.subscribe(t, target, { clientId: unique('w'), filters: [`${topic}/#`], qos: 0 })
  await client.publish(t, target, { topic, payloads, qos })
  for (const payload of payloads) {
    assert.deepEqual(await exact.next(), { topic, payload, qos, retain: false })
    assert.deepEqual(await wide.next(), { topic, payload, qos: 0, retain: false }, 'the lower QoS of the two')
  }
}

async function deliverRetained({ t, client, target, qos }: Run): Promise<void> {
  const topic = unique('retained/')
  const request = { filters: [`${topic}/+`], qos }
  const early = await client.subscribe(t, target, { ...request, clientId: unique('e') })
  const value = { topic: `${topic}/value`, payload: 'kept', qos }
  await client.publish(t, target, { ...value, payloads: ['replaced', 'kept'], retain: true })
  assert.deepEqual(await early.next(), { ...value, payload: 'replaced', retain: false })
  assert.deepEqual(await early.next(), { ...value, retain: false })

  const late = await client.subscribe(t, target, { ...request, clientId: unique('l') })
  assert.deepEqual(await late.next(), { ...value, retain: true })

  await client.publish(t, target, { topic: value.topic, payloads: [''], qos, retain: true })
  assert.deepEqual(await late.next(), { ...value, payload: '', retain: false })
  const later = await client.subscribe(t, target, { ...request, clientId: unique('n') })
  const marker = { topic: `${topic}/marker`, payload: 'marker', qos, retain: false }
  await client.publish(t, target, { ...marker, payloads: [marker.payload] })
  assert.deepEqual(await later.next(), marker, 'nothing retained came before the marker')
}

async function deliverWill({ t, client, target, qos }: Run): Promise<void> {
  const topic = unique('will/')
  const watcher = await client.subscribe(t, target, { clientId: unique('w'), filters: [`${topic}/#`], qos })
  const last = (name: string) => ({ topic: `${topic}/${name}`, payload: `last of ${name}`, qos, retain: true })
  const connect = (name: string) => {
    const own = unique('own/')
    return client.subscribe(t, target, { clientId: unique('c'), filters: [own], qos, will: last(name) })
  }
  const polite = await connect('polite')
  await polite.end()
  const lost = await connect('lost')
  await lost.breakOff()
  assert.deepEqual(await watcher.next(), { ...last('lost'), retain: false }, 'the will of the polite one did not come')
  const late = await client.subscribe(t, target, { clientId: unique('l'), filters: [`${topic}/#`], qos })
  assert.deepEqual(await late.next(), last('lost'), 'a will can be retained')
}

async function deliverToResumedSession({ t, client, target, qos }: Run): Promise<void> {
  const topic = unique('session/')
  const request = { clientId: unique('s'), filters: [topic], qos, lasting: true }
  const first = await client.subscribe(t, target, request)
  assertSessionPresent(first, false, target.version)
  await client.publish(t, target, { topic, payloads: ['before'], qos })
  assert.deepEqual(await first.next(), { topic, payload: 'before', qos, retain: false })
  await first.end()

  const away = Array.from({ length: 30 }, (_, index) => `away ${index}`)
  const watcher = await client.subscribe(t, target, { clientId: unique('w'), filters: [topic], qos })
  await client.publish(t, target, { topic, payloads: away, qos })
  for (const payload of away) assert.equal((await watcher.next()).payload, payload) // the broker is done with all
  const resumed = await client.subscribe(t, target, { ...request, resume: true })
  assertSessionPresent(resumed, true, target.version)
  await client.publish(t, target, { topic, payloads: ['back'], qos })
  // QoS 0 is not kept for an absent client (queue_qos0_messages is false).
  for (const payload of qos === 0 ? ['back'] : [...away, 'back'])
    assert.deepEqual(await resumed.next(), { topic, payload, qos, retain: false })
  await resumed.end()
}

// CONNACK of MQTT 3.1 has no session present flag.
function assertSessionPresent({ sessionPresent }: Subscriber, expected: boolean, version: Version): void {
  if (sessionPresent !== undefined) assert.equal(sessionPresent, version === 3 ? false : expected, 'session present')
}

async function deliverShared({ t, client, target, qos }: Run): Promise<void> {
  const topic = unique('shared/')
  const end = `${topic}/end`
  const filters = [`$share/group/${topic}`, end]
  const members = [
    await client.subscribe(t, target, { clientId: unique('m'), filters, qos }),
    await client.subscribe(t, target, { clientId: unique('m'), filters, qos }),
  ]
  const other = await client.subscribe(t, target, { clientId: unique('o'), filters: [topic, end], qos })
  const payloads = Array.from({ length: 10 }, (_, index) => `share ${index}`)
  await client.publish(t, target, { topic, payloads, qos })
  await client.publish(t, target, { topic: end, payloads: ['end'], qos })

  const shares = await Promise.all(members.map(member => untilEnd(member, end)))
  assert.deepEqual(await untilEnd(other, end), payloads, 'one outside the group gets all')
  assert.deepEqual(shares.flat().sort(), payloads, 'the members together get each message once')
  for (const share of shares) {
    assert(share.length > 0, 'every member gets some')
    assert.deepEqual(share, share.toSorted(), 'in order')
  }
}

async function untilEnd(subscriber: Subscriber, end: string): Promise<string[]> {
  const payloads: string[] = []
  for (;;) {
    const { topic, payload } = await subscriber.next()
    if (topic === end) return payloads
    payloads.push(payload)
  }
}
