// Puts the rooms together into a running broker: the only place that builds things. Nothing accepts a connection before
// everything is loaded and bound.

import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { AuditTrail } from '../audit/trail.ts'
import { PasswordVerifier } from '../auth/password-verifier.ts'
import type { Realm } from '../auth/realm.ts'
import { Throttle } from '../auth/throttle.ts'
import { type Clock, wallClock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import { version } from '../base/version.ts'
import { Broker } from '../broker/broker.ts'
import { ListenerContext } from '../broker/listener-context.ts'
import { MemoryGuard } from '../broker/memory-guard.ts'
import { BanFile } from '../control/ban-file.ts'
import type { IssueRecords, TrustRules } from '../net/client-trust.ts'
import { KeyLog } from '../net/key-log.ts'
import { type Listener, type ListenerDeps, openListener } from '../net/listener.ts'
import { Outbox } from '../net/outbox.ts'
import type { RawBinding } from '../net/raw-binding.ts'
import { usableRawBinding } from '../net/raw-check.ts'
import { RevocationDownloads } from '../net/revocation-downloads.ts'
import { RevocationFiles } from '../net/revocation-files.ts'
import { asksForCertificate, type TrustDeps } from '../net/tls-context.ts'
import { TurnQueue } from '../net/turn-queue.ts'
import type { BrokerLog } from '../observe/broker-log.ts'
import { Counters } from '../observe/counters.ts'
import { LoopLag } from '../observe/loop-lag.ts'
import { systemMemoryProbe } from '../observe/memory-probe.ts'
import { readProcess } from '../observe/process-figures.ts'
import type { StoreError } from '../store/store-error.ts'
import { loadX509Library } from '../x509/library.ts'
import { noteFiles, noteHandshake, noteRevocationList } from './audit.ts'
import { BridgeService } from './bridges.ts'
import { openBrokerControl } from './broker-control.ts'
import { Census } from './census.ts'
import { Durability } from './durability.ts'
import { SecurityService } from './dynamic-security.ts'
import type { Embedding } from './embedding.ts'
import { ExternalAuth } from './external-auth.ts'
import { failureThrottle, passwordChecks, takeoverThrottle } from './guard-settings.ts'
import { Monitor } from './monitor.ts'
import { connectionsFor } from './open-files.ts'
import type { Config } from './options.ts'
import { RulesLoader } from './rules.ts'
import { sparkplugOf } from './sparkplug.ts'
import { SysPublisher } from './sys-publisher.ts'
import { TlsWatch } from './tls-watch.ts'

/** How often deadlines are looked at, in milliseconds; a deadline is met at most this much later. */
const tickMs = 100

/** What a broker has to close its files, or to say goodbye when it has no store any more, in milliseconds. */
const closingMs = 1000

/** What dynamic security has to write its file, in milliseconds: what is not in it by then stays in the log beside it. */
const foldingMs = 5000

/** A listener with what the broker knows of it. */
export interface OpenListener {
  readonly listener: Listener
  readonly context: ListenerContext
}

export interface RunningBroker {
  readonly broker: Broker
  readonly listeners: readonly OpenListener[]
  readonly verifier: PasswordVerifier
  /** The files of revocation lists that the listeners name. */
  readonly revocations: RevocationFiles
  /** undefined without dynamic security. */
  readonly security: SecurityService | undefined
  readonly external: ExternalAuth
  /** undefined where nobody can be banned. */
  readonly banFile: BanFile | undefined
  readonly bridges: BridgeService
  /** As last loaded; a reload replaces it. */
  config: Config
  /** Whether the event loop is as quick as `health_max_lag` wants it, as `/healthz` says it. */
  keepsUp(): boolean
  /**
   * Says goodbye to every client, waits until the last byte has left and what was recorded is safe, and closes everything.
   *
   * @param mostMs how long the first two may take; what has not left or is not safe by then is given up
   * @returns whether what was recorded is safe
   */
  stop(mostMs: number): Promise<'stopped' | 'unsaved'>
  /** Says goodbye as far as it can be done without a store; the process has to end then. */
  abandon(): Promise<void>
}

export interface StartControl {
  /** What the authority of `ca_directory` has issued; undefined without one. */
  readonly issued?: IssueRecords | undefined
  /** Aborted: nobody wants the broker any more, a load that takes long is given up. */
  readonly givesUp: AbortSignal
  /** undefined without `audit_file`. */
  readonly audit?: AuditTrail | undefined
  /** The program around the broker, which begins to accept itself; undefined where the broker is the program. */
  readonly embedding?: Embedding | undefined
  /** Called once: the store takes nothing any more, and nothing can be acknowledged. */
  storeLost(error: StoreError): void
}

/**
 * Loads rules and certificates, binds every listener, and begins to accept.
 *
 * @throws AppError for a file, an address or a store that cannot be used; the reason of `givesUp`; nothing stays bound
 */
export async function startBroker(
  config: Config,
  log: BrokerLog,
  clock: Clock,
  control: StartControl,
): Promise<RunningBroker> {
  const { global } = config
  const { embedding } = control
  const verifier = new PasswordVerifier(passwordChecks(global), clock)
  let current = config
  const settings = () => current.global
  const security = await SecurityService.open(config, log, settings)
  const banFile = global.ban_file === undefined ? undefined : new BanFile(global.ban_file, wallClock)
  const external = new ExternalAuth(log, clock)
  const rules = new RulesLoader(log, verifier, security?.directory, external)
  const planned = config.listeners.map(settings => ({
    settings,
    context: new ListenerContext(settings, realmOf(rules, global, settings, embedding)),
  }))
  external.adopt()
  const broker = createBroker(global, log, clock)
  const { audit } = control
  broker.audit = audit
  embedding?.begun(broker)
  const bridges = new BridgeService(broker, config, planned[0]?.context, settings)
  const sparkplug = sparkplugOf(broker, config, planned[0]?.context, settings)
  const revocations = new RevocationFiles(log)
  const downloads = new RevocationDownloads(log, global.crl_fetch_max_bytes)
  const tlsWatch = new TlsWatch(log, {
    changed(settings) {
      broker.recheckCertificates()
      noteFiles(audit, tlsFiles(settings))
    },
    refused: (settings, errors) => noteFiles(audit, tlsFiles(settings), { errors }),
  })
  const census = new Census(broker)
  const lag = new LoopLag(tickMs, clock.now())
  const memory = new MemoryGuard(broker, systemMemoryProbe())
  const sys = new SysPublisher(broker, census, `castellan version ${version()}`)
  const durability = new Durability(broker, log, control)
  const ticker = setInterval(() => {
    const now = clock.now()
    tellStall(log, lag.tick(now), settings().health_max_lag)
    memory.advance(now)
    broker.advance(now)
    census.advance(now)
    sys.advance(now, wallClock())
    durability.advance(now)
    bridges.advance(now)
    sparkplug?.advance(now)
    security?.advance(now)
    external.advance(now)
    revocations.advance(now)
    downloads.intervalMs = current.global.crl_fetch_interval * 1000
    downloads.mostBytes = current.global.crl_fetch_max_bytes
    downloads.advance(now)
    tlsWatch.advance(now, opened())
    control.audit?.advance(now)
    for (const { listener } of listeners) listener.advance(wallClock())
  }, tickMs)
  let listeners: readonly OpenListener[] = []
  const opened = () => listeners.map(({ listener }) => listener)
  const checks = [durability, security, audit].filter(check => check !== undefined)
  const monitor = new Monitor({
    broker,
    verifier,
    census,
    lag,
    memory,
    log,
    clock,
    settings,
    listeners: opened,
    bridges,
    checks,
  })
  try {
    await monitor.open()
    const within = sparkplug === undefined ? bridges.contexts : [...bridges.contexts, sparkplug.context]
    await durability.open(global, [...contextsOfSessions(planned), ...within])
    await bridges.prepare()
    security?.attach(broker)
    external.attach(broker)
    openBrokerControl({ broker, log, config: () => current, listeners: () => listeners }, banFile)
    await loadRevocations(revocations, config)
    listeners = await openListeners(planned, broker, log, clock, settings, {
      embedding,
      revocations: path => revocations.get(path),
      downloads,
      certificateRevoked: () => broker.recheckCertificates(),
      issued: control.issued && unlessAllowed(control.issued, settings),
      async openApi(own, context) {
        // Loaded here, as the monitor's: most brokers have no such listener.
        const { openHttpApi } = await import('./http-api.ts')
        return openHttpApi(own, context, { broker, log, config: () => current, systree: () => sys.published })
      },
    })
    await tlsWatch.begin(opened())
  } catch (error) {
    clearInterval(ticker)
    monitor.close()
    await durability.closeUnstarted()
    throw error
  }
  revocations.onChange = async ({ path }) => {
    const ended = await adoptRevocations(broker, opened(), ({ revocations: file }) => file?.path === path)
    noteRevocationList(audit, path, ended)
  }
  downloads.onChange = async () => {
    const ended = await adoptRevocations(broker, opened(), rules => rules.downloads !== undefined)
    noteRevocationList(audit, 'crl_fetch', ended)
  }
  log.onTopicLine = (topic, line) => broker.publishOwn(topic, Buffer.from(line), false, 20)
  if (embedding === undefined) for (const { listener } of listeners) listener.start()
  bridges.start()
  sparkplug?.start()
  return {
    broker,
    listeners,
    verifier,
    revocations,
    security,
    external,
    banFile,
    bridges,
    get config() {
      return current
    },
    set config(next) {
      current = next
    },
    keepsUp: () => lag.longestMs(clock.now()) <= settings().health_max_lag,
    async stop(mostMs) {
      sparkplug?.stop()
      const bridgesEnded = bridges.stop()
      sayGoodbye(broker, listeners)
      await Promise.race([Promise.all([allEnded(broker), durability.drain(), bridgesEnded]), patience(mostMs)])
      const isSafe = await Promise.race([durability.close().then(() => true), patience(closingMs)])
      await Promise.race([security?.close(), patience(foldingMs)])
      clearInterval(ticker)
      monitor.close()
      log.onTopicLine = undefined
      return isSafe ? 'stopped' : 'unsaved'
    },
    async abandon() {
      sparkplug?.stop()
      const bridgesEnded = bridges.stop()
      sayGoodbye(broker, listeners)
      await Promise.race([Promise.all([allEnded(broker), bridgesEnded]), patience(closingMs)])
      clearInterval(ticker)
      monitor.close()
    },
  }
}

function createBroker(global: Config['global'], log: BrokerLog, clock: Clock): Broker {
  return new Broker({
    settings: global,
    log,
    clock,
    counters: new Counters(),
    failures: new Throttle(failureThrottle(global)),
    takeovers: new Throttle(takeoverThrottle(global)),
    newClientId: () => randomUUID().toUpperCase(),
  })
}

function realmOf(
  rules: RulesLoader,
  global: Config['global'],
  settings: Config['listeners'][number],
  embedding: Embedding | undefined,
): Realm {
  const realm = rules.realm(global, settings)
  return embedding === undefined ? realm : embedding.realm(realm, settings)
}

interface PlannedListener {
  readonly settings: Config['listeners'][number]
  readonly context: ListenerContext
}

/** Those that a session may have come by. */
function contextsOfSessions(planned: readonly PlannedListener[]): readonly ListenerContext[] {
  return planned.filter(({ settings }) => settings.protocol !== 'http_api').map(({ context }) => context)
}

/** What listeners get beside what all of them have. */
interface OpeningDeps extends Pick<TrustDeps, 'revocations' | 'downloads' | 'certificateRevoked' | 'issued'> {
  readonly embedding: Embedding | undefined
  /** Opens one with `protocol http_api`. */
  openApi(own: PlannedListener['settings'], context: ListenerContext): Promise<Listener>
}

/** Binds all, or none. */
async function openListeners(
  planned: readonly PlannedListener[],
  broker: Broker,
  log: BrokerLog,
  clock: Clock,
  settings: () => Config['global'],
  { openApi, embedding, ...trustDeps }: OpeningDeps,
): Promise<readonly OpenListener[]> {
  const open: { listener: Listener; context: ListenerContext }[] = []
  const mostConnections = connectionsFor(readProcess().mostOpenFiles)
  const outbox = new Outbox()
  const turns = new TurnQueue(clock, outbox)
  const raw = settings().raw_sockets ? await rawBinding(log) : undefined
  const { tls_keylog: secrets } = settings()
  const keyLog = secrets === undefined ? undefined : new KeyLog(secrets)
  const { counters } = broker
  try {
    for (const { settings: own, context } of planned) {
      const deps: ListenerDeps = {
        log,
        clock,
        wheel: broker.wheel,
        outbox,
        turns,
        raw,
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
        handshakeRefused: refused => noteHandshake(broker.audit, context.name, refused),
        ...trustDeps,
        keyLog: keyLog?.write,
        isUnbound: embedding?.isUnbound(own) === true,
        presharedKey: identity => context.realm.presharedKey(identity),
        accept(peer, transport) {
          counters.socketsOpened++
          return embedding?.accept(broker, peer, transport, context) ?? broker.accept(peer, transport, context)
        },
      }
      const isApi = own.protocol === 'http_api'
      open.push({ listener: await (isApi ? openApi(own, context) : openListener(own, deps)), context })
    }
  } catch (error) {
    for (const { listener } of open) listener.close()
    keyLog?.close()
    throw error
  }
  return open
}

/**
 * Reads the files of revocation lists that a configuration names, and are not read yet, and what reads certificates strictly.
 *
 * @throws ListenerError
 */
export async function loadRevocations(files: RevocationFiles, { listeners }: Config): Promise<void> {
  const secured = listeners.filter(({ certfile }) => certfile !== undefined)
  await files.load(secured.map(({ crlfile }) => crlfile))
  const needsLibrary = secured
    .filter(asksForCertificate)
    .some(listener => listener.disable_client_cert_date_checks || listener.crl_fetch)
  if (needsLibrary) await loadX509Library()
}

/**
 * There are other lists: from here on they count, for new connections and for those that are there.
 *
 * @returns how many had to go
 */
async function adoptRevocations(
  broker: Broker,
  listeners: readonly Listener[],
  concerns: (rules: TrustRules) => boolean,
): Promise<number> {
  for (const { trust } of listeners) if (trust !== undefined && concerns(trust.rules)) await trust.update()
  return broker.recheckCertificates()
}

/** `allow_unissued_certificates`, as it is when somebody is judged: a reload counts for who is there. */
function unlessAllowed(records: IssueRecords, settings: () => Config['global']): IssueRecords {
  return {
    has: (signerKey, serialNumber, fingerprint) =>
      settings().allow_unissued_certificates ? undefined : records.has(signerKey, serialNumber, fingerprint),
  }
}

async function rawBinding(log: BrokerLog): Promise<RawBinding | undefined> {
  const usable = await usableRawBinding()
  if (typeof usable !== 'string') return usable
  log.write('information', `TCP sockets are served the slower way: ${escapeText(usable)}.`)
  return undefined
}

function tlsFiles({ certfile, keyfile, cafile, capath }: Listener['settings']): readonly (string | undefined)[] {
  return [certfile, keyfile, cafile, capath]
}

/** Handshakes under way count too. */
function hasRoom({ global_max_connections: most }: Config['global'], open: readonly OpenListener[]): boolean {
  return most < 0 || connectionsOf(open) < most
}

function connectionsOf(open: readonly OpenListener[]): number {
  return open.reduce((sum, { listener }) => sum + listener.connections, 0)
}

/** Afterwards: while it lasts, `/healthz` does not answer. */
function tellStall(log: BrokerLog, delayMs: number, mostMs: number): void {
  if (delayMs < mostMs) return
  log.write('warning', `Warning: Nothing was done for ${(delayMs / 1000).toFixed(1)} s: the event loop stood still.`)
}

function sayGoodbye(broker: Broker, listeners: readonly OpenListener[]): void {
  for (const { listener } of listeners) listener.close()
  broker.stop()
}

/** Holds no process up once what it waited for is there; until then the ticker does. @returns false, in time */
function patience(milliseconds: number): Promise<false> {
  return delay(milliseconds, false, { ref: false })
}

/** The transports cut off whoever does not take its last bytes within `write_timeout`. */
async function allEnded(broker: Broker): Promise<void> {
  while (broker.connections.size > 0) {
    await new Promise(resolve => setImmediate(resolve))
    if (broker.connections.size > 0) await new Promise(resolve => setTimeout(resolve, 10))
  }
}
