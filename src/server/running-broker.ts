// A broker with everything around it, from the moment its parts exist: their clock ticks for as long as it is there, a reload
// changes it, and its end takes all parts down in the order that loses nothing.

import { setTimeout as delay } from 'node:timers/promises'
import type { AuditTrail } from '../audit/trail.ts'
import type { PasswordVerifier } from '../auth/password-verifier.ts'
import { wallClock } from '../base/clock.ts'
import type { Broker } from '../broker/broker.ts'
import type { MemoryGuard } from '../broker/memory-guard.ts'
import type { BanFile } from '../control/ban-file.ts'
import type { RevocationDownloads } from '../net/revocation-downloads.ts'
import type { RevocationFiles } from '../net/revocation-files.ts'
import type { BrokerLog } from '../observe/broker-log.ts'
import type { LoopLag } from '../observe/loop-lag.ts'
import type { BridgeService } from './bridges.ts'
import type { Census } from './census.ts'
import type { Durability } from './durability.ts'
import type { SecurityService } from './dynamic-security.ts'
import type { ExternalAuth } from './external-auth.ts'
import type { Monitor } from './monitor.ts'
import type { OpenListener } from './open-listeners.ts'
import type { Config } from './options.ts'
import type { SparkplugKeeper } from './sparkplug.ts'
import type { SysPublisher } from './sys-publisher.ts'
import type { TlsWatch } from './tls-watch.ts'

/** How often deadlines are looked at, in milliseconds; a deadline is met at most this much later. */
export const tickMs = 100

/** What a broker has to close its files, or to say goodbye when it has no store any more, in milliseconds. */
const closingMs = 1000

/** What dynamic security has to write its file, in milliseconds: what is not in it by then stays in the log beside it. */
const foldingMs = 5000

/** What is in force: parts ask for it each time. */
export interface InForce {
  /** As last loaded; a reload replaces it. */
  config: Config
  /** None before all of them are open. */
  listeners: readonly OpenListener[]
  /** undefined until the configuration has one. */
  bridges: BridgeService | undefined
}

export interface BrokerParts {
  readonly inForce: InForce
  readonly broker: Broker
  readonly log: BrokerLog
  readonly verifier: PasswordVerifier
  readonly external: ExternalAuth
  /** undefined without dynamic security. */
  readonly security: SecurityService | undefined
  /** undefined where nobody can be banned. */
  readonly banFile: BanFile | undefined
  /** undefined without `audit_file`. */
  readonly audit: AuditTrail | undefined
  /** undefined where no listener has the plugin. */
  readonly sparkplug: SparkplugKeeper | undefined
  /** The files of revocation lists that the listeners name. */
  readonly revocations: RevocationFiles
  readonly downloads: RevocationDownloads
  readonly tlsWatch: TlsWatch
  readonly durability: Durability
  readonly census: Census
  readonly lag: LoopLag
  readonly memory: MemoryGuard
  readonly sys: SysPublisher
  readonly monitor: Monitor
}

export class RunningBroker {
  readonly parts: BrokerParts
  readonly #ticker: NodeJS.Timeout

  constructor(parts: BrokerParts) {
    this.parts = parts
    this.#ticker = setInterval(() => this.#advance(parts.broker.clock.now()), tickMs)
  }

  get broker(): Broker {
    return this.parts.broker
  }

  get config(): Config {
    return this.parts.inForce.config
  }

  get listeners(): readonly OpenListener[] {
    return this.parts.inForce.listeners
  }

  /** Whether the event loop is as quick as `health_max_lag` wants it, as `/healthz` says it. */
  keepsUp(): boolean {
    const { lag, broker } = this.parts
    return lag.longestMs(broker.clock.now()) <= this.config.global.health_max_lag
  }

  /**
   * Says goodbye to every client, waits until the last byte has left and what was recorded is safe, and closes everything.
   *
   * @param mostMs how long the first two may take; what has not left or is not safe by then is given up
   * @returns whether what was recorded is safe
   */
  async stop(mostMs: number): Promise<'stopped' | 'unsaved'> {
    const { durability, security, log } = this.parts
    const ended = this.#sayGoodbye()
    await Promise.race([Promise.all([ended, durability.drain()]), patience(mostMs)])
    const isSafe = await Promise.race([durability.close().then(() => true), patience(closingMs)])
    await Promise.race([security?.close(), patience(foldingMs)])
    this.#close()
    log.onTopicLine = undefined
    return isSafe ? 'stopped' : 'unsaved'
  }

  /** Says goodbye as far as it can be done without a store; the process has to end then. */
  async abandon(): Promise<void> {
    await Promise.race([this.#sayGoodbye(), patience(closingMs)])
    this.#close()
  }

  /** Gives up what could not be started. */
  async closeUnstarted(): Promise<void> {
    this.#close()
    await this.parts.durability.closeUnstarted()
  }

  #advance(now: number): void {
    const { broker, log, lag, memory, census, sys, durability, sparkplug, security, external, audit } = this.parts
    const { global } = this.config
    tellStall(log, lag.tick(now), global.health_max_lag)
    memory.advance(now)
    broker.advance(now)
    census.advance(now)
    sys.advance(now, wallClock())
    durability.advance(now)
    this.parts.inForce.bridges?.advance(now)
    sparkplug?.advance(now)
    security?.advance(now)
    external.advance(now)
    this.#advanceTls(now)
    audit?.advance(now)
    for (const { listener } of this.listeners) listener.advance(wallClock())
  }

  #advanceTls(now: number): void {
    const { revocations, downloads, tlsWatch } = this.parts
    const { crl_fetch_interval: seconds, crl_fetch_max_bytes: mostBytes } = this.config.global
    revocations.advance(now)
    downloads.intervalMs = seconds * 1000
    downloads.mostBytes = mostBytes
    downloads.advance(now)
    tlsWatch.advance(
      now,
      this.listeners.map(({ listener }) => listener),
    )
  }

  /** Resolved when everybody has gone. */
  async #sayGoodbye(): Promise<void> {
    const { broker, sparkplug, inForce } = this.parts
    sparkplug?.stop()
    const bridgesEnded = inForce.bridges?.stop()
    for (const { listener } of inForce.listeners) listener.close()
    broker.stop()
    await Promise.all([allEnded(broker), bridgesEnded])
  }

  #close(): void {
    clearInterval(this.#ticker)
    this.parts.monitor.close()
  }
}

/** Afterwards: while it lasts, `/healthz` does not answer. */
function tellStall(log: BrokerLog, delayMs: number, mostMs: number): void {
  if (delayMs < mostMs) return
  log.write('warning', `Warning: Nothing was done for ${(delayMs / 1000).toFixed(1)} s: the event loop stood still.`)
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
