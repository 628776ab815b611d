// Clients that leave a will and never come back under their name: whoever was told that it is in has its will published once,
// whatever ends first, its connection or the broker.

import { acknowledgementBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { type RawPacket, readAcknowledgement, readPublish } from '../support/packet-reader.ts'
import { property } from '../support/property-bytes.ts'
import { type ConnectWish, LoadClient, type World } from './load-client.ts'

/** Counts what comes of wills; a durable subscriber at QoS 2. */
export class WillWatcher extends LoadClient {
  readonly #due = new Set<string>()
  readonly #received = new Map<string, number>()
  readonly #taken = new Set<number>()
  #whenSubscribed: (() => void) | undefined

  constructor(world: World) {
    super(world, 'will-watcher', 5)
  }

  begin(): Promise<void> {
    this.arrive()
    return new Promise(resolve => {
      this.#whenSubscribed = resolve
    })
  }

  expect(will: string): void {
    this.#due.add(will)
  }

  get missing(): string[] {
    return [...this.#due].filter(will => !this.#received.has(will))
  }

  closeBooks(): void {
    for (const will of this.missing) this.world.ledger.fault(`lost: nobody got the will of ${will}`)
    for (const [will, times] of this.#received) {
      if (times > 1) this.world.ledger.fault(`duplicated: the will of ${will} came ${times} times`)
    }
  }

  protected wish(): ConnectWish {
    return { cleanStart: false, expiry: 3600 }
  }

  protected connected(sessionPresent: boolean): void {
    if (sessionPresent) return
    this.send(subscribeBytes({ packetId: 1, subscriptions: [{ filter: 'wills/#', qos: 2 }] }))
  }

  protected packet(packet: RawPacket): void {
    if (packet.name === 'SUBACK') this.#whenSubscribed?.()
    else if (packet.name === 'PUBREL') {
      const { packetId } = readAcknowledgement(packet)
      this.#taken.delete(packetId)
      this.send(acknowledgementBytes('PUBCOMP', packetId))
    } else if (packet.name === 'PUBLISH') {
      const { packetId, payload } = readPublish(packet, 5)
      if (!this.#taken.has(packetId)) this.#received.set(payload, (this.#received.get(payload) ?? 0) + 1)
      this.#taken.add(packetId)
      this.send(acknowledgementBytes('PUBREC', packetId))
    }
  }
}

/** Lives once. */
export class WillLeaver extends LoadClient {
  readonly #watcher: WillWatcher
  readonly #delay: number

  /** @param delay seconds, 0 or little */
  constructor(world: World, clientId: string, watcher: WillWatcher, delay: number) {
    super(world, clientId, 5)
    this.#watcher = watcher
    this.#delay = delay
  }

  protected wish(): ConnectWish {
    const { clientId } = this
    const properties = property.willDelayInterval(this.#delay)
    return {
      cleanStart: true,
      expiry: 3600,
      will: { topic: `wills/${clientId}`, payload: clientId, qos: 2, properties },
    }
  }

  protected connected(): void {
    this.world.ledger.counts.wills++
    this.#watcher.expect(this.clientId)
  }

  protected packet(_packet: RawPacket): void {}

  override brokerDied(): void {
    super.brokerDied()
    if (this.isConnected) return
    this.leave('breaks off')
  }
}
