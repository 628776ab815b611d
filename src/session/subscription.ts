// One subscription of one session (§4.1), or of a shared group's member (§4.8.2).

import type { QoS } from '../mqtt/packet.ts'
import type { Session } from './session.ts'

export class Subscription {
  readonly session: Session
  /** As the client gave it, `$share/…` and mount point included. */
  readonly fullFilter: string
  /** What is matched: without `$share/name/`. */
  readonly topicFilter: string
  readonly shareName: string | undefined
  qos: QoS = 0
  noLocal = false
  retainAsPublished = false
  /** 0 when the client gave none. */
  identifier = 0

  constructor(session: Session, fullFilter: string, topicFilter: string, shareName: string | undefined) {
    this.session = session
    this.fullFilter = fullFilter
    this.topicFilter = topicFilter
    this.shareName = shareName
  }
}
