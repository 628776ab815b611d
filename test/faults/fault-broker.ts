// A broker whose store is on a disk of the test's choosing, and the clients that the tests of faults need.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type BrokerProcess, startBroker } from '../support/broker-process.ts'
import { u32 } from '../support/bytes.ts'
import { freePort } from '../support/free-port.ts'
import { connectBytes, publishBytes, subscribeBytes, type Version } from '../support/packet-bytes.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'

export interface FaultBroker {
  readonly process: BrokerProcess
  readonly port: number
  readonly metricsPort: number
}

/** A directory that goes with the test. */
export function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'castellan-faults-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** @param directory `persistence_location` */
export async function startOn(t: TestContext, directory: string, options = ''): Promise<FaultBroker> {
  const metricsPort = await freePort()
  const config = ({ port }: { port: number }) =>
    [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      `metrics_listener ${metricsPort}`,
      'persistence true',
      `persistence_location ${directory}`,
      options,
    ].join('\n')
  const process = await startBroker(t, { config })
  return { process, port: process.port, metricsPort }
}

export interface Guest {
  readonly version?: Version
  readonly clientId?: string
  /** Its session outlives the connection. */
  readonly isLasting?: boolean
}

const sessionExpiryInterval = 0x11

/** @returns the connection, and what CONNACK said; a refused one is still to be closed by the broker */
export async function knock(
  t: TestContext,
  { port }: { readonly port: number },
  { version = 5, clientId = '', isLasting = false }: Guest = {},
): Promise<{ client: RawClient; reasonCode: number; sessionPresent: boolean }> {
  const client = await connectRaw(t, { port })
  client.version = version
  const properties =
    version === 5 && isLasting ? Buffer.concat([Buffer.of(sessionExpiryInterval), u32(3600)]) : undefined
  client.send(connectBytes({ version, clientId, cleanStart: !isLasting, ...(properties && { properties }) }))
  const { reasonCode, sessionPresent } = await client.expectConnack()
  return { client, reasonCode, sessionPresent }
}

/** As `knock`, and lets nothing but success pass. */
export async function enter(t: TestContext, broker: { readonly port: number }, guest: Guest = {}): Promise<RawClient> {
  const { client, reasonCode } = await knock(t, broker, guest)
  assert.equal(reasonCode, 0)
  return client
}

/** @returns the reason code for the filter */
export async function subscribe(client: RawClient, filter: string, qos = 1): Promise<number> {
  client.send(subscribeBytes({ version: client.version, packetId: 1, subscriptions: [{ filter, qos }] }))
  return (await client.expectSuback()).reasonCodes[0] as number
}

/** Sends at QoS 1, and waits for nothing. */
export function publish(client: RawClient, topic: string, payload: string | Uint8Array, packetId = 1): void {
  client.send(publishBytes({ version: client.version, topic, payload, qos: 1, packetId }))
}

/** @returns the reason code of PUBACK */
export async function publishAndWait(client: RawClient, topic: string, payload: string | Uint8Array): Promise<number> {
  publish(client, topic, payload, 7)
  return (await client.expectAcknowledgement('PUBACK')).reasonCode
}

/** A session that outlives its connection, is away, and has subscribed to `kept`. */
export async function addKeeper(t: TestContext, broker: { readonly port: number }): Promise<void> {
  const keeper = await enter(t, broker, { clientId: 'keeper', isLasting: true })
  assert.equal(await subscribe(keeper, 'kept'), 1)
  keeper.breakOff()
}

/** Starts a broker where another has ended. @returns the payload of what has waited for the keeper */
export async function whatWasKept(t: TestContext, path: string): Promise<string> {
  const broker = await startOn(t, path)
  const { client, sessionPresent } = await knock(t, broker, { clientId: 'keeper', isLasting: true })
  assert.equal(sessionPresent, true)
  return (await client.expectPublish()).payload
}
