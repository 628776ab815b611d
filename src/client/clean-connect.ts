// The CONNECT of a client that leaves nothing behind: a clean start, and no will.

import { type Connect, noProperties, PacketType, type ProtocolVersion } from '../mqtt/packet.ts'
import type { Target } from './target.ts'

/** Where a broker is, and as whom to come to it. */
export interface Visit {
  readonly target: Target
  readonly protocolVersion: ProtocolVersion
  readonly username: string | undefined
  readonly password: string | undefined
}

/** @param keepAlive seconds; 0 is off */
export function cleanConnect(
  { protocolVersion, username, password }: Visit,
  clientId: string,
  keepAlive: number,
): Connect {
  return {
    type: PacketType.connect,
    protocolVersion,
    bridge: false,
    cleanStart: true,
    keepAlive,
    clientId,
    username,
    password: password === undefined ? undefined : Buffer.from(password),
    will: undefined,
    properties: noProperties,
  }
}
