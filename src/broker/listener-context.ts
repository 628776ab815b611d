// One listener as its connections see it. A reload replaces the settings and the realm, and calls `Broker.reconfigure` before
// anything else happens: what was decided under the old rules is remembered until then. Connections keep the context.

import type { Realm } from '../auth/realm.ts'
import { TokenBucket } from '../base/token-bucket.ts'
import type { ListenerSettings } from './options.ts'

export class ListenerContext {
  settings: ListenerSettings
  realm: Realm
  /**
   * Its client is a bridge: the configuration says whose session it has, and what it brings is another broker's, which nobody
   * here can hold to a Receive Maximum.
   */
  readonly isForBridge: boolean
  /** Of its CONNECT packets, `max_connect_rate`. */
  readonly connectRate = new TokenBucket()

  /** Tells listeners apart, from one start of the broker to the next. */
  get name(): string {
    const { path, port, address } = this.settings
    return path ?? `${address ?? ''}:${port}`
  }

  constructor(settings: ListenerSettings, realm: Realm, isForBridge = false) {
    this.settings = settings
    this.realm = realm
    this.isForBridge = isForBridge
  }
}
