// The broker that the wire tests talk to: the real program on a loopback port, one per test file, with short ways to
// open clients on it. `CASTELLAN_WIRE_BROKER=mosquitto` runs the same tests against Debian's Mosquitto: a test that fails
// on both is more likely wrong than right.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, type TestContext } from 'node:test'
import { type BrokerKind, type BrokerProcess, startEither } from './broker-process.ts'
import { concat, showHex } from './bytes.ts'
import {
  type ConnectFields,
  connectBytes,
  disconnectBytes,
  type PublishFields,
  pingreqBytes,
  publishBytes,
  type SubscriptionFields,
  subscribeBytes,
  type Version,
} from './packet-bytes.ts'
import { type Connack, type Publish, readConnack, readPublish } from './packet-reader.ts'
import { property } from './property-bytes.ts'
import { connectRaw, type RawClient } from './raw-client.ts'

const { CASTELLAN_WIRE_BROKER } = process.env
const kind: BrokerKind = CASTELLAN_WIRE_BROKER === 'mosquitto' ? 'mosquitto' : 'castellan'

export interface WireBroker {
  readonly port: number
  readonly process: BrokerProcess
}

const open = 'allow_anonymous true'

/**
 * Starts a broker on a loopback listener, for one test.
 *
 * @param configText what follows `listener`; without it, anonymous clients may do everything
 * @param files written into the broker's working directory, which relative paths in `configText` start from
 */
