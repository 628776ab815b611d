// Sessions that are opened, kept, ended by DISCONNECT, by a clean start or by their expiry, and what CONNACK says of each;
// `LoadClient` compares.

import { publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import type { RawPacket } from '../support/packet-reader.ts'
import { type ConnectWish, LoadClient } from './load-client.ts'

/** Milliseconds between an end and the next connection. */
const pauseMs = 20

export class SessionLoad extends LoadClient {
  #timer: NodeJS.Timeout | undefined

  protected wish(): ConnectWish {
    const { random } = this.world
    return { cleanStart: random.oneIn(4), expiry: random.oneIn(3) ? 0 : 3600 }
  }

  protected connected(): void {
    const { version, world } = this
    const topic = `own/${this.clientId}`
    // Something that would be left over.
    this.send(
      subscribeBytes({ version, packetId: 1, subscriptions: [{ filter: topic, qos: 2 }] }),
      publishBytes({ version, topic, packetId: 2, qos: 1, payload: 'mine' }),
    )
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#end(), world.random.below(60))
  }

  protected packet(_packet: RawPacket): void {}

  override brokerDied(): void {
    super.brokerDied()
    clearTimeout(this.#timer)
  }

  override brokerIsUp(): void {
    if (!this.world.isEnding) this.arrive()
  }

  #end(): void {
    if (!this.isConnected || this.world.isEnding) return
    const { random } = this.world
    if (this.version < 5 || random.oneIn(2)) this.leave(random.pick(['breaks off', 'says goodbye'] as const))
    else this.leave('says goodbye', 0)
    this.#timer = setTimeout(() => this.brokerIsUp(), pauseMs)
  }
}

/** Ends the session's last trace at the end of a run. */
export class SessionEnd extends LoadClient {
  #done: (() => void) | undefined

  end(): Promise<void> {
    this.arrive()
    return new Promise(resolve => {
      this.#done = resolve
    })
  }

  protected wish(): ConnectWish {
    return { cleanStart: true, expiry: 0 }
  }

  protected connected(): void {
    this.leave('says goodbye')
    this.#done?.()
  }

  protected packet(_packet: RawPacket): void {}
}

/** Opens a session that lasts a second, goes, and comes back when it must be gone. */
export class ExpiryLoad extends LoadClient {
  #isBack = false
  #done: (() => void) | undefined

  protected wish(): ConnectWish {
    return { cleanStart: false, expiry: this.#isBack ? 0 : 1 }
  }

  protected connected(sessionPresent: boolean): void {
    if (!this.#isBack) {
      this.leave('breaks off')
      return
    }
    if (sessionPresent) this.world.ledger.fault(`session: ${this.clientId} found one that had expired`)
    this.leave('says goodbye')
    this.#done?.()
  }

  /** At least two seconds after it went, and after the broker came up. */
  comeBack(): Promise<void> {
    this.#isBack = true
    this.forgetSession()
    this.arrive()
    return new Promise(resolve => {
      this.#done = resolve
    })
  }

  protected packet(_packet: RawPacket): void {}
}
