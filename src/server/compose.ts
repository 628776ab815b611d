// Puts the rooms together into a running broker: the only place that builds things. Nothing accepts a connection before
// everything is loaded and bound. What few brokers have is loaded where it is configured, and not before.

import { randomUUID } from 'node:crypto'
import type { AuditTrail } from '../audit/trail.ts'
import { sparkplugPlugin } from '../auth/built-in-plugins.ts'
import { PasswordVerifier } from '../auth/password-verifier.ts'
import type { Realm } from '../auth/realm.ts'
import { Throttle } from '../auth/throttle.ts'
import { type Clock, wallClock } from '../base/clock.ts'
import { version } from '../base/version.ts'
import { Broker } from '../broker/broker.ts'
import { ListenerContext } from '../broker/listener-context.ts'
import { MemoryGuard } from '../broker/memory-guard.ts'
import { BanFile } from '../control/ban-file.ts'
import type { IssueRecords } from '../net/client-trust.ts'
import type { Listener } from '../net/listener.ts'
import { RevocationDownloads } from '../net/revocation-downloads.ts'
import { RevocationFiles } from '../net/revocation-files.ts'
import type { BrokerLog } from '../observe/broker-log.ts'
import { Counters } from '../observe/counters.ts'
import { LoopLag } from '../observe/loop-lag.ts'
import { systemMemoryProbe } from '../observe/memory-probe.ts'
import type { StoreError } from '../store/store-error.ts'
import { noteFiles } from './audit.ts'
import type { BridgeService } from './bridges.ts'
import { openBrokerControl } from './broker-control.ts'
import { Census } from './census.ts'
import { Durability } from './durability.ts'
import { SecurityService } from './dynamic-security.ts'
import type { Embedding } from './embedding.ts'
import { ExternalAuth } from './external-auth.ts'
import { failureThrottle, passwordChecks, takeoverThrottle } from './guard-settings.ts'
import { Monitor } from './monitor.ts'
import { openListeners, type PlannedListener } from './open-listeners.ts'
import type { Config, GlobalSettings, ListenerSettings } from './options.ts'
import { pluginsInUse } from './plugin-options.ts'
import { adoptNewRevocations, loadRevocations } from './revocation-lists.ts'
import { RulesLoader } from './rules.ts'
import { type BrokerParts, type InForce, RunningBroker, tickMs } from './running-broker.ts'
import type { SparkplugKeeper } from './sparkplug.ts'
import { SysPublisher } from './sys-publisher.ts'
import { TlsWatch } from './tls-watch.ts'

/** Seconds for which a line of the log waits for a subscriber that is away. */
const logLineLifeSeconds = 20

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
  const { parts, planned } = await build(config, log, clock, control)
  const running = new RunningBroker(parts)
  try {
    await load(parts, planned)
    await bind(parts, planned, control)
  } catch (error) {
    await running.closeUnstarted()
    throw error
  }
  begin(parts, control)
  return running
}

/** The parts, none of which does anything yet; of all files those of the rules are read. */
async function build(config: Config, log: BrokerLog, clock: Clock, control: StartControl) {
  const { global } = config
  const { audit, embedding } = control
  const inForce: InForce = { config, listeners: [], bridges: undefined }
  const settings = () => inForce.config.global
  const verifier = new PasswordVerifier(passwordChecks(global), clock)
  const security = await SecurityService.open(config, log, settings)
  const banFile = global.ban_file === undefined ? undefined : new BanFile(global.ban_file, wallClock)
  const external = new ExternalAuth(log, clock)
  const rules = new RulesLoader(log, verifier, security?.directory, external)
  const planned = config.listeners.map(own => ({
    settings: own,
    context: new ListenerContext(own, realmOf(rules, global, own, embedding)),
  }))
  external.adopt()
  const broker = createBroker(global, log, clock)
  broker.audit = audit
  embedding?.begun(broker)
  const [first] = planned
  inForce.bridges = await bridgesOf(broker, config, first?.context, settings)
  const census = new Census(broker)
  const lag = new LoopLag(tickMs, clock.now())
  const memory = new MemoryGuard(broker, systemMemoryProbe())
  const durability = new Durability(broker, log, control)
  const monitor = new Monitor({
    broker,
    verifier,
    census,
    lag,
    memory,
    log,
    clock,
    settings,
    listeners: () => inForce.listeners.map(({ listener }) => listener),
    bridges: () => inForce.bridges?.figures ?? [],
    checks: [durability, security, audit].filter(check => check !== undefined),
  })
  const parts: BrokerParts = {
    inForce,
    broker,
    log,
    verifier,
    external,
    security,
    banFile,
    audit,
    sparkplug: await sparkplugOf(broker, config, first?.context, settings),
    revocations: new RevocationFiles(log),
    downloads: new RevocationDownloads(log, global.crl_fetch_max_bytes),
    tlsWatch: watchTls(broker, log, audit),
    durability,
    census,
    lag,
    memory,
    sys: new SysPublisher(broker, census, `castellan version ${version()}`),
    monitor,
  }
  return { parts, planned }
}

