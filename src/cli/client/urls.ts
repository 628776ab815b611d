// The two addresses on the command line of `castellan pub`, `sub` and `rr`: a broker's with a topic (`-L`), and a proxy's.

import type { SocksProxy } from '../../client/socks5.ts'
import { ClientUsageError } from './error.ts'
import { wholeNumber } from './values.ts'

/** What `-L` says, as options. */
export interface ClientUrl {
  readonly topic: string
  readonly host: string
  readonly port: number
  readonly username?: string
  readonly password?: string
  readonly osCertificates?: true
  readonly webSocket?: true
}

const schemes: Readonly<
  Record<string, { readonly port: number; readonly osCertificates?: true; readonly webSocket?: true }>
> = {
  mqtt: { port: 1883 },
  mqtts: { port: 8883, osCertificates: true },
  ws: { port: 1883, webSocket: true },
  wss: { port: 8883, osCertificates: true, webSocket: true },
}

const usualProxyPort = 1080

/**
 * Reads `mqtt(s)://[username[:password]@]host[:port]/topic`, or `ws(s)://…`. Nothing in it is decoded.
 *
 * @throws ClientUsageError; the URL is not quoted, as a password may be in it
 */
export function readClientUrl(text: string): ClientUrl {
  const [, scheme = '', rest = ''] = /^([A-Za-z]+):\/\/(.*)$/s.exec(text) ?? []
  const known = Object.hasOwn(schemes, scheme.toLowerCase()) ? schemes[scheme.toLowerCase()] : undefined
  if (known === undefined) throw new ClientUsageError('Error: Unsupported URL scheme.')
  const slash = rest.indexOf('/')
  if (slash === -1) throw new ClientUsageError('Error: Invalid URL for -L argument specified - topic missing.')
  const { host, port, username, password } = readAuthority(rest.slice(0, slash))
  return {
    ...known,
    topic: rest.slice(slash + 1),
    host,
    port: port === undefined ? known.port : portOf(port, 'port'),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  }
}

/**
 * Reads `socks5h://[username[:password]@]host[:port]`.
 *
 * @throws ClientUsageError; not quoted, either
 */
export function readProxyUrl(text: string): SocksProxy {
  const rest = /^socks5h:\/\/(.*)$/s.exec(text)?.[1]
  if (rest === undefined) throw new ClientUsageError("Error: Unsupported proxy protocol; it is 'socks5h://'.")
  const { host, port, username, password } = readAuthority(rest)
  if (host === '' || password?.includes(':')) throw new ClientUsageError('Error: Invalid proxy.')
  return {
    host,
    port: port === undefined ? usualProxyPort : portOf(port, 'proxy port'),
    username: username === undefined ? undefined : decoded(username),
    password: password === undefined ? undefined : decoded(password),
  }
}

interface Authority {
  readonly host: string
  readonly port: string | undefined
  readonly username: string | undefined
  readonly password: string | undefined
}

function readAuthority(text: string): Authority {
  const at = text.indexOf('@')
  const [, username, password] = at === -1 ? [] : (/^([^:]*)(?::(.*))?$/s.exec(text.slice(0, at)) ?? [])
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(text.slice(at + 1)) ?? []
  return { host: bracketed ?? plain ?? '', port, username, password }
}

function portOf(text: string, what: string): number {
  return wholeNumber(text, 1, 65_535, `Invalid ${what} given`)
}

/** What a username or password of a proxy may hold is written `%25`, `%3A` and `%40`. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new ClientUsageError('Error: A % in a proxy URL has to be written %25.')
  }
}
