// What a program around the broker adds to it, where the broker is a library: the places at which `compose.ts` asks it. The
// broker as a program of its own has none of this, and pays for none of it.

import type { Realm } from '../auth/realm.ts'
import type { Broker } from '../broker/broker.ts'
import type { ListenerContext } from '../broker/listener-context.ts'
import type { ConnectionHandler, Peer } from '../net/connection-handler.ts'
import type { Transport } from '../session/transport.ts'
import type { ListenerSettings } from './options.ts'

export interface Embedding {
  /** Called once, before anything is loaded. */
  begun(broker: Broker): void
  /** @returns whom the clients of a listener are judged by: the realm that its settings make, or one around it */
  realm(inner: Realm, settings: ListenerSettings): Realm
  /** Whether the listener has no address: its streams are handed to it. */
  isUnbound(settings: ListenerSettings): boolean
  /** In place of `Broker.accept`. */
  accept(broker: Broker, peer: Peer, transport: Transport, listener: ListenerContext): ConnectionHandler
}
