// What the service manager is told (sd_notify(3)): that the broker is ready, reloads or stops, how many clients it has, and,
// while its event loop keeps up, that it lives. Node has no unix datagram sockets, so `systemd-notify` carries the messages,
// one after the other; that is why a unit needs `NotifyAccess=all`.

import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { monotonicMicroseconds } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import type { RunningBroker } from './running-broker.ts'

/** How often the line with the counts is looked at, in milliseconds; it is sent when it has changed. */
const statusEveryMs = 30_000
/** A messenger that takes longer is given up, and the end of the broker waits no longer for it, in milliseconds. */
const mostMs = 5000

export interface Messenger {
  /** @returns undefined when it was delivered, else why it was not */
  send(assignments: readonly string[]): Promise<string | undefined>
}

export interface Served {
  /** Counts, for people. */
  status(): string
  /** Whether the event loop keeps up: only then it counts as alive. */
  isHealthy(): boolean
}

/** How many clients, for `systemctl status`, and how the event loop does. */
export function servedBy(running: Pick<RunningBroker, 'broker' | 'keepsUp'>): Served {
  const { broker } = running
  return {
    status: () => `${broker.connections.size} connections, ${broker.registry.size} sessions`,
    isHealthy: () => running.keepsUp(),
  }
}

/** How often the manager is thought of, in milliseconds. */
const tickMs = 1000

/**
 * Says that the broker is ready, and from then on how it is.
 *
 * @param now milliseconds
 * @returns ends that, and says that the broker stops; resolves when that is known, or the messenger is given up
 */
export function keepTelling(
  manager: ServiceManager | undefined,
  served: Served,
  now: () => number,
): () => Promise<void> {
  if (manager === undefined) return async () => {}
  manager.ready(served.status())
  const ticker = setInterval(() => manager.advance(now(), served), tickMs)
  return () => {
    clearInterval(ticker)
    manager.stopping()
    return Promise.race([manager.delivered(), delay(mostMs, undefined, { ref: false })])
  }
}

/** The manager that started this process; undefined where none wants to hear from it. */
export function serviceManager(log: Log, env: NodeJS.ProcessEnv = process.env): ServiceManager | undefined {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC, WATCHDOG_PID } = env
  if (socket === '') return undefined
  const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid)
  const microseconds = isOurs ? Number(WATCHDOG_USEC ?? 0) : 0
  // Twice in the time in which it has to come once (sd_watchdog_enabled(3)).
  const feedEveryMs = microseconds > 0 ? microseconds / 2000 : undefined
  return new ServiceManager(new SystemdNotify(socket, env['PATH']), feedEveryMs, log)
}

export class ServiceManager {
  readonly #messenger: Messenger
  readonly #feedEveryMs: number | undefined
  readonly #log: Log
  #last: Promise<unknown> = Promise.resolve()
  #underWay = 0
  #isReady = false
  #isFaultTold = false
  #fedAt = Number.NEGATIVE_INFINITY
  #lookedAt = Number.NEGATIVE_INFINITY
  #status = ''

  /** @param feedEveryMs undefined without a watchdog */
  constructor(messenger: Messenger, feedEveryMs: number | undefined, log: Log) {
    this.#messenger = messenger
    this.#feedEveryMs = feedEveryMs
    this.#log = log
  }

  /** Every listener accepts, at the start or after a reload. */
  ready(status: string): void {
    this.#isReady = true
    this.#status = status
    this.#tell('READY=1', `STATUS=${status}`)
  }

  reloading(): void {
    this.#tell('RELOADING=1', `MONOTONIC_USEC=${monotonicMicroseconds()}`, 'STATUS=reloading')
  }

  stopping(): void {
    this.#isReady = false
    this.#tell('STOPPING=1', 'STATUS=saying goodbye to clients')
  }

  /** Called about once a second. @param now milliseconds */
  advance(now: number, served: Served): void {
    if (!this.#isReady || this.#underWay > 0) return
    const isHungry = this.#feedEveryMs !== undefined && now >= this.#fedAt + this.#feedEveryMs
    if (isHungry && served.isHealthy()) {
      this.#fedAt = now
      this.#tell('WATCHDOG=1')
    }
    if (now < this.#lookedAt + statusEveryMs) return
    this.#lookedAt = now
    const status = served.status()
    if (status === this.#status) return
    this.#status = status
    this.#tell(`STATUS=${status}`)
  }

  /** Resolves when everything that was said so far has been delivered, or given up. */
  async delivered(): Promise<void> {
    await this.#last
  }

  #tell(...assignments: readonly string[]): void {
    this.#underWay++
    this.#last = this.#last.then(() => this.#deliver(assignments))
  }

  async #deliver(assignments: readonly string[]): Promise<void> {
    const fault = await this.#messenger.send(assignments)
    this.#underWay--
    const isNew = fault !== undefined && !this.#isFaultTold
    this.#isFaultTold = fault !== undefined
    if (isNew)
      this.#log.write('warning', `Warning: systemd could not be told anything by systemd-notify: ${escapeText(fault)}.`)
  }
}

class SystemdNotify implements Messenger {
  readonly #env: NodeJS.ProcessEnv

  constructor(socket: string, path: string | undefined) {
    this.#env = { NOTIFY_SOCKET: socket, ...(path !== undefined && { PATH: path }) }
  }

  send(assignments: readonly string[]): Promise<string | undefined> {
    return new Promise(resolve => {
      // One that lives on would keep everything behind it waiting, the watchdog's food, too.
      const limits = { timeout: mostMs, killSignal: 'SIGKILL' } as const
      execFile('systemd-notify', [...assignments], { env: this.#env, ...limits }, error => {
        if (error === null) resolve(undefined)
        else resolve(error.code === 'ENOENT' ? 'the program is not installed' : error.message)
      })
    })
  }
}