function createBroker(global: GlobalSettings, log: BrokerLog, clock: Clock): Broker {
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
  global: GlobalSettings,
  settings: ListenerSettings,
  embedding: Embedding | undefined,
): Realm {
  const realm = rules.realm(global, settings)
  return embedding === undefined ? realm : embedding.realm(realm, settings)
}

/**
 * @param first listener, by whose rules `local_username` is understood
 * @returns undefined where the configuration has none
 */
export async function bridgesOf(
  broker: Broker,
  config: Config,
  first: ListenerContext | undefined,
  settings: () => GlobalSettings,
): Promise<BridgeService | undefined> {
  if (first === undefined || config.global.connection.length === 0) return undefined
  const { BridgeService: Service } = await import('./bridges.ts')
  return new Service(broker, config, first, settings)
}

async function sparkplugOf(
  broker: Broker,
  config: Config,
  first: ListenerContext | undefined,
  settings: () => GlobalSettings,
): Promise<SparkplugKeeper | undefined> {
  const isInUse = [...pluginsInUse(config)].some(({ baseName }) => baseName === sparkplugPlugin)
  if (first === undefined || !isInUse) return undefined
  const { createSparkplugKeeper } = await import('./sparkplug.ts')
  return createSparkplugKeeper(broker, first, settings)
}

function watchTls(broker: Broker, log: BrokerLog, audit: AuditTrail | undefined): TlsWatch {
  return new TlsWatch(log, {
    changed(settings) {
      broker.recheckCertificates()
      noteFiles(audit, tlsFiles(settings))
    },
    refused: (settings, errors) => noteFiles(audit, tlsFiles(settings), { errors }),
  })
}

function tlsFiles({ certfile, keyfile, cafile, capath }: Listener['settings']): readonly (string | undefined)[] {
  return [certfile, keyfile, cafile, capath]
}

/** Opens the store with what an earlier run has left, and judges it by the rules. Health is answered meanwhile. */
async function load(parts: BrokerParts, planned: readonly PlannedListener[]): Promise<void> {
  const { inForce, broker, log, monitor, durability, security, external, banFile, sparkplug, revocations } = parts
  const { config, bridges } = inForce
  await monitor.open()
  const within = [...(bridges?.contexts ?? []), ...(sparkplug === undefined ? [] : [sparkplug.context])]
  await durability.open(config.global, [...contextsOfSessions(planned), ...within])
  await bridges?.prepare()
  security?.attach(broker)
  external.attach(broker)
  openBrokerControl({ broker, log, config: () => inForce.config, listeners: () => inForce.listeners }, banFile)
  await loadRevocations(revocations, config)
}

/** Those that a session may have come by. */
function contextsOfSessions(planned: readonly PlannedListener[]): readonly ListenerContext[] {
  return planned.filter(({ settings }) => settings.protocol !== 'http_api').map(({ context }) => context)
}

async function bind(
  { inForce, broker, log, revocations, downloads, sys, tlsWatch }: BrokerParts,
  planned: readonly PlannedListener[],
  { issued, embedding }: StartControl,
): Promise<void> {
  const settings = () => inForce.config.global
  const trust = {
    revocations: (path: string) => revocations.get(path),
    downloads,
    certificateRevoked: () => broker.recheckCertificates(),
    issued: issued && unlessAllowed(issued, settings),
  }
  const openApi = async (own: ListenerSettings, context: ListenerContext) => {
    // Loaded here, as the monitor's: most brokers have no such listener.
    const { openHttpApi } = await import('./http-api.ts')
    return openHttpApi(own, context, { broker, log, config: () => inForce.config, systree: () => sys.published })
  }
  inForce.listeners = await openListeners(planned, { broker, log, settings, embedding, trust, openApi })
  await tlsWatch.begin(inForce.listeners.map(({ listener }) => listener))
}

/** `allow_unissued_certificates`, as it is when somebody is judged: a reload counts for who is there. */
function unlessAllowed(records: IssueRecords, settings: () => GlobalSettings): IssueRecords {
  return {
    has: (signerKey, serialNumber, fingerprint) =>
      settings().allow_unissued_certificates ? undefined : records.has(signerKey, serialNumber, fingerprint),
  }
}

/** What was waited for so far begins: nothing here can fail. */
function begin(parts: BrokerParts, { embedding }: StartControl): void {
  const { inForce, broker, log, sparkplug } = parts
  const listeners = inForce.listeners.map(({ listener }) => listener)
  adoptNewRevocations(parts, broker, listeners)
  log.onTopicLine = (topic, line) => broker.publishOwn(topic, Buffer.from(line), false, logLineLifeSeconds)
  if (embedding === undefined) for (const listener of listeners) listener.start()
  inForce.bridges?.start()
  sparkplug?.start()
}
