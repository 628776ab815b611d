// One connection's fault never touches another: two hundred connections broken in every way we know, beside twenty good
// ones that exchange numbered messages all the while, and lose none.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { readFile } from 'node:fs/promises'
import test, { type TestContext } from 'node:test'
import type { MqttClient } from 'mqtt'
import { throwawayPki } from '../support/authority.ts'
import { hex } from '../support/bytes.ts'
import { connectMqttJs } from '../support/clients.ts'
import { freePort } from '../support/free-port.ts'
import { acknowledgementBytes, connectBytes, publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { dial, join, startWireBroker, unique, type WireBroker } from '../support/wire-broker.ts'

const goodCount = 20
/** Rounds of all faults at once, and how often each fault comes in a round. */
const rounds = 2
const timesEach = 5

interface Ground extends WireBroker {
  readonly tlsPort: number
}

/** Makes one broken connection; done when the broker has ended it, or when it has broken off by itself. */
type Fault = (t: TestContext, ground: Ground) => Promise<unknown>

/** The broker ends it, whatever it says before. */
async function endedByBroker(client: RawClient): Promise<void> {
  while (await client.packetOrEnd()) {}
}

/** Sends bytes as the first thing. */
const firstBytes =
  (bytes: () => Uint8Array): Fault =>
  async (t, ground) => {
    const client = await dial(t, ground)
    client.send(bytes())
    await endedByBroker(client)
  }

/** Sends bytes as a client that was let in. */
const bytesOnceIn =
  (bytes: () => Uint8Array): Fault =>
  async (t, ground) => {
    const client = await join(t, ground)
    client.send(bytes())
    await endedByBroker(client)
  }

const clientHelloHead = hex`16 03 01 02 00 01 00 01 FC 03 03`

const faults: Readonly<Record<string, Fault>> = {
  'says nothing': async (t, ground) => endedByBroker(await dial(t, ground)),
  'says nothing and breaks off': async (t, ground) => (await dial(t, ground)).breakOff(),
  'resets at once': async (t, ground) => (await dial(t, ground)).socket.resetAndDestroy(),
  'stops in its CONNECT': firstBytes(() => connectBytes({ clientId: 'half' }).subarray(0, 9)),
  'speaks HTTP': firstBytes(() => Buffer.from('GET / HTTP/1.1\r\nHost: broker\r\n\r\n')),
  'speaks TLS to a plain port': firstBytes(() => clientHelloHead),
  'sends noise': firstBytes(() => Buffer.concat([hex`00`, randomBytes(2000)])),
  'names another protocol': firstBytes(() => connectBytes({ protocolName: 'MQXX' })),
  'sets reserved bits in CONNECT': firstBytes(() => connectBytes({ flags: 0x03 })),
  'announces a CONNECT of 256 MB': firstBytes(() => hex`10 FF FF FF 7F`),
  'begins with PUBLISH': firstBytes(() => publishBytes({ topic: 'before/connect', qos: 1 })),
  'connects twice': bytesOnceIn(() => connectBytes({ clientId: 'again' })),
  'sends what only servers send': bytesOnceIn(() => hex`20 03 00 00 00`),
  'publishes at QoS 3': bytesOnceIn(() => hex`36 06 00 01 'a' 00 01 00`),
  'publishes to a wildcard': bytesOnceIn(() => publishBytes({ topic: 'good/+', qos: 1 })),
  'publishes to no UTF-8': bytesOnceIn(() => publishBytes({ topic: hex`C3 28`, qos: 1 })),
  'publishes under an unknown alias': bytesOnceIn(() =>
    publishBytes({ topic: '', properties: property.topicAlias(3) }),
  ),
  'subscribes to nothing': bytesOnceIn(() => subscribeBytes({ subscriptions: [] })),
  'announces a PUBLISH of 256 MB': bytesOnceIn(() => hex`30 FF FF FF 7F`),
  'writes a length of five bytes': bytesOnceIn(() => hex`30 FF FF FF FF 01`),
  'starts more of QoS 2 than it may': bytesOnceIn(() =>
    Buffer.concat(
      Array.from({ length: 50 }, (_, i) => publishBytes({ topic: 'greedy', qos: 2, packetId: i + 1, payload: 'x' })),
    ),
  ),
  'acknowledges what was never sent, and breaks off': async (t, ground) => {
    const client = await join(t, ground)
    for (const packet of ['PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP'] as const)
      client.send(acknowledgementBytes(packet, 77))
    await client.nextPacket('an answer')
    client.breakOff()
  },
  'breaks off within a PUBLISH': async (t, ground) => {
    const client = await join(t, ground, { will: { topic: 'will', payload: 'broken' } })
    client.send(publishBytes({ topic: 'good/0', payload: 'never whole' }).subarray(0, 12))
    await client.expectNothing().catch(() => {}) // the PINGREQ is swallowed as payload, or makes the packet whole
    client.breakOff()
  },
  'fights for an id': async (t, ground) => {
    const client = await join(t, ground, { clientId: 'contested' })
    client.breakOff()
  },
  'receives everything and reads nothing': async (t, ground) => {
    const client = await join(t, ground, { clientId: unique('deaf') })
    client.socket.pause()
    client.send(subscribeBytes({ subscriptions: [{ filter: '#', qos: 2 }] }))
  },
  'speaks MQTT to a TLS port': async (t, { tlsPort }) => {
    const client = await connectRaw(t, { port: tlsPort })
    client.send(connectBytes({ clientId: 'plain' }))
    await client.packetOrEnd().catch(() => {}) // a TLS alert is no packet
    client.breakOff()
  },
  'stops in its TLS handshake': async (t, { tlsPort }) => {
    const client = await connectRaw(t, { port: tlsPort })
    client.send(clientHelloHead)
    await endedByBroker(client)
  },
  'shows no certificate': async (t, { tlsPort }) => {
    const pki = await throwawayPki()
    const ca = await readFile(pki.authority.ca.cert)
    const client = await connectRaw(t, { port: tlsPort, tls: { ca } }).catch(() => undefined)
    client?.send(connectBytes({ clientId: 'nobody' }))
    if (client !== undefined) await endedByBroker(client)
  },
}

interface Exchange {
  readonly sent: number
  readonly received: readonly number[]
}

/** Twenty clients in a ring: each publishes numbers to the next, at QoS 1 and 2 in turn. */
class Ring {
  readonly clients: MqttClient[] = []
  readonly #received: number[][] = []
  readonly #sent: number[] = []
  readonly #events = new EventEmitter()
  #stopped = false
  endings = 0

  async join(t: TestContext, { port }: WireBroker): Promise<void> {
    for (let index = 0; index < goodCount; index += 1) {
      const client = await connectMqttJs(t, `mqtt://127.0.0.1:${port}`, {
        clientId: `good-${index}`,
        protocolVersion: index % 2 === 0 ? 4 : 5,
      })
      const received: number[] = []
      client.on('message', (_topic, payload) => {
        received.push(Number(payload))
        this.#events.emit('received')
      })
      client.on('close', () => {
        if (!this.#stopped) this.endings += 1
      })
      await client.subscribeAsync(`good/${index}`, { qos: 2 })
      this.clients.push(client)
      this.#received.push(received)
      this.#sent.push(0)
    }
  }

  /** Publishes until `end`; rejects when a message is not acknowledged. */
  async exchange(): Promise<void> {
    const publishOn = async (client: MqttClient, index: number) => {
      for (let number = 1; !this.#stopped; number += 1) {
        await client.publishAsync(`good/${(index + 1) % goodCount}`, `${number}`, { qos: number % 2 === 0 ? 2 : 1 })
        this.#sent[index] = number
      }
    }
    await Promise.all(this.clients.map(publishOn))
  }

  stop(): void {
    this.#stopped = true
  }

  /** What each sent, and what its neighbour got of it, once everything has arrived. */
  async ledger(): Promise<readonly Exchange[]> {
    const exchanges = this.#sent.map((sent, index) => ({ sent, received: this.#received[(index + 1) % goodCount]! }))
    const signal = AbortSignal.timeout(10_000)
    while (exchanges.some(({ sent, received }) => received.length < sent)) {
      await once(this.#events, 'received', { signal })
    }
    return exchanges
  }
}

test(`${Object.keys(faults).length * rounds * timesEach} broken connections of all kinds touch none of ${goodCount} good ones, which lose and repeat nothing`, async t => {
  const pki = await throwawayPki()
  const tlsPort = await freePort()
  const tls = `listener ${tlsPort} 127.0.0.1\ncertfile ${pki.server.cert}\nkeyfile ${pki.server.key}\ncafile ${pki.authority.ca.cert}\nrequire_certificate true`
  const limits = 'connect_timeout 1\npacket_timeout 1\ntls_handshake_timeout 1\nwrite_timeout 2\nmax_takeovers 1000'
  const broker = await startWireBroker(t, `${tls}\nallow_anonymous true\n${limits}`)
  const ground = { ...broker, tlsPort }
  const ring = new Ring()
  await ring.join(t, broker)
  const exchange = ring.exchange()
  const broken = async () => {
    for (let round = 0; round < rounds; round += 1) {
      const failed: string[] = []
      const attempts = Array.from({ length: timesEach }, () => Object.entries(faults))
        .flat()
        .map(([name, fault]) => fault(t, ground).catch(error => void failed.push(`${name}: ${error.message}`)))
      await Promise.all(attempts)
      assert.deepEqual(failed, [], 'every fault ends as it should')
    }
  }
  await Promise.race([broken(), exchange.then(() => assert.fail('the good ones stopped'))])
  ring.stop()
  await exchange
  const ledger = await ring.ledger()
  for (const { sent, received } of ledger) {
    assert(sent > 20, `only ${sent} messages were exchanged meanwhile`)
    // MQTT.js gives a QoS 2 message out at its PUBREL, so that order holds within each QoS.
    for (const rest of [0, 1]) {
      const expected = Array.from({ length: sent }, (_, i) => i + 1).filter(number => number % 2 === rest)
      assert.deepEqual(
        received.filter(number => number % 2 === rest),
        expected,
      )
    }
  }
  assert.equal(ring.endings, 0)
})
