// What a bridge needs of its own broker; `server/bridges.ts` gives it.

import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { TimerWheel } from '../base/timer-wheel.ts'
import type { LocalStream } from './local-stream.ts'

/** The broker's own limits, which what comes from elsewhere has to keep, by their options. */
export interface LocalLimits {
  /** Bytes of a packet. */
  readonly max_packet_size: number
  /** 0: any number. */
  readonly max_inflight_messages: number
  readonly max_topic_levels: number
  /** Seconds; 0: any. */
  readonly max_keepalive: number
  readonly retain_available: boolean
}

export interface BridgeHost {
  readonly log: Log
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly limits: LocalLimits
  /** Takes a stream as a client's connection, whose CONNECT is due; by the rules for this bridge. */
  accept(stream: LocalStream): void
  /** Messages that wait for the session of this client id. */
  waiting(clientId: string): number
  /** Whether an exchange with this packet id has begun there, towards the client. */
  usesPacketId(clientId: string, packetId: number): boolean
  /** The topic filters that it has subscribed to. */
  subscribed(clientId: string): readonly string[]
  /** Packet ids of QoS 2 that it has received are new ones from here on: whoever sent them knows them no more. */
  forgetReceived(clientId: string): void
  /** Nothing of the session is left. */
  endSession(clientId: string): void
  /** Publishes, and retains, whether the bridge is connected. */
  publishState(topicName: string, state: '0' | '1'): void
}
