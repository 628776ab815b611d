// Unix sockets: the file that a crashed broker left behind is removed, and nothing else ever is.

import { type BigIntStats, lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { escapeText } from '../base/escape.ts'
import { causeCode, ListenerError } from './errors.ts'

/** Leaves 0660: owner and group may connect; Mosquitto leaves it to the umask that it finds. */
const socketMask = 0o117
/** `sun_path` of sockaddr_un, less its final NUL. */
const maxPathBytes = 107

/**
 * Makes room for a new socket at `path`: a socket that nobody answers on is unlinked.
 *
 * @throws ListenerError when something lives there: a listening socket, or a file that is no socket
 */
export async function clearSocketPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > maxPathBytes) {
    throw new ListenerError(
      'ERR_NET_LISTEN_FAILED',
      'Error: Path to unix socket is too long.',
      `"${escapeText(path)}" has ${Buffer.byteLength(path)} bytes, at most ${maxPathBytes} are possible`,
    )
  }
  const before = statOf(path)
  if (before === undefined) return
  if (!before.isSocket())
    throw inUse(path, 'exists and is no socket; it is left alone: move it away or choose another path')
  if (!(await isDead(path))) throw inUse(path, 'another program listens on it')
  const after = statOf(path)
  if (after === undefined) return
  if (after.ino !== before.ino || after.dev !== before.dev) throw inUse(path, 'it was replaced meanwhile')
  unlinkSync(path)
}

/**
 * Runs `bind` so that the socket it makes is for owner and group from its first moment: to narrow its mode afterwards would
 * let others in meanwhile. The mask is the whole process's, and is back before anything else runs.
 *
 * @param bind calls bind(2) before it returns, as `server.listen()` does for a path
 */
export function forOwnerAndGroup<T>(bind: () => T): T {
  const before = process.umask(socketMask)
  try {
    return bind()
  } finally {
    process.umask(before)
  }
}

function statOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

/** Only a refused connection proves that no process holds the socket; any other outcome leaves it alone. */
function isDead(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.once('error', error => resolve(causeCode(error) === 'ECONNREFUSED'))
  })
}

function inUse(path: string, what: string): ListenerError {
  return new ListenerError('ERR_NET_ADDRESS_IN_USE', 'Error: Address already in use', `${escapeText(path)}: ${what}`)
}
