import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Engine } from '../../test/support/engine.ts'
import type { LocalStream } from '../bridge/local-stream.ts'
import { decodePacket, encodePacket } from '../mqtt/codec.ts'
import { Framer } from '../mqtt/framer.ts'
import { noProperties, type Packet, PacketType } from '../mqtt/packet.ts'
import { SparkplugKeeper } from './sparkplug.ts'

const limits = {
  max_packet_size: 200,
  max_inflight_messages: 3,
  max_topic_levels: 200,
  max_keepalive: 0,
}

/** The keeper with a broker that the test plays. */
class Play {
  readonly streams: LocalStream[] = []
  readonly warnings: string[] = []
  readonly #got: Packet[] = []
  readonly #framer = new Framer(100_000)
  readonly keeper: SparkplugKeeper

  constructor(retain_available = true) {
    const log = { enabled: () => true, write: (_: unknown, line: string) => void this.warnings.push(line) }
    const accept = (stream: LocalStream) => {
      this.streams.push(stream)
      const ignore = () => {}
      stream.attach({
        received: bytes => this.#receive(bytes),
        peerEnded: ignore,
        written: ignore,
        failed: ignore,
        closed: ignore,
      })
      stream.resume()
    }
    this.keeper = new SparkplugKeeper({ accept, limits: { ...limits, retain_available }, log }, new Engine().listener)
    this.keeper.start()
  }

  #receive(bytes: Buffer): void {
    this.#framer.push(Buffer.from(bytes))
    while (this.#framer.next()) {
      const { buffer, header, start, end } = this.#framer
      this.#got.push(structuredClone(decodePacket(buffer, header, start, end, 5)))
    }
  }

  /** What came, once the event loop has turned. */
  async got(): Promise<readonly Packet[]> {
    for (let turns = 0; turns < 3; turns++) await new Promise(resolve => setImmediate(resolve))
    return this.#got.splice(0)
  }

  say(packet: Packet): void {
    this.streams.at(-1)?.write(encodePacket(packet, 5))
  }

  async join(serverKeepAlive?: number): Promise<void> {
    await this.got()
    const properties = serverKeepAlive === undefined ? noProperties : { serverKeepAlive }
    this.say({ type: PacketType.connack, sessionPresent: false, reasonCode: 0, properties })
    const [subscribe] = await this.got()
    assert.equal(subscribe?.type, PacketType.subscribe)
  }
}

function birth(payload: string, qos: 0 | 1 = 1, topicName = 'spBv1.0/g/NBIRTH/n'): Packet {
  const fields = { dup: false, qos, retain: false, packetId: qos === 0 ? 0 : 7, properties: noProperties } as const
  return { type: PacketType.publish, topicName, payload: Buffer.from(payload), ...fields }
}

test('mosquitto_sparkplug_aware: it takes no more at once than the broker takes itself', async () => {
  const [connect] = await new Play().got()
  assert.equal(connect?.type, PacketType.connect)
  assert.deepEqual(connect.type === PacketType.connect && connect.properties, { receiveMaximum: 3 })
})

test('mosquitto_sparkplug_aware: a birth is acknowledged when its certificate is', async () => {
  const play = new Play()
  await play.join()
  play.say(birth('x'))
  const [certificate, ...others] = await play.got()
  assert.deepEqual(others, [])
  assert.ok(certificate?.type === PacketType.publish)
  assert.deepEqual(
    [certificate.topicName, certificate.retain, certificate.qos, certificate.packetId],
    ['$sparkplug/certificates/spBv1.0/g/NBIRTH/n', true, 1, 7],
  )
  play.say({ type: PacketType.puback, packetId: 7, reasonCode: 0, properties: noProperties })
  const [acknowledgement] = await play.got()
  assert.deepEqual(
    [acknowledgement?.type, acknowledgement?.type === PacketType.puback && acknowledgement.packetId],
    [4, 7],
  )
})

test('mosquitto_sparkplug_aware: a certificate that is too large is told of, and holds nothing up', async () => {
  const play = new Play()
  await play.join()
  play.say(birth('x'.repeat(190)))
  const [acknowledgement] = await play.got()
  assert.equal(acknowledgement?.type, PacketType.puback)
  assert.match(play.warnings.join(), /the certificate of spBv1\.0\/g\/NBIRTH\/n is larger than max_packet_size/)
})

test('mosquitto_sparkplug_aware: a topic that would be too long below $sparkplug/certificates/ is told of, and ends nothing', async () => {
  const play = new Play()
  await play.join()
  play.say(birth('x', 1, `spBv1.0/${'g'.repeat(65_518)}/NBIRTH/n`))
  const [acknowledgement, ...others] = await play.got()
  assert.equal(acknowledgement?.type, PacketType.puback)
  assert.deepEqual(others, [])
  assert.match(play.warnings.join(), /the topic of the certificate of spBv1\.0\/g+… would be too long/)
  play.say(birth('x', 0))
  assert.equal((await play.got())[0]?.type, PacketType.publish)
})

test('mosquitto_sparkplug_aware: where nothing may be retained, births are acknowledged, and end nothing', async () => {
  const play = new Play(false)
  await play.join()
  play.say(birth('x'))
  play.say(birth('x', 0))
  assert.deepEqual(
    (await play.got()).map(({ type }) => type),
    [PacketType.puback],
  )
})

test('mosquitto_sparkplug_aware: where the broker asks for signs of life it gets them', async () => {
  const play = new Play()
  await play.join(10)
  play.keeper.advance(100_000)
  assert.deepEqual(
    (await play.got()).map(({ type }) => type),
    [PacketType.pingreq],
  )
  play.keeper.advance(104_999)
  assert.deepEqual(await play.got(), [])
  play.keeper.advance(105_000)
  assert.deepEqual(
    (await play.got()).map(({ type }) => type),
    [PacketType.pingreq],
  )
})

test('mosquitto_sparkplug_aware: one that was ended comes again after a second, and after the end of the broker not', async () => {
  const play = new Play()
  await play.join()
  play.streams[0]?.destroy()
  await play.got()
  assert.match(play.warnings.join(), /the broker has ended its connection/)
  play.keeper.advance(5000)
  play.keeper.advance(5999)
  assert.equal(play.streams.length, 1)
  play.keeper.advance(6000)
  assert.equal(play.streams.length, 2)
  play.keeper.stop()
  await play.got()
  play.keeper.advance(60_000)
  play.keeper.advance(70_000)
  assert.equal(play.streams.length, 2)
})
