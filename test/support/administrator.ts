// Somebody who changes dynamic security while the broker runs: commands out, responses in, on a connection of its own.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { recover } from '../../src/dynsec/recover.ts'
import { type ConnectFields, publishBytes, subscribeBytes } from './packet-bytes.ts'
import { type RawPacket, readAcknowledgement, readPublish } from './packet-reader.ts'
import type { RawClient } from './raw-client.ts'
import { join, unique } from './wire-broker.ts'

const topic = '$CONTROL/dynamic-security/v1'

export interface Response {
  readonly command: string
  readonly data?: Readonly<Record<string, unknown>>
  readonly error?: string
  readonly correlationData?: string
}

/** A command by name, with what it is given. */
export type SentCommand = Readonly<Record<string, unknown>> & { readonly command: string }

export class Administrator {
  readonly client: RawClient
  #packetId = 0

  constructor(client: RawClient) {
    this.client = client
  }

  /** Connects as `admin` with the password `adminpw`, as {@link initialFile} has them, and subscribes to the responses. */
  static async join(
    t: TestContext,
    broker: Parameters<typeof join>[1],
    fields: ConnectFields = {},
  ): Promise<Administrator> {
    const client = await join(t, broker, { username: 'admin', password: 'adminpw', ...fields })
    client.send(
      subscribeBytes({
        version: client.version,
        packetId: 1,
        subscriptions: [{ filter: `${topic}/response`, qos: 1 }],
      }),
    )
    assert.deepEqual((await client.expectSuback()).reasonCodes, [1])
    return new Administrator(client)
  }

  /** Sends a payload as it is. @returns the payload of the response */
  async send(payload: string): Promise<string> {
    const { version } = this.client
    this.#packetId++
    this.client.send(publishBytes({ version, topic, payload, qos: 1, packetId: this.#packetId }))
    const [puback, response] = await this.#both()
    assert.equal(readAcknowledgement(puback).packetId, this.#packetId)
    const publish = readPublish(response, version)
    assert.deepEqual([publish.topic, publish.qos, publish.retain], [`${topic}/response`, 0, false])
    return Buffer.from(publish.payload).toString()
  }

  /** Sends commands in one message; the responses that others get are passed over. */
  async ask(...commands: readonly SentCommand[]): Promise<readonly Response[]> {
    const { version } = this.client
    const correlationData = unique('ask')
    const payload = JSON.stringify({ commands: commands.map(command => ({ ...command, correlationData })) })
    this.#packetId++
    this.client.send(publishBytes({ version, topic, payload, qos: 1, packetId: this.#packetId }))
    let responses: readonly Response[] | undefined
    for (let isAcknowledged = false; !isAcknowledged || responses === undefined; ) {
      const packet = await this.client.nextPacket('PUBACK or the response')
      if (packet.name === 'PUBACK') isAcknowledged = true
      else responses = ownResponses(Buffer.from(readPublish(packet, version).payload), correlationData) ?? responses
    }
    return responses
  }

  /** Sends commands that must be carried out. */
  async do(...commands: readonly SentCommand[]): Promise<void> {
    for (const { command, error } of await this.ask(...commands)) assert.equal(error, undefined, `${command}: ${error}`)
  }

  /** Either may be the first. */
  async #both(): Promise<readonly [puback: RawPacket, response: RawPacket]> {
    const first = await this.client.nextPacket('PUBACK or the response')
    const second = await this.client.nextPacket('PUBACK or the response')
    return first.name === 'PUBACK' ? [first, second] : [second, first]
  }
}

function ownResponses(payload: Buffer, correlationData: string): readonly Response[] | undefined {
  const { responses }: { responses: readonly Response[] } = JSON.parse(payload.toString())
  return responses.some(response => response.correlationData === correlationData) ? responses : undefined
}

/** A file as `mosquitto_ctrl dynsec init` writes it: `admin` with the password `adminpw` may do everything. */
export const initialFile = JSON.stringify({
  clients: [
    {
      username: 'admin',
      textName: 'Dynsec admin user',
      password: 'X4uYgVKiSN4BLHN0wT8nAntoQlpMSiD5gGaeMSyLdUukKk/RNeAXPDDj4rpHi1YUxJTob7NnVJsGqDz3nW2o3w==',
      salt: 'ERVH6TTqfJfkiGox',
      iterations: 101,
      roles: [{ rolename: 'admin' }],
    },
  ],
  roles: [
    {
      rolename: 'admin',
      acls: [
        { acltype: 'publishClientSend', topic: '$CONTROL/dynamic-security/#', allow: true },
        { acltype: 'publishClientReceive', topic: '$CONTROL/dynamic-security/#', allow: true },
        { acltype: 'subscribePattern', topic: '$CONTROL/dynamic-security/#', allow: true },
        { acltype: 'publishClientReceive', topic: '$SYS/#', allow: true },
        { acltype: 'subscribePattern', topic: '$SYS/#', allow: true },
        { acltype: 'publishClientReceive', topic: '#', allow: true },
        { acltype: 'subscribePattern', topic: '#', allow: true },
        { acltype: 'unsubscribePattern', topic: '#', allow: true },
      ],
    },
  ],
  defaultACLAccess: { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true },
})

/** As Debian's Mosquitto has it; ours is built in, and nothing is loaded. */
export const dynamicSecurityPlugin = '/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so'

/** The lines that ask for it, for a broker whose working directory has the file `dynamic-security.json`. */
export const pluginLines = `plugin ${dynamicSecurityPlugin}\nplugin_opt_config_file dynamic-security.json\n`

/** The text of `dynamic-security.json` in a directory, once it says all that was answered: by then no change is in its log. */
export async function writtenFile(directory: string): Promise<string> {
  const path = joinPath(directory, 'dynamic-security.json')
  while (recover(path).commands.length > 0) await delay(20)
  return readFile(path, 'utf8')
}
