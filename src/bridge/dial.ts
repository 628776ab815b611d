// How the byte stream to the other broker is opened.

import { once } from 'node:events'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { escapeText } from '../base/escape.ts'
import { BridgeError } from './errors.ts'
import type { BridgeAddress } from './option-values.ts'
import type { BridgeSettings } from './options.ts'

/**
 * Opens the byte stream to one address, as the bridge's options say.
 *
 * @param signal gives up
 * @throws BridgeError that says why there is none
 */
export async function dial(address: BridgeAddress, options: BridgeSettings, signal: AbortSignal): Promise<Duplex> {
  const { bridge_bind_address: localAddress } = options
  const socket = connect({ ...address, ...(localAddress !== undefined && { localAddress }), noDelay: true })
  try {
    await once(socket, 'connect', { signal })
    return socket
  } catch (cause) {
    socket.destroy()
    throw new BridgeError(escapeText((cause as Error).message), { cause })
  }
}
