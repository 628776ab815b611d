// The way of `castellan pub`, `sub` and `rr` to a broker: where it is, through what, and how often it is tried.

import { lookup, resolveSrv } from 'node:dns/promises'
import { openSync, writeSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { escapeText } from '../../base/escape.ts'
import { systemReason } from '../../base/system-reason.ts'
import type { Conversation, Ending } from '../../client/conversation.ts'
import { ConnectionLostError, UnreachableError } from '../../client/errors.ts'
import { limitAnswer } from '../../client/open-in-time.ts'
import { openStream, type Target, unreachable } from '../../client/target.ts'
import { tlsOptions } from '../ctl/tls.ts'
import { failed } from './error.ts'
import type { ClientOptions } from './options.ts'

const securePort = 8883
const plainPort = 1883
/** Until a connection is there, with everything below MQTT. */
const openingSeconds = 60
const reconnectSeconds = 1
const ownerOnly = 0o600

/**
 * @throws CtlUsageError for TLS options that do not go together
 * @throws CtlError for a file that cannot be read
 * @throws UnreachableError for a name that is not known
 */
export async function targetOf(options: ClientOptions): Promise<Target> {
  if (options.path !== undefined) return { path: options.path }
  const tls = options.noTls ? undefined : tlsOptions(tlsWishes(options), options.port === securePort)
  const usual = tls === undefined ? plainPort : securePort
  const place = { host: options.host ?? 'localhost', port: options.port ?? usual }
  return {
    ...(options.service ? await serviceOf(place.host, tls !== undefined) : place),
    localAddress: await addressOf(options.address),
    proxy: options.proxy,
    tls,
    keylog: options.keylog === undefined ? undefined : keylogInto(options.keylog),
  }
}

function keylogInto(path: string): (line: Buffer) => void {
  try {
    const file = openSync(path, 'a', ownerOnly)
    return line => void writeSync(file, line)
  } catch (cause) {
    throw failed(`Error: Unable to open the file '${escapeText(path, 4096)}' (${systemReason(cause)}).`, cause)
  }
}

/** The machine's own authorities, which a URL asks for, have no part in a shared key. */
function tlsWishes({ osCertificates, psk, ...others }: ClientOptions): ClientOptions {
  if (psk !== undefined) return { ...others, psk }
  return osCertificates ? { ...others, osCertificates } : others
}

/** `-S`: where a domain has its broker (RFC 2782). */
async function serviceOf(host: string, isSecure: boolean): Promise<{ host: string; port: number }> {
  try {
    const records = await resolveSrv(`_${isSecure ? 'secure-mqtt' : 'mqtt'}._tcp.${host}`)
    const [first] = records.toSorted((a, b) => a.priority - b.priority || b.weight - a.weight)
    if (first !== undefined) return { host: first.name, port: first.port }
  } catch (cause) {
    throw unreachable(cause)
  }
  throw new UnreachableError('Error: The domain has no broker in DNS.')
}

async function addressOf(address: string | undefined): Promise<string | undefined> {
  if (address === undefined || isIP(address) !== 0) return address
  try {
    return (await lookup(address)).address
  } catch (cause) {
    throw unreachable(cause)
  }
}

/**
 * Opens the byte stream that MQTT goes over.
 *
 * @param over gives it up
 * @throws UnreachableError, also when it takes longer than a minute
 */
async function openWay(target: Target, webSocket: boolean, over: AbortSignal | undefined): Promise<Duplex> {
  const [given, opened] = [new AbortController(), new AbortController()]
  limitAnswer(opened.signal, late => given.abort(late), openingSeconds)
  const giveUp = () => given.abort(new UnreachableError('Error: Given up.'))
  over?.addEventListener('abort', giveUp, { once: true })
  try {
    const socket = await openStream(target, given.signal)
    if (!webSocket) return socket
    given.signal.addEventListener('abort', () => socket.destroy(given.signal.reason), { once: true })
    const { overWebSocket } = await import('../../client/web-socket.ts')
    return await overWebSocket(socket, 'path' in target ? 'localhost' : authority(target))
  } finally {
    opened.abort()
    over?.removeEventListener('abort', giveUp)
  }
}

function authority({ host, port, tls }: Exclude<Target, { readonly path: string }>): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === (tls === undefined ? 80 : 443) ? name : `${name}:${port}`
}

/**
 * Connects and converses until the conversation ends.
 *
 * @param lasts whether a lost connection is opened again, every second; the first has to succeed
 * @param over cuts it off, whatever it is doing
 * @throws what `openWay` and `Conversation.converse` throw
 */
export async function converse(
  options: ClientOptions,
  conversation: Conversation,
  lasts: boolean,
  over?: AbortSignal,
): Promise<Ending> {
  const target = await targetOf(options)
  const open = () => openWay(target, options.webSocket === true, over)
  for (let stream: Duplex | undefined = await open(); ; stream = undefined) {
    try {
      stream ??= await open()
      return await cutOffBy(over, stream, conversation.converse(stream))
    } catch (error) {
      const isLost = error instanceof ConnectionLostError || error instanceof UnreachableError
      if (!lasts || !isLost || over?.aborted) throw error
    }
    await delay(reconnectSeconds * 1000, undefined, over && { signal: over })
  }
}

async function cutOffBy(over: AbortSignal | undefined, stream: Duplex, conversing: Promise<Ending>): Promise<Ending> {
  const cutOff = () => stream.destroy()
  over?.addEventListener('abort', cutOff, { once: true })
  try {
    return await conversing
  } finally {
    over?.removeEventListener('abort', cutOff)
  }
}
