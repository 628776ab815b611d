// All bridges of a broker: started together, and after a reload those that the configuration has then.

import { Bridge } from './bridge.ts'
import type { Dial } from './dial.ts'
import type { BridgeHost } from './host.ts'
import type { BridgeSettings } from './options.ts'

export class Bridges {
  readonly #hostOf: (name: string) => BridgeHost
  readonly #bridges = new Map<string, Bridge>()
  readonly #dial: Dial

  /** @param hostOf the own broker, as the bridge of that name may use it */
  constructor(hostOf: (name: string) => BridgeHost, dial: Dial) {
    this.#hostOf = hostOf
    this.#dial = dial
  }

  /** Makes their sessions, so that they keep what is published from now on. Called once, before anybody else is let in. */
  async prepare(settings: readonly BridgeSettings[]): Promise<void> {
    for (const one of settings) await this.#add(one).prepare()
  }

  /** Called once. */
  start(): void {
    for (const bridge of this.#bridges.values()) bridge.start()
  }

  /** After a reload. @param settings of all bridges that there are now */
  async reload(settings: readonly BridgeSettings[]): Promise<void> {
    const names = new Set(settings.map(({ name }) => name))
    for (const [name, bridge] of [...this.#bridges]) if (!names.has(name)) this.#remove(name, bridge)
    for (const one of settings) {
      const bridge = this.#bridges.get(one.name)
      if (bridge !== undefined) {
        await bridge.change(one)
        continue
      }
      const added = this.#add(one)
      await added.prepare()
      added.start()
    }
  }

  /** Each with the name of its `connection`. */
  get all(): Iterable<readonly [name: string, bridge: Bridge]> {
    return this.#bridges
  }

  /** @returns resolved when every other broker has been told */
  async stop(): Promise<void> {
    await Promise.all([...this.#bridges.values()].map(bridge => bridge.stop('this broker stops')))
  }

  #add(settings: BridgeSettings): Bridge {
    const bridge = new Bridge(this.#hostOf(settings.name), settings, this.#dial)
    this.#bridges.set(settings.name, bridge)
    return bridge
  }

  /** Nobody comes for its session any more. */
  #remove(name: string, bridge: Bridge): void {
    this.#bridges.delete(name)
    bridge.stop('it is not in the configuration any more')
    this.#hostOf(name).endSession(bridge.localClientId)
  }
}
