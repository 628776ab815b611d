// Health and metrics of a running broker: gathers what the rooms keep for the listener that answers it.

import type { PasswordVerifier } from '../auth/password-verifier.ts'
import type { Throttle } from '../auth/throttle.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { version } from '../base/version.ts'
import type { Broker } from '../broker/broker.ts'
import type { Journal } from '../broker/journal.ts'
import type { MemoryGuard } from '../broker/memory-guard.ts'
import { byName } from '../config/diff.ts'
import type { HttpListener } from '../http/listener.ts'
import type { HttpSettings } from '../http/options.ts'
import { monitorRoutes } from '../http/routes.ts'
import type { Listener } from '../net/listener.ts'
import { GarbageWatch } from '../observe/garbage.ts'
import type { LoopLag } from '../observe/loop-lag.ts'
import type {
  BridgeFigures,
  ListenerFigures,
  MetricsSource,
  RevocationFigures,
  SlowDownFigures,
  StoreFigures,
} from '../observe/metrics.ts'
import { readProcess } from '../observe/process-figures.ts'
import { type ReadinessCheck, unreadyLines } from '../observe/readiness.ts'
import type { Census } from './census.ts'

export interface MonitorParts {
  readonly broker: Broker
  readonly verifier: PasswordVerifier
  readonly census: Census
  readonly lag: LoopLag
  readonly memory: MemoryGuard
  readonly log: Log
  readonly clock: Clock
  /** What has to be ready besides the listeners. */
  readonly checks: readonly ReadinessCheck[]
  /** As last reloaded. */
  settings(): HttpSettings
  /** None before all of them are open. */
  listeners(): readonly Listener[]
  bridges(): readonly BridgeFigures[]
}

export class Monitor {
  readonly #parts: MonitorParts
  readonly #checks: readonly ReadinessCheck[]
  readonly #garbage = new GarbageWatch()
  /** Worked out once: two clocks differ a little each time. */
  readonly #startedAt: number
  #listener: HttpListener | undefined

  constructor(parts: MonitorParts) {
    this.#parts = parts
    this.#checks = [listenersAccept(parts), ...parts.checks]
    this.#startedAt = parts.clock.now() / 1000 - process.uptime()
  }

  /**
   * Does nothing when the configuration has no `metrics_listener`.
   *
   * @throws HttpListenError
   */
  async open(): Promise<void> {
    const { lag, log, clock, settings } = this.#parts
    const { metrics_listener: address } = settings()
    if (address === undefined) return
    const routes = monitorRoutes({
      longestLagMs: () => lag.longestMs(clock.now()),
      mostLagMs: () => settings().health_max_lag,
      checks: this.#checks,
      metrics: () => this.#gather(),
    })
    // Loaded here: most brokers have no such listener, and Node's HTTP costs a start 50 ms.
    const { openHttpListener } = await import('../http/listener.ts')
    this.#listener = await openHttpListener(address, { log, routes, hostNames: () => settings().metrics_host })
    this.#garbage.start()
  }

  close(): void {
    this.#listener?.close()
    this.#garbage.stop()
  }

  /** Every figure is one that is kept: none is counted here. */
  #gather(): MetricsSource {
    const { broker, verifier, census, lag, memory, clock, listeners, bridges } = this.#parts
    return {
      counters: broker.counters,
      versions: { castellan: version(), node: process.versions.node },
      isReady: unreadyLines(this.#checks).length === 0,
      listeners: listenerFigures(listeners()),
      bridges: bridges(),
      revocations: revocationFigures(listeners()),
      sessions: broker.registry.size,
      subscriptions: broker.router.subscriptionCount,
      sharedSubscriptions: broker.router.sharedSubscriptionCount,
      retainedMessages: broker.retained.size,
      retainedBytes: broker.retained.bytes,
      census: census.latest,
      passwordChecksPending: verifier.pending,
      slowDowns: new Map([
        ['failures', slowDownFigures(broker.failures)],
        ['takeovers', slowDownFigures(broker.takeovers)],
      ]),
      longestLagMs: lag.longestMs(clock.now()),
      memory: { usedBytes: memory.usedBytes, limitBytes: memory.limitBytes, shortage: broker.shortage },
      store: storeFigures(broker.journal, clock.now()),
      garbage: this.#garbage.figures,
      process: readProcess(),
      startedAt: this.#startedAt,
    }
  }
}

/** All of them are opened in one step, and closed in one. */
function listenersAccept({ broker, listeners }: MonitorParts): ReadinessCheck {
  return {
    name: 'listeners',
    unreadyBecause() {
      if (broker.isStopping) return 'the broker is stopping'
      return listeners().length === 0 ? 'the broker is starting' : undefined
    },
  }
}

/** Named as a reload names them, which tells apart listeners of one address. */
function namesOf(listeners: readonly Listener[]): readonly string[] {
  return [...byName(listeners.map(({ settings }) => settings)).keys()].map(name => name.replace(/^listener /, ''))
}

function revocationFigures(listeners: readonly Listener[]): readonly RevocationFigures[] {
  const names = namesOf(listeners)
  return listeners.flatMap(({ trust }, place) => {
    const index = trust?.revocations
    if (index === undefined) return []
    const ends = index.ends.map(({ list, end }) => ({ issuer: list.issuerText, end }))
    return [{ listener: names[place] ?? '', serials: index.size, bytes: index.byteLength, ends }]
  })
}

function listenerFigures(listeners: readonly Listener[]): readonly ListenerFigures[] {
  const names = namesOf(listeners)
  return listeners.map(({ settings, connections }, index) => ({
    name: names[index] ?? '',
    protocol: settings.certfile === undefined ? settings.protocol : `${settings.protocol}s`,
    connections,
  }))
}

function storeFigures(journal: Journal | undefined, now: number): StoreFigures | undefined {
  if (journal === undefined) return undefined
  const { isFailing, failures, waitingChanges, committingSince } = journal
  return {
    isFailing,
    failures,
    waitingChanges,
    committingMs: committingSince === undefined ? 0 : now - committingSince,
  }
}

function slowDownFigures({ waiting, delayed }: Throttle): SlowDownFigures {
  return { waiting, total: delayed }
}
