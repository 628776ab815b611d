// Where a listener listens: its host names, interfaces and address families as addresses, and each address as a bound
// server.

import { lookup } from 'node:dns/promises'
import { isIPv6, type ListenOptions, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { escapeText } from '../base/escape.ts'
import { causeCode, ListenerError } from './errors.ts'
import type { ListenerSettings } from './options.ts'

/**
 * Connections that the kernel keeps for us while others are accepted, one per turn of the event loop; it may cut the number
 * down (`net.core.somaxconn`). Past it a client's SYN is lost, and the client tries again after seconds.
 */
const backlog = 16_384

export type BindSettings = Pick<ListenerSettings, 'port' | 'address' | 'bind_interface' | 'socket_domain'>

export interface BindAddress {
  readonly address: string
  readonly family: 4 | 6
  /** Whether a machine without this address family goes on without it. */
  readonly optional: boolean
}

/**
 * The addresses of a TCP listener; all interfaces of both families when the settings name none.
 *
 * @throws ListenerError when the host does not resolve, or the interface does not exist or lacks the address
 */
export async function bindAddresses(settings: BindSettings): Promise<BindAddress[]> {
  const found =
    settings.bind_interface === undefined
      ? await resolve(settings.address)
      : ofInterface(settings.bind_interface, settings.address)
  const wanted = found.filter(
    ({ family }) => settings.socket_domain === undefined || settings.socket_domain === `ipv${family}`,
  )
  if (wanted.length > 0) return wanted
  throw new ListenerError(
    'ERR_NET_ADDRESS_NOT_AVAILABLE',
    'Error: Cannot assign requested address',
    `${escapeText(settings.bind_interface ?? settings.address ?? 'this machine')} has no ${settings.socket_domain ?? 'usable'} address`,
  )
}

/**
 * Binds and listens.
 *
 * @returns false when the machine lacks an optional address family
 * @throws ListenerError in Mosquitto's words
 */
export async function bind(server: Server, options: ListenOptions, optional: boolean): Promise<boolean> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ ...options, backlog }, () => {
        server.off('error', reject)
        resolve()
      })
    })
    return true
  } catch (error) {
    if (optional && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(causeCode(error))) return false
    throw bindError(error, options)
  }
}

async function resolve(host: string | undefined): Promise<BindAddress[]> {
  if (host === undefined) {
    return [
      { address: '0.0.0.0', family: 4, optional: true },
      { address: '::', family: 6, optional: true },
    ]
  }
  try {
    const addresses = await lookup(host, { all: true })
    return addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4, optional: false }))
  } catch (error) {
    throw new ListenerError(
      'ERR_NET_ADDRESS_NOT_AVAILABLE',
      'Error: Name or service not known',
      `"${escapeText(host)}" is neither an address of this machine nor a name that resolves to one`,
      { cause: error },
    )
  }
}

function ofInterface(name: string, address: string | undefined): BindAddress[] {
  const addresses = networkInterfaces()[name]
  if (addresses === undefined) {
    throw new ListenerError(
      'ERR_NET_ADDRESS_NOT_AVAILABLE',
      `Error: Interface ${escapeText(name)} does not exist.`,
      `this machine has ${Object.keys(networkInterfaces()).join(', ')}`,
    )
  }
  return addresses
    .filter(entry => address === undefined || entry.address === address)
    .map(({ address, scopeid }) => ({
      // A link-local address means something only together with its interface.
      address: scopeid ? `${address}%${name}` : address,
      family: isIPv6(address) ? 6 : 4,
      optional: false,
    }))
}

function bindError(error: unknown, { host, port, path }: ListenOptions): ListenerError {
  const place = path === undefined ? `port ${port} on ${host}` : escapeText(path)
  const cause = { cause: error }
  switch (causeCode(error)) {
    case 'EADDRINUSE':
      return new ListenerError(
        'ERR_NET_ADDRESS_IN_USE',
        'Error: Address already in use',
        `${place} is taken: stop what listens there (ss -lntp shows it), or choose another port`,
        cause,
      )
    case 'EADDRNOTAVAIL':
      return new ListenerError(
        'ERR_NET_ADDRESS_NOT_AVAILABLE',
        'Error: Cannot assign requested address',
        `${place}: this machine does not have the address`,
        cause,
      )
    case 'EACCES':
    case 'EPERM':
      return new ListenerError(
        'ERR_NET_PERMISSION_DENIED',
        'Error: Permission denied',
        path === undefined
          ? `${place}: ports below 1024 need CAP_NET_BIND_SERVICE; choose a higher one`
          : `${place}: the directory must be writable for the user that runs the broker`,
        cause,
      )
    default:
      return new ListenerError('ERR_NET_LISTEN_FAILED', `Error: Unable to listen on ${place}`, causeCode(error), cause)
  }
}