export async function startWireBroker(
  t: Pick<TestContext, 'after'>,
  configText = open,
  files: Readonly<Record<string, string>> = {},
): Promise<WireBroker> {
  const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\n${configText}\n`
  const process = await startEither(t, kind, { config, files })
  return { port: process.port, process }
}

/** One broker for all tests of a file; call it at the top of the file. */
export function shareWireBroker(configText = open, files: Readonly<Record<string, string>> = {}): WireBroker {
  let broker: WireBroker | undefined
  const cleanups: (() => unknown)[] = []
  before(async () => {
    broker = await startWireBroker(
      { after: cleanup => void cleanups.push(cleanup as () => unknown) },
      configText,
      files,
    )
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })
  const running = () => {
    assert(broker, 'the broker of this file did not start')
    return broker
  }
  return {
    get port() {
      return running().port
    },
    get process() {
      return running().process
    },
  }
}

/** A name that no other test uses, for client ids and topics. */
export function unique(prefix = 'x'): string {
  return `${prefix}${randomBytes(6).toString('hex')}`
}

/** A connection that has sent nothing yet. */
export async function dial(t: TestContext, broker: WireBroker, version: Version = 5): Promise<RawClient> {
  const client = await connectRaw(t, { port: broker.port })
  client.version = version
  return client
}

/** A connection that has sent CONNECT and got a CONNACK that accepts it. The client id is unique unless given. */
export async function join(t: TestContext, broker: WireBroker, fields: ConnectFields = {}): Promise<RawClient> {
  const { client } = await joinWithConnack(t, broker, fields)
  return client
}

/** {@link join}, for tests that look at the CONNACK. */
export async function joinWithConnack(
  t: TestContext,
  broker: WireBroker,
  fields: ConnectFields = {},
): Promise<{ client: RawClient; connack: Connack }> {
  const client = await dial(t, broker, fields.version)
  client.send(connectBytes({ clientId: unique('c'), ...fields }))
  const connack = await client.expectConnack()
  assert.equal(connack.reasonCode, 0, 'CONNACK accepts')
  return { client, connack }
}

/** Fields of a CONNECT whose session survives the connection, for any version. */
export function lasting(clientId: string, version: Version = 5): ConnectFields {
  return version === 5
    ? { version, clientId, cleanStart: false, properties: property.sessionExpiryInterval(3600) }
    : { version, clientId, cleanStart: false }
}

/** Subscribes and waits for the SUBACK, which must grant what was asked for. */
export async function subscribe(
  client: RawClient,
  subscriptions: readonly SubscriptionFields[] | string,
  properties?: Uint8Array,
): Promise<void> {
  const wanted = typeof subscriptions === 'string' ? [{ filter: subscriptions, qos: 2 }] : subscriptions
  client.send(
    subscribeBytes({
      version: client.version,
      packetId: 0x5555,
      subscriptions: wanted,
      ...(properties && { properties }),
    }),
  )
  const suback = await client.expectSuback()
  const asked = wanted.map(({ qos = 0, options }) => (options ?? qos) & 3)
  assert.deepEqual([suback.packetId, ...suback.reasonCodes], [0x5555, ...asked], 'SUBACK grants')
}

/**
 * Publishes and waits until the broker is done with the message: for PUBACK, for the whole QoS 2 exchange, or at QoS 0
 * for the answer to a ping behind it.
 */
export async function publish(client: RawClient, fields: PublishFields): Promise<void> {
  const packetId = fields.packetId ?? 1
  client.send(publishBytes({ version: client.version, ...fields }))
  if (!fields.qos) {
    await client.expectNothing()
  } else if (fields.qos === 1) {
    assertAccepted(await client.expectAcknowledgement('PUBACK'), packetId)
  } else {
    assertAccepted(await client.expectAcknowledgement('PUBREC'), packetId)
    client.send(concat(Uint8Array.of(0x62, 2), Uint8Array.of(packetId >> 8, packetId & 0xff)))
    assertAccepted(await client.expectAcknowledgement('PUBCOMP'), packetId)
  }
}

function assertAccepted(answer: { packetId: number; reasonCode: number }, packetId: number): void {
  assert.equal(answer.packetId, packetId)
  assert(answer.reasonCode < 0x80, `refused with reason code ${answer.reasonCode}`)
}

/** Ends the connection in good order and waits until the broker has closed it, so that its session state is settled. */
export async function leave(client: RawClient): Promise<void> {
  client.send(disconnectBytes())
  await client.expectClosed()
}

/**
 * Lets at least a second and a half pass by the broker's own clock, without sleeping: it cuts off a client that stays
 * silent for one and a half times its keep alive [MQTT-3.1.2-22], and that is what this waits for.
 */
export async function timePasses(t: TestContext, broker: WireBroker): Promise<void> {
  const silent = await join(t, broker, { version: 4, keepAlive: 1 })
  await silent.expectClosed()
}

/** Proves that the broker has handled all that `client` sent. */
export async function settled(client: RawClient): Promise<void> {
  client.send(pingreqBytes)
  await client.expect('D0 00')
}

/** Takes every PUBLISH that is on its way to `client`, and nothing else may be; acknowledges none of them. */
export async function drain(client: RawClient): Promise<Publish[]> {
  client.send(pingreqBytes)
  const publishes: Publish[] = []
  for (;;) {
    const packet = await client.nextPacket('PUBLISH or PINGRESP')
    if (packet.name === 'PINGRESP') return publishes
    assert.equal(packet.name, 'PUBLISH')
    publishes.push(readPublish(packet, client.version))
  }
}

/**
 * A CONNECT was refused: MQTT 5 may say so in a CONNACK with one of the reason codes, or just close; before 5 a CONNECT
 * that breaks the format gets no CONNACK [v3.1.1 MQTT-3.1.4-1].
 */
export async function expectConnectRefused(client: RawClient, ...reasonCodes: readonly number[]): Promise<void> {
  const packet = await client.packetOrEnd()
  if (packet === undefined) return
  assert.equal(client.version, 5, `no CONNACK answers a malformed CONNECT before MQTT 5, got ${showHex(packet.bytes)}`)
  assert.equal(packet.name, 'CONNACK')
  const { reasonCode, flags } = readConnack(packet, 5)
  assert(reasonCodes.includes(reasonCode), `CONNACK says 0x${reasonCode.toString(16)}`)
  assert.equal(flags, 0)
  await client.expectClosed()
}
