// What a PUBLISH on a topic that has been asked for before costs the broker: one publisher, one subscriber, QoS 0.

import { Link } from '../../test/durability/link.ts'
import { connectBytes, publishBytes, subscribeBytes } from '../../test/support/packet-bytes.ts'
import { readConnack } from '../../test/support/packet-reader.ts'
import { BenchError } from '../bench-error.ts'
import { cpuSecondsBetween, processFigures } from '../load/processes.ts'
import { commonTopic, publisher } from './dataset.ts'

const version = 4
const topic = `${commonTopic}/t`
/** Messages that are written at once, and waited for before the next. */
const window = 500
const payload = 'x'.repeat(64)
const warmUpShare = 4

/** @returns microseconds of the broker's CPU for each message @throws BenchError */
export async function timePublishing(port: number, pid: number, messages: number): Promise<number> {
  const counter = new Counter()
  const subscriber = await open(port, 'subscriber', counter)
  subscriber.send(subscribeBytes({ version, packetId: 1, subscriptions: [{ filter: topic, qos: 0 }] }))
  const sender = await open(port, 'publisher', undefined)
  await counter.isSubscribed
  const burst = Buffer.concat(Array.from({ length: window }, () => publishBytes({ version, topic, payload, qos: 0 })))
  const send = async (count: number) => {
    for (let sent = 0; sent < count; sent += window) {
      const all = counter.reach(window)
      sender.send(burst)
      await all
    }
  }
  await send(messages / warmUpShare)
  const before = processFigures([pid])
  await send(messages)
  const seconds = cpuSecondsBetween(before, processFigures([pid]))
  subscriber.destroy()
  sender.destroy()
  return (seconds * 1e6) / messages
}

class Counter {
  #left = 0
  #done: () => void = () => {}
  readonly #subscribed = Promise.withResolvers<void>()

  get isSubscribed(): Promise<void> {
    return this.#subscribed.promise
  }

  /** Resolves when so many more have come. */
  reach(count: number): Promise<void> {
    this.#left = count
    return new Promise(resolve => {
      this.#done = resolve
    })
  }

  received(name: string): void {
    if (name === 'SUBACK') this.#subscribed.resolve()
    if (name === 'PUBLISH' && --this.#left === 0) this.#done()
  }
}

function open(port: number, clientId: string, counter: Counter | undefined): Promise<Link> {
  return new Promise((resolve, reject) => {
    const link: Link = new Link(port, {
      received: (_link, packet) => {
        if (packet.name !== 'CONNACK') counter?.received(packet.name)
        else if (readConnack(packet, version).reasonCode === 0) resolve(link)
        else reject(new BenchError(`the broker has refused ${clientId}`))
      },
      closed: () => reject(new BenchError(`the broker has closed the connection of ${clientId}`)),
    })
    link.send(connectBytes({ version, clientId, ...publisher }))
  })
}
