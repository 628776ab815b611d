// Binds the listeners of a configuration, each with what it needs of the broker; nothing accepts before it is told to.

import { wallClock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { Broker } from '../broker/broker.ts'
import type { ListenerContext } from '../broker/listener-context.ts'
import { KeyLog } from '../net/key-log.ts'
import { type Listener, type ListenerDeps, openListener } from '../net/listener.ts'
import { Outbox } from '../net/outbox.ts'
import type { RawBinding } from '../net/raw-binding.ts'
import { usableRawBinding } from '../net/raw-check.ts'
import type { TrustDeps } from '../net/tls-context.ts'
import { TurnQueue } from '../net/turn-queue.ts'
import type { BrokerLog } from '../observe/broker-log.ts'
import { readProcess } from '../observe/process-figures.ts'
import { noteHandshake } from './audit.ts'
import type { Embedding } from './embedding.ts'
import { connectionsFor } from './open-files.ts'
import type { GlobalSettings, ListenerSettings } from './options.ts'

/** A listener with what the broker knows of it. */
export interface OpenListener {
  readonly listener: Listener
  readonly context: ListenerContext
}

/** One that is to be opened. */
export interface PlannedListener {
  readonly settings: ListenerSettings
  readonly context: ListenerContext
}

export interface OpeningDeps {
  readonly broker: Broker
  readonly log: BrokerLog
  readonly trust: Pick<TrustDeps, 'revocations' | 'downloads' | 'certificateRevoked' | 'issued'>
  readonly embedding: Embedding | undefined
  /** As last reloaded. */
  settings(): GlobalSettings
  /** Opens one with `protocol http_api`. */
  openApi(own: ListenerSettings, context: ListenerContext): Promise<Listener>
}

/**
 * Binds all, or none.
 *
 * @throws AppError for an address or a file that cannot be used
 */
export async function openListeners(
  planned: readonly PlannedListener[],
  deps: OpeningDeps,
): Promise<readonly OpenListener[]> {
  const open: OpenListener[] = []
  const { tls_keylog: secrets } = deps.settings()
  const keyLog = secrets === undefined ? undefined : new KeyLog(secrets)
  const shared = await sharedDeps(deps, open, keyLog)
  try {
    for (const { settings, context } of planned) {
      const isApi = settings.protocol === 'http_api'
      const listener = await (isApi
        ? deps.openApi(settings, context)
        : openListener(settings, { ...shared, ...ownDeps(deps, settings, context) }))
      open.push({ listener, context })
    }
  } catch (error) {
    for (const { listener } of open) listener.close()
    keyLog?.close()
    throw error
  }
  return open
}

/** What a listener has for itself. */
type OwnDeps = Pick<ListenerDeps, 'handshakeRefused' | 'isUnbound' | 'presharedKey' | 'accept'>

function ownDeps({ broker, embedding }: OpeningDeps, settings: ListenerSettings, context: ListenerContext): OwnDeps {
  return {
    handshakeRefused: refused => noteHandshake(broker.audit, context.name, refused),
    isUnbound: embedding?.isUnbound(settings) === true,
    presharedKey: identity => context.realm.presharedKey(identity),
    accept(peer, transport) {
      broker.counters.socketsOpened++
      return embedding?.accept(broker, peer, transport, context) ?? broker.accept(peer, transport, context)
    },
  }
}

async function sharedDeps(
  { broker, log, settings, trust }: OpeningDeps,
  open: readonly OpenListener[],
  keyLog: KeyLog | undefined,
): Promise<Omit<ListenerDeps, keyof OwnDeps>> {
  const { clock, wheel, counters } = broker
  const mostConnections = connectionsFor(readProcess().mostOpenFiles)
  const outbox = new Outbox()
  return {
    log,
    clock,
    wheel,
    outbox,
    turns: new TurnQueue(clock, outbox),
    raw: settings().raw_sockets ? await rawBinding(log) : undefined,
    traffic: {
      received(bytes) {
        counters.bytesReceived += bytes
      },
      sent(bytes) {
        counters.bytesSent += bytes
      },
    },
    wallClock,
    settings,
    hasRoom: () => hasRoom(settings(), open),
    lacksFiles: () => connectionsOf(open) >= mostConnections,
    limitReached: limit => counters.limitsReached.add(limit),
    certificateRefused: reason => counters.certificatesRefused.add(reason),
    keyLog: keyLog?.write,
    ...trust,
  }
}

async function rawBinding(log: BrokerLog): Promise<RawBinding | undefined> {
  const usable = await usableRawBinding()
  if (typeof usable !== 'string') return usable
  log.write('information', `TCP sockets are served the slower way: ${escapeText(usable)}.`)
  return undefined
}

/** Handshakes under way count too. */
function hasRoom({ global_max_connections: most }: GlobalSettings, open: readonly OpenListener[]): boolean {
  return most < 0 || connectionsOf(open) < most
}

function connectionsOf(open: readonly OpenListener[]): number {
  return open.reduce((sum, { listener }) => sum + listener.connections, 0)
}
